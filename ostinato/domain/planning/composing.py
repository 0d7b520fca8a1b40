"""A plan for a request: the parts of its task type and strategy, laid out over what the repository shows. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ostinato.domain.classification import Classification, TaskType
from ostinato.domain.definition import Definition, compile_definition
from ostinato.domain.ids import StepId
from ostinato.domain.plan import GroupAction, Plan, Step, Strategy
from ostinato.domain.planning.catalogue import TEMPLATES
from ostinato.domain.planning.catalogue.generic import GENERIC, looked_at_too
from ostinato.domain.planning.circumstances import holding, is_looked_at, is_of_use
from ostinato.domain.planning.grounds import Grounds, grounds_of
from ostinato.domain.planning.laying import INPUTS, Laid, Site, bridged, laid_out
from ostinato.domain.planning.parts import PHASES, Part, tool
from ostinato.domain.planning.quality import review_plan
from ostinato.domain.planning.shapes import Layout, choose_layout
from ostinato.domain.planning.strategies import MEANING, STRATEGY
from ostinato.domain.project import ProjectFacts

GENERIC_NAME = "generic"


def plan_for(
    classification: Classification,
    project: ProjectFacts,
    text: str,
    *,
    grounds: Grounds | None = None,
    also: TaskType | None = None,
    generic: bool = False,
) -> Plan:
    """Never empty, and only with tools that can find something in this project.

    `also` is a second likely type, whose tools look at the result too; `generic` plans for no type in particular.
    """
    grounds = grounds_of(project, classification) if grounds is None else grounds
    strategy, level = STRATEGY[classification.complexity]
    parts = _parts(classification, project, text, strategy, also=also, generic=generic)
    divisible = any(part.each for part in parts)
    layout = choose_layout(classification.task_type, strategy, grounds, is_divisible=divisible)
    laid = laid_out(parts, Site(project=project, grounds=grounds, strategy=strategy, layout=layout))
    plan = _compiled(GENERIC_NAME if generic else classification.task_type, text, laid)
    points = (step_id for step_id, part in laid.parts.items() if part.is_point and strategy in PHASES)
    return plan.model_copy(
        update={
            "strategy": strategy,
            "validation_level": level,
            "shape": layout.shape,
            "because": (*_because(classification, strategy, layout), *_for_which(also, generic)),
            "rollback_points": tuple(points),
            "steps": tuple(_in_phase(step, laid.parts) for step in _without_idle_looks(plan)),
            "success_criteria": classification.success_criteria,
            "risks": classification.risk_reasons,
        }
    )


def _parts(
    classification: Classification,
    project: ProjectFacts,
    text: str,
    strategy: Strategy,
    *,
    also: TaskType | None,
    generic: bool,
) -> tuple[Part, ...]:
    every = GENERIC if generic else TEMPLATES[classification.task_type]
    holds = holding(classification, project, text, strategy)

    def is_chosen(part: Part) -> bool:
        return strategy in part.on and holds.issuperset(part.when) and is_of_use(part, project)

    parts = bridged(every, [part.key for part in every if is_chosen(part)])
    if also is not None and not generic:
        parts = (*parts, *looked_at_too(parts, filter(is_chosen, TEMPLATES[also]), also))
    return _with_evidence(parts)


def _for_which(also: TaskType | None, generic: bool) -> tuple[str, ...]:
    if generic:
        return ("for any kind of work, as nobody could say which it is",)
    return (f"looked at as {also} too, as it may be that",) if also else ()


def _with_evidence(parts: Sequence[Part]) -> tuple[Part, ...]:
    """Where no tool of the template can run: look at what is here first."""
    if any(part.kind == "tool" for part in parts):
        return tuple(parts)
    look = tool("map", "project.map")
    return (look, *(part if part.after else replace(part, after=(look.key,)) for part in parts))


def _compiled(kind: str, text: str, laid: Laid) -> Plan:
    definition = Definition(id=StepId(kind.replace("_", "-")), inputs=INPUTS, steps=laid.steps)
    return compile_definition(definition, {"request": text}, f"template:{kind}", "", laid.library)


def _without_idle_looks(plan: Plan) -> tuple[Step, ...]:
    """What a tool would find out for steps that are not part of this plan is not looked for."""
    while idle := {found.step for found in review_plan(plan).findings if found.code == "plan_orphan"}:
        kept = tuple(step for step in plan.steps if step.id not in idle)
        if not kept:
            break
        plan = plan.model_copy(update={"steps": kept})
    return plan.steps


def _because(classification: Classification, strategy: Strategy, layout: Layout) -> tuple[str, ...]:
    said = [
        f"{strategy}, as it is {classification.complexity}: {MEANING[strategy]}",
        f"{layout.shape}: {layout.because}",
    ]
    if is_looked_at(classification, strategy) and strategy is Strategy.PHASED:
        said.append(f"a person looks between the phases, as the risk is {classification.risk}")
    return tuple(said)


def _in_phase(step: Step, parts: Mapping[StepId, Part]) -> Step:
    """Also those within groups; a group is in the phase of what it does first."""
    if isinstance(step.action, GroupAction):
        body = tuple(_in_phase(inner, parts) for inner in step.action.body)
        action = step.action.model_copy(update={"body": body})
        return step.model_copy(update={"action": action, "phase": body[0].phase})
    return step.model_copy(update={"phase": parts[step.id].phase})
