"""Which coding agent does a step: whoever suits it best of those that are here and have room."""

from collections import Counter
from datetime import datetime

from temporalio import workflow

from ostinato.domain.agents.accounts import Account, AccountReport
from ostinato.domain.agents.assignment import Assignment, Job, Mind, MindKind, Track, assign
from ostinato.domain.agents.courses import LimitPolicy, Move, Parked, choose_course
from ostinato.domain.execution import StepOutcome, StepState
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
    known = _named(record, progress.agent)
    if known is not None and progress.agent in _pool(step):
        return known
    while (found := _assigned(record, step)).waits:
        progress.note = "waits for an agent that has room"
        await workflow.wait_condition(lambda: not _assigned(record, step).waits)
    progress.assigned = found.because
    return _named(record, found.chosen) if found.kind is MindKind.AGENT else None


def elsewhere(record: RunRecord, step: Step, colleague: Colleague, quota: Quota) -> str:
    """The agent that it moves to instead of waiting; empty: it waits."""
    now = workflow.now()
    said = AccountReport(id="limit", at=now, until=quota.until)
    parked = Parked(
        agent=colleague.name,
        job=_job(record, step),
        deadline=record.request.options.deadline,
        has_session=bool(record.of(step.id).agent),
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
    found = assign(
        job.model_copy(update={"failed": tuple(sorted(failed - {""})), "persons": False}), _minds(record, step)
    )
    return tuple(ranked.name for ranked in found.ranking)


def is_for_agents(record: RunRecord, step: Step) -> bool:
    return bool(record.of(step.id).agent) or bool(_pool(step))


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


def _job(record: RunRecord, step: Step) -> Job:
    assert isinstance(step.action, AgentAction)
    found, project = record.classification, record.project
    about = (*((found.task_type.value, *found.domains) if found else ()), *(project.languages if project else ()))
    return Job(
        needs=step.action.needs,
        about=tuple(about),
        named=step.action.agent,
        fallback=step.fallback.agent if step.fallback else "",
        persons=record.request.options.interaction is not Interaction.MINIMAL,
    )


def _minds(record: RunRecord, step: Step) -> list[Mind]:
    load, most = _load(record), record.steps.plan.max_per_agent
    pool = _pool(step) or record.steps.plan.agents
    agents = [
        Mind(
            name=each.name,
            capabilities=each.capabilities or ("*",),
            specializations=each.specialities,
            load=load[each.name],
            most=min(most, 3),
            track=_track(record, each),
            closed_until=_closed_until(record, each),
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


def _load(record: RunRecord) -> Counter[str]:
    """Steps that each agent works on now."""
    working = (StepState.PREPARING, StepState.RUNNING)
    at_work = (name for name in record.steps.active if record.steps.states[name] in working)
    return Counter(agent for name in at_work if (agent := record.of(name).agent))


def _named(record: RunRecord, name: str) -> Colleague | None:
    return next((each for each in record.staff if each.name == name), None)


def _pool(step: Step) -> tuple[str, ...]:
    return step.action.pool if isinstance(step.action, AgentAction) else ()
