"""Runs whose steps coding agents did, for tests of what people and programs are shown."""

from datetime import timedelta

from ostinato.domain.budget.amounts import Usage
from ostinato.domain.execution import Failure, FailureKind, StepOutcome, StepResult, StepState
from ostinato.domain.ids import StepId
from ostinato.domain.pipeline import Outcome
from ostinato.domain.report import Quota, Snapshot, Todo
from ostinato.domain.staff import Colleague, GivenNote
from ostinato.domain.turns import LOST, Turn
from tests.unit.cli_runs import START, a_run, a_todo, an_ended_run

WHY = "claude: 0.800 = capability 1.00 × 0.40"
STEP = StepId("fix-lint")


def a_turn(end: str = "done", *, tokens: int = 1_000, session: str = "s1", **more: object) -> Turn:
    turn = Turn(agent="claude", step=STEP, end=end, session_id=session, usage=Usage(tokens_in=tokens))
    return turn.model_copy(update=more)


def killed_turns(*, session_after: str = "s1", resumed: bool = True) -> tuple[Turn, ...]:
    return (a_turn(LOST, tokens=8_320), a_turn(session=session_after, resumed=resumed, micro_usd=17_400))


def a_todo_by_agent(state: StepState, **more: object) -> Todo:
    todo = a_todo("Fix lint", state, active="Fixing lint findings", since=1)
    return todo.model_copy(update={"working": "claude", "assigned": WHY, **more})


def a_note() -> GivenNote:
    return GivenNote(id="n1", note="Keep the old route", by="ada", at=START)


def a_result(*turns: Turn, failed: bool = False) -> StepResult:
    failure = Failure(kind=FailureKind.AGENT, message="it gave up") if failed else None
    outcome = StepOutcome.FAILED if failed else StepOutcome.SUCCEEDED
    return StepResult(step_id=STEP, outcome=outcome, agent="claude", turns=turns, failure=failure)


def a_run_by_agent(*turns: Turn, failed: bool = False, **todo: object) -> Snapshot:
    """Has ended."""
    state, outcome = (StepState.FAILED, Outcome.FAILED) if failed else (StepState.SUCCEEDED, Outcome.COMPLETED)
    return an_ended_run(
        outcome,
        todos=(a_todo_by_agent(state, **todo),),
        results=(a_result(*turns, failed=failed),),
        staff=(Colleague(name="claude", account="anthropic-1", version="2.1.329"),),
    )


def a_run_at_work(**todo: object) -> Snapshot:
    return a_run(todos=(a_todo_by_agent(StepState.RUNNING, **todo),))


def a_parked_run() -> Snapshot:
    limit = Quota(account="anthropic-1", until=START + timedelta(hours=1), step=STEP, because="the limit of five hours")
    return a_run(todos=(a_todo_by_agent(StepState.WAITING, note=str(limit)),), quotas=(limit,))
