"""The messages of a run: updates validate and answer, signals of the same names work from any Temporal client."""

from collections.abc import Callable
from typing import Any, TypeVar

from pydantic import ValidationError
from temporalio import workflow
from temporalio.exceptions import ApplicationError

from ostinato.contracts.account import END_TURN, GO_AHEAD, EndTurn, GoAhead
from ostinato.contracts.workflows import (
    APPROVE,
    CARRIED,
    CHANGE_PLAN,
    DECIDE,
    PAUSE,
    PENDING_DECISIONS,
    PROGRESS,
    REJECT,
    RESUME,
    ROLL_BACK,
    SNAPSHOT,
    STEER,
    Acknowledged,
    CarriedBatch,
    Control,
    Verdict,
)
from ostinato.domain.base import Fact
from ostinato.domain.continuation import Rollback
from ostinato.domain.decisions import Answer, Decision
from ostinato.domain.errors import Problem
from ostinato.domain.report import Snapshot
from ostinato.domain.staff import Steering
from ostinato.domain.surgery import PlanChange
from ostinato.durable.accounts import told_to_start
from ostinato.durable.changing import accept_change, refuse_change, refuse_resume, refuse_rollback
from ostinato.durable.people import accept, refuse_reason, verdict_answer
from ostinato.durable.record import RunRecord
from ostinato.durable.steering import accept_steering, end_turn, refuse_steering

Message = TypeVar("Message", bound=Fact)

_DECIDE = 'Answer a decision: {"decision": "id", "option": "name", "by": "you", "note": "why"}'
_APPROVE = 'Approve the plan: {"by": "you", "note": "why"}'
_REJECT = 'Reject the plan and end the run: {"by": "you", "note": "why"}'
_PAUSE = 'Start nothing new; what runs goes on: {"by": "you"}'
_RESUME = 'Go on after a pause: {"by": "you"}'
_CHANGE = 'Change the running plan: {"kind": "skip", "step": "id", "by": "you"}; kinds: add, skip, edit, retry'
_ROLL_BACK = 'Go back to a checkpoint: {"checkpoint": "id", "files": [], "progressive": false, "by": "you"}'
_GO_AHEAD = "From an account: a step that waited for it may start"
_END_TURN = "From an account: it met a limit while a step works on it"
_STEER = 'Tell the agent that works on a step: {"step": "id", "note": "what it should know", "by": "you"}'
_CARRIED = "From a shard of this run: what it carried"
_A_VERDICT, _A_CONTROL = Verdict(), Control()
MAX_REFUSED_SHOWN = 20
"""Refused signals that a run keeps: whoever sends thousands must not make its state too large to be stored."""


class _Signals:
    """What can be told without an answer."""

    _record: RunRecord

    @workflow.signal(name=CARRIED, description=_CARRIED)
    def carried(self, batch: CarriedBatch) -> None:
        self._record.brought.append(batch)

    @workflow.signal(name=GO_AHEAD, description=_GO_AHEAD)
    def go_ahead(self, word: GoAhead) -> None:
        told_to_start(self._record, word)

    @workflow.signal(name=END_TURN, description=_END_TURN)
    async def end_turn(self, word: EndTurn) -> None:
        await end_turn(self._record, word)

    @workflow.signal(name=DECIDE, description=_DECIDE)
    def decide_signal(self, *raw: Any) -> None:
        self._by_signal(DECIDE, Answer, raw, self._accept_checked)

    @workflow.signal(name=APPROVE, description=_APPROVE)
    def approve_signal(self, *raw: Any) -> None:
        self._by_signal(APPROVE, Verdict, raw, lambda it: self._accept_checked(verdict_answer(it, approved=True)))

    @workflow.signal(name=REJECT, description=_REJECT)
    def reject_signal(self, *raw: Any) -> None:
        self._by_signal(REJECT, Verdict, raw, lambda it: self._accept_checked(verdict_answer(it, approved=False)))

    @workflow.signal(name=PAUSE, description=_PAUSE)
    def pause_signal(self, *raw: Any) -> None:
        self._by_signal(PAUSE, Control, raw, lambda it: self._pause_checked(True, it))

    @workflow.signal(name=RESUME, description=_RESUME)
    def resume_signal(self, *raw: Any) -> None:
        self._by_signal(RESUME, Control, raw, lambda it: self._pause_checked(False, it))

    def _accept_checked(self, answer: Answer) -> Problem | None:
        problem = refuse_reason(self._record, answer)
        if problem is None:
            accept(self._record, answer)
        return problem

    def _pause_checked(self, paused: bool, control: Control) -> Problem | None:
        self._set_paused(paused, control)
        return None

    def _set_paused(self, paused: bool, control: Control) -> Acknowledged:
        word = "paused" if paused else "resumed"
        if self._record.paused == paused:
            return Acknowledged(message=f"the run was already {word}")
        self._record.paused = paused
        self._record.wake()
        self._record.note(f"{word} by {control.by} at {workflow.now():%Y-%m-%d %H:%M:%S} UTC")
        return Acknowledged(message=word)

    def _by_signal(
        self, name: str, model: type[Message], raw: tuple[Any, ...], act: Callable[[Message], Problem | None]
    ) -> None:
        """A signal cannot be answered: a refused one shows in the run's notes and details."""
        try:
            problem = act(model.model_validate(_carried(raw)))
            reason = str(problem) if problem else ""
        except ValidationError as error:
            reason = "; ".join(
                f"{'.'.join(map(str, item['loc'])) or name}: {item['msg']}" for item in error.errors()[:5]
            )
        if reason and sum(note.startswith("signal ") for note in self._record.notes) < MAX_REFUSED_SHOWN:
            self._record.note(f"signal {name} refused: {reason}"[:600])


