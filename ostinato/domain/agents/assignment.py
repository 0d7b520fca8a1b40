"""Who does a step: everybody who could, scored part by part, and why the others could not. Pure; order does not matter."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from ostinato.domain.base import Fact

MOST_AT_ONCE = 3
"""Steps of one run for one agent, or person (features, F12)."""
WEIGHTS: Mapping[str, float] = {"capability": 0.40, "free load": 0.30, "past performance": 0.20, "specialization": 0.10}
"""Features, F12; each part is 0 to 1."""
EVERYTHING = "*"
"""As a capability: all of them."""
ANYBODY = "any"


class MindKind(StrEnum):
    AGENT = "agent"
    PERSON = "person"


class Track(Fact):
    """What became of its last attempts in this repository, of whatever kind."""

    succeeded: Annotated[int, Field(ge=0)] = 0
    failed: Annotated[int, Field(ge=0)] = 0

    @property
    def rate(self) -> float:
        """A half for who never had one, and moving from there (rule of succession)."""
        return (self.succeeded + 1) / (self.succeeded + self.failed + 2)


class Mind(Fact):
    """Somebody in the pool: an agent, or a person."""

    name: str
    kind: MindKind = MindKind.AGENT
    capabilities: tuple[str, ...] = (EVERYTHING,)
    specializations: tuple[str, ...] = ()
    """Task types, domains, languages; whether in capitals does not matter."""
    load: Annotated[int, Field(ge=0)] = 0
    """Steps of this run that it has now."""
    most: Annotated[int, Field(ge=1, le=MOST_AT_ONCE)] = MOST_AT_ONCE
    track: Track = Track()
    closed_until: datetime | None = None
    """Its account is limited."""
    missing: str = ""
    """Why it cannot be had here at all: not installed, no login. Empty: it can."""

    def can(self, capability: str) -> bool:
        return EVERYTHING in self.capabilities or capability in self.capabilities


class Job(Fact):
    needs: tuple[str, ...] = ()
    """Capabilities without which it cannot be done."""
    helps: tuple[str, ...] = ()
    """Capabilities that are of use."""
    about: tuple[str, ...] = ()
    """Its task type, domains and languages."""
    named: str = ANYBODY
    """Who is to do it."""
    fallback: str = ""
    """Who is asked first where the one that is named cannot be had, or has failed."""
    failed: tuple[str, ...] = ()
    """Who tried already."""
    persons: bool = True
    """Whether a person may be asked."""


class Reason(StrEnum):
    NOT_NAMED = "not named"
    FAILED = "tried already"
    MISSING = "not here"
    UNABLE = "lacks a capability"
    NO_PERSON = "persons are not asked"
    LIMITED = "its account is limited"
    BUSY = "has as many steps as it may"


_PASSES = frozenset((Reason.LIMITED, Reason.BUSY))
"""What time alone may change."""


class Ranked(Fact):
    name: str
    kind: MindKind
    score: float
    parts: dict[str, float]
    """By the names of the weights; each 0 to 1."""

    def __str__(self) -> str:
        told = " + ".join(f"{name} {self.parts[name]:.2f} × {weight:.2f}" for name, weight in WEIGHTS.items())
        return f"{self.name}: {self.score:.3f} = {told}"


class Passed(Fact):
    """Somebody who was not considered."""

    name: str
    reason: Reason
    detail: str = ""
    until: datetime | None = None

    def __str__(self) -> str:
        return f"{self.name}: {self.reason}" + (f" ({self.detail})" if self.detail else "")


class Assignment(Fact):
    chosen: str = ""
    """Empty: nobody now."""
    kind: MindKind | None = None
    fallback: str = ""
    """Who is asked next, should the chosen one fail."""
    ranking: tuple[Ranked, ...] = ()
    """The best first; persons after agents."""
    passed: tuple[Passed, ...] = ()
    waits: bool = False
    """Somebody could, only not now."""
    wake_at: datetime | None = None
    """The first reset that it waits for, where one is known."""

    @property
    def because(self) -> str:
        """In one line."""
        if self.ranking:
            return str(self.ranking[0])
        return "; ".join(str(each) for each in self.passed) or "nobody is in the pool"


def assign(job: Job, pool: Sequence[Mind]) -> Assignment:
    """The best who can and may; an agent before a person. Of equal ones the less loaded, then by name."""
    minds = sorted({mind.name: mind for mind in sorted(pool, key=_order)}.values(), key=_order)
    wanted = _wanted(job, minds)
    reasons = {mind.name: _why_not(job, mind, wanted) for mind in minds}
    loads = {mind.name: mind.load for mind in minds}
    able = (_ranked(job, mind) for mind in minds if reasons[mind.name] is None)
    ranking = sorted(able, key=lambda ranked: _place(ranked, loads))
    passed = tuple(each for each in reasons.values() if each is not None)
    resets = [each.until for each in passed if each.until is not None]
    return Assignment(
        chosen=ranking[0].name if ranking else "",
        kind=ranking[0].kind if ranking else None,
        fallback=_next(job, minds, ranking),
        ranking=tuple(ranking),
        passed=passed,
        waits=not ranking and any(each.reason in _PASSES for each in passed),
        wake_at=min(resets) if resets and not ranking else None,
    )


def assign_all(jobs: Iterable[Job], pool: Sequence[Mind]) -> tuple[Assignment, ...]:
    """One after the other, each adding to the load of the one that it goes to."""
    minds, made = tuple(pool), list[Assignment]()
    for job in jobs:
        assignment = assign(job, minds)
        made.append(assignment)
        minds = loaded(minds, assignment.chosen)
    return tuple(made)


def loaded(pool: Iterable[Mind], name: str, by: int = 1) -> tuple[Mind, ...]:
    """The pool after somebody took a step (`by=-1`: ended one)."""
    return tuple(
        mind.model_copy(update={"load": max(0, mind.load + by)}) if mind.name == name else mind for mind in pool
    )


def parts_of(job: Job, mind: Mind) -> dict[str, float]:
    wanted = tuple(dict.fromkeys((*job.needs, *job.helps)))
    about = tuple(dict.fromkeys(each.casefold() for each in job.about))
    known = {each.casefold() for each in mind.specializations}
    return {
        "capability": _share(sum(mind.can(each) for each in wanted), len(wanted), of_none=1.0),
        "free load": max(0, mind.most - mind.load) / mind.most,
        "past performance": mind.track.rate,
        "specialization": _share(sum(each in known for each in about), len(about), of_none=0.0),
    }


def _wanted(job: Job, minds: Sequence[Mind]) -> str:
    """Who alone may do it now; empty: anybody. One who is named and cannot be had gives way to the fallback, then to all."""
    for name in (job.named if job.named != ANYBODY else "", job.fallback if _is_out(job, minds) else ""):
        mind = next((mind for mind in minds if mind.name == name), None)
        if mind is not None and not mind.missing and name not in job.failed:
            return name
    return ""


def _is_out(job: Job, minds: Sequence[Mind]) -> bool:
    """The one that is named failed or cannot be had; where nobody is named: somebody failed."""
    if job.named == ANYBODY:
        return bool(job.failed)
    return job.named in job.failed or not any(mind.name == job.named and not mind.missing for mind in minds)


def _why_not(job: Job, mind: Mind, wanted: str) -> Passed | None:
    lacking = [need for need in job.needs if not mind.can(need)]
    reasons = (
        (bool(wanted) and mind.name != wanted, Reason.NOT_NAMED, f"{wanted} is to do it"),
        (mind.name in job.failed, Reason.FAILED, ""),
        (bool(mind.missing), Reason.MISSING, mind.missing),
        (mind.kind is MindKind.PERSON and not job.persons, Reason.NO_PERSON, ""),
        (bool(lacking), Reason.UNABLE, ", ".join(lacking)),
        (mind.closed_until is not None, Reason.LIMITED, f"until {mind.closed_until}"),
        (mind.load >= mind.most, Reason.BUSY, f"{mind.load} of {mind.most}"),
    )
    found = next(((reason, detail) for holds, reason, detail in reasons if holds), None)
    if found is None:
        return None
    until = mind.closed_until if found[0] is Reason.LIMITED else None
    return Passed(name=mind.name, reason=found[0], detail=found[1], until=until)


def _ranked(job: Job, mind: Mind) -> Ranked:
    parts = parts_of(job, mind)
    score = round(sum(WEIGHTS[name] * part for name, part in parts.items()), 9)
    return Ranked(name=mind.name, kind=mind.kind, score=score, parts=parts)


def _next(job: Job, minds: Sequence[Mind], ranking: Sequence[Ranked]) -> str:
    """The step's own fallback, then the second best; for a step with a name, the best of the others."""
    if not ranking:
        return ""
    after = job.model_copy(update={"failed": (*job.failed, ranking[0].name)})
    wanted = _wanted(after, minds)
    able = [_ranked(after, mind) for mind in minds if _may_later(after, mind, wanted)]
    loads = {mind.name: mind.load for mind in minds}
    return min(able, key=lambda ranked: _place(ranked, loads)).name if able else ""


def _may_later(job: Job, mind: Mind, wanted: str) -> bool:
    found = _why_not(job, mind, wanted)
    return found is None or found.reason in _PASSES


def _place(ranked: Ranked, loads: Mapping[str, int]) -> tuple[bool, float, int, str]:
    """Agents before persons: a person's time is the dearest."""
    return ranked.kind is MindKind.PERSON, -ranked.score, loads[ranked.name], ranked.name


def _share(count: int, of: int, *, of_none: float) -> float:
    return count / of if of else of_none


def _order(mind: Mind) -> tuple[str, str]:
    return mind.name, mind.model_dump_json()
