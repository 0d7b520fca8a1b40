"""How the work is divided: by what the repository shows of where it lies. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ostinato.domain.classification import TaskType
from ostinato.domain.plan import Shape, Strategy
from ostinato.domain.planning.grounds import Grounds, Place

MAX_BRANCHES = 6
"""Packages that are branches of their own; more are taken together by the folder that they lie in."""
MAX_DEPTH = 3
"""Of groups in groups. The engine allows five levels; ids of 63 characters allow three of ours."""
_CROSSING = frozenset(
    (TaskType.CODE_IMPLEMENTATION, TaskType.BUG_FIX, TaskType.REFACTORING, TaskType.PERFORMANCE_OPTIMIZATION)
)
"""One change of these runs through the folders of a package; dividing it by folder would cut it in two."""
_SLUG_CHARS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A place where the work is done by itself, and the places within it; one with branches is only their frame."""

    slug: str
    place: Place
    inner: tuple["Branch", ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    shape: Shape
    branches: tuple[Branch, ...] = ()
    because: str


def choose_layout(task_type: TaskType, strategy: Strategy, grounds: Grounds, *, is_divisible: bool) -> Layout:
    """`is_divisible`: some of the plan's work can be done place by place."""
    packages = _outermost(grounds.packages)
    if strategy is Strategy.DIRECT:
        return _whole("small enough for one go")
    if not is_divisible:
        return _whole("this kind of work has one place where it is done")
    if len(packages) > MAX_BRANCHES:
        said = f"{len(packages)} packages are touched, more than {MAX_BRANCHES}: grouped by the folder they lie in"
        return Layout(shape=Shape.HIERARCHICAL, branches=branches_of(packages), because=said)
    if len(packages) > 1:
        named = ", ".join(place.name for place in packages)
        said = f"{len(packages)} packages are touched ({named}): a branch of work for each, joined by a check of all"
        return Layout(shape=Shape.ADAPTIVE, branches=_flat(packages), because=said)
    if areas := grounds.areas:
        named = ", ".join(place.name for place in areas)
        if task_type in _CROSSING:
            return _whole(f"one change runs through {named}")
        said = f"{named} do not touch each other: they are worked on side by side"
        return Layout(shape=Shape.PARALLEL, branches=_flat(areas), because=said)
    return _whole(
        "nothing shows that it lies in several places" if not packages else f"all of it is {packages[0].name}"
    )


def branches_of(places: Sequence[Place]) -> tuple[Branch, ...]:
    """A tree of the places by their folders, without folders that hold one place only."""
    return _tree(tuple(places), "", 1)


def _tree(places: Sequence[Place], folder: str, depth: int) -> tuple[Branch, ...]:
    rows: dict[str, list[Place]] = {}
    for place in places:
        rest = place.path.removeprefix(folder).split("/")
        rows.setdefault(folder + rest[0] if len(rest) > 1 and depth < MAX_DEPTH else place.path, []).append(place)
    if len(rows) == 1 and len(places) > 1:  # a folder around everything frames nothing
        return _tree(places, f"{next(iter(rows))}/", depth)
    slugs = _slugs([inside[0].path if len(inside) == 1 else path for path, inside in rows.items()])
    found: list[Branch] = []
    for (path, inside), slug in zip(rows.items(), slugs, strict=True):
        if len(inside) == 1:
            found.append(Branch(slug=slug, place=inside[0]))
        else:
            frame = Place(path=path, name=path)
            found.append(Branch(slug=slug, place=frame, inner=_tree(inside, f"{path}/", depth + 1)))
    return tuple(found)


def _flat(places: Sequence[Place]) -> tuple[Branch, ...]:
    slugs = _slugs([place.path for place in places])
    return tuple(Branch(slug=slug, place=place) for place, slug in zip(places, slugs, strict=True))


def _outermost(places: Sequence[Place]) -> tuple[Place, ...]:
    """Without those that lie in another one: their work could not go on beside its work."""
    return tuple(place for place in places if not any(place.path.startswith(f"{other.path}/") for other in places))


def _slugs(paths: Sequence[str]) -> tuple[str, ...]:
    """Short names for ids, told apart by numbers where they are alike."""
    slugs: dict[str, None] = {}
    for path in paths:
        last = re.sub(r"[^a-z0-9]+", "-", path.rpartition("/")[2].lower()).strip("-")[:_SLUG_CHARS].strip("-") or "root"
        names = (last, *(f"{last}{number}" for number in range(2, len(paths) + 2)))
        slugs[next(name for name in names if name not in slugs)] = None
    return tuple(slugs)


def _whole(because: str) -> Layout:
    return Layout(shape=Shape.SEQUENTIAL, because=because)
