"""A request over one commit of a repository: its classification by words and evidence, and a plan for it. Changes nothing.

One way for a run and for `plan`, so that what is shown is what would be done.
"""

from dataclasses import dataclass

from ostinato.adapters.corrections import load_calibration
from ostinato.adapters.evidence import gather_evidence
from ostinato.adapters.git.command import Git
from ostinato.adapters.home import Home
from ostinato.domain.classification import Classification, SettledType
from ostinato.domain.classifying.escalation import Escalation, escalation
from ostinato.domain.drafting import draft, settled_on
from ostinato.domain.plan import Plan
from ostinato.domain.project import ProjectFacts
from ostinato.domain.refining import refine
from ostinato.domain.request import Interaction, RunRequest
from ostinato.domain.rules import classify


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    classification: Classification
    plan: Plan
    escalation: Escalation | None
    """None where a plan was given: then the type decides nothing."""


async def understand_request(
    request: RunRequest,
    project: ProjectFacts,
    *,
    git: Git,
    commit: str,
    home: Home,
    has_model: bool,
    settled: SettledType | None = None,
    generic: bool = False,
) -> Understood:
    """The same for the same request, commit and calibration; a second call changes nothing."""
    stated = request.options.task_type
    calibration = load_calibration(home)
    found = classify(request.text, project=project, stated=stated, calibration=calibration)
    if settled is not None:
        found = settled_on(found, classify(request.text, project=project, stated=settled.task_type), settled)
    found = refine(found, await gather_evidence(git, commit, request.text))
    wanted = None
    if request.options.plan is None and settled is None and not generic:
        can_ask = request.options.interaction is not Interaction.MINIMAL
        wanted = escalation(found, has_model=has_model, can_ask=can_ask)
    classification, plan = draft(request, project, classification=found, escalation=wanted, generic=generic)
    return Understood(classification=classification, plan=plan, escalation=wanted)
