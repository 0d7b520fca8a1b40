"""A step that a coding agent does: who, on what lease, under which limits, and when its account allows it."""

from datetime import datetime, timedelta

from temporalio import workflow

from ostinato.domain.agents.accounts import AccountReport
from ostinato.domain.agents.leases import lease_of, limits_of
from ostinato.domain.agents.orders import AgentOrder, Permitted
from ostinato.domain.budget.metering import Metered
from ostinato.domain.budget.prices import Terms
from ostinato.domain.equipping import equipped
from ostinato.domain.execution import FailureKind, StepOutcome, StepResult, StepState
from ostinato.domain.permissions import Network, Policy
from ostinato.domain.plan import AgentAction, Step
from ostinato.domain.prompting import Item, PartName, TurnName
from ostinato.domain.recovering.classes import StrategyName
from ostinato.domain.report import Quota
from ostinato.domain.staff import Colleague
from ostinato.durable.accounts import leave_account, may_start, report_answer, report_limit, until_told, waiter_of
from ostinato.durable.calls import uninterrupted
from ostinato.durable.conditions import failed
from ostinato.durable.handing import hand_off
from ostinato.durable.leasing import Purchase
from ostinato.durable.record import RunRecord
from ostinato.durable.spending import paid
from ostinato.durable.staffing import colleague_for, elsewhere
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
ON_NEW_HEAD = (
    "Your change conflicts with another step's, and the files are now as that one left them. Do your part again on top."
)
_TELLING = (StrategyName.RETRY, StrategyName.MCP_FALLBACK)
"""The agent is told why it is done once more."""
USED_UP = ("limit_tokens", "limit_money")


async def by_agent(engine: Engine, step: Step) -> StepResult:
    """One execution, by whoever suits it best; parked while the account that would pay is used up."""
    record, progress = engine.record, engine.record.of(step.id)
    colleague = await _admitted(engine, step)
    if colleague is None:
        return await by_person(engine, step)
    if progress.agent not in ("", colleague.name):  # another's session is not its own
        progress.anew = True
    progress.agent = colleague.name
    try:
        result = await _leased(engine, step, colleague, is_more=False)
        for _ in range(MOST_EXTENSIONS):
            if not _is_used_up(record, result):
                break
            progress.execution += 1
            result = await _leased(engine, step, colleague, is_more=True)
    finally:
        await uninterrupted(leave_account(record, step, colleague.account))
    progress.anew = False
    if result.outcome is StepOutcome.SUCCEEDED and _was_limited(record, step):
        await report_answer(record, step, colleague.account)
    return result


async def by_person(engine: Engine, step: Step) -> StepResult:
    """Who waits for a person takes no worktree of the others meanwhile."""
    asked = resolved(engine.record, step)
    assert isinstance(asked.action, AgentAction)
    leave_slot(engine, step)
    result = await hand_off(engine, asked, asked.action)
    await come_back(engine, step)
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


async def _admitted(engine: Engine, step: Step) -> Colleague | None:
    """The agent that its account lets start; None: a person does it."""
    record, progress = engine.record, engine.record.of(step.id)
    while True:
        colleague = await colleague_for(engine, step)
        if colleague is None:
            return None
        quota = await may_start(record, step, colleague.account)
        if quota is None:
            return colleague
        if other := elsewhere(record, step, colleague, quota):
            await leave_account(record, step, colleague.account)
            record.note(f"{step.id}: {other} does it, since {quota}")
            progress.agent, progress.anew = other, bool(progress.agent)
            continue
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


async def _leased(engine: Engine, step: Step, colleague: Colleague, *, is_more: bool) -> StepResult:
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

    result = await paid(record, buying, work)
    return result or failed(step, FailureKind.RESOURCES, "it was left out by the budget")


async def _order(engine: Engine, step: Step, colleague: Colleague, *, is_more: bool) -> AgentOrder:
    record, progress = engine.record, engine.record.of(step.id)
    asked = resolved(record, step)
    assert isinstance(asked.action, AgentAction)
    met = last_conflict(record, step) if progress.anew else None
    findings = [] if is_more else _objections(record, step)
    if met is not None:
        text = f"{ON_NEW_HEAD}\n\n{await conflict_diff(record, step, met.execution)}"
        findings.append(Item(part=PartName.FINDINGS, source="both sides of the conflict", text=text))
    turn = TurnName.OBJECTIONS if findings or asked.action.continues else TurnName.RESUMED
    return AgentOrder(
        agent=colleague.name,
        account=colleague.account,
        session=_session_of(record, asked, colleague),
        turn=turn,
        received=received_by(record, step),
        activation=equipped(record.activation, progress.without, progress.instead) if record.activation else None,
        criteria=record.steps.plan.success_criteria,
        findings=tuple(findings),
        level=progress.level,
        notes=progress.given,
        anew=progress.anew and not is_more,
        allowed=permitted(record.request.options.policy),
    )


def permitted(policy: Policy) -> Permitted:
    """As far as an agent can be told: of several lists of commands the shortest; the whole policy judges what it left."""
    lists = sorted(policy.commands, key=len)
    return Permitted(commands=lists[0] if lists else ("*",), network=policy.network is Network.ALLOW)


def _session_of(record: RunRecord, step: Step, colleague: Colleague) -> str:
    """The step's own; that of the step it continues where the same agent did it."""
    assert isinstance(step.action, AgentAction)
    other = step.action.continues
    known = record.progress.get(other) if other else None  # type: ignore[call-overload]
    return other if known is not None and known.agent == colleague.name else step.id


def _objections(record: RunRecord, step: Step) -> list[Item]:
    """Why it is done once more, in words for the agent; nothing where it was only interrupted."""
    progress = record.of(step.id)
    if not progress.history or progress.history[-1].strategy not in _TELLING or not progress.why:
        return []
    return [Item(part=PartName.FINDINGS, source="the attempt before", text=progress.why)]


def _is_used_up(record: RunRecord, result: StepResult) -> bool:
    """Only the lease is: whether there is more, the budget says."""
    diagnosis = result.failure.diagnosis if result.failure else None
    return diagnosis is not None and diagnosis.code in USED_UP and record.spending.limit.is_set


def _was_limited(record: RunRecord, step: Step) -> bool:
    return any(entry.strategy is StrategyName.WAIT_FOR_RESET for entry in record.of(step.id).history)
