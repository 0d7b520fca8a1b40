"""Workflow templates: definitions by name, in the repository, the user's configuration, and our own."""

import difflib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import yaml

from ostinato.adapters.atomic import write_atomically
from ostinato.adapters.definitions import Loaded, load_file
from ostinato.domain.definition import Definition
from ostinato.domain.errors import UserError
from ostinato.domain.ids import ID_PATTERN

BUILT_IN = Path(__file__).parent / "built_in"
IN_REPOSITORY = Path(".ostinato") / "templates"
ENDINGS = (".yaml", ".yml", ".json")
Owner = Literal["repository", "user", "built-in"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A template as it was found; `loaded` says what is wrong with it."""

    name: str
    owner: Owner
    path: Path
    hides: tuple[Owner, ...] = ()
    """Whose template of the same name is not used."""

    def load(self) -> Loaded:
        return load_file(self.path)

    @property
    def source(self) -> str:
        return f"template:{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where templates are looked for; the first that has a name wins."""

    repository: Path | None
    """The root of a working tree."""
    user: Path
    """The user's configuration folder."""

    def folders(self) -> Iterator[tuple[Owner, Path]]:
        if self.repository is not None:
            yield "repository", self.repository / IN_REPOSITORY
        yield "user", self.user / "templates"
        yield "built-in", BUILT_IN


def list_templates(places: Places) -> tuple[Found, ...]:
    """Each name once, by name."""
    found: dict[str, Found] = {}
    for owner, folder in places.folders():
        for path in _files(folder):
            first = found.get(path.stem)
            if first is None:
                found[path.stem] = Found(name=path.stem, owner=owner, path=path)
            elif owner not in (first.owner, *first.hides):
                found[path.stem] = Found(
                    name=first.name, owner=first.owner, path=first.path, hides=(*first.hides, owner)
                )
    return tuple(found[name] for name in sorted(found))


def find_template(name: str, places: Places) -> Found:
    """Raises UserError template_unknown with what was probably meant."""
    known = {found.name: found for found in list_templates(places)}
    spelled = name.replace("-", "_")
    if found := known.get(name) or known.get(spelled):
        return found
    near = difflib.get_close_matches(spelled, known, n=1)
    cure = f"Did you mean {near[0]!r}?" if near else f"There are: {', '.join(known)}"
    raise UserError.of("template_unknown", "--template", f"there is no template {name[:100]!r}", cure)


def save_template(
    folder: Path, data: Mapping[str, Any], *, about: str, replace: bool, redact: Callable[[str], str]
) -> Path:
    """Writes it as YAML, secrets left out; UserError where the name is taken."""
    name = str(data["id"])
    if not re.match(ID_PATTERN, name):
        cure = "Use 1 to 63 lower-case letters, digits, '-' or '_', starting with a letter or digit"
        raise UserError.of("template_name", "NAME", f"{name!r} is no name of a template", cure)
    path = folder / f"{name}.yaml"
    if not replace and any((folder / f"{name}{ending}").exists() for ending in ENDINGS):
        raise UserError.of(
            "template_taken", "NAME", f"{path} is there already", "Choose another name, or add --replace"
        )
    text = redact(f"# {about}\n{_yaml(data)}")
    Definition.model_validate(yaml.safe_load(text))
    write_atomically(path, text)
    return path


def _files(folder: Path) -> Iterator[Path]:
    try:
        listed = sorted(folder.iterdir())
    except OSError:
        return
    yield from (
        path for path in listed if path.suffix in ENDINGS and re.match(ID_PATTERN, path.stem) and path.is_file()
    )


class _Dumper(yaml.SafeDumper):
    """Long texts as blocks, so that they can be read."""


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)


def _yaml(data: Mapping[str, Any]) -> str:
    order = ("id", "version", "description", "inputs", "values")
    first = {key: data[key] for key in order if key in data}
    whole = first | {key: value for key, value in data.items() if key not in first}
    return yaml.dump(whole, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
