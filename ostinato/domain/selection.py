"""What a run is given of all that was found: by fit, within a budget, each with its reason. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ostinato.domain.classification import Classification, Complexity
from ostinato.domain.errors import UserError
from ostinato.domain.fitting import Fit, fit_of, wanted_by
from ostinato.domain.modes import mode_for
from ostinato.domain.resources import (
    DYNAMIC_TOKENS,
    MOST_LEFT_OUT,
    Activated,
    Activation,
    Detail,
    Found,
    Kind,
    NotActivated,
    Origin,
    Resource,
)

FULL_FIT = 0.5
DESCRIBED_FIT = 0.3
NAMED_FIT = 0.2
_LEAST_FIT = {Kind.SKILL: NAMED_FIT, Kind.SERVER: 0.4, Kind.COMMAND: 0.6, Kind.AGENT: 0.35}
_MOST = {Kind.SKILL: 12, Kind.SERVER: 3, Kind.COMMAND: 1, Kind.AGENT: 5}
"""More of them at once say less, whatever the budget."""
UNTRUSTED = "the repository is not trusted"
_LEVELS = (Detail.FULL, Detail.DESCRIPTION, Detail.NAME)


@dataclass(slots=True, kw_only=True)
class _Purse:
    """The budget while it is spent."""

    free: int
    trusted: bool
    left_out: list[NotActivated] = field(default_factory=list)

    def leave(self, resource: Resource, fit: Fit, reason: str) -> None:
        self.left_out.append(
            NotActivated(
                kind=resource.kind,
                name=resource.name,
                tokens=resource.cost.full,
                fit=round(fit.score, 2),
                reason=reason,
            )
        )


def select(
    classification: Classification,
    found: Found,
    *,
    request: str = "",
    paths: Sequence[str] = (),
    mode: str | None = None,
    trusted: bool = False,
    budget_tokens: int = DYNAMIC_TOKENS,
) -> Activation:
    """Mode, skills, servers, command, agents, in this order, while tokens last. UserError for an unknown mode.

    `paths` are what the run is about, as far as is known: they decide which nested context files count. What a
    repository brings is left out unless it is trusted: its servers are programs, its texts steer agents.
    """
    believed = found.believed(trusted=trusted)
    chosen, because = _mode(classification, believed, mode)
    wanted = wanted_by(classification, request, found)
    purse = _Purse(free=budget_tokens - chosen.cost.full, trusted=trusted)
    suspected = () if trusted else (each for each in found.resources if each.origin is Origin.REPOSITORY)
    pool = (*believed.resources, *suspected)
    fits = [(each, fit_of(each, wanted)) for each in pool if each.kind in _LEAST_FIT]
    fits.sort(key=lambda pair: (-pair[1].score, list(Origin).index(pair[0].origin), pair[0].name))
    skills, servers, commands, agents = (
        _taken([pair for pair in fits if pair[0].kind is kind], kind, purse)
        for kind in (Kind.SKILL, Kind.SERVER, Kind.COMMAND, Kind.AGENT)
    )
    context = _context(found, request, paths, purse)
    dynamic = (*skills, *servers, *commands, *agents)
    left_out = sorted(purse.left_out, key=lambda each: -each.fit)
    return Activation(
        mode=chosen.name,
        mode_tokens=chosen.cost.full,
        mode_because=because,
        mode_path=chosen.path,
        skills=skills,
        servers=servers,
        command=commands[0] if commands else None,
        agents=agents,
        context=context,
        tokens=chosen.cost.full + sum(each.tokens for each in dynamic),
        context_tokens=sum(each.tokens for each in context),
        on_demand_tokens=sum(each.on_demand_tokens for each in dynamic),
        budget_tokens=budget_tokens,
        left_out=tuple(left_out[:MOST_LEFT_OUT]),
        left_out_count=len(left_out),
        broken_count=len(found.broken),
        shadowed_count=len(found.shadowed),
    )


def explained(activation: Activation) -> tuple[str, ...]:
    """A line for the mode and for each thing that came along or was crowded out."""
    lines = [f"mode {activation.mode}: {activation.mode_because}"]
    groups = (
        ("skill", activation.skills),
        ("server", activation.servers),
        ("command", (activation.command,) if activation.command else ()),
        ("agent", activation.agents),
        ("context", activation.context),
    )
    for kind, group in groups:
        lines += [f"{kind} {each.name} ({each.level}, {each.tokens} tokens) because {each.because}" for each in group]
    lines += [f"not {each.kind} {each.name}: {each.reason}" for each in activation.left_out]
    return tuple(lines)


def loaded_text(activation: Activation, found: Found) -> str:
    """What an agent is shown at the start: each resource at its level, with where it comes from."""
    known = {(each.kind, each.name, each.path): each for each in (*found.resources, *found.hidden)}
    parts = [_shown(known.get((Kind.MODE, activation.mode, activation.mode_path)), Detail.FULL)]
    groups = (
        (Kind.SKILL, activation.skills),
        (Kind.COMMAND, (activation.command,) if activation.command else ()),
        (Kind.AGENT, activation.agents),
    )
    parts += [_shown(known.get((kind, each.name, each.path)), each.level) for kind, group in groups for each in group]
    return "\n".join(part for part in parts if part)


def _shown(resource: Resource | None, level: Detail) -> str:
    if resource is None:
        return ""
    head = f"## {resource.kind} {resource.name} ({resource.origin}: {resource.path})\n"
    match level:
        case Detail.NAME:
            return head
        case Detail.DESCRIPTION:
            return f"{head}\n{resource.description}\n"
        case Detail.FULL:
            return f"{head}\n{resource.description}\n\n{resource.text}"


def _mode(classification: Classification, found: Found, asked: str | None) -> tuple[Resource, str]:
    modes = {each.name: each for each in found.of(Kind.MODE)}
    name = asked or mode_for(classification)
    if name not in modes:
        known = ", ".join(modes)
        raise UserError.of("mode_unknown", "--mode", f"there is no mode {name!r}", f"Use one of: {known}")
    if asked:
        return modes[name], "you asked for it"
    is_large = classification.complexity in (Complexity.COMPLEX, Complexity.ENTERPRISE)
    size = f", and {classification.complexity}" if is_large and name == "orchestration" else ""
    return modes[name], f"the request is {classification.task_type}{size}"


def _taken(ordered: Iterable[tuple[Resource, Fit]], kind: Kind, purse: _Purse) -> tuple[Activated, ...]:
    taken: list[Activated] = []
    for resource, fit in ordered:
        reason = _refused(resource, fit, kind, purse)
        if reason is None and len(taken) >= _MOST[kind]:
            reason = f"{_MOST[kind]} that fit better are enough"
        if reason is not None:
            if resource.origin is not Origin.BUILT_IN or fit.score >= DESCRIBED_FIT:
                purse.leave(resource, fit, reason)
            continue
        levels = _levels(resource, fit)
        level = next((each for each in levels if resource.cost.at(each) <= purse.free), None)
        if level is None:
            needs = resource.cost.at(levels[-1])
            purse.leave(resource, fit, f"it needs {needs:,} tokens and {max(purse.free, 0):,} are free")
            continue
        purse.free -= resource.cost.at(level)
        shrunk = "" if level is levels[0] else f"; {resource.cost.at(levels[0]):,} tokens for all of it are not free"
        taken.append(_activated(resource, level, fit.score, fit.because + shrunk))
    return tuple(taken)


def _refused(resource: Resource, fit: Fit, kind: Kind, purse: _Purse) -> str | None:
    if not resource.is_automatic and not fit.is_named:
        return "it is switched on by name only"
    if fit.score < _LEAST_FIT[kind]:
        return f"it does not fit ({fit.score:.2f})"
    if resource.origin is Origin.REPOSITORY and not purse.trusted:
        return UNTRUSTED
    return None


def _levels(resource: Resource, fit: Fit) -> tuple[Detail, ...]:
    """The level that the fit deserves, and what may be had instead where tokens are short."""
    match resource.kind:
        case Kind.AGENT:
            return (Detail.DESCRIPTION, Detail.NAME)  # its prompt fills a context of its own
        case Kind.SERVER | Kind.COMMAND:
            return (Detail.FULL,)
        case _ if fit.score >= FULL_FIT:
            return _LEVELS
        case _ if fit.score >= DESCRIBED_FIT:
            return _LEVELS[1:]
        case _:
            return _LEVELS[2:]


def _activated(resource: Resource, level: Detail, fit: float, because: str) -> Activated:
    now = resource.cost.at(level)
    return Activated(
        name=resource.name,
        tokens=now,
        fit=round(fit, 2),
        because=because,
        origin=resource.origin,
        path=resource.path,
        level=level,
        on_demand_tokens=resource.cost.full - now,
        described_tokens=resource.cost.description,
        named_tokens=resource.cost.name,
        digest=resource.digest,
    )


def _context(found: Found, request: str, paths: Sequence[str], purse: _Purse) -> tuple[Activated, ...]:
    """Files for the whole tree, and of nested ones those nearest to a path that the run is about."""
    named = (*paths, *(word.strip("`'\".,;:()") for word in request.split() if "/" in word))
    taken = []
    for each in found.of(Kind.CONTEXT):
        near = next((path for path in named if is_nearest(each, path, found)), None) if each.scope else None
        if each.origin is Origin.REPOSITORY and not purse.trusted:
            purse.leave(each, Fit(score=1.0 if near or not each.scope else 0.0, because=""), UNTRUSTED)
        elif not each.scope:
            whose = "your own, for every repository" if each.origin is Origin.USER else "it is for the whole repository"
            taken.append(_activated(each, Detail.FULL, 1.0, whose))
        elif near is not None:
            taken.append(_activated(each, Detail.FULL, 1.0, f"it is the nearest to {near}"))
    return tuple(taken[:MOST_LEFT_OUT])


def is_nearest(resource: Resource, path: str, found: Found) -> bool:
    """No file of its name lies nearer to the path."""
    own = resource.path.rpartition("/")[2]
    scopes = [each.scope for each in found.of(Kind.CONTEXT) if each.path.endswith(own) and _covers(each.scope, path)]
    return _covers(resource.scope, path) and resource.scope == max(scopes, key=len, default="")


def _covers(scope: str, path: str) -> bool:
    return not scope or path == scope or path.startswith(f"{scope}/")
