"""What a person types: `python client.py …` is the same program as `ostinato …`."""

from ostinato.cli import console

if __name__ == "__main__":
    console()
