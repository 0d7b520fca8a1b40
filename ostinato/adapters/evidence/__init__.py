"""What a repository has of the names in a request, read from one commit; nothing is run and nothing is changed.

One listing, one bounded history, searches for fixed words; each within a time limit: what takes longer is left out and
said so. Works in a bare clone and in a user's repository alike.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from ostinato.adapters.evidence.history import Churn, read_churn
from ostinato.adapters.evidence.listing import Listing, list_commit
from ostinato.adapters.evidence.searching import find_definitions, find_dependents
from ostinato.adapters.git.command import Git, readable
from ostinato.domain.errors import ExternalError
from ostinato.domain.evidence import MOST_NAMED, Evidence, MatchedFile
from ostinato.domain.evidence.matching import Candidate, Matching, match_names, nearby_tests
from ostinato.domain.evidence.naming import names_in
from ostinato.domain.evidence.owners import PLACES, owner_rules, owners_of
from ostinato.domain.evidence.places import is_test, language_of, manifest_folders, packages_of

LIMIT_S = 2.0
"""For all of it."""


@dataclass(slots=True)
class _Clock:
    limit_s: float
    began: float = field(default_factory=time.monotonic)

    @property
    def left_s(self) -> float:
        return max(0.05, self.limit_s - (time.monotonic() - self.began))


async def gather_evidence(git: Git, commit: str, text: str, *, limit_s: float = LIMIT_S) -> Evidence:
    """`git` is bound to the repository: `private_git(mirror)` or `RepositoryState.git()`. Never fails for time or size."""
    clock = _Clock(limit_s)
    names = names_in(text)
    listed, defined = await asyncio.gather(
        list_commit(git, commit, clock.left_s), find_definitions(git, commit, names.identifiers, clock.left_s)
    )
    if listed is None:
        return Evidence(commit=commit, notes=("the repository could not be listed in time",))
    matching = match_names(names, listed.catalogue, defined.files)
    if not matching.best:
        nothing = "no name in the request is that of a file, a folder or a definition here"
        return Evidence(
            commit=commit, files=len(listed.sizes), notes=(nothing, *matching.notes, *defined.notes)
        )  # fmt: skip
    paths = [candidate.path for candidate in matching.best]
    churn, dependents, rules = await asyncio.gather(
        read_churn(git, commit, paths, clock.left_s),
        find_dependents(git, commit, [path for path in paths if not is_test(path)], clock.left_s),
        _owners_file(git, commit, listed),
    )
    owners = owner_rules(rules)
    matches = tuple(
        _matched(candidate, listed, churn, owners_of(candidate.path, owners)) for candidate in matching.best
    )
    tests = (*nearby_tests(paths, listed.catalogue), *(path for path in dependents.files if is_test(path)))
    return Evidence(
        commit=commit,
        files=len(listed.sizes),
        matches=matches,
        matched=matching.total,
        tests=tuple(dict.fromkeys(readable(path) for path in tests))[:MOST_NAMED],
        packages=packages_of(paths, manifest_folders(listed.catalogue.paths))[:MOST_NAMED],
        languages=_languages(paths),
        dependents=tuple(readable(path) for path in _not_tests(dependents.files, paths))[:MOST_NAMED],
        dependents_count=len(_not_tests(dependents.files, paths)),
        owners=tuple(dict.fromkeys(owner for match in matches for owner in match.owners))[:MOST_NAMED],
        recent_commits=churn.commits_seen,
        notes=(*matching.notes, *defined.notes, *churn.notes, *dependents.notes)[:MOST_NAMED],
    )


def _matched(candidate: Candidate, listed: Listing, churn: Churn, owners: tuple[str, ...]) -> MatchedFile:
    commits, lines = churn.of.get(candidate.path, (0, 0))
    return MatchedFile(
        path=readable(candidate.path),
        score=candidate.score,
        why=candidate.why,
        size_bytes=listed.sizes[candidate.path],
        commits=commits,
        churn_lines=lines,
        is_test=is_test(candidate.path),
        owners=owners,
    )


async def _owners_file(git: Git, commit: str, listed: Listing) -> str:
    """The first CODEOWNERS file in the order of the forges; empty without one."""
    place = next((place for place in PLACES if place in listed.catalogue.known), None)
    if place is None or listed.sizes[place] > 500_000:
        return ""
    try:
        return await git("cat-file", "blob", f"{commit}:{place}", timeout_s=1)
    except ExternalError:
        return ""


def _languages(paths: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for path in paths:
        if language := language_of(path):
            found[language] = found.get(language, 0) + 1
    return found


def _not_tests(files: Sequence[str], touched: Sequence[str]) -> list[str]:
    return [path for path in files if not is_test(path) and path not in touched]


__all__ = ["LIMIT_S", "Matching", "gather_evidence"]
