"""CEL expressions as far as they can be judged without evaluating them: names, lengths, nesting. Pure."""

import difflib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ostinato.domain.errors import Problem

MAX_EXPRESSION = 1_000
MAX_ITEMS = 1_000
"""Of a list that an expression goes through, and of one that it gives."""
ROOTS = ("inputs", "steps", "values")
MACROS = frozenset({"all", "exists", "exists_one", "filter", "map"})
_TYPES = frozenset({"bool", "bytes", "double", "dyn", "int", "list", "map", "null_type", "string", "type", "uint"})
_FUNCTIONS = frozenset(
    {"contains", "duration", "endsWith", "has", "matches", "size", "startsWith", "timestamp", *_TYPES, *MACROS}
)
_TIMES = re.compile(r"get[A-Z]\w+")
_WORDS = frozenset({"true", "false", "null", "in"})
_TOKEN = re.compile(
    r"""(?P<skip>\s+|//[^\n]*)
      |(?P<text>(?:[rR][bB]?|[bB][rR]?)?(?:\"{3}.*?\"{3}|'{3}.*?'{3}|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))
      |(?P<number>0[xX][0-9a-fA-F]+[uU]?|(?:\d+\.\d+|\d+)(?:[eE][+-]?\d+)?[uU]?)
      |(?P<name>[A-Za-z_]\w*)
      |(?P<sign>&&|\|\||[=!<>]=|.)""",
    re.VERBOSE | re.DOTALL,
)
_BRANCH = re.compile(r'has\(steps\["([^"]+)"\]\.chosen\) && (!?)steps\["\1"\]\.chosen')
_PLAIN_ADDITIONS = 8
_PLAIN_PATHS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """A variable, and the fields of it that the expression reads: steps.scan.findings is ("steps", "scan", "findings")."""

    names: tuple[str | int, ...]
    at: int
    """Where it starts in the expression."""
    guarded: bool = False
    """Its last field stands in has(): it may be missing."""
    iterated: bool = False
    """A comprehension goes through it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """What an expression is made of."""

    paths: tuple[Path, ...]
    nested: tuple[int, ...] = ()
    """Where a comprehension stands within another."""
    functions: tuple[tuple[str, int], ...] = ()
    is_plain: bool = True
    """It cannot take long or grow large, whatever it is evaluated with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Token:
    kind: str
    text: str
    at: int


def outline(expression: str) -> Outline:
    """Also of expressions that are not well formed: then it is a guess."""
    tokens = [
        _Token(kind=str(match.lastgroup), text=match.group(), at=match.start())
        for match in _TOKEN.finditer(expression)
        if match.lastgroup != "skip"
    ]
    reading = _Outliner(tokens)
    for index in range(len(tokens)):
        reading.read(index)
    functions = tuple(reading.functions)
    additions = sum(1 for token in tokens if token.text == "+")
    return Outline(
        paths=tuple(reading.paths),
        nested=tuple(reading.nested),
        functions=functions,
        is_plain=not any(name in MACROS or name == "matches" for name, _ in functions)
        and additions <= _PLAIN_ADDITIONS
        and len(reading.paths) <= _PLAIN_PATHS,
    )


def condition_problems(expression: str, field: str, names: Collection[str] = ROOTS) -> Iterator[Problem]:
    """What is wrong with it whatever its variables hold; `names` are those it may use."""
    if not expression.strip():
        yield _problem("condition_invalid", field, "the expression is empty", "Write a CEL expression, or leave it out")
        return
    if len(expression) > MAX_EXPRESSION:
        said = f"the expression has {len(expression):,} characters; the most are {MAX_EXPRESSION:,}"
        yield _problem("condition_too_long", field, said, "Let a step work it out, and test what the step found")
        return
    found = outline(expression)
    for at in found.nested[:1]:
        said = f"a comprehension stands within another ({place(expression, at)})"
        yield _problem("condition_nested", field, said, "Chain them, or let a step work it out")
    for name, at in found.functions:
        if name not in _FUNCTIONS and not _TIMES.fullmatch(name):
            said = f"there is no function {name!r} ({place(expression, at)})"
            yield _problem("condition_function", field, said, _nearest(name, _FUNCTIONS))
    for path in found.paths:
        root = str(path.names[0])
        if root not in names and root not in _TYPES:
            said = f"there is no variable {root!r} ({place(expression, path.at)})"
            yield _problem("condition_name", field, said, _nearest(root, names))


