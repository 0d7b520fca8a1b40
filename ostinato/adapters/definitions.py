"""Definition files: what they say, what they are made of, and every problem with its file, line and column."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ostinato.adapters.authored_files import DefinitionFile, located, read_file
from ostinato.adapters.cel import syntax_problems
from ostinato.domain.definition import (
    Definition,
    Library,
    added_steps,
    compile_definition,
    condition_texts,
    definition_problems,
    numbered_steps,
    parse_definition,
    workflow_problems,
    workflow_steps,
)
from ostinato.domain.errors import Problem, UserError
from ostinato.domain.plan import Plan, Step

MAX_LEVELS = 5
"""Of definitions within definitions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A definition with those that it names, and what is wrong with any of them."""

    sha256: str
    """Over all of the files; of one file alone it is the file's."""
    definition: Definition | None
    library: Library
    problems: tuple[Problem, ...]


def read_definition(path: Path) -> Definition:
    """Raises UserError with every problem."""
    return _whole(load_file(path))


def check_file(path: Path) -> tuple[Problem, ...]:
    """All problems of the file and of those it names, those of the values of its inputs aside; in the file's order."""
    return load_file(path).problems


def compile_file(path: Path, inputs: Mapping[str, object], *, source: str = "") -> Plan:
    """The plan of a file and the values of its inputs; raises UserError with every problem."""
    loaded = load_file(path)
    return compile_loaded(loaded, inputs, source or f"definition:{path.name}")


def compile_loaded(loaded: Loaded, inputs: Mapping[str, object], source: str) -> Plan:
    return compile_definition(_whole(loaded), inputs, source, loaded.sha256, loaded.library)


def read_added(path: Path, plan: Plan) -> tuple[Step, ...]:
    """Steps that a person adds to a plan: a list of them, or the `steps` of a mapping. UserError with every problem."""
    found = read_file(path)
    if found.problems:
        raise UserError(found.problems)
    is_list = isinstance(found.raw, list)
    steps = found.raw.get("steps") if isinstance(found.raw, dict) else found.raw
    problems: list[Problem] = []
    made: tuple[Step, ...] = ()
    try:
        made = added_steps(steps, plan)
    except UserError as error:
        problems += error.problems
    judged = {problem.field for problem in problems}
    texts = condition_texts(steps) if isinstance(steps, list) else ()
    problems += [problem for at, text in texts if at not in judged for problem in syntax_problems(text, at)]
    if problems:
        raise UserError(
            _sorted(_in_list(problem, found) if is_list else located(problem, found) for problem in problems)
        )
    return made


def _in_list(problem: Problem, found: DefinitionFile) -> Problem:
    """The file is the list itself, so its places have no `steps` before them."""
    placed = located(problem.model_copy(update={"field": problem.field.removeprefix("steps")}), found)
    return placed.model_copy(update={"field": problem.field})


def load_file(path: Path) -> Loaded:
    """The definition of a file and, from the same repository, all that it is made of."""
    loading = _Loading(root=_root(path))
    definition = loading.load(path, ())
    shas = [found.sha256 for found in loading.files.values()]
    return Loaded(
        sha256=shas[0] if len(shas) == 1 else hashlib.sha256("".join(shas).encode()).hexdigest(),
        definition=definition,
        library=loading.library,
        problems=tuple(loading.problems),
    )


def file_problems(found: DefinitionFile) -> tuple[Problem, ...]:
    """Of one file by itself, CEL included; sorted as they stand in it."""
    problems = found.problems
    if not problems:
        meant = definition_problems(found.raw)
        judged = {problem.field for problem in meant}
        steps = found.raw.get("steps") if isinstance(found.raw, dict) else None
        syntax = (syntax_problems(text, at) for at, text in condition_texts(steps) if at not in judged)
        more = (*(each for some in syntax for each in some), *_zone_problems(found.raw))
        problems = tuple(located(problem, found) for problem in (*meant, *more))
    return _sorted(problems)


