"""Parts laid out over the places where the work is done: the steps of a definition. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ostinato.domain.definition import Definition, InputSpec, Library, StepSpec
from ostinato.domain.ids import StepId
from ostinato.domain.plan import Shape, Strategy
from ostinato.domain.planning.circumstances import is_of_use
from ostinato.domain.planning.grounds import Grounds, Place, globs_of
from ostinato.domain.planning.parts import PATHS, Part
from ostinato.domain.planning.shapes import Branch, Layout
from ostinato.domain.planning.strategies import EFFORT
from ostinato.domain.project import ProjectFacts
from ostinato.domain.references import literal

INPUTS = {"request": InputSpec(description="what was asked for")}
_LEAST_SHARE = 0.34
"""Work in one of many places takes at least this share of what it takes in one go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """What the steps are written for."""

    project: ProjectFacts
    grounds: Grounds
    strategy: Strategy
    layout: Layout


@dataclass(frozen=True, slots=True, kw_only=True)
class Laid:
    steps: tuple[StepSpec, ...]
    library: Library
    parts: Mapping[StepId, Part]
    """Of each step that is no frame; in frames by the id that it has there."""


def bridged(parts: Iterable[Part], chosen: Iterable[str]) -> tuple[Part, ...]:
    """The chosen parts; what followed one that is left out follows what that one followed."""
    kept = frozenset(chosen)
    leads: dict[str, tuple[str, ...]] = {}
    found: list[Part] = []
    for part in parts:
        after = tuple(dict.fromkeys(lead for name in part.after for lead in leads[name]))
        leads[part.key] = (part.key,) if part.key in kept else after
        if part.key in kept:
            found.append(replace(part, after=after))
    return _unhurdled(found)


def _unhurdled(parts: Iterable[Part]) -> tuple[Part, ...]:
    """A tool that only looks needs no other look to be over: it follows what that one followed.

    What another one that is followed waits for already is not repeated.
    """
    followed: dict[str, tuple[str, ...]] = {}
    before: dict[str, frozenset[str]] = {}
    found: list[Part] = []
    for part in parts:
        beyond = tuple(dict.fromkeys(lead for name in part.after for lead in followed.get(name, (name,))))
        is_look = part.kind == "tool" and not part.writes
        if is_look or part.kind == "think":
            followed[part.key] = beyond
        after = beyond if is_look else part.after
        known = frozenset().union(*(before[name] for name in after))
        before[part.key] = known.union(after)
        found.append(replace(part, after=tuple(name for name in after if name not in known)))
    return tuple(found)


def laid_out(parts: Sequence[Part], site: Site) -> Laid:
    if site.layout.shape is Shape.HIERARCHICAL:
        return _nested(parts, site)
    nodes: Sequence[tuple[Part, Branch | None]] = [(part, None) for part in parts]
    if site.layout.branches:
        nodes = tuple(_spread(parts, site))
    eased = _unhurdled(part for part, _ in nodes)
    steps = (step_of(part, site, branch) for part, (_, branch) in zip(eased, nodes, strict=True))
    return Laid(steps=tuple(steps), library={}, parts={StepId(part.key): part for part in eased})


def step_of(part: Part, site: Site, branch: Branch | None = None) -> StepSpec:
    """The step of a part, in its place where it has one."""
    place = branch.place if branch else None
    data: dict[str, Any] = {
        "id": part.key,
        "name": part.name + (f" in {literal(place.name)}" if place else ""),
        "depends_on": part.after,
        "reads": globs_of(part.reads, site.project, place, site.grounds),
        "writes": _writes(part, site, place),
        "critical": part.critical,
        "recovery": part.recovery,
        **_action(part, place),
    }
    if part.minutes:
        data["expected"] = round(part.minutes * 60 * EFFORT[site.strategy] * _share(site, place))
    return StepSpec.model_validate(data)


def _action(part: Part, place: Place | None) -> dict[str, Any]:
    if part.kind == "tool":
        paths = {"paths": [literal(place.path)]} if place and part.does in PATHS else {}
        return {"tool": part.does, "with": {**part.args, **paths}}
    if part.kind == "ask":
        return {"ask": part.does}
    within = f"\n\nStay within {literal(place.path)}/; name in a note what has to change elsewhere." if place else ""
    return {"agent": "any", "prompt": "{{ inputs.request }}\n\n" + part.does + within}


def _writes(part: Part, site: Site, place: Place | None) -> tuple[str, ...] | None:
    """Not stated where nothing shows which files it is about."""
    roles = part.writes
    if roles is None or ("files" in roles and not place and not site.grounds.files):
        return None
    if roles == ("tests",) and place and place not in site.grounds.packages:
        return None  # the tests of a folder may lie in another one
    wider = (*roles, "tests", "docs") if "files" in roles else roles
    return globs_of(wider, site.project, place, site.grounds) if roles else ()


