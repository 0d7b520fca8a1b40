"""What goes into the activities that understand and plan, and what comes out."""

from typing import Any, Literal

from ostinato.domain.base import Fact
from ostinato.domain.budget.metering import Metered, Spent
from ostinato.domain.budget.prices import Terms
from ostinato.domain.classification import Classification, Ranked, SettledType
from ostinato.domain.classifying.escalation import Escalation
from ostinato.domain.plan import Plan
from ostinato.domain.project import ProjectFacts
from ostinato.domain.request import RunRequest
from ostinato.domain.workspace import Workspace


class DraftPlan(Fact):
    request: RunRequest
    workspace: Workspace
    settled: SettledType | None = None
    """What a model or a person said the type is, where the classifier was not sure enough."""
    generic: bool = False
    """Nobody could say: a plan that fits any type."""


class PlanDraft(Fact):
    classification: Classification
    project: ProjectFacts
    plan: Plan
    escalation: Escalation | None = None
    """What is to be done about a type that is not certain; None where it does not matter."""
    has_model: bool = False
    """A language model can draft a better plan."""
    terms: Terms | None = None
    """What its calls cost."""
    notes: tuple[str, ...] = ()
    """What a person should know: a history that could not be read, say."""


class DraftByModel(Fact):
    request: RunRequest
    workspace: Workspace
    draft: PlanDraft
    metered: Metered | None = None


class ModelDraft(Fact):
    """The draft with the model's plan, or as it was; and what became of it."""

    draft: PlanDraft
    note: str
    spent: Spent | None = None


class AskType(Fact):
    """A request for whose type the language model is asked."""

    text: str
    top: tuple[Ranked, ...]
    metered: Metered | None = None


class ReviewChange(Fact):
    """What a run really changed, from the commit that it began at."""

    workspace: Workspace
    head: str
    classification: Classification


class ActivateResources(Fact):
    request: RunRequest
    workspace: Workspace
    classification: Classification


class Evaluate(Fact):
    """A condition or a list in CEL, with exactly what it may see."""

    expression: str
    wants: Literal["condition", "list"]
    variables: dict[str, Any] = {}


class Evaluated(Fact):
    """A value, or what is wrong with the expression."""

    value: Any = None
    problem: str = ""
