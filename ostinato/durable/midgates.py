"""Gates that judge while steps run: a step that gets nowhere, what it uses, and a run in which too much fails."""

from temporalio import workflow

from ostinato.domain.decisions import ABORT, GO_ON, DecisionKind
from ostinato.domain.diagnosis import Diagnosis
from ostinato.domain.execution import StepResult, StepState
from ostinato.domain.gates import GateResult, Stage, Status
from ostinato.domain.ids import DecisionId, StepId
from ostinato.domain.midway import judge_error_rate, judge_progress, judge_resources
from ostinato.domain.pipeline import Outcome
from ostinato.domain.plan import GroupAction, Step
from ostinato.domain.report import Stop
from ostinato.domain.request import Interaction
from ostinato.durable.calls import StopRun
from ostinato.durable.people import WITHDRAWN, ask
from ostinato.durable.record import RunRecord

QUESTION = DecisionId("error-rate")
_RANK = (Status.PASS, Status.WARN, Status.FAIL)


def judge_use(record: RunRecord, step: Step, result: StepResult) -> None:
    """What the execution used, where its step states limits."""
    if result.used is not None and step.limits.is_stated:
        _keep_worst(record, judge_resources(step.id, result.used, step.limits))


def judge_failing(record: RunRecord, step: Step, diagnosis: Diagnosis) -> None:
    """After an execution that failed so, before anything is done about it."""
    before = (entry.signature for entry in record.of(step.id).history)
    _keep_worst(record, judge_progress(step.id, (*before, diagnosis.signature)))


def judge_failed(record: RunRecord) -> None:
    """After a step that failed for good."""
    verdict = judge_error_rate(_states(record))
    _keep(record, verdict)
    if verdict.status is Status.FAIL and not _is_accepted(record) and record.steps.count(StepState.PENDING):
        record.held = True


async def hold(record: RunRecord) -> None:
    """For as long as steps run: where too many fail, nothing more starts until a person says so, or the run ends."""
    if (asked := record.decisions.get(QUESTION)) is not None and asked.is_open:
        record.held = True
    while True:
        await workflow.wait_condition(lambda: record.held)
        if record.request.options.interaction is Interaction.MINIMAL:
            raise StopRun(_stop(_verdict(record)))
        await _ask(record, _verdict(record))
        record.held = False
        record.wake()


async def _ask(record: RunRecord, verdict: GateResult) -> None:
    answer = await ask(
        record,
        QUESTION,
        DecisionKind.QUESTION,
        f"{verdict.message}. Nothing more starts. Go on?",
        (GO_ON, ABORT),
        context=verdict.recommendation,
    )
    if answer.option == ABORT.name:
        said = f"{answer.by} aborted the run: {verdict.message}"
        raise StopRun(Stop(outcome=Outcome.CANCELLED, code="aborted", message=said))


def _stop(verdict: GateResult) -> Stop:
    message = f"{verdict.message}: nothing more was started"
    return Stop(outcome=Outcome.FAILED, code="error_rate_high", message=message, cure=verdict.recommendation)


def _is_accepted(record: RunRecord) -> bool:
    """A person said: go on."""
    known = record.decisions.get(QUESTION)
    return known is not None and known.answer is not None and known.answer.option != WITHDRAWN


def _states(record: RunRecord) -> list[StepState]:
    return [record.steps.states[step.id] for step in record.steps.steps.values() if _counts(record, step)]


def _counts(record: RunRecord, step: Step) -> bool:
    """A group that needs only some of its parts says itself when too many of them failed."""
    group = record.steps.steps[StepId(step.group)].action if step.group in record.steps.steps else None
    return not isinstance(group, GroupAction) or group.merge.strategy == "all"


def _verdict(record: RunRecord) -> GateResult:
    return next(gate for gate in record.gates if gate.gate == "error_rate" and gate.stage is Stage.MID)


def _keep_worst(record: RunRecord, verdict: GateResult) -> None:
    """One verdict of each gate for all steps: the last of the worst."""
    known = _known(record, verdict.gate)
    if known is None or _RANK.index(verdict.status) >= _RANK.index(record.gates[known].status):
        _keep(record, verdict)


def _keep(record: RunRecord, verdict: GateResult) -> None:
    known = _known(record, verdict.gate)
    if known is None:
        record.gates.append(verdict)
    else:
        record.gates[known] = verdict
    record.stale = True


def _known(record: RunRecord, gate: str) -> int | None:
    return next(
        (index for index, kept in enumerate(record.gates) if kept.gate == gate and kept.stage is Stage.MID), None
    )