def step_names(expression: str) -> tuple[str, ...]:
    """The steps that it reads, each once, as they are written."""
    paths = (path for path in outline(expression).paths if path.names[0] == "steps" and len(path.names) > 1)
    return tuple(dict.fromkeys(str(path.names[1]) for path in paths))


def input_names(expression: str) -> tuple[str, ...]:
    paths = (path for path in outline(expression).paths if path.names[0] == "inputs" and len(path.names) > 1)
    return tuple(dict.fromkeys(str(path.names[1]) for path in paths))


def unnamed_steps(expression: str, field: str) -> Iterator[Problem]:
    """Uses of `steps` as a whole: what the step has to wait for could not be known."""
    for path in outline(expression).paths:
        if path.names == ("steps",):
            said = f"'steps' is used without the name of a step ({place(expression, path.at)})"
            yield _problem("condition_step_unnamed", field, said, 'Write steps.ID.FIELD, or steps["ID"].FIELD')


def told(condition: str) -> str:
    """A step's condition for people: what a branch added to it in their words."""
    return _BRANCH.sub(lambda taken: f"{taken.group(1)} is {'false' if taken.group(2) else 'true'}", condition).replace(
        "\n)", ")"
    )


def place(expression: str, at: int) -> str:
    """Where that is, for people."""
    line, column = position(expression, at)
    return f"line {line}, column {column} of the expression" if "\n" in expression else f"column {column}"


def position(expression: str, at: int) -> tuple[int, int]:
    before = expression[:at]
    return before.count("\n") + 1, at - (before.rfind("\n") + 1) + 1


def missing(expression: str, variables: Mapping[str, Any]) -> str:
    """What the expression reads that is not there, where, and what is there instead; empty when all of it is there."""
    for path in outline(expression).paths:
        here: Any = variables
        for depth, name in enumerate(path.names):
            is_there, inner = _field(here, name)
            if not is_there:
                if path.guarded and depth == len(path.names) - 1:
                    break
                return _explained(path.names, depth, here) + f" ({place(expression, path.at)})"
            here = inner
    return ""


def too_long(expression: str, variables: Mapping[str, Any]) -> str:
    """The list with too many items that a comprehension of this expression goes through; empty when there is none."""
    for path in outline(expression).paths:
        here: Any = variables
        for name in path.names:
            here = _field(here, name)[1]
        if path.iterated and isinstance(here, list | dict) and len(here) > MAX_ITEMS:
            return f"{shown(path.names)} has {len(here):,} items; the most are {MAX_ITEMS:,}"
    return ""


def shown(names: Sequence[str | int]) -> str:
    """As it would be written."""
    text = ""
    for name in names:
        plain = isinstance(name, str) and re.fullmatch(r"[A-Za-z_]\w*", name)
        text += (
            (f".{name}" if text else str(name)) if plain else f'["{name}"]' if isinstance(name, str) else f"[{name}]"
        )
    return text


def _explained(names: Sequence[str | int], depth: int, here: Any) -> str:
    if depth == 0:
        return f"there is no variable {names[0]!r}"
    owner = f"step {names[1]!r}" if names[0] == "steps" and depth == 2 else shown(names[:depth])
    if names[:1] == ("steps",) and depth == 1:
        return f"step {names[1]!r} left no output; those that did: {_listed(here)}"
    if isinstance(here, list) and isinstance(names[depth], int):
        return f"{owner} has no item {names[depth]}, it has {len(here)}"
    if not isinstance(here, dict):
        return f"{owner} is {_kind(here)} and has no {names[depth]!r}"
    return f"{owner} left no {names[depth]!r}; it left: {_listed(here)}"


