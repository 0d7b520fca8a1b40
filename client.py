"""What a person types: `python client.py …` is the same program as `ostinato …`."""

import sys

from ostinato.cli import main

if __name__ == "__main__":
    sys.exit(main())
