"""Write property tests to a file. Arguments: module, target, functions; `fuzz:name` asks for no more than not to fail."""

import importlib
import sys
import types
from pathlib import Path
from typing import Any

FUZZ = "fuzz:"


def _without_black() -> None:
    """The ghostwriter wants black only to lay the text out; a formatter does that afterwards."""
    stand_in: Any = types.ModuleType("black")
    stand_in.Mode = dict
    stand_in.format_str = lambda text, mode: text
    sys.modules["black"] = stand_in


def _joined(texts: list[str]) -> str:
    """One file: comments and imports once at its top."""
    lines = [line for text in texts for line in text.splitlines()]
    heads = [line for line in lines if line.startswith("#")], [line for line in lines if _is_import(line)]
    body = [line for line in lines if not line.startswith("#") and not _is_import(line)]
    return "\n".join([*dict.fromkeys(heads[0]), "", *dict.fromkeys(heads[1]), *body, ""])


def _is_import(line: str) -> bool:
    return line.startswith(("import ", "from "))


def main() -> int:
    name, target, *functions = sys.argv[1:]
    _without_black()
    ghostwriter = importlib.import_module("hypothesis.extra.ghostwriter")
    module = importlib.import_module(name)
    found = {key: getattr(module, key.removeprefix(FUZZ), None) for key in functions}
    wanted = {key: value for key, value in found.items() if isinstance(value, types.FunctionType)}
    guessed = [value for key, value in wanted.items() if not key.startswith(FUZZ)]
    texts = [ghostwriter.magic(*guessed)] if guessed else []
    texts += [ghostwriter.fuzz(value) for key, value in wanted.items() if key.startswith(FUZZ)]
    written = _joined(texts) if texts else ""
    Path(target).write_text(written, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
