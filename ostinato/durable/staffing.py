"""Which coding agent does a step: whoever suits it best of those that are here and have room."""

from collections import Counter
from collections.abc import Sequence

from temporalio import workflow

from ostinato.domain.agents.orders import Colleague
from ostinato.domain.execution import StepOutcome, StepState
from ostinato.domain.ids import StepId
from ostinato.domain.plan import AgentAction, Step
from ostinato.domain.request import Interaction
from ostinato.durable.record import RunRecord
from ostinato.durable.stepping import Engine


async def colleague_for(engine: Engine, step: Step) -> Colleague:
    """The one that its session is with; else the best that has room, waited for where nobody has."""
    record, progress = engine.record, engine.record.of(step.id)
    assert isinstance(step.action, AgentAction)
    names = step.action.pool
    here = [each for each in record.staff if each.name in names]
    if progress.agent in names and (known := [each for each in here if each.name == progress.agent]):
        return known[0]
    while not (free := _with_room(record, here)):
        progress.note = "waits for an agent that has room"
        await workflow.wait_condition(lambda: bool(_with_room(record, here)))
    return free[0]


def _with_room(record: RunRecord, here: Sequence[Colleague]) -> list[Colleague]:
    load = _load(record)
    return [each for each in here if load[each.name] < record.steps.plan.max_per_agent]


def take_on(record: RunRecord, staff: tuple[Colleague, ...]) -> None:
    """The plan's agents are those that were found to work."""
    record.staff, plan = staff, record.steps.plan
    names = tuple(each.name for each in staff)
    if names != plan.agents:
        record.steps.replan(plan.model_copy(update={"agents": names}))


def others_for(record: RunRecord, step: Step) -> tuple[str, ...]:
    """Of the run's agents those that have not tried it."""
    tried = {entry.detail for entry in record.of(step.id).history} | {record.of(step.id).agent}
    return tuple(each.name for each in record.staff if each.name not in tried)


def is_for_agents(record: RunRecord, step: Step) -> bool:
    return bool(record.of(step.id).agent) or (isinstance(step.action, AgentAction) and bool(step.action.pool))


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


def _load(record: RunRecord) -> Counter[str]:
    """Steps that each agent works on now."""
    working = (StepState.PREPARING, StepState.RUNNING)
    at_work = (StepId(name) for name in record.steps.active if record.steps.states[name] in working)
    return Counter(agent for name in at_work if (agent := record.of(name).agent))