def _share(site: Site, place: Place | None) -> float:
    return max(_LEAST_SHARE, 1 / max(1, len(tuple(_leaves(site.layout.branches))))) if place else 1.0


def _spread(parts: Sequence[Part], site: Site) -> Iterator[tuple[Part, Branch | None]]:
    """Parts of places once for each of them; what follows them joins them."""
    branches = site.layout.branches
    ends: dict[str, dict[str, tuple[str, ...]]] = {}
    for part in parts:
        if not part.each:
            after = tuple(dict.fromkeys(name for key in part.after for b in branches for name in ends[key][b.slug]))
            ends[part.key] = {branch.slug: (part.key,) for branch in branches}
            yield _joining(replace(part, after=after), len(after) > len(part.after), site), None
            continue
        ends[part.key] = {}
        for branch in branches:
            own = tuple(dict.fromkeys(name for key in part.after for name in ends[key][branch.slug]))
            is_here = is_of_use(part, site.project, branch.place.language)
            key = f"{part.key}-{branch.slug}"
            ends[part.key][branch.slug] = (key,) if is_here else own
            if is_here:
                yield replace(part, key=key, after=own), branch


def _joining(part: Part, is_joining: bool, site: Site) -> Part:
    """The integration check says what it is."""
    if part.does != "tests.run" or not is_joining:
        return part
    users = f", and what uses them: {', '.join(site.grounds.used_by)}" if site.grounds.used_by else ""
    return replace(part, name=f"{part.name}, all places together{literal(users)}")


def _nested(parts: Sequence[Part], site: Site) -> Laid:
    """Neighbouring parts of places become one tree of groups."""
    library: dict[tuple[str, str], tuple[str, Definition]] = {}
    steps: list[StepSpec] = []
    ends: dict[str, tuple[str, ...]] = {}
    for cluster in _clusters(parts):
        inside = {part.key for part in cluster}
        after = tuple(
            dict.fromkeys(name for part in cluster for key in part.after if key not in inside for name in ends[key])
        )
        if not cluster[0].each:
            part = _joining(replace(cluster[0], after=after), len(after) > len(cluster[0].after), site)
            ends[part.key] = (part.key,)
            steps.append(step_of(part, site))
            continue
        frames = tuple(_frames(site.layout.branches, cluster, site, library, "", after))
        steps += frames
        ends |= dict.fromkeys(inside, tuple(frame.id for frame in frames) or after)
    return Laid(steps=tuple(steps), library=library, parts={StepId(part.key): part for part in parts})


def _clusters(parts: Sequence[Part]) -> Iterator[tuple[Part, ...]]:
    run: list[Part] = []
    for part in parts:
        if part.each:
            run.append(part)
            continue
        if run:
            yield tuple(run)
            run = []
        yield (part,)
    if run:
        yield tuple(run)


def _frames(
    branches: Sequence[Branch],
    cluster: Sequence[Part],
    site: Site,
    library: dict[tuple[str, str], tuple[str, Definition]],
    around: str,
    after: Sequence[str] = (),
) -> Iterator[StepSpec]:
    """Branches as nested definitions, put into the library with those within; none where nothing is to be done."""
    for branch in branches:
        key = f"{cluster[0].key}/{branch.place.path}"
        inner = tuple(_frames(branch.inner, cluster, site, library, key))
        inner = inner if branch.inner else tuple(_within(cluster, branch, site))
        if not inner:
            continue
        own = StepId(branch.slug if around else f"{cluster[0].key}-{branch.slug}")
        library[around, key] = (key, Definition(id=own, inputs=INPUTS, steps=inner))
        name = f"{cluster[0].name} in {literal(branch.place.name)}"
        given = {"request": "{{ inputs.request }}"}
        yield StepSpec(id=own, name=name, workflow=key, inputs=given, depends_on=tuple(map(StepId, after)))


def _within(cluster: Sequence[Part], branch: Branch, site: Site) -> Iterator[StepSpec]:
    inside = {part.key for part in cluster}
    useful = [part.key for part in cluster if is_of_use(part, site.project, branch.place.language)]
    local = [replace(part, after=tuple(name for name in part.after if name in inside)) for part in cluster]
    for part in bridged(local, useful):
        yield step_of(part, site, branch)


def _leaves(branches: Iterable[Branch]) -> Iterator[Branch]:
    for branch in branches:
        if branch.inner:
            yield from _leaves(branch.inner)
        else:
            yield branch
