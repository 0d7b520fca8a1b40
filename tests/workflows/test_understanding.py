"""Of what type a request is, who plans it, and what its real change comes to."""

from collections.abc import Callable

from temporalio.client import Client
from temporalio.exceptions import ApplicationError

from ostinato.contracts import planning
from ostinato.domain.classification import Classification, Risk, TaskType
from ostinato.domain.classifying.escalation import Escalation, Next
from ostinato.domain.gates import Status
from ostinato.domain.language_model import TypeAnswer
from ostinato.domain.pipeline import Outcome
from ostinato.domain.request import Interaction, RunOptions
from tests.fakes.world import Behaviour, World, tool_step
from tests.workflows.conftest import running
from tests.workflows.steering import a_plan, answer, until_decision

PLAN = a_plan(tool_step("one"))


def a_guess(then: Next, **overrides: Behaviour) -> Callable[[World], None]:
    """Drafts whose type nobody is sure of."""

    def prepare(world: World) -> None:
        world.classification = world.classification.model_copy(update={"confidence": 0.2, "stated": False})
        world.escalation = Escalation(next=then, gate_types=(TaskType.BUG_FIX,), reason="20 % sure")
        world.overrides.update({name.replace("__", "."): value for name, value in overrides.items()})

    return prepare


def drafts(world: World) -> list[planning.DraftPlan]:
    return [argument for name, argument in world.calls if name == "plan.draft"]


async def test_a_type_that_is_sure_is_drafted_once(server: Client) -> None:
    async with running(server, PLAN, prepare=a_guess(Next.TAKE)) as (handle, world, _):
        await handle.result()

    assert len(drafts(world)) == 1


async def test_a_language_model_settles_a_type_that_is_a_guess(server: Client) -> None:
    async def says(command: planning.AskType) -> TypeAnswer:
        return TypeAnswer(task_type=TaskType.TESTING, reason="openai:x says testing", model="openai:x")

    async with running(server, PLAN, prepare=a_guess(Next.ASK_MODEL, plan__ask_type=says)) as (handle, world, _):
        snapshot = await handle.result()

    settled = drafts(world)[-1].settled
    assert settled is not None
    assert (settled.task_type, settled.by) == (TaskType.TESTING, "openai:x")
    assert any("openai:x says testing" in note for note in snapshot.notes)


async def test_a_model_that_fails_leaves_a_plan_for_any_kind_of_work(server: Client) -> None:
    async def fails(command: planning.AskType) -> TypeAnswer:
        raise ApplicationError("nobody answers", type="model_unreachable", non_retryable=True)

    async with running(server, PLAN, prepare=a_guess(Next.ASK_MODEL, plan__ask_type=fails)) as (handle, world, _):
        snapshot = await handle.result()

    assert drafts(world)[-1].generic
    assert snapshot.outcome is Outcome.COMPLETED


async def test_a_person_who_wants_to_be_asked_says_the_type(server: Client) -> None:
    options = RunOptions(interaction=Interaction.CHECKPOINT, approve_in_advance=True)

    async with running(server, PLAN, options=options, prepare=a_guess(Next.ASK_PERSON)) as (handle, world, _):
        await answer(handle, await until_decision(handle, "task-type"), "any")
        await handle.result()

    assert [draft.generic for draft in drafts(world)] == [False, True]


async def test_a_plan_by_a_model_is_what_is_executed(server: Client) -> None:
    async def better(command: planning.DraftByModel) -> planning.ModelDraft:
        plan = a_plan(tool_step("drafted"))
        return planning.ModelDraft(draft=command.draft.model_copy(update={"plan": plan}), note="drafted by x")

    def prepare(world: World) -> None:
        world.has_model = True
        world.overrides["plan.draft_by_model"] = better

    async with running(server, PLAN, prepare=prepare) as (handle, world, _):
        snapshot = await handle.result()

    assert world.executed() == ["drafted"]
    assert "drafted by x" in snapshot.notes


async def test_a_change_that_is_riskier_than_its_plan_is_a_warning_by_name(server: Client) -> None:
    async def riskier(command: planning.ReviewChange) -> Classification:
        update = {"risk": Risk.CRITICAL, "risk_reasons": ("critical: data could be lost (a migration was added)",)}
        return command.classification.model_copy(update=update)

    async with running(server, PLAN, prepare=lambda world: world.overrides.update({"plan.review_change": riskier})) as (
        handle,
        _,
        _,
    ):
        snapshot = await handle.result()

    warned = next(gate for gate in snapshot.gates if gate.code == "risk_rose")
    assert warned.status is Status.WARN
    assert "a migration was added" in warned.details
    assert snapshot.classification is not None
    assert snapshot.classification.risk is Risk.CRITICAL
    assert snapshot.outcome is Outcome.COMPLETED


async def test_a_person_lowers_the_risk_of_a_run_and_the_real_change_raises_it_again(server: Client) -> None:
    async def riskier(command: planning.ReviewChange) -> Classification:
        return command.classification.model_copy(update={"risk": Risk.HIGH})

    def prepare(world: World) -> None:
        world.classification = world.classification.model_copy(
            update={"risk": Risk.HIGH, "risk_reasons": ("high: money is handled (payments)",)}
        )
        world.overrides["plan.review_change"] = riskier

    options = RunOptions(risk=Risk.LOW, risk_because="only comments")
    async with running(server, PLAN, options=options, prepare=prepare) as (handle, world, _):
        snapshot = await handle.result()

    reviewed = next(argument for name, argument in world.calls if name == "plan.review_change").classification
    assert reviewed.risk is Risk.LOW
    assert not snapshot.decisions
    assert [(each.by, each.why) for each in reviewed.lowered] == [(snapshot.request.requested_by, "only comments")]
    assert any("lowered the risk from high to low: only comments" in note for note in snapshot.notes)
    warned = next(gate for gate in snapshot.gates if gate.code == "risk_rose")
    assert "money is handled" in warned.details
