"""The files that prompts are made from: the shipped ones, and somebody's own in their place."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cache
from importlib.resources import files
from string import Template

from ostinato.domain.base import Fact
from ostinato.domain.errors import Problem, UserError
from ostinato.domain.prompting.shares import PartName

MOST_CHARS = 20_000


class TurnName(StrEnum):
    FIRST = "first"
    """Of a session: everything that the step is given."""
    OBJECTIONS = "objections"
    """It said that it was done, and that is not proved."""
    NOTE = "note"
    """A person says something in between."""
    RESUMED = "resumed"
    """Its session was interrupted by a crash, or a limit of the account."""


class Templates(Fact):
    turns: dict[TurnName, str]
    parts: dict[PartName, str]


TURN_FIELDS = frozenset(("mark", "sections"))
PART_FIELDS = frozenset(("items", "left_out"))
_REQUIRED = {"turns": TURN_FIELDS, "parts": frozenset(("items",))}


@cache
def shipped_templates() -> Templates:
    return Templates(
        turns={name: _shipped("turns", name) for name in TurnName},
        parts={name: _shipped("parts", name) for name in PartName},
    )


def with_own(templates: Templates, own: Mapping[str, str]) -> Templates:
    """Somebody's files by their names ("parts/step.md") instead; raises UserError with every problem of them."""
    problems = [problem for name, text in own.items() for problem in _problems(name, text)]
    if problems:
        raise UserError(problems)
    turns = {TurnName(_stem(name)): text for name, text in own.items() if name.startswith("turns/")}
    parts = {PartName(_stem(name)): text for name, text in own.items() if name.startswith("parts/")}
    return Templates(turns={**templates.turns, **turns}, parts={**templates.parts, **parts})


def names() -> tuple[str, ...]:
    """Of all template files."""
    return (*(f"turns/{name}.md" for name in TurnName), *(f"parts/{name}.md" for name in PartName))


def filled(text: str, **fields: str) -> str:
    """The template with its fields; what stands in them is not looked at again."""
    return Template(text).substitute(fields).strip()


def _shipped(kind: str, name: str) -> str:
    return (files("ostinato") / "resources" / "prompts" / kind / f"{name}.md").read_text(encoding="utf-8")


def _stem(name: str) -> str:
    return name.partition("/")[2].removesuffix(".md")


def _problems(name: str, text: str) -> Iterator[Problem]:
    if name not in names():
        yield _problem(name, "there is no template of that name", f"Name it one of {', '.join(names())}")
        return
    required = _REQUIRED[name.partition("/")[0]]
    allowed = required | (PART_FIELDS if name.startswith("parts/") else frozenset())
    template = Template(text)
    if len(text) > MOST_CHARS:
        yield _problem(name, f"it has more than {MOST_CHARS:,} characters", "Shorten it")
    if not template.is_valid():
        yield _problem(name, "it has a $ that names no field", "Write a literal dollar as $$")
        return
    found = frozenset(template.get_identifiers())
    for field in sorted(found - allowed):
        yield _problem(name, f"it names ${field}, which nobody fills", f"Use {_listed(allowed)}")
    for field in sorted(required - found):
        yield _problem(name, f"it lacks ${field}", f"Use {_listed(required)}")


def _problem(name: str, message: str, cure: str) -> Problem:
    return Problem(code="prompt_template", field=name, message=message, cure=cure)


def _listed(fields: frozenset[str]) -> str:
    return ", ".join(f"${field}" for field in sorted(fields))
