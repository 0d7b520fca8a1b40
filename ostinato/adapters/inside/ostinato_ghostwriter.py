"""Write property tests to a file. Arguments: module, target, the module's functions."""

import importlib
import sys
import types
from pathlib import Path
from typing import Any


def _without_black() -> None:
    """The ghostwriter wants black only to lay the text out; a formatter does that afterwards."""
    stand_in: Any = types.ModuleType("black")
    stand_in.Mode = dict
    stand_in.format_str = lambda text, mode: text
    sys.modules["black"] = stand_in


def main() -> int:
    name, target, *functions = sys.argv[1:]
    _without_black()
    ghostwriter = importlib.import_module("hypothesis.extra.ghostwriter")
    module = importlib.import_module(name)
    wanted = [value for key in functions if isinstance(value := getattr(module, key, None), types.FunctionType)]
    written = ghostwriter.magic(*wanted) if wanted else ""
    Path(target).write_text(written, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
