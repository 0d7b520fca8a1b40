"""A plan as a Mermaid flowchart: groups as subgraphs, conditions on arrows, the critical path in colour. Pure."""

import re
from collections.abc import Iterator, Mapping
from typing import Final

from ostinato.cli.folding import cut
from ostinato.cli.plantree import who_does
from ostinato.cli.prospects import readable
from ostinato.cli.steprows import span
from ostinato.domain.critical_path import critical_path
from ostinato.domain.ids import StepId
from ostinato.domain.plan import GroupAction, Plan, Step

LABEL_CELLS: Final = 60
_UNSAFE: Final = re.compile(r"[^\w .,:;!?()/*+=@%§…↳-]")
"""Everything but letters, figures and harmless signs is written as an entity."""
_SHAPES: Final = {"choose": '{"%s"}', "ask": '{{"%s"}}', "agent": '(["%s"])', "command": '[["%s"]]'}
_STYLES: Final = (
    "classDef critical stroke-width:3px,stroke:#c60",
    "classDef person fill:#fff3d6",
)


def mermaid_text(plan: Plan) -> str:
    """Ends with a line end; ids are n0, n1, … in the order of the plan, parts of groups n0_0, n0_1, …"""
    names = {step.id: f"n{index}" for index, step in enumerate(plan.steps)}
    critical = frozenset(critical_path(plan))
    lines = ["flowchart TD"]
    for step in plan.steps:
        lines += _node(step, names[step.id], 1)
    for step in plan.steps:
        lines += _arrows(step, plan, names)
    lines += [f"  {style}" for style in _STYLES]
    lines += [f"  class {names[step.id]} critical" for step in plan.steps if step.id in critical]
    lines += [f"  class {names[step.id]} person" for step in plan.steps if step.needs_person]
    return "\n".join(lines) + "\n"


def label(text: str) -> str:
    """Safe between the quotes of a label: no sign in it means anything to Mermaid."""
    return _UNSAFE.sub(lambda found: f"#{ord(found[0])};", cut(text, LABEL_CELLS))


def _node(step: Step, name: str, depth: int) -> Iterator[str]:
    indent = "  " * depth
    if isinstance(step.action, GroupAction):
        yield from _subgraph(step, step.action, name, depth)
        return
    said = _SHAPES.get(step.action.kind, '["%s"]') % _said(step)
    yield f"{indent}{name}{said}"


def _subgraph(step: Step, group: GroupAction, name: str, depth: int) -> Iterator[str]:
    indent = "  " * depth
    each = f": for each {group.name} of {group.items}" if group.items else ""
    yield f'{indent}subgraph {name}["{label(step.name + each)}"]'
    inside = (*group.body, *((group.reduce,) if group.reduce else ()))
    names = {part.id: f"{name}_{index}" for index, part in enumerate(inside)}
    for part in inside:
        yield from _node(part, names[part.id], depth + 1)
    for part in inside:
        before = part.needs if part is not group.reduce else tuple(each.id for each in group.body)
        yield from (f"{indent}  {names[other]} --> {names[part.id]}" for other in before if other in names)
    yield f"{indent}end"


def _said(step: Step) -> str:
    time = f", {span(step.expected_s)}" if step.expected_s else ""
    return f"{label(step.name)}<br/>{label(cut(who_does(step), 30) + time)}"


def _arrows(step: Step, plan: Plan, names: Mapping[StepId, str]) -> Iterator[str]:
    """Solid where the plan says so, with the condition of a branch; dotted where a dependency was found."""
    for other in step.depends_on:
        said = _branch(step, plan.step(other))
        yield f"  {names[other]} -->{said} {names[step.id]}"
    for found in step.implied:
        yield f'  {names[found.step]} -.->|"{label(found.because)}"| {names[step.id]}'


def _branch(step: Step, other: Step) -> str:
    """On the arrow from the condition that the step hangs on."""
    if other.action.kind != "choose" or not step.when:
        return ""
    said = {other.id: "yes", f"not {other.id}": "no"}.get(readable(step.when), readable(step.when))
    return f'|"{label(said)}"|'
