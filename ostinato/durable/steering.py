"""What an agent is told while it works, by a person or by its account: kept in the record, and put where the agent's next turn finds it."""

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from ostinato.contracts.account import EndTurn
from ostinato.contracts.activities import STEER_STEP, SteerStep
from ostinato.domain.agents.accounts import MetLimit
from ostinato.domain.errors import Problem
from ostinato.domain.execution import StepState
from ostinato.domain.ids import StepId
from ostinato.domain.staff import MOST_STEERING, GivenNote, Steering
from ostinato.durable.calls import stop_of
from ostinato.durable.places import on_place
from ostinato.durable.record import RunRecord
from ostinato.durable.staffing import is_for_agents


def refuse_steering(record: RunRecord, said: Steering) -> Problem | None:
    known = record.steps.steps if record.schedule else {}
    step = known.get(StepId(said.step))
    if step is None:
        names = ", ".join(list(known)[:10]) or "none yet"
        return _problem("step_unknown", f"there is no step {said.step!r}", f"Name one of: {names}")
    if not is_for_agents(record, step):
        message = f"{said.step} is done by no coding agent, so there is nobody to tell"
        return _problem("not_by_agent", message, "Answer its decision, or change the plan")
    if record.steps.states[step.id].is_over:
        return _problem(
            "step_over", f"{said.step} is over", "Add a step, or retry it: `ostinato steps`, `ostinato retry`"
        )
    known_notes = record.progress[step.id].given if step.id in record.progress else ()
    if len(known_notes) >= MOST_STEERING:
        return _problem("too_many_notes", f"{said.step} was told {MOST_STEERING} notes already", "Say it in fewer")
    return None


async def accept_steering(record: RunRecord, said: Steering) -> str:
    """The note reaches an agent that works within a second or so; else with its next turn, also after a restart."""
    step_id = StepId(said.step)
    progress = record.of(step_id)
    note = GivenNote(id=f"n-{workflow.uuid4().hex[:12]}", note=said.note, by=said.by, at=workflow.now())
    progress.given = (*progress.given, note)
    record.stale = True
    if record.steps.states[step_id] is not StepState.RUNNING:
        return f"{said.step} is given it when it starts"
    try:
        await on_place(
            record,
            STEER_STEP,
            lambda place: SteerStep(workspace=place, session=step_id, note=note),
            summary=f"{said.step} · a note of {said.by}",
        )
    except ActivityError as error:
        if is_cancelled_exception(error):
            raise
        return f"{said.step} is given it with its next turn"
    return f"{said.step} is given it now"


async def end_turn(record: RunRecord, word: EndTurn) -> None:
    """The step parks as if it had met the limit itself. Where it cannot be told, it does meet it."""
    step_id = StepId(word.waiter.rsplit("/", 2)[1])
    progress = record.progress.get(step_id)
    if progress is None or not progress.admitted or not word.waiter.endswith(f"/{step_id}/{progress.admitted}"):
        return
    met = MetLimit(execution=progress.execution, limit=word.limit)
    try:
        await on_place(
            record,
            STEER_STEP,
            lambda place: SteerStep(workspace=place, session=step_id, met=met),
            summary=f"{step_id} · {word.account} is limited",
        )
    except ActivityError as error:
        if is_cancelled_exception(error):
            raise
        record.note(f"{step_id} could not be told that {word.account} is limited: {stop_of(error).message}")


def _problem(code: str, message: str, cure: str) -> Problem:
    return Problem(code=code, field="step", message=message, cure=cure)
