"""What really changed between two commits: files, lines, public names that are gone, dependencies. Nothing is run."""

from collections.abc import Sequence

from ostinato.adapters.evidence.contents import read_blobs
from ostinato.adapters.git.command import Git, readable
from ostinato.domain.errors import ExternalError
from ostinato.domain.evidence import MOST_CHANGED, ChangedFile, DiffFacts
from ostinato.domain.evidence.comparing import (
    DECLARING,
    dependencies_in,
    dependency_changes,
    is_compared,
    public_removed,
)
from ostinato.domain.evidence.places import manifest_folders, packages_of

MOST_COMPARED = 100
"""Files of which both versions are read."""
MOST_BYTES = 4_000_000
_KINDS = {"A": "added", "C": "added", "D": "deleted", "R": "renamed"}
_MOST_NAMED = 50


async def read_difference(git: Git, base: str, head: str, *, limit_s: float = 10.0) -> DiffFacts:
    """`git` is bound to the repository. What takes longer than it may is left out, with a note."""
    options = ("--no-ext-diff", "--no-textconv", "--no-color", "--find-renames", "-z")
    try:
        told = await git("diff", "--raw", "--numstat", *options, base, head, "--", timeout_s=limit_s)
    except ExternalError as error:
        if error.code != "git_timeout":
            raise
        return DiffFacts(notes=("the diff was not read: it took too long",))
    changed = parse_changes(told)
    files = sorted(changed, key=lambda file: file.path)
    compared = [file for file in files if is_compared(file.path) and file.kind != "added"]
    removed, majors, others = await _compare(git, base, head, files, limit_s)
    left_out = len(compared) - MOST_COMPARED
    return DiffFacts(
        files=tuple(_shown(file) for file in files[:MOST_CHANGED]),
        files_count=len(files),
        lines_added=sum(file.added for file in files),
        lines_removed=sum(file.removed for file in files),
        packages=packages_of((file.path for file in files), manifest_folders(file.path for file in files))[
            :_MOST_NAMED
        ],
        public_removed=tuple(map(readable, removed[:_MOST_NAMED])),
        majors=tuple(majors[:_MOST_NAMED]),
        dependencies_changed=tuple(others[:_MOST_NAMED]),
        notes=(f"{left_out} files were not compared name by name",) if left_out > 0 else (),
    )


def parse_changes(told: str) -> list[ChangedFile]:
    """Of `diff --raw --numstat -z`: the kinds come first, then the lines, a rename with both of its names."""
    fields = iter(told.split("\0"))
    kinds: dict[str, str] = {}
    files: list[ChangedFile] = []
    for entry in fields:
        if entry.startswith(":"):
            status = entry.rpartition(" ")[2][:1]
            path = next(fields)
            if status in ("R", "C"):
                path = next(fields)
            kinds[path] = _KINDS.get(status, "modified")
        elif entry:
            added, removed, path = entry.split("\t", 2)
            if not path:
                _, path = next(fields), next(fields)
            files.append(
                ChangedFile(
                    path=path,
                    kind=kinds.get(path, "modified"),
                    added=int(added) if added.isdigit() else 0,
                    removed=int(removed) if removed.isdigit() else 0,
                    is_binary=added == "-",
                )
            )
    return files


async def _compare(
    git: Git, base: str, head: str, files: Sequence[ChangedFile], limit_s: float
) -> tuple[list[str], list[str], list[str]]:
    """Public names that are gone, dependencies of another major version, dependencies that came or went."""
    wanted = [file.path for file in files if is_compared(file.path) and file.kind != "renamed"][:MOST_COMPARED]
    names = [f"{commit}:{path}" for path in wanted for commit in (base, head)]
    blobs = await read_blobs(git, names, limit_s=limit_s, most_bytes=MOST_BYTES)
    removed, majors, others = list[str](), list[str](), list[str]()
    for path in wanted:
        before, after = blobs.get(f"{base}:{path}", ""), blobs.get(f"{head}:{path}", "")
        if path.endswith(DECLARING):
            changed, moved = dependency_changes(dependencies_in(path, before), dependencies_in(path, after))
            majors += changed
            others += moved
        else:
            removed += public_removed(path, before, after)
    return removed, majors, others


def _shown(file: ChangedFile) -> ChangedFile:
    return file.model_copy(update={"path": readable(file.path)})
