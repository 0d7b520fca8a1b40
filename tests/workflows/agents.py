"""Steps that coding agents do, and what fakes of them come to."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.client import Client
from temporalio.service import RPCError

from ostinato.adapters.temporal.accounts import ask_account
from ostinato.contracts import activities as contracts
from ostinato.contracts.account import (
    ACCOUNT_WORKFLOW,
    ASK_TO_START,
    GO_AHEAD,
    SEEN,
    AccountSeen,
    AskAccount,
    GoAhead,
    OpenAccount,
    StartAnswer,
    account_workflow_id,
)
from ostinato.contracts.workflows import Acknowledged
from ostinato.domain.agents.accounts import Account, AccountLimit
from ostinato.domain.agents.ends import AgentEnd, EndKind
from ostinato.domain.agents.outcomes import failed_by, failure_of
from ostinato.domain.execution import Failure, StepOutcome, StepResult, StepState
from ostinato.domain.plan import AgentAction, Plan, Step
from ostinato.domain.recovering.diagnosing import FailureFacts, classify_failure
from ostinato.domain.report import Snapshot
from ostinato.domain.staff import Colleague, Steering
from tests.builders import NOON
from tests.fakes.world import World, succeeded
from tests.workflows.steering import Handle, a_plan, until_seen

ACCOUNT = "anthropic-1"
LATER = timedelta(hours=5)


def agent_step(step_id: str, *depends_on: str, agent: str = "any", **fields: Any) -> Step:
    action = AgentAction(prompt=f"Do {step_id}", agent=agent)
    given = {"name": step_id, "writes": (f"{step_id}.py",), **fields}
    return Step.model_validate({"id": step_id, "action": action, "depends_on": depends_on, **given})


def by_agents(*steps: Step, agents: tuple[str, ...] = ("claude",), **fields: Any) -> Plan:
    return a_plan(*steps, agents=agents, **fields)


def a_colleague(name: str, **fields: Any) -> Colleague:
    return Colleague(name=name, **{"account": ACCOUNT, **fields})


def staffed(*staff: Colleague | str, **overrides: Any) -> Callable[[World], None]:
    """A worker with these agents; `step_execute=…` stands for step.execute."""

    def prepare(world: World) -> None:
        world.staff = tuple(a_colleague(each) if isinstance(each, str) else each for each in staff)
        world.overrides.update({name.replace("_", ".", 1): behaviour for name, behaviour in overrides.items()})

    return prepare


def orders_of(world: World, step_id: str) -> list[contracts.ExecuteStep]:
    """How each execution of a step was asked for."""
    return [argument for name, argument in world.calls if name == "step.execute" and argument.step.id == step_id]


def agents_of(world: World, step_id: str) -> list[str]:
    return [command.order.agent for command in orders_of(world, step_id) if command.order]


def ended(command: contracts.ExecuteStep, kind: EndKind, **fields: Any) -> StepResult:
    """An execution whose agent's last turn ended so."""
    failure = failure_of(AgentEnd(kind=kind, **fields), now=NOON)
    assert failure is not None
    return not_done(command, failure)


def rejected(command: contracts.ExecuteStep, code: str, message: str = "not proved") -> StepResult:
    """One whose claim did not hold."""
    return not_done(command, failed_by(classify_failure(FailureFacts(code=code, message=message), now=NOON)))


def not_done(command: contracts.ExecuteStep, failure: Failure) -> StepResult:
    return StepResult(
        step_id=command.step.id,
        execution=command.execution,
        outcome=StepOutcome.FAILED,
        failure=failure,
        summary=failure.message,
        agent=command.order.agent if command.order else "",
    )


def done_by(command: contracts.ExecuteStep, **fields: Any) -> StepResult:
    return succeeded(command, agent=command.order.agent if command.order else "tool", **fields)


@dataclass
class FakeAccount:
    """One that lets nobody start until `until`, unless it is opened; and who asked."""

    until: datetime
    is_open: bool = False
    asked: list[str] = field(default_factory=list)

    async def ask(self, command: AskAccount) -> StartAnswer:
        self.asked.append(command.asked.waiter)
        if self.is_open:
            return StartAnswer(may_start=True)
        limit = AccountLimit(until=self.until, is_guess=False, because="weekly limit")
        return StartAnswer(may_start=False, limit=limit)

    async def open_to(self, handle: Handle, step_id: str, execution: int = 1) -> None:
        self.is_open = True
        await let_go(handle, step_id, execution)


async def until_state(handle: Handle, step_id: str, state: StepState) -> Snapshot:
    return await until_seen(handle, lambda it: any(todo.id == step_id and todo.state is state for todo in it.todos))


async def let_go(handle: Handle, step_id: str, execution: int = 1) -> None:
    """As the account's workflow says it."""
    word = GoAhead(account=ACCOUNT, waiter=f"{handle.id}/{step_id}/{execution}")
    with contextlib.suppress(RPCError):  # it may have asked once more, and ended
        await handle.signal(GO_AHEAD, word)


async def done(command: contracts.ExecuteStep) -> StepResult:
    return done_by(command)


def in_hours() -> datetime:
    return datetime.now(UTC) + LATER


async def steer(handle: Handle, step: str, note: str = "use the other module") -> str:
    said = Steering(step=step, note=note, by="ada")
    answered: Acknowledged = await handle.execute_update("steer", said, result_type=Acknowledged)
    return answered.message


def really_asked(client: Client, name: str) -> Any:
    """The account's own workflow answers, on the run's worker."""

    def prepare(world: World) -> None:
        async def ask(command: AskAccount) -> StartAnswer:
            return await ask_account(
                client, OpenAccount(account=Account(name=command.account)), command.asked, workflow=ACCOUNT_WORKFLOW,
                workflow_id=account_workflow_id(name), task_queue=world.queue, update=ASK_TO_START,
                update_id=f"{command.asked.waiter}-{command.asked.since.isoformat()}", answer=StartAnswer,
            )  # fmt: skip

        world.staff = (a_colleague("claude", account=name),)
        world.overrides["account.ask"] = ask

    return prepare


async def seen_of(client: Client, name: str) -> AccountSeen:
    handle = client.get_workflow_handle(account_workflow_id(name))
    found: AccountSeen = await handle.query(SEEN, result_type=AccountSeen)
    return found
