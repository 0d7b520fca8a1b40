"""The steps of a plan as a drawing for a terminal: what runs side by side, who does it, how long, and why it waits. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.text import Text

from ostinato.cli.folding import cell, cut, flat, fold, some
from ostinato.cli.prospects import known_items, readable
from ostinato.cli.steprows import span
from ostinato.domain.critical_path import critical_path, waves
from ostinato.domain.durations import PRIOR, Expectation
from ostinato.domain.ids import StepId
from ostinato.domain.plan import GroupAction, Plan, Step
from ostinato.domain.pool import ANYBODY, PERSON

SHOWN_STEPS = 100
_LEAD = 8
"""Cells of the wave, its bracket and the mark."""
_TIME = 9
_GAPS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class _Columns:
    name: int
    id: int
    who: int
    width: int

    @property
    def details(self) -> int:
        return self.width - _LEAD - 2


def tree_lines(plan: Plan, expectations: Mapping[StepId, Expectation], width: int) -> list[Text]:
    """Waves downwards, what runs side by side in brackets; below each step what is worth knowing of it."""
    columns = _columns(plan, width)
    critical = frozenset(critical_path(plan))
    listed = waves(plan)
    lines: list[Text] = []
    shown = 0
    for number, wave in enumerate(listed):
        if shown + len(wave) > SHOWN_STEPS and shown:
            lines.append(Text(f"  … {len(plan.steps) - shown} more steps: --json lists them", style="quiet"))
            break
        shown += len(wave)
        for index, step_id in enumerate(wave):
            step = plan.step(step_id)
            details = list(_details(step, plan, listed[number - 1] if number else (), number, expectations))
            row = _Row(step, number + 1, index, len(wave), step_id in critical)
            lines += row.lines(columns, [*details], plan)
    return lines


def who_does(step: Step) -> str:
    """A tool by its name, a command by its line; everything else is a person or the plan itself."""
    action = step.action
    match action.kind:
        case "tool":
            return action.tool
        case "command":
            return f"$ {flat(action.line)}"
        case "agent":
            if action.pool:
                return " or ".join(action.pool)
            return "a person" if action.agent in (ANYBODY, PERSON) else f"a person for {action.agent}"
        case "ask":
            return "you decide"
        case "choose":
            return "a condition"
        case "group":
            return "a group"


@dataclass(frozen=True, slots=True)
class _Row:
    step: Step
    wave: int
    index: int
    of: int
    is_critical: bool

    def lines(self, columns: _Columns, details: Sequence[str], plan: Plan) -> Iterator[Text]:
        first, *more = fold(self.step.name, columns.name)
        below = [(line, "") for line in more]
        said = " · ".join(details)
        below += [(f"  {line}", "quiet") for line in fold(said, columns.details)] if said else []
        below += list(_body(self.step, plan, columns))
        mark = ("◆", "active") if self.is_critical else ("◇", "quiet")
        time = span(self.step.expected_s) if self.step.expected_s else ""
        yield Text.assemble(
            (f"{self.wave if self.index == 0 else '':>3} {self._bracket(last=not below)} ", "quiet"), mark, " ",
            (cell(first, columns.name), "title" if self.is_critical else ""), " ",
            (cell(self.step.id, columns.id), "quiet"), " ", cell(who_does(self.step), columns.who), f" {time:>{_TIME}}",
        )  # fmt: skip
        for place, (line, style) in enumerate(below, start=1):
            bracket = self._bracket(last=place == len(below), begun=True)
            yield Text.assemble((f"    {bracket}   ", "quiet"), (line, style))

    def _bracket(self, *, last: bool, begun: bool = False) -> str:
        if self.of == 1:
            return " "
        if self.index == 0 and not begun:
            return "┌"
        return "└" if last and self.index == self.of - 1 else "│"


def _columns(plan: Plan, width: int) -> _Columns:
    free = width - _LEAD - _TIME - _GAPS + 2
    id_cells = min(max(len(step.id) for step in plan.steps), free // 3)
    who = min(max(len(who_does(step)) for step in plan.steps), free // 4)
    widest = max(len(flat(step.name)) for step in plan.steps)
    return _Columns(name=min(widest, free - id_cells - who), id=id_cells, who=who, width=width)


def _details(
    step: Step, plan: Plan, before: Sequence[StepId], number: int, expectations: Mapping[StepId, Expectation]
) -> Iterator[str]:
    if step.when:
        yield f"only if {readable(step.when)}"
    if step.action.kind == "choose":
        yield f"whether {flat(readable(step.action.condition))}"
    if after := _after(step, before, number):
        yield after
    if step.implied:
        yield _implied(step)
    if step.writes:
        yield f"writes {some(step.writes)}"
    elif step.writes is None and (step.action.kind == "command" or _expects_changes(step)):
        yield "does not say what it writes"
    if step.holds:
        yield f"holds {some(step.holds)}"
    if step.action.kind == "ask":
        yield "options: " + ", ".join(
            f"{name} (stops)" if name in step.action.stops_on else name for name in step.action.options
        )
    if step.max_attempts > 1:
        yield f"up to {step.max_attempts} attempts"
    if step.id in plan.rollback_points:
        yield "↺ rollback point"
    found = expectations.get(step.id)
    if found is not None and found.because != PRIOR:
        yield f"time by {found.because}"


def _implied(step: Step) -> str:
    """What nobody wrote down, and why it waits all the same; the reasons of several in one."""
    if len(step.implied) == 1:
        return f"waits for {step.implied[0].step}: {step.implied[0].because}"
    read = dict.fromkeys(found.because.removeprefix("reads ").partition(" which ")[0] for found in step.implied)
    return f"waits for {some([found.step for found in reversed(step.implied)], 6)}: reads {some(list(read))}, which they write"


def _expects_changes(step: Step) -> bool:
    return step.action.kind == "agent" and step.action.expects_changes


def _after(step: Step, before: Sequence[StepId], number: int) -> str:
    """Nothing where the drawing says it: one step right above."""
    if not step.depends_on or (len(before) == 1 and tuple(step.depends_on) == tuple(before)):
        return ""
    if len(before) > 1 and set(step.depends_on) == set(before):
        return f"after all of {number}"
    return f"after {some(step.depends_on, 6)}"


def _body(step: Step, plan: Plan, columns: _Columns, depth: int = 0) -> Iterator[tuple[str, str]]:
    """What a group makes, for each of what, and when it is done."""
    if not isinstance(step.action, GroupAction):
        return
    group, indent = step.action, "  " * (depth + 1)
    done = {"all": "all must succeed", "any": "one success is enough", "first": "the first success ends it"}
    merge = done.get(group.merge.strategy, f"{group.merge.count} must succeed")
    head = f"for each {group.name} of {group.items}{_known(group, plan)}, {merge}" if group.items else "made of"
    yield from ((f"{indent}{line}", "quiet") for line in fold(head, columns.details - 2 * depth))
    for part in (*group.body, *((group.reduce,) if group.reduce else ())):
        lead = "then, once: " if part is group.reduce else ""
        only = f", only if {readable(part.when)}" if part.when else ""
        said = f"{lead}{flat(part.name)} ({who_does(part)}, {span(part.expected_s)}{only})"
        yield f"{indent}↳ {cut(said, columns.details - 2 * depth - 2)}", ""
        yield from _body(part, plan, columns, depth + 1)


def _known(group: GroupAction, plan: Plan) -> str:
    """What the list holds, where the inputs tell."""
    found = known_items(group, plan.inputs)
    return f" ({some([str(each) for each in found], 4)})" if found else ""
