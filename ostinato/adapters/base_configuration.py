"""A commit to judge: the head's files, with what decides gates as it was at the base."""

import configparser
import io
import json
import tempfile
from collections.abc import Collection, Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from ostinato.adapters.git.command import private_git
from ostinato.adapters.git.objects import record, store_blob
from ostinato.adapters.integrity import change_between
from ostinato.domain.ids import RunId, run_ref
from ostinato.domain.integrity.configuration import Kind, decides_differently, kind_of
from ostinato.domain.integrity.flat import GATE_TABLES, PACKAGE_KEYS, flattened, gate_section, is_gate_script
from ostinato.domain.integrity.model import FileChange

_IDENTITY = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Ostinato"), ("EMAIL", "gates@ostinato.invalid"), ("DATE", "@0 +0000"))
}
"""Always the same, so that the same judgement is the same commit."""
MODE = "100644"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """What to check out for the gates."""

    commit: str
    """The head itself where nothing had to be taken back."""
    restored: tuple[str, ...] = ()
    """Files in which the base's configuration counts; where there was none, they are left out."""


async def with_base_configuration(
    mirror: Path, *, run_id: RunId, base: str, head: str, allowed: Collection[str] = ()
) -> Judged:
    """Held by a ref of the run that is never pushed, the same commit each time: a second call does no harm.

    `allowed` are files whose configuration the request is about: they count as they are at the head. conftest.py stays
    as it is too, for new tests need their fixtures; what was done to it is the gate's to name.
    """
    change = await change_between(mirror, base, head)
    wanted = {file.path: restored(file) for file in change.files if _is_to_restore(file) and file.path not in allowed}
    wanted = {path: text for path, text in wanted.items() if text != _after(change.file(path))}
    if not wanted:
        return Judged(commit=head)
    tree = await _tree(mirror, head, wanted)
    message = f"Judge {head} by the configuration of {base}"
    commit = (await private_git(mirror).with_env(**_IDENTITY)("commit-tree", tree, "-p", head, "-m", message)).strip()
    await record(mirror, run_ref(run_id, "judged", commit), commit)
    return Judged(commit=commit, restored=tuple(sorted(wanted)))


def restored(file: FileChange) -> str | None:
    """The head's file with the base's part of it that decides gates; None where the file is not to be there."""
    name = PurePosixPath(file.path).name
    if kind_of(file.path) is Kind.WHOLE or file.before is None or file.after is None:
        shared_and_new = kind_of(file.path) is Kind.SHARED and file.before is None
        return _blended(name, "", file.after) if shared_and_new and file.after is not None else file.before
    blended = _blended(name, file.before, file.after)
    return blended if flattened(name, blended) == flattened(name, file.before) else file.before


def _blended(name: str, before: str, after: str) -> str:
    """As it should be; the caller checks it."""
    try:
        if name == "pyproject.toml":
            return _toml(before, after)
        if name in ("setup.cfg", "tox.ini"):
            return _ini(before, after)
        if name == "package.json":
            return _package(before, after)
    except (TOMLKitError, configparser.Error, ValueError, TypeError, KeyError):
        return before
    return before


def _toml(before: str, after: str) -> str:
    old, new = tomlkit.parse(before).unwrap(), tomlkit.parse(after).unwrap()
    for path in GATE_TABLES:
        _place(new, path, _found(old, path))
    return tomlkit.dumps(new)


def _found(document: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = document
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _place(document: MutableMapping[str, Any], path: tuple[str, ...], value: Any) -> None:
    table = document
    for key in path[:-1]:
        if key not in table and value is None:
            return
        table = table.setdefault(key, {})
    if value is None:
        table.pop(path[-1], None)
    else:
        table[path[-1]] = value


def _ini(before: str, after: str) -> str:
    old, new = _parser(before), _parser(after)
    for section in new.sections():
        if gate_section(section):
            new.remove_section(section)
    for section in old.sections():
        if gate_section(section):
            new[section] = old[section]
    written = io.StringIO()
    new.write(written)
    return written.getvalue()


def _parser(text: str) -> configparser.RawConfigParser:
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text)
    return parser


def _package(before: str, after: str) -> str:
    old, new = json.loads(before or "{}"), json.loads(after)
    for key in PACKAGE_KEYS:
        _place(new, (key,), old.get(key))
    scripts = {name: line for name, line in new.get("scripts", {}).items() if not is_gate_script(name)}
    kept = {name: line for name, line in old.get("scripts", {}).items() if is_gate_script(name)}
    return json.dumps({**new, "scripts": {**scripts, **kept}}, indent=2) + "\n"


def _is_to_restore(file: FileChange) -> bool:
    return kind_of(file.path) in (Kind.WHOLE, Kind.SHARED) and decides_differently(file)


def _after(file: FileChange | None) -> str | None:
    return file.after if file else None


async def _tree(mirror: Path, head: str, wanted: Mapping[str, str | None]) -> str:
    lines = []
    for path, text in wanted.items():
        blob = await store_blob(mirror, text) if text is not None else "0" * 40
        lines.append(f"{MODE if text is not None else '0'} {blob}\t{path}")
    with tempfile.TemporaryDirectory(prefix="ostinato-judged-", dir=mirror.parent) as scratch:
        git = private_git(mirror).with_env(GIT_INDEX_FILE=Path(scratch) / "index")
        await git("read-tree", head)
        await git("update-index", "-z", "--index-info", stdin="".join(f"{line}\0" for line in lines))
        return (await git("write-tree")).strip()
