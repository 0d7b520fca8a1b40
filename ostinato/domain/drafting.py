"""From a request and what is known of the project to a classification and a plan."""

from ostinato.domain.classification import Classification, SettledType
from ostinato.domain.classifying.escalation import Escalation, Next
from ostinato.domain.definition.gating import with_stated
from ostinato.domain.plan import GateName, Plan
from ostinato.domain.planning import STRATEGY, Grounds, plan_for
from ostinato.domain.pool import with_pool
from ostinato.domain.project import ProjectFacts
from ostinato.domain.request import RunRequest
from ostinato.domain.risk import assess_plan, with_risk
from ostinato.domain.rules import classify


def draft(
    request: RunRequest,
    project: ProjectFacts,
    *,
    classification: Classification | None = None,
    grounds: Grounds | None = None,
    escalation: Escalation | None = None,
    generic: bool = False,
) -> tuple[Classification, Plan]:
    """The given plan, or the template's; never more steps at once than the run's options allow.

    A classification that was made elsewhere (from evidence, by a model) is taken as it is.
    """
    options = request.options
    found = classification or classify(request.text, project=project, stated=options.task_type)
    if options.plan is not None:
        found = with_plan_risk(found, options.plan)
        return found, within_options(_fitted(options.plan, found), request)
    generic = generic or (escalation is not None and escalation.next is Next.GENERIC_PLAN)
    also = escalation.gate_types[1] if escalation is not None and len(escalation.gate_types) > 1 else None
    plan = plan_for(found, project, request.text, grounds=grounds, also=also, generic=generic)
    return with_plan_risk(found, plan), within_options(with_benchmark(plan, project), request)


def with_benchmark(plan: Plan, project: ProjectFacts) -> Plan:
    """Where the project has one, and other gates judge as well, it is measured too."""
    if not project.benchmark or not plan.post_gates:
        return plan
    return plan.model_copy(update={"post_gates": tuple(dict.fromkeys((*plan.post_gates, GateName.PERFORMANCE)))})


def settled_on(read: Classification, stated: Classification, settled: SettledType) -> Classification:
    """The classification for the type that somebody settled on, with the classifier's own words kept.

    `read` is what the classifier makes of the text, `stated` the same with that type given.
    """
    return stated.model_copy(
        update={
            "confidence": settled.confidence,
            "stated": False,
            "top": read.top,
            "because": (f"{settled.by} says it is {settled.task_type}", *read.because),
        }
    )


def within_options(plan: Plan, request: RunRequest) -> Plan:
    options = request.options
    fitted: dict[str, object] = {"max_parallel": min(plan.max_parallel, options.max_parallel)}
    if options.post_gates is not None and options.plan is None:
        fitted["post_gates"] = options.post_gates
    if options.agents:
        fitted["agents"] = options.agents
    if options.custom_gates:
        fitted["custom_gates"] = with_stated(plan.custom_gates, options.custom_gates)
    return with_pool(plan.model_copy(update=fitted))


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