class Mailbox(_Signals):
    """Base of the run workflow: its queries, updates and signals."""

    @workflow.query(name=PROGRESS, description="The run at this moment, as far as it fits on a page")
    def progress(self) -> Snapshot:
        return self._record.glance()

    @workflow.query(name=SNAPSHOT, description="The whole run at this moment: plan, results and all")
    def whole(self) -> Snapshot:
        return self._record.snapshot()

    @workflow.query(name=PENDING_DECISIONS, description="Decisions that wait for a person")
    def pending_decisions(self) -> list[Decision]:
        return [decision for decision in self._record.decisions.values() if decision.is_open]

    @workflow.update(name=DECIDE, description=_DECIDE)
    def decide(self, answer: Answer) -> Acknowledged:
        accept(self._record, answer)
        return Acknowledged(message=f"{answer.decision}: {answer.option}")

    @decide.validator
    def check_decide(self, answer: Answer) -> None:
        _refuse(refuse_reason(self._record, answer))

    @workflow.update(name=APPROVE, description=_APPROVE)
    def approve(self, verdict: Verdict = _A_VERDICT) -> Acknowledged:
        accept(self._record, verdict_answer(verdict, approved=True))
        return Acknowledged(message="approved")

    @approve.validator
    def check_approve(self, verdict: Verdict = _A_VERDICT) -> None:
        _refuse(refuse_reason(self._record, verdict_answer(verdict, approved=True)))

    @workflow.update(name=REJECT, description=_REJECT)
    def reject(self, verdict: Verdict = _A_VERDICT) -> Acknowledged:
        accept(self._record, verdict_answer(verdict, approved=False))
        return Acknowledged(message="rejected")

    @reject.validator
    def check_reject(self, verdict: Verdict = _A_VERDICT) -> None:
        _refuse(refuse_reason(self._record, verdict_answer(verdict, approved=False)))

    @workflow.update(name=PAUSE, description=_PAUSE)
    def pause(self, control: Control = _A_CONTROL) -> Acknowledged:
        return self._set_paused(True, control)

    @pause.validator
    def check_pause(self, control: Control = _A_CONTROL) -> None:
        """Without a validator, arguments that do not fit would fail the workflow task instead of the update."""

    @workflow.update(name=RESUME, description=_RESUME)
    def resume(self, control: Control = _A_CONTROL) -> Acknowledged:
        return self._set_paused(False, control)

    @resume.validator
    def check_resume(self, control: Control = _A_CONTROL) -> None:
        _refuse(refuse_resume(self._record))

    @workflow.update(name=CHANGE_PLAN, description=_CHANGE)
    def change_plan(self, change: PlanChange) -> Acknowledged:
        return Acknowledged(message=accept_change(self._record, change))

    @change_plan.validator
    def check_change_plan(self, change: PlanChange) -> None:
        _refuse(refuse_change(self._record, change))

    @workflow.update(name=STEER, description=_STEER)
    async def steer(self, said: Steering) -> Acknowledged:
        return Acknowledged(message=await accept_steering(self._record, said))

    @steer.validator
    def check_steer(self, said: Steering) -> None:
        _refuse(refuse_steering(self._record, said))

    @workflow.update(name=ROLL_BACK, description=_ROLL_BACK)
    def roll_back(self, order: Rollback) -> Acknowledged:
        record = self._record
        record.rollback = order
        record.wake()
        return Acknowledged(message=f"going back to {order.checkpoint}: what runs is stopped, then the run is paused")

    @roll_back.validator
    def check_roll_back(self, order: Rollback) -> None:
        _refuse(refuse_rollback(self._record, order))


def _carried(raw: tuple[Any, ...]) -> Any:
    """What a signal carries; nothing counts as an empty object, several values fit no model and are refused."""
    match raw:
        case () | (None,):
            return {}
        case (only,):
            return only
        case _:
            return list(raw)


def _refuse(problem: Problem | None) -> None:
    if problem is not None:
        raise ApplicationError(str(problem), problem.model_dump(), type=problem.code, non_retryable=True)