def _kind(value: Any) -> str:
    kinds = {str: "a text", bool: "true or false", int: "a number", float: "a number", list: "a list"}
    return "null" if value is None else kinds.get(type(value), "no mapping")


def _listed(names: Iterable[object]) -> str:
    listed = sorted(str(name) for name in names)
    return ", ".join(listed[:20]) + (" …" if len(listed) > 20 else "") or "nothing"


def _field(here: Any, name: str | int) -> tuple[bool, Any]:
    if isinstance(here, Mapping):
        return name in here, here.get(name)
    if isinstance(here, list) and isinstance(name, int):
        return name < len(here), here[name] if name < len(here) else None
    return False, None


class _Outliner:
    """Reads the tokens once; knows which comprehensions are open, and the names that they bind."""

    def __init__(self, tokens: Sequence[_Token]) -> None:
        self.paths: list[Path] = []
        self.nested: list[int] = []
        self.functions: list[tuple[str, int]] = []
        self._tokens = tokens
        self._open: list[tuple[str, str]] = []
        """For each open bracket: the function it belongs to, and the name that a comprehension binds in it."""
        self._called = ""

    def read(self, index: int) -> None:
        token = self._tokens[index]
        if token.text in ("(", "[", "{"):
            bound = self._text(index + 1) if self._called in MACROS else ""
            self._open.append((self._called if token.text == "(" else "", bound))
            self._called = ""
        elif token.text in (")", "]", "}"):
            self._open[-1:] = []
        elif token.kind == "name" and token.text not in _WORDS:
            self._name(index, token)

    def _name(self, index: int, token: _Token) -> None:
        is_member = index > 0 and self._tokens[index - 1].text == "."
        if self._text(index + 1) == "(":
            self.functions.append((token.text, token.at))
            is_macro = token.text in MACROS and is_member
            self._called = token.text if is_macro or token.text == "has" else ""
            if is_macro and any(function in MACROS for function, _ in self._open):
                self.nested.append(token.at)
        elif not is_member and all(token.text != bound for _, bound in self._open):
            self.paths.append(self._path(index, token))

    def _path(self, index: int, token: _Token) -> Path:
        names: list[str | int] = [token.text]
        index += 1
        while (step := self._step(index)) is not None:
            name, index = step
            names.append(name)
        macro = self._text(index) == "." and self._text(index + 1) in MACROS and self._text(index + 2) == "("
        guarded = bool(self._open) and self._open[-1][0] == "has"
        return Path(names=tuple(names), at=token.at, guarded=guarded, iterated=macro)

    def _step(self, index: int) -> tuple[str | int, int] | None:
        """The field that is read next, and the token behind it; None where the path ends."""
        if self._text(index) == "." and self._kind(index + 1) == "name" and self._text(index + 2) != "(":
            return self._text(index + 1), index + 2
        if self._text(index) == "[" and self._text(index + 2) == "]":
            if self._kind(index + 1) == "text" and self._text(index + 1)[0] in "'\"":
                return self._text(index + 1).strip("'\""), index + 3
            if self._text(index + 1).isdigit():
                return int(self._text(index + 1)), index + 3
        return None

    def _text(self, index: int) -> str:
        return self._tokens[index].text if index < len(self._tokens) else ""

    def _kind(self, index: int) -> str:
        return self._tokens[index].kind if index < len(self._tokens) else ""


def _nearest(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"Did you mean {near[0]!r}?" if near else f"Known here: {', '.join(sorted(known))}"


def _problem(code: str, field: str, message: str, cure: str) -> Problem:
    return Problem(code=code, field=field, message=message, cure=cure)
