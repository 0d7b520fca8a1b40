"""What the run knows for an agent's prompt: the step, its paths, its criteria, others' results, what was objected to. Pure."""

from collections.abc import Iterator

from ostinato.domain.plan import AgentAction, Plan, Step
from ostinato.domain.prompting import Item
from ostinato.domain.prompting.shares import PartName
from ostinato.domain.relevance import StepContext, as_markdown

REQUEST = "the request"


def briefing(
    plan: Plan, step: Step, *, request: str, context: StepContext, objection: str = "", conflict: str = ""
) -> tuple[Item, ...]:
    """In no particular order: the prompt has its own."""
    return tuple(_items(plan, step, request, context, objection, conflict))


def _items(
    plan: Plan, step: Step, request: str, context: StepContext, objection: str, conflict: str
) -> Iterator[Item]:
    assert isinstance(step.action, AgentAction)
    yield Item(part=PartName.STEP, source=REQUEST, text=request)
    yield Item(part=PartName.STEP, source=f"step {step.id}", text=f"{step.name}\n\n{step.action.prompt}")
    yield Item(part=PartName.PATHS, source=f"step {step.id}", text=_paths(step))
    if plan.success_criteria:
        criteria = "\n".join(f"- {criterion}" for criterion in plan.success_criteria)
        yield Item(part=PartName.CRITERIA, source=REQUEST, text=criteria)
    if context.items:
        yield Item(part=PartName.RESULTS, source="steps before this one", text=as_markdown(context))
    if objection:
        yield Item(part=PartName.FINDINGS, source="the attempt before", text=objection)
    if conflict:
        text = f"Your change conflicts with another step's. Bring it onto the new state of the files.\n\n{conflict}"
        yield Item(part=PartName.FINDINGS, source="both sides of the conflict", text=text)


def _paths(step: Step) -> str:
    if step.writes == ():
        return "Change no file: what you say is the result."
    if step.writes is None:
        return ""
    return "Write only here: " + ", ".join(step.writes)
