"""From --definition, --template and --param to the plan that a run is given."""

import os
from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ostinato.cli.connecting import here
from ostinato.cli.options import as_utf8
from ostinato.domain.errors import Problem, UserError
from ostinato.domain.plan import Plan

if TYPE_CHECKING:
    from ostinato.adapters.definitions import Loaded
    from ostinato.adapters.templates import Places

MAX_SHOWN = 200
"""Characters of an input in the text of a request."""


class Problems(list[Problem]):
    """Collects the problems of several checks, to raise them together."""

    def collect(self, error: UserError) -> None:
        self.extend(error.problems)

    def add(self, code: str, field: str, message: str, cure: str) -> None:
        self.append(Problem(code=code, field=field, message=message, cure=cure))

    def settle(self) -> None:
        if self:
            raise UserError(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A definition that was named, read."""

    loaded: "Loaded"
    source: str
    """definition:<file> or template:<name>."""

    @property
    def headline(self) -> str:
        """What its runs are about, where nobody says it."""
        name = self.source.partition(":")[2]
        definition = self.loaded.definition
        if self.source.startswith("definition:") or definition is None or not definition.description:
            return f"Run the {self.source.partition(':')[0]} {Path(name).stem}"
        return f"{name}: {definition.description}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Defined:
    given: bool
    """Whether a definition was named, be it right or wrong."""
    plan: Plan | None = None
    text: str = ""
    """The request, where none is given."""


def define(arguments: Namespace, problems: Problems) -> Defined:
    """The plan with its inputs; everything wrong goes to the problems."""
    if arguments.definition is None and arguments.template is None:
        if arguments.param:
            cure = "Add --definition FILE or --template NAME"
            problems.add("param_unused", "--param", "there is no definition to give it to", cure)
        return Defined(given=False)
    from ostinato.adapters.definitions import compile_loaded

    parameters = read_parameters(arguments.param, problems)
    try:
        found = read_source(arguments.definition, arguments.template, here(arguments.repo))
        values = _with_request(found, parameters, getattr(arguments, "request", None))
        plan = compile_loaded(found.loaded, values, found.source)
    except UserError as error:
        problems.collect(error)
        return Defined(given=True, text="a definition")
    return Defined(given=True, plan=plan, text=_told(found, plan))


def read_source(definition: str | None, template: str | None, repository: Path) -> Source:
    """Raises UserError where both are given, or nothing is there."""
    from ostinato.adapters.definitions import load_file
    from ostinato.adapters.templates import find_template

    if definition is not None and template is not None:
        said = "a run has one definition, and --definition names another"
        raise UserError.of("definition_twice", "--template", said, "Leave one of them out")
    if template is not None:
        found = find_template(template, places_of(repository))
        return Source(loaded=found.load(), source=found.source)
    assert definition is not None
    path = here(definition)
    return Source(loaded=load_file(path), source=f"definition:{path.name}")


def places_of(repository: Path | None) -> "Places":
    """`repository`: any folder of a working tree, or one that is none."""
    from ostinato.adapters.templates import Places
    from ostinato.settings import user_config

    root = None
    if repository is not None:
        place = repository.resolve()
        root = next((folder for folder in (place, *place.parents) if (folder / ".git").exists()), None)
    return Places(repository=root, user=user_config(os.environ).parent)


def read_parameters(pairs: list[str], problems: Problems) -> dict[str, str]:
    parameters: dict[str, str] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            problems.add("param_invalid", "--param", f"{pair!r} is not name=value", "Write it like --param package=src")
        elif name in parameters:
            problems.add("param_twice", "--param", f"{name!r} is given twice", "Keep one of them")
        parameters[as_utf8(name)] = as_utf8(value)
    return parameters


def _with_request(found: Source, parameters: dict[str, str], request: str | None) -> dict[str, str]:
    """The words of the run are the input `request` of a template that was saved from words."""
    definition = found.loaded.definition
    wanted = definition is not None and "request" in definition.inputs and "request" not in parameters
    if not wanted or request in (None, "-") or not found.source.startswith("template:"):
        return parameters
    return {**parameters, "request": as_utf8(request or "")}


def _told(found: Source, plan: Plan) -> str:
    if found.source.startswith("definition:"):
        return found.headline
    if isinstance(request := plan.inputs.get("request"), str) and request.strip():
        return request
    texts = {name: value for name, value in plan.inputs.items() if isinstance(value, str | list) and value}
    lines = [f"- {name}: {_short(value)}" for name, value in texts.items()]
    return "\n".join([found.headline, *(["", *lines] if lines else [])])


def _short(value: str | list[str]) -> str:
    text = " ".join((value if isinstance(value, str) else ", ".join(value)).split())
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 1] + "…"
