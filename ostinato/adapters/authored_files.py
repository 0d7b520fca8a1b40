"""A file that a person wrote, YAML or JSON, read safely: data, the place of each field, and what is wrong with it."""

import hashlib
import json
import math
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

import yaml

from ostinato.domain.errors import Problem

MAX_BYTES = 1_000_000
MAX_VALUES = 50_000
"""Aliases count each time they are used, so a small file cannot unfold into a large one."""
MAX_DEPTH = 50
_PLAIN = re.compile(r"^tag:yaml\.org,2002:(str|int|float|bool|null|timestamp|value|merge)$")

_UNPRINTABLE = re.compile("[\x00\ud800-\udfff]")
"""What neither a command line nor UTF-8 can carry."""
MAX_WHOLE = 2**63 - 1

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
            json.loads(text, parse_constant=_no_number)
        except (ValueError, RecursionError) as refused:
            return _bad(path, digest, _json_problem(path, refused))
        text = text.replace("\t", " ")  # between values only: a JSON string holds no raw tab
    reader = _Reader(path, text if path.suffix == ".json" else None)
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        raw = reader.value(node, "", 0) if node is not None else None
    except yaml.MarkedYAMLError as refused:
        return _bad(path, digest, _yaml_problem(path, refused))
    except yaml.reader.ReaderError as refused:
        return _bad(path, digest, _character_problem(path, text, refused.position))
    except (yaml.YAMLError, _TooMuchError, RecursionError):
        said = "it unfolds into too many values, or too deep"
        return _bad(path, digest, _problem("yaml_invalid", path, said, "Write plain values, without nested aliases"))
    return DefinitionFile(path=path, sha256=digest, raw=raw, places=reader.places, problems=tuple(reader.problems))


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


class _TooMuchError(Exception):
    """Too many values, or too deep."""


class _Reader:
    """Walks the composed nodes: plain data, places of fields, duplicate keys and refused tags."""

    def __init__(self, path: Path, json_text: str | None) -> None:
        self._json_text = json_text
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
            name = str(key.value if self._json_text is None else self._json(key))
            if key.tag.endswith(":merge"):
                self._add("yaml_merge", at, key, "'<<' merges nothing here", "Write the fields out")
                continue
            if _UNPRINTABLE.search(name) or not name:
                self._add("yaml_invalid", at, key, "a field's name is no plain text", "Write the name as a word")
                continue
            below = f"{at}.{name}" if at else name
            if name in read:
                self._add("field_duplicate", below, key, f"{name!r} is given twice", "Keep one of them")
                continue
            self.places[below] = _place(key)
            read[name] = self.value(inner, below, depth + 1)
        return read

    def _scalar(self, node: yaml.Node, at: str) -> Any:
        value = self._constructed(node, at)
        if isinstance(value, float) and not math.isfinite(value):
            self._add("value_invalid", at, node, f"{node.value} is no finite number", "Give a number, or quote it")
            return str(node.value)
        if isinstance(value, int) and abs(value) > MAX_WHOLE:
            said = "this number is larger than 64 bits can hold"
            self._add("value_invalid", at, node, said, "Write it in quotes if it is a text")
            return str(node.value)[:100]
        if isinstance(value, str) and _UNPRINTABLE.search(value):
            self._add("value_invalid", at, node, "this text has a character that no text can have", "Leave it out")
            return _UNPRINTABLE.sub("�", value)
        return value

    def _json(self, node: yaml.Node) -> Any:
        """YAML reads some numbers and escapes of JSON otherwise."""
        assert self._json_text is not None
        return json.loads(self._json_text[node.start_mark.index : node.end_mark.index])

    def _constructed(self, node: yaml.Node, at: str) -> Any:
        if self._json_text is not None:
            return self._json(node)
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
    said = refused.problem or "this is not YAML"
    cure = next((cure for words, cure in _YAML_CURES.items() if words in said), "Correct the text at this place")
    found = _problem("yaml_invalid", path, said, cure)
    return found.model_copy(update={"line": mark.line + 1, "column": mark.column + 1}) if mark else found


def _character_problem(path: Path, text: str, position: int) -> Problem:
    before = text[:position]
    column = position - (before.rfind("\n") + 1) + 1
    said = (
        f"the character U+{ord(text[position]):04X} may not stand in YAML" if position < len(text) else "it ends early"
    )
    found = _problem("yaml_invalid", path, said, "Leave it out, or write it as an escape within double quotes")
    return found.model_copy(update={"line": before.count("\n") + 1, "column": column})


_YAML_CURES = {
    "'\\t'": "Indent with spaces",
    "undefined alias": "Write a text that starts with '*' in quotes",
    "mapping values are not allowed": "Write a text with ': ' in quotes",
    "but found another document": "Write one definition a file",
    "cannot start any token": "Write a text that starts so in quotes",
}
