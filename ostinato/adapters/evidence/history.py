"""How often and how much files changed lately: one bounded `git log`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from ostinato.adapters.git.command import Git
from ostinato.domain.errors import ExternalError

LAST_COMMITS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Churn:
    of: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    """By path: commits, and lines added and removed."""
    commits_seen: int = 0
    notes: tuple[str, ...] = ()


async def read_churn(git: Git, commit: str, paths: Sequence[str], limit_s: float) -> Churn:
    """Of the last LAST_COMMITS commits; less, and a note, when that takes too long or the clone is shallow."""
    try:
        listed = (await git("rev-list", f"--max-count={LAST_COMMITS + 1}", commit, timeout_s=limit_s)).split()
        span = [f"^{listed[-1]}", commit] if len(listed) > LAST_COMMITS else [commit]
        log = (
            "log",
            "--no-show-signature",
            "--numstat",
            "-z",
            "--no-renames",
            "--no-merges",
            "--format=%x00%H",
            *span,
            "--",
            *paths,
        )
        told = await git.with_env(GIT_LITERAL_PATHSPECS="1")(*log, timeout_s=limit_s)
    except ExternalError as error:
        return Churn(notes=(f"churn was not counted: {error.code}",))
    found: dict[str, tuple[int, int]] = {}
    for entry in told.split("\0"):
        added, _, rest = entry.lstrip("\n").partition("\t")
        removed, _, path = rest.partition("\t")
        if path:
            commits, lines = found.get(path, (0, 0))
            found[path] = (commits + 1, lines + _count(added) + _count(removed))
    return Churn(of=found, commits_seen=min(len(listed), LAST_COMMITS))


def _count(number: str) -> int:
    """Binary files have "-"."""
    return int(number) if number.isdigit() else 0
