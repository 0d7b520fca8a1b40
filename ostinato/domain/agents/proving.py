"""An agent says that it is done: what its tree proves of that, and what follows. Pure.

Three calls: `said_in(end.answer)` names what has to be looked for, `prove(…)` holds the facts against it, `follow(…)`
says whether that is accepted, goes back to the same session, or ends the attempt.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from ostinato.domain.agents.deeds import Deeds
from ostinato.domain.agents.ends import AgentEnd, EndKind
from ostinato.domain.agents.objections import OBJECTIONS, Objection, ObjectionCode, Weight, objection
from ostinato.domain.agents.outcomes import keeps_session
from ostinato.domain.agents.said import Said
from ostinato.domain.base import Fact
from ostinato.domain.gates import GateResult
from ostinato.domain.plan import AgentAction, Step, is_claimed
from ostinato.domain.prompting import Item, PartName
from ostinato.domain.prompting.gathering import finding_items
from ostinato.domain.recovering.refining import of_gates

MOST_ROUNDS = 3
"""So often what was found goes back to the same session, in all attempts of the step together."""
MOST_CHECK_S = 1_800.0


class TreeFacts(Fact):
    """What is really there after a turn."""

    tree: str = ""
    """Id of the files as they are; empty where nothing differs."""
    changed: tuple[str, ...] = ()
    """Paths that differ from the step's base, ignored ones excepted."""
    absent: tuple[str, ...] = ()
    """Of the files that it says it made: those that are not there."""
    unknown_commits: tuple[str, ...] = ()
    """Of the commits that it named."""
    inner: tuple[str, ...] = ()
    """Repositories inside the worktree, which stay out of the commit."""
    secrets: tuple[str, ...] = ()
    """Places in what differs, and what kind of secret each seems to hold."""
    deeds: Deeds = Deeds()
    checks: tuple[GateResult, ...] = ()
    """Of the step, each on these files, in the worktree: what git ignores is there as well."""
    check_changed: tuple[str, ...] = ()
    """Files that a check changed, and which one; they are as before again."""
    check_made: tuple[str, ...] = ()
    """Likewise, files that had not been there."""


class Verdict(Fact):
    objections: tuple[Objection, ...] = ()
    """The weightiest first."""
    tree: str = ""

    def of(self, weight: Weight) -> tuple[Objection, ...]:
        return tuple(each for each in self.objections if each.weight is weight)

    @property
    def is_proved(self) -> bool:
        """The diff is real where one is due, within the allowed paths, and the checks pass on it."""
        return not self.of(Weight.BLOCKS)

    @property
    def signature(self) -> str:
        """The same for the same objections to the same files."""
        told = [(each.code, each.names, each.detail) for each in self.objections if each.weight is not Weight.NOTED]
        return sha256(repr((self.tree, sorted(told))).encode()).hexdigest()[:16]


class Round(Fact):
    """What was found after a turn, and went back to the session."""

    signature: str
    codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    warnings: tuple[str, ...] = ()
    """For the step's result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SentBack:
    """To the same session, with turn `objections`."""

    items: tuple[Item, ...]
    round: Round


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    code: str
    """Of the failure."""
    message: str
    round: Round
    """What a retry will tell it."""
    warnings: tuple[str, ...] = ()


def prove(step: Step, end: AgentEnd, said: Said, facts: TreeFacts) -> Verdict:
    """For an agent that ended with "done"; any other end is a failure by itself (outcomes.py)."""
    found = (*_of_files(step, said, facts), *_of_checks(facts), *_of_git(step, said, facts), *_of_denials(end))
    order = list(Weight)
    return Verdict(objections=tuple(sorted(found, key=lambda each: order.index(each.weight))), tree=facts.tree)


def follow(verdict: Verdict, end: AgentEnd, rounds: Sequence[Round] = ()) -> Accepted | SentBack | Rejected:
    """`rounds`: what went back to the session already, in whatever attempt."""
    if end.kind is not EndKind.DONE:
        raise ValueError(f"only a done is proved, not {end.kind}")
    doubts = [each for each in verdict.of(Weight.DOUBTS) if not any(each.code in one.codes for one in rounds)]
    warnings = tuple(str(each) for each in verdict.objections if each.weight is not Weight.BLOCKS)
    can_go_back = keeps_session(end) and len(rounds) < MOST_ROUNDS
    if verdict.is_proved and not (doubts and can_go_back):
        return Accepted(warnings=warnings)
    codes = tuple(each.code.value for each in (*verdict.of(Weight.BLOCKS), *doubts))
    found = Round(signature=verdict.signature, codes=codes)
    if (rejected := _rejected(verdict, end, rounds)) is not None:
        return Rejected(code=rejected[0], message=rejected[1], round=found, warnings=warnings)
    return SentBack(items=tuple(_items(verdict, doubts)), round=found)


def check_timeout_s(step: Step) -> float:
    """Of each of its checks, each time: it is none of the agent's own time."""
    return min(step.timeout_s, MOST_CHECK_S)


