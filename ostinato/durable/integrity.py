"""The gate that cannot be gamed: what a change did to its own judges fails, or a person says that it may stay."""

from ostinato.contracts.activities import JUDGE_INTEGRITY
from ostinato.contracts.gates import JudgeIntegrity
from ostinato.domain.decisions import Answer, DecisionKind, Option
from ostinato.domain.gates import GateResult, Severity, Status
from ostinato.domain.pipeline import Phase, Trigger
from ostinato.durable.people import ask
from ostinato.durable.places import on_place
from ostinato.durable.record import RunRecord

KEEP = Option(name="keep", effect="it stays, and the report says who let it")
REFUSE = Option(name="refuse", effect="the gate fails, and the run cannot be merged")


async def judge_change(record: RunRecord) -> tuple[GateResult, ...]:
    """What was changed, and where; nothing where nothing was."""
    classification = record.classification
    if classification is None or record.head == record.place.head:
        return ()
    policy = record.request.options.policy
    judged = await on_place(
        record,
        JUDGE_INTEGRITY,
        lambda place: JudgeIntegrity(
            workspace=place,
            head=record.head,
            classification=classification,
            request=record.request.text,
            source_roots=record.facts.source_roots,
            policy=policy,
        ),
        summary="did the change weaken its own judges?",
    )
    kept = () if policy.says_nothing else (judged.permissions,)
    verdict = judged.integrity
    return ((await _asked(record, verdict)) if verdict.needs_person else verdict, *kept)


async def _asked(record: RunRecord, verdict: GateResult) -> GateResult:
    record.move(Trigger.PERSON_NEEDED, Phase.ESCALATING)
    answer = await ask(
        record,
        f"integrity-{record.head[:10]}",
        DecisionKind.QUESTION,
        f"May this stay? {verdict.message}"[:500],
        (KEEP, REFUSE),
        context=verdict.details,
    )
    record.move(Trigger.ANSWERED, Phase.VALIDATING)
    return _answered(verdict, answer)


def _answered(verdict: GateResult, answer: Answer) -> GateResult:
    note = f" ({answer.note})" if answer.note else ""
    if answer.option == KEEP.name:
        update = {"code": "integrity_approved", "message": f"{answer.by} let it stay{note}: {verdict.message}"}
    else:
        update = {
            "code": "integrity_refused",
            "status": Status.FAIL,
            "severity": Severity.CRITICAL,
            "message": f"{answer.by} refused it{note}: {verdict.message}",
        }
    return verdict.model_copy(update={**update, "needs_person": False})
