"""The steps of a run as a list: states, what each waits for, groups with their parts, and who changed what."""

from collections.abc import Iterator, Mapping
from typing import Any

from rich.text import Text

from ostinato.cli.printable import printable
from ostinato.cli.steprows import NOTE_CELLS, STATE_STYLE
from ostinato.domain.ids import StepId
from ostinato.domain.monitoring import MARK
from ostinato.domain.report import Changed, Snapshot, Todo
from ostinato.domain.request import headline
from ostinato.domain.waiting import counts, counts_text, waits_for
from ostinato.domain.wire import action_text


def steps_data(snapshot: Snapshot) -> dict[str, Any]:
    waiting = waits_for(snapshot)
    actions = {step.id: action_text(step) for step in snapshot.plan.steps} if snapshot.plan else {}
    return {
        "run_id": snapshot.run_id,
        "phase": snapshot.phase,
        "outcome": snapshot.outcome,
        "paused": snapshot.paused,
        "counts": counts(snapshot),
        "steps": [_step(todo, actions.get(todo.id, ""), waiting.get(todo.id)) for todo in snapshot.todos],
    }


def _step(todo: Todo, action: str, waits: str | None) -> dict[str, Any]:
    kept = {"id", "name", "state", "group", "critical", "execution", "failures", "conflicts", "note", "expected_s"}
    return {
        **todo.model_dump(mode="json", include=kept),
        "action": action,
        "agent": todo.agent or todo.working,
        "assigned": todo.assigned,
        "doing": todo.doing,
        "depends_on": list(todo.depends_on),
        "implied": [found.model_dump() for found in todo.implied],
        "waits_for": waits,
    }


def steps_lines(snapshot: Snapshot) -> list[Text]:
    """Every step: whoever types `steps` wants them all."""
    if not snapshot.todos:
        return [Text("there is no plan yet", style="quiet")]
    waiting = waits_for(snapshot)
    depth = depths(snapshot)
    width = min(48, max(len(todo.id) + 2 * depth[todo.id] for todo in snapshot.todos))
    lines = [_line(todo, waiting.get(todo.id, ""), "  " * depth[todo.id], width) for todo in snapshot.todos]
    return [Text(counts_text(counts(snapshot)), style="title"), *lines]


def depths(snapshot: Snapshot) -> dict[StepId, int]:
    """How many groups a step is within."""
    groups = {todo.id: todo.group for todo in snapshot.todos}
    depth: dict[StepId, int] = {}
    for name in groups:
        outer, levels = groups[name], 0
        while outer and levels < 10:
            levels += 1
            outer = groups.get(StepId(outer), "")
        depth[name] = levels
    return depth


def _line(todo: Todo, waits: str, indent: str, width: int) -> Text:
    style = STATE_STYLE[todo.state]
    line = Text.assemble("  ", (MARK[todo.state], style), " ", (f"{indent + todo.id:<{width}}", ""))
    line.append(f"  {todo.state:<9}", style)
    line.append(f"  {headline(printable(todo.name), 60)}")
    if who := todo.working or (todo.agent if todo.agent.startswith("person:") else ""):
        line.append(f"  by {printable(who)}", "command")
    if todo.execution > 1:
        line.append(f"  execution {todo.execution}", "careful")
    told = waits or todo.note or todo.doing
    return line.append(f"  {headline(printable(told), NOTE_CELLS)}", "quiet") if told else line


def change_lines(change: Changed) -> Iterator[Text]:
    """One line of who and when, then each field that differs."""
    when = f"{change.at.astimezone():%Y-%m-%d %H:%M:%S}"
    first = Text.assemble((when, "quiet"), f"  {printable(change.by)}  ", (f"{change.kind} {change.step}", "title"))
    yield first.append(f"  {printable(change.note)}", "quiet") if change.note else first
    for name in (*change.before, *(name for name in change.after if name not in change.before)):
        yield from _field(name, change.before, change.after)


def _field(name: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Text]:
    if name in before:
        yield Text(f"    - {name}: {_value(before[name])}", style="bad")
    if name in after:
        yield Text(f"    + {name}: {_value(after[name])}", style="good")


def _value(value: Any) -> str:
    text = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    return headline(printable(text), NOTE_CELLS)