def checks_left(verdict: Verdict) -> bool:
    """Whether it is worth running the step's checks: not where something else is in the way already."""
    return verdict.is_proved


def _has_to_write(step: Step) -> bool:
    return step.writes != () and (not isinstance(step.action, AgentAction) or step.action.expects_changes)


def _of_files(step: Step, said: Said, facts: TreeFacts) -> Iterator[Objection]:
    if not facts.changed and _has_to_write(step):
        yield objection(ObjectionCode.NOTHING_DONE)
    outside = [path for path in facts.changed if not is_claimed(step, path)]
    if outside:
        code = ObjectionCode.OUTSIDE_ALLOWED if step.writes else ObjectionCode.CHANGED_UNASKED
        yield objection(code, outside)
    if facts.absent:
        yield objection(ObjectionCode.FILES_ABSENT, facts.absent)
    if facts.inner:
        yield objection(ObjectionCode.INNER_REPOSITORY, facts.inner)
    if facts.secrets:
        yield objection(ObjectionCode.SECRET_WRITTEN, facts.secrets)
    if said.pushed:
        yield objection(ObjectionCode.PUSHED_NOWHERE)


def _of_checks(facts: TreeFacts) -> Iterator[Objection]:
    for complaint, item in zip(of_gates(facts.checks), finding_items(of_gates(facts.checks)), strict=True):
        yield objection(ObjectionCode.CHECK_FAILED, [complaint.source], detail=item.text)
    if facts.check_changed:
        yield objection(ObjectionCode.CHECK_CHANGED, facts.check_changed)
    if facts.check_made:
        yield objection(ObjectionCode.CHECK_MADE, facts.check_made)


def _of_git(step: Step, said: Said, facts: TreeFacts) -> Iterator[Objection]:
    deeds = facts.deeds
    missing = Weight.BLOCKS if not facts.changed and _has_to_write(step) else None
    found = (
        (ObjectionCode.CONFLICT_MARKS, deeds.conflicted, None),
        (ObjectionCode.UNFINISHED, deeds.in_progress, None if deeds.conflicted or "rebase" in deeds.in_progress else Weight.NOTED),
        (ObjectionCode.WORK_ASIDE, deeds.aside, missing),
        (ObjectionCode.WORK_STASHED, ("the stash",) if deeds.stashes else (), missing),
        (ObjectionCode.COMMITS_UNKNOWN, facts.unknown_commits, None),
        (ObjectionCode.BRANCHES_UNKNOWN, tuple(name for name in said.branches if name not in deeds.branches), None),
        (ObjectionCode.REPOSITORY_REPLACED, ("its .git",) if deeds.is_replaced or deeds.is_broken else (), None),
        (ObjectionCode.SETTINGS_CHANGED, (*deeds.settings, *deeds.hooks), None),
        (ObjectionCode.LEFTOVERS, deeds.leftovers, None),
    )  # fmt: skip
    for code, names, weight in found:
        if names:
            yield objection(code, names, weight=weight)


def _of_denials(end: AgentEnd) -> Iterator[Objection]:
    if end.denied:
        yield objection(ObjectionCode.DENIED, end.denied)


def _rejected(verdict: Verdict, end: AgentEnd, rounds: Sequence[Round]) -> tuple[str, str] | None:
    """Code and message, where it does not go back once more."""
    blocking = verdict.of(Weight.BLOCKS)
    told = "; ".join(str(each) for each in blocking)
    codes = {each.code for each in verdict.objections}
    if {ObjectionCode.NOTHING_DONE, ObjectionCode.DENIED} <= codes:
        denied = next(each for each in verdict.objections if each.code is ObjectionCode.DENIED)
        return "not_permitted", f"{told}; {denied}"
    if not keeps_session(end):
        return _code_of(blocking), told
    if rounds and verdict.signature == rounds[-1].signature:
        code = _code_of(blocking) if ObjectionCode.SECRET_WRITTEN in codes else "no_progress"
        return code, f"the same again after it was told: {told}"
    if len(rounds) >= MOST_ROUNDS:
        return _code_of(blocking), f"not put right in {MOST_ROUNDS} rounds: {told}"
    return None


def _code_of(blocking: Sequence[Objection]) -> str:
    first = next((each for each in blocking if each.code is ObjectionCode.SECRET_WRITTEN), blocking[0])
    return OBJECTIONS[first.code].failure or "unproved"


def _items(verdict: Verdict, doubts: Sequence[Objection]) -> Iterator[Item]:
    """What blocks, what is doubted for the first time, and what is denied, so that it is not tried again."""
    denied = [each for each in verdict.objections if each.code is ObjectionCode.DENIED]
    for each in (*verdict.of(Weight.BLOCKS), *doubts, *denied):
        name = each.names[0] if each.code is ObjectionCode.CHECK_FAILED and each.names else each.code.value
        yield Item(part=PartName.FINDINGS, source=f"check {name}", text=each.request)