def _zone_problems(raw: object) -> Iterator[Problem]:
    triggers = raw.get("triggers") if isinstance(raw, dict) else None
    for index, trigger in enumerate(triggers if isinstance(triggers, list) else ()):
        name = trigger.get("timezone") if isinstance(trigger, dict) else None
        if isinstance(name, str) and not _is_zone(name):
            cure = "Name one of the IANA database, like UTC or Europe/Berlin"
            said = f"there is no time zone {name[:100]!r}"
            yield Problem(code="timezone_unknown", field=f"triggers[{index}].timezone", message=said, cure=cure)


def _is_zone(name: str) -> bool:
    try:
        return bool(ZoneInfo(name).key)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False


def _whole(loaded: Loaded) -> Definition:
    if loaded.problems or loaded.definition is None:
        raise UserError(loaded.problems)
    return loaded.definition


def _sorted(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(problems, key=lambda problem: (problem.line or 0, problem.column or 0)))


def _root(path: Path) -> Path:
    """The repository that the file lies in; without one, its folder. Nothing outside of it is read."""
    folder = path.resolve().parent
    return next((place for place in (folder, *folder.parents) if (place / ".git").exists()), folder)


@dataclass(slots=True, kw_only=True)
class _Loading:
    """Reads each file once, however often it is named."""

    root: Path
    files: dict[Path, DefinitionFile] = field(default_factory=dict)
    definitions: dict[Path, Definition | None] = field(default_factory=dict)
    library: dict[tuple[str, str], tuple[str, Definition]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def load(self, path: Path, chain: tuple[Path, ...]) -> Definition | None:
        """The definition and all that it names; None where it has problems, which are kept."""
        place = path.resolve()
        if place in self.definitions:
            return self.definitions[place]
        found = self.files[place] = read_file(path)
        problems = file_problems(found)
        definition = None if problems else parse_definition(found.raw)
        self.definitions[place] = definition
        if definition is not None:
            refused = self._load_named(definition, found, (*chain, place))
            inputs = () if refused or self.problems else workflow_problems(definition, self._library_of(place))
            problems = _sorted((*refused, *(located(problem, found) for problem in inputs)))
        self.problems += (problem.model_copy(update={"file": str(path)}) for problem in problems)
        return definition

    def _load_named(
        self, definition: Definition, found: DefinitionFile, chain: tuple[Path, ...]
    ) -> tuple[Problem, ...]:
        problems: list[Problem] = []
        for at, spec in workflow_steps(numbered_steps(definition)):
            named = spec.workflow or ""
            shown = found.path.parent / named
            place = shown.resolve()
            if refused := self._refused(named, place, chain):
                problems.append(located(refused.model_copy(update={"field": f"{at}.workflow"}), found))
            elif (inner := self.load(shown, chain)) is not None:
                self.library[self._key(chain[-1]), named] = (self._key(place), inner)
        return tuple(problems)

    def _refused(self, named: str, place: Path, chain: tuple[Path, ...]) -> Problem | None:
        """Why the file may not be used."""
        if not place.is_relative_to(self.root):
            said = f"{named!r} leaves {self.root}"
            return _problem("path_outside", place, said, "Name a file of the same repository")
        if place in chain:
            circle = " → ".join(self._name(each) for each in (*chain[chain.index(place) :], place))
            said = f"the definitions contain each other in a circle: {circle}"
            return _problem("workflow_cycle", place, said, "Take one of them out")
        if len(chain) > MAX_LEVELS:
            said = f"definitions are nested in each other more than {MAX_LEVELS} levels deep"
            return _problem("workflow_level", place, said, "Nest them less")
        if not place.is_file():
            said = f"there is no file {named!r}"
            return _problem("workflow_missing", place, said, "Give its path, relative to this file")
        return None

    def _library_of(self, place: Path) -> Library:
        """As this file sees it: its own key is the empty one."""
        own = self._key(place)
        return {("" if owner == own else owner, named): found for (owner, named), found in self.library.items()}

    def _key(self, place: Path) -> str:
        return "" if place == next(iter(self.files)) else str(place)

    def _name(self, place: Path) -> str:
        return place.relative_to(self.root).as_posix() if place.is_relative_to(self.root) else str(place)


def _problem(code: str, path: Path, message: str, cure: str) -> Problem:
    return Problem(code=code, field=str(path), message=message, cure=cure)
