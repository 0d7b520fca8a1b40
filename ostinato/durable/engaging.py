"""A step that a coding agent does: who, on what lease, under which limits, and when its account allows it."""

from datetime import datetime, timedelta

from temporalio import workflow

from ostinato.domain.agents.accounts import AccountReport
from ostinato.domain.agents.briefing import briefing
from ostinato.domain.agents.leases import lease_of, limits_of
from ostinato.domain.agents.orders import AgentOrder, Colleague
from ostinato.domain.budget.metering import Metered
from ostinato.domain.budget.prices import Terms
from ostinato.domain.execution import FailureKind, StepOutcome, StepResult, StepState
from ostinato.domain.plan import AgentAction, Step
from ostinato.domain.prompting import TurnName
from ostinato.domain.recovering.classes import StrategyName
from ostinato.domain.report import Quota
from ostinato.durable.accounts import may_start, report_answer, report_limit, until_told, waiter_of
from ostinato.durable.conditions import failed
from ostinato.durable.leasing import Purchase
from ostinato.durable.record import RunRecord
from ostinato.durable.spending import paid
from ostinato.durable.staffing import colleague_for
from ostinato.durable.stepping import (
    Engine,
    attempt,
    come_back,
    conflict_diff,
    last_conflict,
    leave_slot,
    received_by,
    resolved,
)

LONG_WAIT = timedelta(minutes=1)
"""A wait of so long leaves the machine to others."""
MARGIN = timedelta(minutes=10)
"""Of a lease over the longest that its agent may work."""
MOST_EXTENSIONS = 8
"""Leases for one execution: an agent that has used up one, and is not done, is given another while there is budget."""
USED_UP = ("agent_tokens", "agent_money")


async def by_agent(engine: Engine, step: Step) -> StepResult:
    """One execution, by whoever suits it best; parked while the account that would pay is used up."""
    record, progress = engine.record, engine.record.of(step.id)
    colleague = await _admitted(engine, step)
    progress.agent = colleague.name
    for number in range(MOST_EXTENSIONS):
        result = await _leased(engine, step, colleague, is_more=number > 0)
        if result is None:
            return failed(step, FailureKind.RESOURCES, "it was left out by the budget")
        if not _is_used_up(record, result) or number == MOST_EXTENSIONS - 1:
            break
        progress.execution += 1
    progress.anew = False
    if result.outcome is StepOutcome.SUCCEEDED and colleague.account and _was_limited(record, step):
        await report_answer(record, step, colleague.account)
    return result


async def meet_limit(record: RunRecord, step: Step, until: datetime | None, because: str) -> bool:
    """Whether an agent's account was told of its limit; False: the step has none."""
    account = account_of(record, step)
    if not account:
        return False
    said = AccountReport(id=waiter_of(record, step), at=workflow.now(), until=until, by=step.id, because=because[:200])
    await report_limit(record, step, account, said)
    return True


def account_of(record: RunRecord, step: Step) -> str:
    name = record.of(step.id).agent
    return next((each.account for each in record.staff if each.name == name), "") if name else ""


async def _admitted(engine: Engine, step: Step) -> Colleague:
    """The agent that the account lets start."""
    record = engine.record
    while True:
        colleague = await colleague_for(engine, step)
        quota = await may_start(record, step, colleague.account) if colleague.account else None
        if quota is None:
            return colleague
        await _park(engine, step, quota)


async def _park(engine: Engine, step: Step, quota: Quota) -> None:
    record = engine.record
    if quota.until - workflow.now() < LONG_WAIT:
        await until_told(record, step, quota)
        return
    leave_slot(engine, step)
    record.set_state(step.id, StepState.WAITING, str(quota))
    await until_told(record, step, quota)
    await come_back(engine, step)


async def _leased(engine: Engine, step: Step, colleague: Colleague, *, is_more: bool) -> StepResult | None:
    record = engine.record
    balance = record.spending.balance()
    lease = lease_of(step, colleague.terms or Terms(model="unknown"), balance)
    limits = limits_of(step, lease, balance)
    order = (await _order(engine, step, colleague, is_more=is_more)).model_copy(update={"limits": limits})
    buying = Purchase(
        what=f"step {step.id}", estimate=lease, lasts=min(timedelta(seconds=limits.wall_s) + MARGIN, timedelta(days=1))
    )

    async def work(metered: Metered) -> StepResult:
        return await attempt(engine, step, order.model_copy(update={"metered": metered}))

    return await paid(record, buying, work)


async def _order(engine: Engine, step: Step, colleague: Colleague, *, is_more: bool) -> AgentOrder:
    record, progress = engine.record, engine.record.of(step.id)
    asked = resolved(record, step)
    assert isinstance(asked.action, AgentAction)
    met = last_conflict(record, step) if progress.anew else None
    activation, objection = record.activation, _objection(record, step)
    turn = TurnName.OBJECTIONS if objection or met or asked.action.continues else TurnName.RESUMED
    return AgentOrder(
        agent=colleague.name,
        account=colleague.account,
        session=_session_of(record, asked, colleague),
        turn=turn,
        items=briefing(
            record.steps.plan,
            asked,
            request=record.request.text,
            context=received_by(record, step),
            objection="" if is_more else objection,
            conflict=await conflict_diff(record, step, met.execution) if met else "",
        ),
        mode=activation.mode if activation else "",
        skills=tuple(skill.name for skill in activation.skills) if activation else (),
        level=progress.level,
        notes=progress.given,
        anew=progress.anew and not is_more,
        allowed_commands=record.request.options.policy.commands or ("*",),
    )


def _session_of(record: RunRecord, step: Step, colleague: Colleague) -> str:
    """The step's own; that of the step it continues where the same agent did it."""
    assert isinstance(step.action, AgentAction)
    other = step.action.continues
    known = record.progress.get(other) if other else None  # type: ignore[call-overload]
    return other if known is not None and known.agent == colleague.name else step.id


def _objection(record: RunRecord, step: Step) -> str:
    """Why it is done once more, in words for the agent; empty where it was only interrupted."""
    history = record.of(step.id).history
    if not history or history[-1].strategy is not StrategyName.RETRY:
        return ""
    return record.of(step.id).note


def _is_used_up(record: RunRecord, result: StepResult) -> bool:
    """Only the lease is: whether there is more, the budget says."""
    diagnosis = result.failure.diagnosis if result.failure else None
    return diagnosis is not None and diagnosis.code in USED_UP and record.spending.limit.is_set


def _was_limited(record: RunRecord, step: Step) -> bool:
    return any(entry.strategy is StrategyName.WAIT_FOR_RESET for entry in record.of(step.id).history)
