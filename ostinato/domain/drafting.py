"""From a request and what is known of the project to a classification and a plan."""

from ostinato.domain.classification import Classification
from ostinato.domain.plan import Plan
from ostinato.domain.project import ProjectFacts
from ostinato.domain.request import RunRequest
from ostinato.domain.risk import assess_plan, with_risk
from ostinato.domain.rules import classify
from ostinato.domain.templates import STRATEGY, template_for


def draft(request: RunRequest, project: ProjectFacts) -> tuple[Classification, Plan]:
    """The given plan, or the template's; never more steps at once than the run's options allow."""
    options = request.options
    classification = classify(request.text, project=project, stated=options.task_type)
    if options.plan is None:
        plan = template_for(classification, project, request.text)
    else:
        classification = with_plan_risk(classification, options.plan)
        plan = _fitted(options.plan, classification)
    fitted: dict[str, object] = {"max_parallel": min(plan.max_parallel, options.max_parallel)}
    if options.post_gates is not None and options.plan is None:
        fitted["post_gates"] = options.post_gates
    return classification, plan.model_copy(update=fitted)


def with_plan_risk(classification: Classification, plan: Plan) -> Classification:
    """The classification with the risk of what a plan's commands do added; it only ever rises."""
    assessed = assess_plan(plan, classification.task_type, at_least=classification.risk)
    return with_risk(classification, assessed)


def _fitted(plan: Plan, classification: Classification) -> Plan:
    strategy, level = STRATEGY[classification.complexity]
    return plan.model_copy(
        update={
            "strategy": strategy,
            "validation_level": level,
            "success_criteria": plan.success_criteria or classification.success_criteria,
            "risks": plan.risks or classification.risk_reasons,
        }
    )
