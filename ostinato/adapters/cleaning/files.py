"""Files of a home that nobody needs any more: artifacts, payloads, caches."""

import re
from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ostinato.adapters.cleaning.model import GcPlan, Kept, Policy, Removal, RemovalKind
from ostinato.adapters.home import Home
from ostinato.adapters.payloads import folder_name
from ostinato.domain.ids import RunId, merge_workflow_id, workflow_id

_REFERENCE = re.compile(rb"sha256:([0-9a-f]{64})")
_READ_FOR_REFERENCES_BYTES = 1024 * 1024
"""Larger artifacts are outputs: they name no others."""
_DRAFT_LIVES = timedelta(days=1)


def artifacts(home: Home, policy: Policy) -> GcPlan:
    """Old ones that no result names; then the oldest of the others that none names, until the rest is under the limit."""
    files = {path.parent.name + path.name: path for path in home.artifacts.glob("[0-9a-f][0-9a-f]/*")}
    named = _named(home, files)
    facts = sorted((_changed(path), path, size_of(path)) for name, path in files.items() if name not in named)
    total = sum(size_of(path) for path in files.values())
    removals = []
    for at, path, size in facts:
        too_much = policy.max_bytes is not None and total > policy.max_bytes
        if policy.may_be_of_open_run(at) or not (policy.is_old(at) or too_much):
            continue
        reason = "no result names it" if policy.is_old(at) else "no result names it, and artifacts exceed their limit"
        removals.append(_file(RemovalKind.ARTIFACT, path, reason, size))
        total -= size
    over = policy.max_bytes is not None and total > policy.max_bytes
    kept = (Kept(place=str(home.artifacts), reason=f"{total:,} bytes of it are named by results or of open runs"),)
    return GcPlan(removals=tuple(removals), kept=kept if over else ())


def payloads(home: Home, policy: Policy, closed: Collection[RunId]) -> GcPlan:
    protected = tuple(folder_name(workflow_id(run_id)) for run_id in (*policy.open_runs, *policy.scheduled))
    found = []
    for run_id in closed:
        for folder in _payload_folders(home, run_id):
            is_open = folder.name.startswith(protected) if protected else False
            if not is_open and policy.is_old(_newest(folder)):
                found.append(_file(RemovalKind.PAYLOADS, folder, f"run {run_id} is closed", size_of(folder)))
    return GcPlan(removals=tuple({removal.place: removal for removal in found}.values()))


def baselines(home: Home, policy: Policy) -> GcPlan:
    old = [path for path in sorted(home.baselines.glob("*/*")) if policy.is_old(_changed(path))]
    return GcPlan(
        removals=tuple(_file(RemovalKind.BASELINE, path, "it is made again when needed", size_of(path)) for path in old)
    )


def caches(home: Home, policy: Policy) -> GcPlan:
    """Toolboxes of earlier versions. Environments of open runs may point into them."""
    made = [path for path in home.toolbox.glob("[!.]*") if path.is_dir() and path.name != "hypothesis"]
    earlier = sorted(made, key=_changed)[:-1]
    old = [path for path in earlier if not policy.open_runs and policy.is_old(_changed(path))]
    return GcPlan(
        removals=tuple(_file(RemovalKind.CACHE, path, "a newer one is in use", size_of(path)) for path in old)
    )


def unfinished(home: Home, policy: Policy) -> GcPlan:
    """What a process that died had begun to write."""
    drafts = [*home.artifacts.glob("unfinished/*"), *home.toolbox.glob(".draft-*")]
    dead = [path for path in sorted(drafts) if _changed(path) < policy.now - _DRAFT_LIVES]
    return GcPlan(
        removals=tuple(_file(RemovalKind.UNFINISHED, path, "its writer died", size_of(path)) for path in dead)
    )


def quarantined(home: Home) -> GcPlan:
    reason = "it held a secret and is kept for a person"
    return GcPlan(kept=tuple(Kept(place=str(path), reason=reason) for path in sorted(home.quarantine.glob("*"))))


def size_of(path: Path) -> int:
    """Of a file or everything below a folder; what vanishes meanwhile counts nothing."""
    try:
        if path.is_symlink() or path.is_file():
            return path.lstat().st_size
        return sum(file.lstat().st_size for file in path.rglob("*") if file.is_symlink() or file.is_file())
    except OSError:
        return 0


def _named(home: Home, files: dict[str, Path]) -> set[str]:
    """By results, or by an artifact that is named itself."""
    todo = [path for path in home.results.rglob("*") if path.is_file()]
    named: set[str] = set()
    while todo:
        for name in _references(todo.pop()):
            if name in files and name not in named:
                named.add(name)
                if size_of(files[name]) <= _READ_FOR_REFERENCES_BYTES:
                    todo.append(files[name])
    return named


def _references(path: Path) -> Iterator[str]:
    try:
        yield from (found.decode() for found in _REFERENCE.findall(path.read_bytes()))
    except FileNotFoundError:
        return


def _payload_folders(home: Home, run_id: RunId) -> list[Path]:
    """Of the run's workflow, its children and its merge."""
    own = folder_name(workflow_id(run_id))
    exact = (home.payloads / own, home.payloads / folder_name(merge_workflow_id(run_id)))
    return [path for path in (*exact, *sorted(home.payloads.glob(f"{own}[-.]*"))) if path.is_dir()]


def _file(kind: RemovalKind, path: Path, reason: str, size: int) -> Removal:
    return Removal(kind=kind, place=str(path), reason=reason, bytes=size)


def _newest(folder: Path) -> datetime:
    return max([_changed(folder), *(_changed(file) for file in folder.rglob("*"))])


def _changed(path: Path) -> datetime:
    try:
        return datetime.fromtimestamp(path.lstat().st_mtime, UTC)
    except OSError:
        return datetime.max.replace(tzinfo=UTC)
