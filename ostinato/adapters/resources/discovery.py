"""Finds every resource of a repository, a user's home and our own; what is broken is told and skipped. Runs nothing."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import ostinato
from ostinato.adapters.resources.documents import DocumentError
from ostinato.adapters.resources.imports import with_imports
from ostinato.adapters.resources.markdown import is_passed_over, notice, read_markdown
from ostinato.adapters.resources.places import USER_FILES, USER_FOLDERS, USER_SERVERS, Place, in_home, in_repository
from ostinato.adapters.resources.servers import read_servers
from ostinato.adapters.resources.trees import MAX_BYTES, FolderTree, Refusal, Tree
from ostinato.domain.errors import Problem
from ostinato.domain.resources import Found, Kind, Origin, Resource, Shadowed

BUILT_IN = Path(ostinato.__file__).parent / "resources"
MAX_SERVER_FILE = 8 * 1024 * 1024
MAX_TROUBLES = 500
_ORDER = tuple(Kind)


async def discover(repository: Tree | None, user: Path | None = None) -> Found:
    """Everything that a run could be given; `user` is a home folder, and without one nothing of a user's is read."""
    finding = _Finding()
    if repository is not None:
        await finding.look(repository, Origin.REPOSITORY, in_repository)
    if user is not None and user.is_dir():
        await finding.look(FolderTree(user, (*USER_FOLDERS, *USER_FILES)), Origin.USER, in_home)
    return finding.result()


@lru_cache(maxsize=1)
def built_in() -> tuple[Resource, ...]:
    """Our own modes and skills, read once."""
    made = [
        *(_built_in(path, Place(kind=Kind.MODE, rank=0, folder="modes/")) for path in BUILT_IN.glob("modes/*.md")),
        *(_built_in(path, Place(kind=Kind.SKILL, rank=0)) for path in BUILT_IN.glob("skills/*/SKILL.md")),
    ]
    return tuple(sorted(made, key=lambda each: (_ORDER.index(each.kind), each.name)))


def _built_in(path: Path, place: Place) -> Resource:
    name = path.relative_to(BUILT_IN).as_posix()
    return read_markdown(name, path.read_text(encoding="utf-8"), place, Origin.BUILT_IN)[0]


@dataclass(slots=True, kw_only=True)
class _Finding:
    ranked: list[tuple[int, Resource]] = field(default_factory=list)
    broken: list[Problem] = field(default_factory=list)
    notices: list[Problem] = field(default_factory=list)

    async def look(self, tree: Tree, origin: Origin, placed: Callable[[str], Place | None]) -> None:
        listing = await tree.find(lambda path: placed(path) is not None)
        self.broken += [_problem(refused, origin) for refused in listing.refused]
        paths = without_inner_skills(listing.paths)
        read = dict(await tree.read([path for path in paths if path != USER_SERVERS], MAX_BYTES))
        read.update(await tree.read([path for path in paths if path == USER_SERVERS], MAX_SERVER_FILE))
        for path, told in sorted(read.items()):
            place = placed(path)
            if isinstance(told, Refusal):
                self.broken.append(_problem(told, origin))
            elif place is not None:
                await self._take(_shown(path, origin), path, told, place, origin, tree)

    async def _take(self, shown: str, path: str, text: str, place: Place, origin: Origin, tree: Tree) -> None:
        if place.kind is Kind.SERVER:
            servers, broken, notices = read_servers(shown, text, origin)
            self.ranked += [(place.rank, server) for server in servers]
            self.broken += broken
            self.notices += notices
            return
        if is_passed_over(path, text):
            return
        try:
            resource, odd = read_markdown(path, text, place, origin)
            resource, lost = await with_imports(resource, tree)
        except DocumentError as refused:
            self.broken.append(notice(shown, refused.code, refused.message, refused.cure, refused.line))
            return
        name = shown if resource.kind is Kind.CONTEXT else resource.name
        self.ranked.append((place.rank, resource.model_copy(update={"path": shown, "name": name})))
        self.notices += [each.model_copy(update={"field": _shown(each.field, origin)}) for each in (*odd, *lost)]

    def result(self) -> Found:
        """The strongest of each name; the others are said to be in its shadow."""
        origins = tuple(Origin)
        ordered = sorted(
            [*self.ranked, *((0, resource) for resource in built_in())],
            key=lambda pair: (
                _ORDER.index(pair[1].kind), origins.index(pair[1].origin), pair[0], pair[1].name, pair[1].path
            ),
        )  # fmt: skip
        taken, hidden = _taken(resource for _, resource in ordered)
        return Found(
            resources=tuple(taken.values()),
            shadowed=tuple(lost for lost, _ in hidden),
            hidden=tuple(resource for _, resource in hidden),
            broken=tuple(self.broken[:MAX_TROUBLES]),
            notices=tuple(self.notices[:MAX_TROUBLES]),
        )


def without_inner_skills(paths: Iterable[str]) -> list[str]:
    """A SKILL.md within a skill is one of its files, an example say."""
    kept: list[str] = []
    folders: set[str] = set()
    for path in sorted(paths, key=lambda each: (each.count("/"), each)):
        above = path.split("/")[:-1]
        if path.endswith("/SKILL.md"):
            if any("/".join(above[:depth]) in folders for depth in range(1, len(above))):
                continue
            folders.add("/".join(above))
        kept.append(path)
    return kept


_Lost = tuple[Shadowed, Resource]


def _taken(ordered: Iterable[Resource]) -> tuple[Mapping[tuple[Kind, str], Resource], list[_Lost]]:
    taken: dict[tuple[Kind, str], Resource] = {}
    hidden: list[_Lost] = []
    texts: dict[tuple[str, str], str] = {}
    for each in ordered:
        winner = taken.setdefault((each.kind, each.name), each).path
        if winner == each.path and each.kind is Kind.CONTEXT:
            winner = texts.setdefault((f"{each.origin}:{each.scope}", each.digest), each.path)
            if winner != each.path:
                del taken[each.kind, each.name]
        if winner != each.path:
            lost = Shadowed(kind=each.kind, name=each.name, origin=each.origin, path=each.path, by=winner)
            hidden.append((lost, each))
    return taken, hidden


def _problem(refused: Refusal, origin: Origin) -> Problem:
    return notice(_shown(refused.path, origin), refused.code, refused.message, refused.cure)


def _shown(path: str, origin: Origin) -> str:
    return f"~/{path}" if origin is Origin.USER else path
