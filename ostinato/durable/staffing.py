"""Which coding agent does a step: whoever suits it best of those that are here and have room."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime

from temporalio import workflow

from ostinato.domain.agents.accounts import Account, AccountReport
from ostinato.domain.agents.assignment import MOST_AT_ONCE, Assignment, Job, Mind, MindKind, Reason, Track, assign
from ostinato.domain.agents.courses import LimitPolicy, Move, Parked, choose_course
from ostinato.domain.execution import StepOutcome
from ostinato.domain.plan import AgentAction, Step
from ostinato.domain.pool import PERSON
from ostinato.domain.report import Quota
from ostinato.domain.request import Interaction
from ostinato.domain.staff import Colleague
from ostinato.durable.record import RunRecord
from ostinato.durable.stepping import Engine


def take_on(record: RunRecord, staff: tuple[Colleague, ...]) -> None:
    """The plan's agents are those that were found to work."""
    record.staff, plan = staff, record.steps.plan
    names = tuple(each.name for each in staff)
    if names != plan.agents:
        record.steps.replan(plan.model_copy(update={"agents": names}))


async def colleague_for(engine: Engine, step: Step) -> Colleague | None:
    """The one that its session is with; else the best that has room, waited for where nobody has. None: a person."""
    record, progress = engine.record, engine.record.of(step.id)
    known = colleague_named(record, progress.agent)
    if known is not None and progress.agent in _pool(step):
        await _until(record, step, lambda: _has_room(record, step, known.name))
        return known
    await _until(record, step, lambda: not _is_busy(_assigned(record, step)))
    found = _assigned(record, step)
    if found.waits:  # all are limited: whose turn comes first, its account says
        found = assign(_job(record, step), _minds(record, step, someday=True))
        await _until(record, step, lambda: _has_room(record, step, found.chosen))
    if not found.chosen:
        found = assign(_job(record, step, persons=True), _minds(record, step))
    progress.assigned = found.because
    return colleague_named(record, found.chosen) if found.kind is MindKind.AGENT else None


async def _until(record: RunRecord, step: Step, has_room: Callable[[], bool]) -> None:
    """Of several that wait, the first to go on may have taken the room: looked at again. Who waits takes no room itself."""
    while not has_room():
        record.engaged.pop(step.id, None)
        record.of(step.id).note = "waits for an agent that has room"
        record.stale = True
        await workflow.wait_condition(has_room)


def _is_busy(found: Assignment) -> bool:
    return found.waits and any(each.reason is Reason.BUSY for each in found.passed)


def elsewhere(record: RunRecord, step: Step, colleague: Colleague, quota: Quota) -> str:
    """The agent that it moves to instead of waiting; empty: it waits, as all do who only have to wait for their turn."""
    if quota.account not in record.quotas:
        return ""
    now = workflow.now()
    said = AccountReport(id="limit", at=now, until=quota.until)
    parked = Parked(
        agent=colleague.name,
        job=_job(record, step),
        deadline=record.request.options.deadline,
        has_session=record.of(step.id).execution > 1,
    )
    account = Account(name=colleague.account, stated=(said,))
    course = choose_course(parked, account, _minds(record, step), LimitPolicy(), now=now)
    return course.to if isinstance(course, Move) else ""


def others_for(record: RunRecord, step: Step) -> tuple[str, ...]:
    """Of the run's agents those that have not tried it, the best first."""
    if not is_for_agents(record, step):
        return ()
    job = _job(record, step)
    failed = {record.of(step.id).agent, *(entry.detail for entry in record.of(step.id).history)}
    found = assign(job.model_copy(update={"failed": tuple(sorted(failed - {""}))}), _minds(record, step, someday=True))
    return tuple(ranked.name for ranked in found.ranking)


def is_for_agents(record: RunRecord, step: Step) -> bool:
    known = record.progress.get(step.id)
    return bool(known and known.agent) or bool(_pool(step))


def can_hand_over(record: RunRecord) -> bool:
    """Somebody is there who can do what no tool does."""
    return bool(record.staff) or record.request.options.interaction is not Interaction.MINIMAL


def last_session(record: RunRecord) -> str:
    """The last step that an agent did well: who corrects the run's work goes on there."""
    done = [
        result
        for result in record.results.values()
        if result.turns and result.outcome is StepOutcome.SUCCEEDED and result.commit
    ]
    return done[-1].step_id if done else ""


def _assigned(record: RunRecord, step: Step) -> Assignment:
    return assign(_job(record, step), _minds(record, step))


def _job(record: RunRecord, step: Step, *, persons: bool = False) -> Job:
    """For a person only where no agent can do it, now or later."""
    assert isinstance(step.action, AgentAction)
    found, project = record.classification, record.project
    about = (*((found.task_type.value, *found.domains) if found else ()), *(project.languages if project else ()))
    return Job(
        needs=step.action.needs,
        helps=step.action.helps,
        about=tuple(about),
        named=step.action.agent,
        fallback=step.fallback.agent if step.fallback else "",
        persons=persons and record.request.options.interaction is not Interaction.MINIMAL,
    )


def _minds(record: RunRecord, step: Step, *, someday: bool = False) -> list[Mind]:
    """`someday`: whatever keeps them from it now."""
    load, most = _load(record, but=step), _most(record)
    pool = _pool(step) or record.steps.plan.agents
    agents = [
        Mind(
            name=each.name,
            capabilities=each.capabilities or ("*",),
            specializations=each.specialities,
            load=0 if someday else load[each.name],
            most=most,
            track=_track(record, each),
            closed_until=None if someday else _closed_until(record, each),
        )
        for each in record.staff
        if each.name in pool
    ]
    return [*agents, Mind(name=PERSON, kind=MindKind.PERSON)]


def _closed_until(record: RunRecord, colleague: Colleague) -> datetime | None:
    quota = record.quotas.get(colleague.account)
    return quota.until if quota is not None and quota.until > workflow.now() else None


def _track(record: RunRecord, colleague: Colleague) -> Track:
    """In earlier runs, and in this one."""
    ended = [result.outcome for result in record.results.values() if result.agent == colleague.name]
    done = sum(outcome is StepOutcome.SUCCEEDED for outcome in ended)
    return Track(succeeded=colleague.succeeded + done, failed=colleague.failed + len(ended) - done)


def _has_room(record: RunRecord, step: Step, name: str) -> bool:
    return _load(record, but=step)[name] < _most(record)


def _load(record: RunRecord, *, but: Step) -> Counter[str]:
    """Steps of this run that each agent works on now. The one that is asked for stands in nobody's way."""
    return Counter(name for step_id, name in record.engaged.items() if step_id != but.id)


def _most(record: RunRecord) -> int:
    return min(record.steps.plan.max_per_agent, MOST_AT_ONCE)


def colleague_named(record: RunRecord, name: str) -> Colleague | None:
    return next((each for each in record.staff if each.name == name), None)


def _pool(step: Step) -> tuple[str, ...]:
    return step.action.pool if isinstance(step.action, AgentAction) else ()
