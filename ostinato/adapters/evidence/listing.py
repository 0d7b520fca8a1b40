"""The files of a commit and their sizes, from one `git ls-tree`."""

from dataclasses import dataclass
from functools import lru_cache

from ostinato.adapters.git.command import Git
from ostinato.domain.errors import ExternalError
from ostinato.domain.evidence.matching import Catalogue

MOST_FILES = 300_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    catalogue: Catalogue
    sizes: dict[str, int]
    """By path, in bytes. Links and submodules are left out."""


async def list_commit(git: Git, commit: str, limit_s: float) -> Listing | None:
    """None when it takes longer than it may."""
    try:
        told = await git("ls-tree", "-r", "-l", "-z", "--full-tree", commit, timeout_s=limit_s)
    except ExternalError as error:
        if error.code == "git_timeout":
            return None
        raise
    return _parsed(told)


@lru_cache(maxsize=4)
def _parsed(told: str) -> Listing:
    sizes: dict[str, int] = {}
    for entry in told.split("\0")[:MOST_FILES]:
        head, _, path = entry.partition("\t")
        if head.startswith("100"):  # a regular file
            sizes[path] = int(head[head.rindex(" ") :])
    return Listing(catalogue=Catalogue(sizes), sizes=sizes)
