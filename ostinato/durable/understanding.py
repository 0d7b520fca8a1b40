"""Analyzing and planning: a draft whose type somebody, or something, is sure enough of."""

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from ostinato.contracts.activities import ASK_TYPE, DRAFT_BY_MODEL, DRAFT_PLAN
from ostinato.contracts.planning import AskType, DraftByModel, DraftPlan, ModelDraft, PlanDraft
from ostinato.domain.budget.metering import Metered
from ostinato.domain.budget.prices import Terms, estimate_of_draft, estimate_of_type
from ostinato.domain.classification import Classification, SettledType, TaskType
from ostinato.domain.classifying.escalation import PERSON_SURE, Escalation, Next, escalation, model_sure
from ostinato.domain.decisions import DecisionKind, Option
from ostinato.domain.language_model import TypeAnswer
from ostinato.domain.refining import after_person
from ostinato.domain.request import Interaction
from ostinato.domain.tokens import estimated_tokens
from ostinato.durable.calls import stop_of
from ostinato.durable.leasing import Purchase
from ostinato.durable.people import ask
from ostinato.durable.places import on_place
from ostinato.durable.record import RunRecord
from ostinato.durable.spending import paid

ANY = "any"


async def understand(record: RunRecord) -> PlanDraft:
    """The draft: of a type that is sure enough, by a language model where one is there, of the risk that a person states."""
    draft = await _by_model(record, await _of_settled_type(record))
    request = record.request
    found, note = after_person(draft.classification, request.options, request.requested_by, workflow.now())
    if note:
        record.note(note)
    return draft.model_copy(update={"classification": found})


async def _by_model(record: RunRecord, draft: PlanDraft) -> PlanDraft:
    if record.request.options.plan is not None or not draft.has_model:
        return draft
    record.say("the language model drafts the plan")
    buying = Purchase(what="plan", estimate=estimate_of_draft(_terms(draft)), is_optional=True)
    try:
        made = await paid(record, buying, lambda lease: _draft_by_model(record, draft, lease))
    except ActivityError as error:
        if is_cancelled_exception(error):
            raise
        record.note(f"the template stands, as the language model could not be asked: {stop_of(error).message}")
        return draft
    if made is None:
        return draft
    record.note(made.note)
    return made.draft


async def _draft_by_model(record: RunRecord, draft: PlanDraft, lease: Metered) -> ModelDraft:
    return await on_place(
        record,
        DRAFT_BY_MODEL,
        lambda place: DraftByModel(request=record.request, workspace=place, draft=draft, metered=lease),
        summary="let the language model draft the plan",
    )


def _terms(draft: PlanDraft) -> Terms:
    """A worker that does not say what its model costs is reckoned with a dear one."""
    return draft.terms or Terms(model="unknown")


async def _of_settled_type(record: RunRecord) -> PlanDraft:
    """Drafted anew where a model or a person was asked for the type."""
    draft = await _draft(record)
    wanted = draft.escalation
    if wanted is not None and wanted.next is Next.ASK_MODEL:
        settled = await _ask_model(record, draft)
        if settled is not None:
            return await _draft(record, settled=settled)
        wanted = _without_model(record, draft.classification)
    if wanted is None or wanted.next in (Next.TAKE, Next.TAKE_WITH_BOTH_GATES):
        return draft
    if wanted.next is Next.ASK_PERSON and (settled := await _ask_person(record, draft.classification)):
        return await _draft(record, settled=settled)
    return await _draft(record, generic=True)


async def _draft(record: RunRecord, *, settled: SettledType | None = None, generic: bool = False) -> PlanDraft:
    return await on_place(
        record,
        DRAFT_PLAN,
        lambda place: DraftPlan(request=record.request, workspace=place, settled=settled, generic=generic),
        summary=f"draft a plan for {settled.task_type}" if settled else "classify the request and draft a plan",
    )


def _without_model(record: RunRecord, classification: Classification) -> Escalation:
    can_ask = record.request.options.interaction is not Interaction.MINIMAL
    return escalation(classification, has_model=False, can_ask=can_ask)


async def _ask_model(record: RunRecord, draft: PlanDraft) -> SettledType | None:
    """None where it gave no answer, or may not be paid for: that never fails a run."""
    classification, text = draft.classification, record.request.text
    record.say("asking the language model what kind of work this is")
    estimate = estimate_of_type(_terms(draft), estimated_tokens(text))
    try:
        answer = await paid(
            record,
            Purchase(what="type", estimate=estimate, is_optional=True),
            lambda lease: _answer_of_model(record, classification, lease),
        )
    except ActivityError as error:
        if is_cancelled_exception(error):
            raise
        record.note(f"the language model could not be asked for the type: {stop_of(error).message}")
        return None
    if answer is None:
        return None
    record.note(
        f"the classifier was not sure of the type ({classification.confidence:.0%}): {answer.reason}{_tokens(answer)}"
    )
    if answer.task_type is None:
        return None
    return SettledType(
        task_type=answer.task_type, by=answer.model, confidence=model_sure(classification, answer.task_type)
    )


async def _answer_of_model(record: RunRecord, classification: Classification, lease: Metered) -> TypeAnswer:
    return await on_place(
        record,
        ASK_TYPE,
        lambda place: AskType(text=record.request.text, top=classification.top, metered=lease),
        summary="ask the language model for the type",
    )


def _tokens(answer: TypeAnswer) -> str:
    return f" ({answer.tokens_in} tokens in, {answer.tokens_out} out)" if answer.tokens_in or answer.tokens_out else ""


async def _ask_person(record: RunRecord, classification: Classification) -> SettledType | None:
    """None where they leave it open."""
    likely = tuple(
        Option(name=ranked.task_type.value, effect=f"{ranked.p:.0%} likely by the words")
        for ranked in classification.top
    )
    answer = await ask(
        record,
        "task-type",
        DecisionKind.QUESTION,
        "What kind of work is this? The classifier is not sure",
        (*likely, Option(name=ANY, effect="a plan that fits any kind of work")),
        context="\n".join(f"- {reason}" for reason in classification.because),
    )
    if answer.option == ANY or answer.option not in list(TaskType):
        return None
    return SettledType(task_type=TaskType(answer.option), by=answer.by, confidence=PERSON_SURE)
