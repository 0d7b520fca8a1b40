"""Everything that is known of a step survives a new execution of its workflow; what begins again knows less."""

from dataclasses import fields

from ostinato.domain.budget.amounts import Amount
from ostinato.domain.budget.metering import Metered
from ostinato.domain.continuation import Continuation, again
from ostinato.domain.diagnosis import ErrorClass
from ostinato.domain.execution import StepState
from ostinato.domain.ids import StepId
from ostinato.domain.recovering.classes import StrategyName
from ostinato.domain.recovering.deciding import Tried
from ostinato.domain.schedule import Schedule
from ostinato.domain.staff import GivenNote
from ostinato.domain.workspace import Checkout, Environment
from ostinato.durable.continuing import restored
from ostinato.durable.record import Progress, RunRecord
from tests.builders import NOON, a_plan, a_run, a_step, a_todo, at

TRIED = Tried(error_class=ErrorClass.FAILURE, code="refused", signature="s", strategy=StrategyName.RETRY)
NOTE = GivenNote(id="n-1", note="mind the gap", by="ada", at=NOON)
LEASE = Metered(lease_id="run/1", run_id="run", what="step lint", estimate=Amount(tokens=5))
EVERYTHING = Progress(
    execution=3,
    failures=2,
    conflicts=1,
    history=(TRIED,),
    form="agent:codex",
    started_at=NOON,
    ended_at=at(5),
    retry_at=at(9),
    slot="w1",
    checkout=Checkout(worktree="/tree", commit="c", environment=Environment(ready=False)),
    note="waits",
    agent="claude",
    assigned="claude: 1.0",
    why="it failed",
    anew=True,
    level=2,
    admitted=2,
    given=(NOTE,),
    lease=LEASE,
    without=("server:clock",),
    instead=("server:time",),
)


def test_nothing_of_a_steps_progress_is_lost_where_the_workflow_begins_anew() -> None:
    record = RunRecord(request=a_run(), started_at=NOON)
    record.schedule = Schedule.of(a_plan(a_step("lint")), {StepId("lint"): StepState.WAITING})
    record.progress[StepId("lint")] = EVERYTHING

    again = restored(a_run(), Continuation(reason="size", snapshot=record.snapshot()))

    unset = [field.name for field in fields(Progress) if getattr(EVERYTHING, field.name) == field.default]
    assert unset == []
    assert again.progress[StepId("lint")] == EVERYTHING


def test_a_step_that_is_tried_again_keeps_its_agent_and_what_people_said() -> None:
    todo = a_todo("lint", working="claude", given=(NOTE,), lease=LEASE, anew=True, why="it failed")

    tried = again(todo)

    assert (tried.working, tried.given) == ("claude", (NOTE,))
    assert (tried.lease, tried.anew, tried.why) == (None, False, "")


def test_a_step_that_starts_from_another_checkpoint_may_go_to_anybody() -> None:
    tried = again(a_todo("lint", working="claude", assigned="why", level=2, given=(NOTE,)), fresh=True)

    assert (tried.working, tried.assigned, tried.level) == ("", "", 0)
    assert tried.given == (NOTE,)
