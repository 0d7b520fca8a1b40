"""The inputs of a definition: what they may be, and the values that are given for them."""

import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping

from ostinato.domain.definition.model import InputSpec
from ostinato.domain.errors import Problem
from ostinato.domain.references import references

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,62}")
MAX_TEXT = 20_000
MAX_ITEMS = 1_000
MAX_WHOLE = 2**63 - 1
"""What conditions can count to."""
_WORDS = {"true": True, "yes": True, "false": False, "no": False}
_A = {
    "string": "a text",
    "path": "a path inside of the repository, like src/app",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "list": 'a list of texts: "a,b,c", or as JSON ["a", "b"]',
}


def input_values(
    specs: Mapping[str, InputSpec], given: Mapping[str, object], at: str, *, may_refer: bool = False
) -> tuple[dict[str, object], list[Problem]]:
    """The values in their types, and everything that is wrong with them. `may_refer`: known at run time only."""
    known = ", ".join(specs) or "there is none"
    problems = [
        _problem("input_unknown", f"{at}.{name}", f"there is no input {name!r}", f"Known: {known}")
        for name in given
        if name not in specs
    ]
    values: dict[str, object] = {}
    for name, spec in specs.items():
        offered = given.get(name, spec.default)
        is_open = may_refer and isinstance(offered, str) and bool(references(offered))
        value = offered if is_open else typed(spec, offered)
        if name not in given and spec.default is not None and value is None:
            continue  # the declaration is told as wrong
        if offered is None:
            problems.append(_missing(name, spec, at))
        elif value is None:
            problems.append(_unfit("input_type", f"{at}.{name}", spec, offered))
        elif not is_open and spec.options and not _is_option(spec, value):
            problems.append(_unfit("input_option", f"{at}.{name}", spec, offered))
        else:
            values[name] = value
    return values, problems


def spec_problems(specs: Mapping[str, InputSpec]) -> Iterator[Problem]:
    """What is wrong with the declarations themselves."""
    for name, spec in specs.items():
        at = f"inputs.{name}"
        if spec.options:
            yield from _option_problems(spec, f"{at}.options")
        if spec.default is not None:
            value = typed(spec, spec.default)
            if value is None or (spec.options and not _is_option(spec, value)):
                yield _unfit("input_default", f"{at}.default", spec, spec.default)


def name_problems(names: Iterable[object], at: str) -> Iterator[Problem]:
    """Of inputs and shared values: names that no text could refer to."""
    for name in map(str, names):
        if not NAME.fullmatch(name):
            cure = "Use letters, digits, '_' and '-', starting with a letter; at most 63"
            yield _problem("name_invalid", f"{at}.{name}", f"{name[:80]!r} is no name", cure)


def typed(spec: InputSpec, value: object) -> object:
    """The value in its type, texts of a command line included; None where it does not fit."""
    return _READ[spec.type](value)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and len(value) <= MAX_TEXT and "\0" not in value else None


def _path(value: object) -> str | None:
    text = _text(value)
    if not text or text.startswith(("/", "~")) or "\\" in text or ".." in text.split("/"):
        return None
    return text


def _whole(value: object) -> int | None:
    if isinstance(value, str) and re.fullmatch(r"\s*[+-]?\d{1,19}\s*", value, re.ASCII):
        value = int(value)
    fits = isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MAX_WHOLE
    return value if fits and isinstance(value, int) else None


def _number(value: object) -> float | None:
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if abs(value) <= MAX_WHOLE and math.isfinite(value) else None


def _boolean(value: object) -> bool | None:
    if isinstance(value, str):
        return _WORDS.get(value.strip().lower())
    return value if isinstance(value, bool) else None


def _list(value: object) -> list[str] | None:
    if isinstance(value, str):
        value = _listed(value)
    if not isinstance(value, list | tuple) or len(value) > MAX_ITEMS:
        return None
    items = [_text(item) for item in value]
    return [item for item in items if item is not None] if None not in items else None


def _listed(text: str) -> object:
    """ "a, b" or JSON; an empty text is an empty list."""
    if text.lstrip().startswith("["):
        try:
            return json.loads(text)
        except (ValueError, RecursionError):
            return None
    return [item.strip() for item in text.split(",") if item.strip()]


_READ: Mapping[str, Callable[[object], object]] = {
    "string": _text,
    "path": _path,
    "integer": _whole,
    "number": _number,
    "boolean": _boolean,
    "list": _list,
}


def _is_option(spec: InputSpec, value: object) -> bool:
    return all(item in spec.options for item in (value if isinstance(value, list) else [value]))


def _option_problems(spec: InputSpec, at: str) -> Iterator[Problem]:
    if spec.type == "boolean":
        said = "true and false are the options of a boolean"
        yield _problem("input_options", at, said, "Leave the options out, or make it a string")
        return
    kind = spec.model_copy(update={"type": "string"}) if spec.type == "list" else spec
    for index, option in enumerate(spec.options):
        if (fits := typed(kind, option)) is None or fits != option:
            yield _problem(
                "input_options", f"{at}[{index}]", f"{option!r} is not {_A[kind.type]}", "Correct the option"
            )
    if len(set(spec.options)) != len(spec.options):
        yield _problem("input_options", at, "an option is given twice", "Keep one of them")


def _missing(name: str, spec: InputSpec, at: str) -> Problem:
    about = f" ({spec.description})" if spec.description else ""
    cure = f"Give it: --param {name}={_sample(spec)}" if at == "inputs" else "Give it under 'inputs'"
    return _problem("input_missing", f"{at}.{name}", f"this input has no value and no default{about}", cure)


def _sample(spec: InputSpec) -> str:
    return "|".join(map(str, spec.options)) if spec.options else "…"


def _unfit(code: str, at: str, spec: InputSpec, value: object) -> Problem:
    shown = repr(value) if len(repr(value)) <= 80 else repr(value)[:79] + "…"
    if spec.options and typed(spec, value) is not None:
        options = ", ".join(map(str, spec.options))
        return _problem(code, at, f"{shown} is none of the options", f"Use one of: {options}")
    return _problem(code, at, f"{shown} is not {_A[spec.type]}", f"Give {_A[spec.type]}")


def _problem(code: str, field: str, message: str, cure: str) -> Problem:
    return Problem(code=code, field=field, message=message, cure=cure)
