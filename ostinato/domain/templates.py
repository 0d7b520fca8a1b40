"""A plan for each task type: definitions with conditions, fitted to the request and the project."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ostinato.domain.classification import Classification, Complexity, Intent, TaskType
from ostinato.domain.definition import Definition, StepSpec, compile_definition
from ostinato.domain.ids import StepId
from ostinato.domain.plan import Plan, Strategy
from ostinato.domain.project import ProjectFacts
from ostinato.domain.template_catalogue import TEMPLATES, Part

STRATEGY: Mapping[Complexity, tuple[Strategy, str]] = {
    Complexity.SIMPLE: (Strategy.DIRECT, "basic"),
    Complexity.MODERATE: (Strategy.PROGRESSIVE, "standard"),
    Complexity.COMPLEX: (Strategy.PHASED, "comprehensive"),
    Complexity.ENTERPRISE: (Strategy.SYSTEMATIC, "enterprise"),
}
"""Features, F4."""
ANYWHERE = frozenset({"project.map", "security.scan", "docs.check", "deploy.check", "ui.check"})
"""Tools that find something in a repository of any language."""
_WISHES: Mapping[str, str] = {
    "lint": r"\blint\w*|\bruff\b|\bflake8\b|\bunused (imports?|variables?)|\bclean ?up\b|\btidy\b",
    "format": r"\b(re)?format\w*|\bblack\b|\bclean ?up\b|\btidy\b",
    "modernise": r"\bmoderni[sz]\w*|\bpyupgrade\b|\boutdated syntax\b",
    "generate": r"\btests?\b|\bcoverage\b",
    "types": r"\btypes?\b|\btyping\b|\bmypy\b|\bpyright\b",
    "dead": r"\bdead code\b|\bunused\b|\bclean ?up\b|\btidy\b|\bmoderni[sz]\w*",
    "upgrade": r"\b(bump|upgrade|update|pin)\b|\bdependenc\w+|\brequirements\b",
    "question": r"^(how|what|why|which|where|who|when|is|are|does|do|can|should)\b|\?\s*$|\b(explain|compare|evaluate|investigate|find out|propose|recommend)\b",
    "repair": r"\b(fix|repair|harden|patch|close|resolve|remediate|protect)\b",
}
_UPKEEP = ("lint", "format", "modernise", "types", "dead", "upgrade")


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """A definition, and for some of its steps what must hold for them to be part of the plan."""

    definition: Definition
    conditions: Mapping[StepId, frozenset[str]]


def template_of(task_type: TaskType) -> Template:
    parts: tuple[Part, ...] = TEMPLATES[task_type]
    return Template(
        definition=Definition.model_validate(
            {
                "id": task_type.replace("_", "-"),
                "inputs": {"request": {"type": "string", "description": "what was asked for"}},
                "steps": [part.step for part in parts],
            }
        ),
        conditions={StepId(part.step["id"]): frozenset(part.when) for part in parts},
    )


def template_for(classification: Classification, project: ProjectFacts, text: str) -> Plan:
    """The plan for this request; never empty, and only with tools that can find something in this project."""
    template = template_of(classification.task_type)
    holds = _holding(classification, text) | {"python" if project.is_python else "foreign"}
    chosen = {
        step.id
        for step in template.definition.steps
        if template.conditions[step.id] <= holds and _runs_in(step, project)
    }
    steps = _with_evidence(_bridged(template.definition.steps, chosen))
    definition = template.definition.model_copy(update={"steps": steps})
    name = f"template:{classification.task_type}"
    plan = compile_definition(definition, {"request": text}, name, "")
    strategy, level = STRATEGY[classification.complexity]
    return plan.model_copy(
        update={
            "strategy": strategy,
            "validation_level": level,
            "success_criteria": classification.success_criteria,
            "risks": classification.risk_reasons,
        }
    )


def _holding(classification: Classification, text: str) -> frozenset[str]:
    """What holds for this request, as the words that conditions are made of."""
    holds = {name for name, pattern in _WISHES.items() if re.search(pattern, text.strip(), re.IGNORECASE)}
    if not holds.intersection(_UPKEEP):
        holds.update(("lint", "format"))
    if classification.intent is not Intent.ANALYZE:
        holds.add("change")
    if "question" not in holds and not re.search(r"\b(audit|scan|map|analy[sz]e|overview)\b", text, re.IGNORECASE):
        holds.add("question")
    return frozenset(holds)


def _runs_in(step: StepSpec, project: ProjectFacts) -> bool:
    if step.tool is None or step.tool in ANYWHERE or project.is_python:
        return True
    return step.tool == "tests.run" and project.tests is not None


def _bridged(steps: tuple[StepSpec, ...], chosen: set[StepId]) -> tuple[StepSpec, ...]:
    """The chosen steps; who depended on one that is left out depends on what that one depended on."""
    leads: dict[StepId, tuple[StepId, ...]] = {}
    kept: list[StepSpec] = []
    for step in steps:  # the catalogue lists steps after what they depend on
        needs = tuple(dict.fromkeys(lead for name in step.depends_on for lead in leads[name]))
        leads[step.id] = (step.id,) if step.id in chosen else needs
        if step.id in chosen:
            kept.append(step.model_copy(update={"depends_on": needs}))
    return tuple(kept)


def _with_evidence(steps: tuple[StepSpec, ...]) -> tuple[StepSpec, ...]:
    """Where no tool of the template can run: look at what is here first."""
    if any(step.tool for step in steps):
        return steps
    look = StepSpec(id=StepId("map"), name="Map the project", tool="project.map", critical=False)
    return (look, *(step if step.depends_on else step.model_copy(update={"depends_on": (look.id,)}) for step in steps))
