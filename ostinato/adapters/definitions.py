"""Definition files: YAML and JSON read safely, every problem with its line and column."""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

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

MAX_BYTES = 1_000_000
MAX_VALUES = 50_000
"""Aliases count each time they are used, so a small file cannot unfold into a large one."""
MAX_DEPTH = 50
MAX_LEVELS = 5
"""Of definitions within definitions."""
_PLAIN = re.compile(r"^tag:yaml\.org,2002:(str|int|float|bool|null|timestamp|value|merge)$")

Places = dict[str, tuple[int, int]]
"""Field path → line and column, both from 1 on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DefinitionFile:
    """A file as it was read: data, the places of its fields, and what is wrong with the file itself."""

    path: Path
    sha256: str
    raw: object = None
    places: Places = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()


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


def compile_file(path: Path, inputs: Mapping[str, object]) -> Plan:
    """The plan of a file and the values of its inputs; raises UserError with every problem."""
    loaded = load_file(path)
    return compile_definition(_whole(loaded), inputs, f"definition:{path.name}", loaded.sha256, loaded.library)


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
        problems = tuple(located(problem, found) for problem in (*meant, *(each for some in syntax for each in some)))
    return _sorted(problems)


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
        name = f"{self._name(place)}: " if chain else ""
        self.problems += (problem.model_copy(update={"field": name + problem.field}) for problem in problems)
        return definition

    def _load_named(
        self, definition: Definition, found: DefinitionFile, chain: tuple[Path, ...]
    ) -> tuple[Problem, ...]:
        problems: list[Problem] = []
        for at, spec in workflow_steps(numbered_steps(definition)):
            named = spec.workflow or ""
            place = (chain[-1].parent / named).resolve()
            if refused := self._refused(named, place, chain):
                problems.append(located(refused.model_copy(update={"field": f"{at}.workflow"}), found))
            elif (inner := self.load(place, chain)) is not None:
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


def located(problem: Problem, found: DefinitionFile) -> Problem:
    """The problem with the place of its field, or of the nearest field around it."""
    place = problem.field
    while place and place not in found.places:
        place = re.sub(r"(\.[^.\[\]]+|\[\d+\])$", "", place) if re.search(r"[.\[]", place) else ""
    line, column = found.places.get(place, (1, 1))
    return problem.model_copy(update={"line": line, "column": column})


def read_file(path: Path) -> DefinitionFile:
    try:
        with path.open("rb") as stream:
            content = stream.read(MAX_BYTES + 1)
    except OSError as refused:
        cure = "Give the path of a YAML or JSON file that you may read"
        said = f"cannot read it: {refused.strerror or refused}"
        return _bad(path, "", _problem("file_unreadable", path, said, cure))
    digest = hashlib.sha256(content).hexdigest()
    if len(content) > MAX_BYTES:
        cure = "Split it; long texts belong into files of the repository"
        return _bad(path, digest, _problem("file_too_large", path, "the file is larger than 1 MB", cure))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as refused:
        said = f"byte {refused.start} is not UTF-8"
        return _bad(path, digest, _problem("file_not_utf8", path, said, "Save it as UTF-8"))
    return _parse(path, digest, text)


def _parse(path: Path, digest: str, text: str) -> DefinitionFile:
    if path.suffix == ".json":
        try:
            json.loads(text)
        except (ValueError, RecursionError) as refused:
            return _bad(path, digest, _json_problem(path, refused))
        text = text.replace("\t", " ")  # between values only: a JSON string holds no raw tab
    reader = _Reader(path)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        raw = reader.value(node, "", 0) if node is not None else None
    except yaml.MarkedYAMLError as refused:
        return _bad(path, digest, _yaml_problem(path, refused))
    except (yaml.YAMLError, _TooMuchError, RecursionError) as refused:
        said = (
            str(refused).splitlines()[0] if isinstance(refused, yaml.YAMLError) else "it unfolds into too many values"
        )
        return _bad(path, digest, _problem("yaml_invalid", path, said, "Write plain values, without nested aliases"))
    return DefinitionFile(path=path, sha256=digest, raw=raw, places=reader.places, problems=tuple(reader.problems))


class _TooMuchError(Exception):
    """Too many values, or too deep."""


class _Reader:
    """Walks the composed nodes: plain data, places of fields, duplicate keys and refused tags."""

    def __init__(self, path: Path) -> None:
        self.places: Places = {}
        self.problems: list[Problem] = []
        self._path = path
        self._count = 0
        self._scalars = yaml.constructor.SafeConstructor()

    def value(self, node: yaml.Node, at: str, depth: int) -> Any:
        self._count += 1
        if self._count > MAX_VALUES or depth > MAX_DEPTH:
            raise _TooMuchError
        self.places.setdefault(at, _place(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, at, depth)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, f"{at}[{index}]", depth + 1) for index, item in enumerate(node.value)]
        return self._scalar(node, at)

    def _mapping(self, node: yaml.MappingNode, at: str, depth: int) -> dict[str, Any]:
        read: dict[str, Any] = {}
        for key, inner in node.value:
            if not isinstance(key, yaml.ScalarNode):
                self._add("yaml_invalid", at, key, "a field's name is no plain text", "Write the name as a word")
                continue
            name = str(key.value)
            below = f"{at}.{name}" if at else name
            if name in read:
                self._add("field_duplicate", below, key, f"{name!r} is given twice", "Keep one of them")
                continue
            self.places[below] = _place(key)
            read[name] = self.value(inner, below, depth + 1)
        return read

    def _scalar(self, node: yaml.Node, at: str) -> Any:
        if not _PLAIN.match(node.tag):
            self._add("yaml_tag", at, node, f"the tag {node.tag!r} is refused", "Write the value without a tag")
            return str(node.value)
        if node.tag.endswith((":timestamp", ":value", ":merge")):
            return str(node.value)
        try:
            return self._scalars.construct_object(node)
        except (ValueError, KeyError, yaml.YAMLError):
            self._add("yaml_invalid", at, node, "this value cannot be read", "Write it in quotes if it is a text")
            return str(node.value)

    def _add(self, code: str, at: str, node: yaml.Node, message: str, cure: str) -> None:
        line, column = _place(node)
        name = at or str(self._path)
        self.problems.append(Problem(code=code, field=name, message=message, cure=cure, line=line, column=column))


def _place(node: yaml.Node) -> tuple[int, int]:
    return node.start_mark.line + 1, node.start_mark.column + 1


def _bad(path: Path, digest: str, problem: Problem) -> DefinitionFile:
    return DefinitionFile(path=path, sha256=digest, problems=(problem,))


def _problem(code: str, path: Path, message: str, cure: str) -> Problem:
    return Problem(code=code, field=str(path), message=message, cure=cure)


def _json_problem(path: Path, refused: Exception) -> Problem:
    said = _problem("json_invalid", path, "this is not JSON", "Correct the text at this place")
    if isinstance(refused, json.JSONDecodeError):
        message = refused.msg[:1].lower() + refused.msg[1:]
        return said.model_copy(update={"message": message, "line": refused.lineno, "column": refused.colno})
    return said


def _yaml_problem(path: Path, refused: yaml.MarkedYAMLError) -> Problem:
    mark = refused.problem_mark or refused.context_mark
    said = _problem("yaml_invalid", path, refused.problem or "this is not YAML", "Correct the text at this place")
    return said.model_copy(update={"line": mark.line + 1, "column": mark.column + 1}) if mark else said
