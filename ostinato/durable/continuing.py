"""A run goes on in another execution of its workflow: everything it knows travels as one model."""

from temporalio import workflow

from ostinato.contracts.activities import OPEN_WORKSPACE, TAKE_OVER, OpenWorkspace, TakeOver
from ostinato.domain.continuation import Continuation
from ostinato.domain.execution import StepState
from ostinato.domain.pipeline import Phase, Trigger
from ostinato.domain.report import Changed, Snapshot, Todo
from ostinato.domain.request import RunRequest
from ostinato.domain.schedule import Schedule
from ostinato.domain.workspace import Workspace
from ostinato.durable.calls import call, stop_where_told
from ostinato.durable.places import accept_place
from ostinato.durable.record import Progress, RunRecord
from ostinato.durable.spending import spending_after

SHARDED_FROM_STEPS = 200
"""Plans of more steps are carried by shards, so that this history holds only what the schedule needs."""
SHARDED_FROM_EVENTS = 3_000
LONGEST_HISTORY = 900
"""Events; a replay of so many takes well under a second."""
KNOWN_BEFORE = 50
"""Executions before this one that it names; work that one of them began may still end."""
LONGEST_WAIT = 15_000
"""Events; a third of what a server takes."""


def is_sharded(record: RunRecord) -> bool:
    """Whether steps that start now are carried by shards."""
    many = len(record.steps.steps) > SHARDED_FROM_STEPS
    return many or bool(record.shards) or workflow.info().get_current_history_length() > SHARDED_FROM_EVENTS


def must_continue(record: RunRecord) -> bool:
    """Whether the run is to go on in a new execution as soon as nothing is in the way.

    Nothing new starts meanwhile, so that it is not asked for while something that may take hours has to be awaited.
    """
    events = workflow.info().get_current_history_length()
    if not is_sharded(record) or events <= LONGEST_HISTORY:
        return False
    return not record.long_calls or events > LONGEST_WAIT


def continuation_of(record: RunRecord) -> Continuation:
    return Continuation(
        reason="size",
        snapshot=record.snapshot(),
        follows=workflow.info().run_id,
        shards=tuple(record.shards),
        claimed=record.steps.claims.seen if record.schedule else {},
    )


def restored(request: RunRequest, continuation: Continuation) -> RunRecord:
    """The record as the execution before left it."""
    was = continuation.snapshot
    record = RunRecord(request=request, started_at=was.started_at)
    same_run = continuation.reason in ("size", "retry", "rollback")
    record.phase = was.phase if continuation.reason == "size" else Phase.ANALYZING
    record.paused = was.paused
    record.doing = was.doing
    record.workspace = was.workspace if same_run else None
    record.classification, record.project, record.activation = was.classification, was.project, was.activation
    record.gates = list(was.gates)
    record.baseline = was.baseline
    record.decisions = {decision.id: decision for decision in was.decisions}
    record.recoveries, record.conflicts = list(was.recoveries), list(was.conflicts)
    record.quotas = {quota.account: quota for quota in was.quotas}
    record.changes, record.checkpoints = list(was.changes), list(was.checkpoints)
    record.transitions = list(was.transitions) if same_run else []
    record.notes = list(was.notes)
    record.spending, record.eased = spending_after(request, continuation), list(was.eased)
    record.head, record.staff = was.head, was.staff
    record.shards = list(continuation.shards)
    record.results = {result.step_id: result for result in was.results}
    record.progress = {todo.id: _progress(todo) for todo in was.todos if _began(todo)}
    if was.plan is not None:
        record.schedule = Schedule.of(was.plan, {todo.id: todo.state for todo in was.todos})
        record.schedule.closed.update(record.quotas)
        for met in was.conflicts:
            if not met.forecast:
                record.schedule.claims.widen(met.step, met.paths)
        for step_id, paths in continuation.claimed.items():
            record.schedule.claims.widen(step_id, paths)
    record.rollback = continuation.rollback
    if record.workspace is not None:
        record.workspace = here(record, continuation.follows)
    return record


async def settle_in(record: RunRecord, continuation: Continuation) -> None:
    """Ground to stand on for a run that was retried, forked or rolled back; one that only grew has it."""
    if continuation.reason == "size":
        return
    record.say("finding the run's checkpoint")
    if continuation.reason == "fork":
        await _open_fork(record, continuation.snapshot)
    else:
        raised = record.place.model_copy(update={"epoch": record.place.epoch + 1})
        taken = await call(
            TAKE_OVER, TakeOver(workspace=raised, head=record.head), summary="find the run's checkpoint", counts=True
        )
        accept_place(record, taken)
    stop_where_told()
    for step_id in continuation.retried:
        record.changes.append(Changed(at=workflow.now(), by=continuation.by, kind="retry", step=step_id))
    record.move(Trigger.CONTINUED, Phase.EXECUTING, note=continuation.reason)


async def _open_fork(record: RunRecord, was: Snapshot) -> None:
    assert was.workspace is not None
    record.workspace = await call(
        OPEN_WORKSPACE,
        OpenWorkspace(
            run_id=record.request.run_id,
            repository=record.request.repository,
            base=was.workspace.base_commit,
            checkpoint_remote=record.request.options.checkpoint_remote,
            start_from=record.head,
        ),
        summary="a workspace that begins at the checkpoint",
        counts=True,
    )
    record.workspace = here(record).model_copy(update={"base_branch": was.workspace.base_branch})
    record.checkpoint(record.head)


def here(record: RunRecord, follows: str = "") -> Workspace:
    """The workspace, marked with the execution that works in it now and those that it continues."""
    place = record.place
    before = dict.fromkeys(name for name in (*place.follows.split(), place.timeline, follows) if name)
    chain = " ".join(tuple(before)[-KNOWN_BEFORE:])
    return place.model_copy(update={"timeline": workflow.info().run_id, "follows": chain})


def _began(todo: Todo) -> bool:
    is_new = todo.started_at is None and todo.execution == 1 and todo.state is StepState.PENDING
    return not is_new or bool(todo.working or todo.given)


def _progress(todo: Todo) -> Progress:
    return Progress(
        execution=todo.execution,
        failures=todo.failures,
        conflicts=todo.conflicts,
        history=todo.history,
        form=todo.form,
        started_at=todo.started_at,
        ended_at=todo.ended_at,
        retry_at=todo.retry_at,
        slot=todo.slot,
        checkout=todo.checkout,
        note=todo.note,
        agent=todo.working,
        assigned=todo.assigned,
        why=todo.why,
        anew=todo.anew,
        level=todo.level,
        without=todo.without,
        instead=todo.instead,
        given=todo.given,
        admitted=todo.admitted,
        lease=todo.lease,
    )
