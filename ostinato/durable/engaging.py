"""A step that a coding agent does: who, on what lease, under which limits, and when its account allows it."""

import asyncio
from datetime import datetime, timedelta

from temporalio import workflow

from ostinato.domain.agents.accounts import AccountReport
from ostinato.domain.agents.leases import lease_of, limits_of
from ostinato.domain.agents.orders import AgentOrder, Permitted
from ostinato.domain.agents.outcomes import failed_by
from ostinato.domain.budget.metering import Metered
from ostinato.domain.budget.prices import Terms
from ostinato.domain.equipping import equipped
from ostinato.domain.execution import FailureKind, StepOutcome, StepResult, StepState
from ostinato.domain.permissions import Network, Policy, common_patterns
from ostinato.domain.plan import AgentAction, Step
from ostinato.domain.prompting import Item, PartName, TurnName
from ostinato.domain.recovering.classes import StrategyName
from ostinato.domain.recovering.diagnosing import FailureFacts, classify_failure
from ostinato.domain.report import Quota
from ostinato.domain.staff import Colleague
from ostinato.durable.accounts import leave_account, may_start, report_answer, report_limit, until_told, waiter_of
from ostinato.durable.calls import uninterrupted
from ostinato.durable.conditions import failed
from ostinato.durable.handing import hand_off
from ostinato.durable.leasing import Purchase
from ostinato.durable.record import RunRecord
from ostinato.durable.spending import paid
from ostinato.durable.staffing import colleague_for, colleague_named, elsewhere
from ostinato.durable.stepping import (
    Engine,
    attempt,
    come_back,
    conflict_diff,
    last_conflict,
    leave_slot,
    lifted,
    received_by,
    resolved,
    until_unobstructed,
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
STOPPED = (Exception, asyncio.CancelledError)
"""Not where the workflow is only forgotten by its worker: then nothing may be awaited."""
USED_UP = ("limit_tokens", "limit_money")


async def by_agent(engine: Engine, step: Step) -> StepResult:
    """One execution, by whoever suits it best; parked while the account that would pay is used up."""
    record, progress = engine.record, engine.record.of(step.id)
    colleague = _at_work(record, step) or await _admitted(engine, step)
    if colleague is None:
        return await by_person(engine, step)
    if isinstance(colleague, StepResult):
        return colleague
    record.engaged[step.id] = colleague.name
    progress.admitted = progress.admitted or progress.execution
    try:
        result = await _until_not_used_up(engine, step, colleague)
    except STOPPED:
        await _let_go(record, step, colleague.account)
        raise
    await _let_go(record, step, colleague.account)
    progress.anew = False
    if result.outcome is StepOutcome.SUCCEEDED and result.started_at and _was_limited(record, step):
        await report_answer(record, step, colleague.account, result.started_at)
    return result


async def _until_not_used_up(engine: Engine, step: Step, colleague: Colleague) -> StepResult:
    record, progress = engine.record, engine.record.of(step.id)
    while True:
        result = await _leased(engine, step, colleague)
        if not _is_used_up(record, result) or progress.execution >= progress.admitted + MOST_EXTENSIONS:
            return result
        progress.execution += 1


def _at_work(record: RunRecord, step: Step) -> Colleague | None:
    """Whoever was let start before the workflow began anew: its account knows it as one that runs."""
    progress = record.of(step.id)
    return colleague_named(record, progress.agent) if progress.admitted else None


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


async def _admitted(engine: Engine, step: Step) -> Colleague | StepResult | None:
    """The agent that its account lets start, or why none will in time; None: a person does it."""
    record, account = engine.record, ""
    try:
        while True:
            colleague = await colleague_for(engine, step)
            if colleague is None:
                return None
            account = colleague.account
            _engage(record, step, colleague.name)
            quota = await may_start(record, step, account)
            if quota is None:
                return colleague
            record.engaged.pop(step.id, None)
            if other := elsewhere(record, step, colleague, quota):
                record.note(f"{step.id}: {other} does it, since {quota}")
                _engage(record, step, other)
                await leave_account(record, account, waiter_of(record, step))
            elif _is_too_late(record, quota):
                await leave_account(record, account, waiter_of(record, step))
                return _too_late(record, step, quota)
            else:
                await _park(engine, step, quota)
    except STOPPED:  # its place in the queue is another's, and so is its room
        await _let_go(record, step, account)
        raise


async def _let_go(record: RunRecord, step: Step, account: str) -> None:
    waiter = waiter_of(record, step)
    record.engaged.pop(step.id, None)
    record.of(step.id).admitted = 0
    await uninterrupted(leave_account(record, account, waiter))


def _engage(record: RunRecord, step: Step, name: str) -> None:
    """At once, so that nobody else counts on its room."""
    progress = record.of(step.id)
    if progress.agent not in ("", name):  # another's session is not its own
        progress.anew = True
    progress.agent = record.engaged[step.id] = name


def _is_too_late(record: RunRecord, quota: Quota) -> bool:
    deadline = record.request.options.deadline
    return deadline is not None and max(quota.until, workflow.now()) >= deadline


def _too_late(record: RunRecord, step: Step, quota: Quota) -> StepResult:
    """A limit like one that it met itself: recovery decides what else there is."""
    message = f"{quota}, which is after the run's deadline"
    found = classify_failure(FailureFacts(code="rate_limited", message=message), now=workflow.now())
    failure = failed_by(found.model_copy(update={"reset_at": quota.until}))
    progress = record.of(step.id)
    return StepResult(
        step_id=step.id,
        execution=progress.execution,
        outcome=StepOutcome.FAILED,
        agent=progress.agent,
        summary=message[:300],
        failure=failure.model_copy(update={"message": message}),
    )


async def _park(engine: Engine, step: Step, quota: Quota) -> None:
    record = engine.record
    if quota.until - workflow.now() < LONG_WAIT:
        await until_told(record, step, quota)
        return
    leave_slot(engine, step)
    record.note(f"{step.id}: {quota}")
    record.set_state(step.id, StepState.WAITING, str(quota))
    await until_told(record, step, quota)
    await come_back(engine, step)
    await until_unobstructed(record, step)


async def _leased(engine: Engine, step: Step, colleague: Colleague) -> StepResult:
    record, progress = engine.record, engine.record.of(step.id)
    balance = record.spending.balance()
    lease = lease_of(step, colleague.terms or Terms(model="unknown"), balance)
    limits = limits_of(step, lease, balance)
    order = (await _order(engine, step, colleague)).model_copy(update={"limits": limits})
    buying = Purchase(
        what=f"step {step.id}",
        estimate=lease,
        lasts=min(timedelta(seconds=limits.wall_s) + MARGIN, timedelta(days=1)),
        begun=progress.lease,
    )

    async def work(metered: Metered) -> StepResult:
        progress.lease = metered
        return await attempt(engine, step, order.model_copy(update={"metered": metered}))

    try:
        result = await paid(record, buying, work)
    finally:
        progress.lease = None
    return result or _left_out(record, step)


def _left_out(record: RunRecord, step: Step) -> StepResult:
    result = failed(step, FailureKind.RESOURCES, "it was left out by the budget")
    return result.model_copy(update={"execution": record.of(step.id).execution})


async def _order(engine: Engine, step: Step, colleague: Colleague) -> AgentOrder:
    record, progress = engine.record, engine.record.of(step.id)
    asked = resolved(record, step)
    assert isinstance(asked.action, AgentAction)
    is_more = progress.execution > progress.admitted
    met = last_conflict(record, step) if progress.anew else None
    findings = [] if is_more else _objections(record, step)
    if met is not None:
        text = f"{ON_NEW_HEAD}\n\n{await conflict_diff(record, step, met.execution)}"
        findings.append(Item(part=PartName.FINDINGS, source="both sides of the conflict", text=text))
    turn = TurnName.OBJECTIONS if findings or asked.action.continues else TurnName.RESUMED
    return AgentOrder(
        agent=colleague.name,
        account=colleague.account,
        terms=colleague.terms,
        described=colleague.described,
        session=_session_of(record, asked, colleague),
        turn=turn,
        received=received_by(record, step),
        lifted=lifted(record, step),
        activation=equipped(record.activation, progress.without, progress.instead) if record.activation else None,
        criteria=record.steps.plan.success_criteria,
        findings=tuple(findings),
        level=progress.level,
        notes=progress.given,
        anew=progress.anew and not is_more,
        is_more=is_more,
        allowed=permitted(record.request.options.policy),
    )


def permitted(policy: Policy) -> Permitted:
    """The policy on what an agent starts and fetches; what it wrote is judged on its commit."""
    return Permitted(
        commands=common_patterns(policy.commands),
        lists=policy.commands,
        denied=policy.deny_commands,
        network=policy.network is Network.ALLOW,
    )


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
