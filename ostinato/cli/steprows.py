"""The steps of a run as rows: groups with their parts below them, and of a large plan what is worth a look."""

from collections.abc import Iterator
from datetime import datetime

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from ostinato.cli.printable import printable
from ostinato.domain.execution import StepState
from ostinato.domain.monitoring import MARK, SHOWN_OF_MANY, SHOWN_WHOLE
from ostinato.domain.report import Conflict, Snapshot, Todo
from ostinato.domain.request import headline
from ostinato.domain.waiting import count, counts, counts_text

STATE_STYLE = {
    StepState.PENDING: "quiet",
    StepState.PREPARING: "active",
    StepState.RUNNING: "active",
    StepState.WAITING: "careful",
    StepState.SUCCEEDED: "good",
    StepState.FAILED: "bad",
    StepState.SKIPPED: "quiet",
    StepState.BLOCKED: "bad",
    StepState.CANCELLED: "quiet",
}
NAME_CELLS = 44
NOTE_CELLS = 100
SHOWN_PARTS = 12
"""A group of more parts is shown by its counts, and the parts that are active or did not end well."""
SHOWN_CONFLICTS = 5
BROKEN = (StepState.FAILED, StepState.BLOCKED)


def span(seconds: float) -> str:
    """0.4 s, 12 s, 2:05 min, 1:02 h."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60}:{whole % 60:02d} min" if whole < 3600 else f"{whole // 3600}:{whole % 3600 // 60:02d} h"


def step_lines(snapshot: Snapshot, now: datetime) -> list[Text]:
    """All steps of a plan of ordinary size; of a large one how many are where, and those that are worth a look."""
    if snapshot.is_whole or len(snapshot.todos) == sum(snapshot.counts.values()):
        rows = list(_tree(snapshot, now))
        if len(rows) <= SHOWN_WHOLE:
            return rows
    chosen = [todo for todo in snapshot.todos if todo.state.is_active]
    chosen += [todo for todo in snapshot.todos if todo.state is StepState.FAILED]
    shown = [line for todo in chosen[:SHOWN_OF_MANY] for line in (todo_line(todo, now), *_doing(todo))]
    first = Text(f"  {counts_text(counts(snapshot))}", style="title")
    return [first, *shown, Text(f"    all of them: ostinato steps {snapshot.run_id}", style="quiet")]


def _tree(snapshot: Snapshot, now: datetime) -> Iterator[Text]:
    """Each group with its parts below it."""
    known = {todo.id for todo in snapshot.todos}
    parts: dict[str, list[Todo]] = {}
    for todo in snapshot.todos:
        parts.setdefault(todo.group if todo.group in known else "", []).append(todo)
    yield from _level(parts, "", now, 0)


def _level(parts: dict[str, list[Todo]], group: str, now: datetime, depth: int) -> Iterator[Text]:
    listed = parts.get(group, [])
    if depth and len(listed) > SHOWN_PARTS:
        yield Text(f"  {'  ' * depth}  {counts_text(count(listed))}", style="quiet")
        listed = [todo for todo in listed if todo.state.is_active or todo.state in BROKEN][:SHOWN_PARTS]
    for todo in listed:
        yield todo_line(todo, now, depth)
        yield from _doing(todo, depth)
        yield from _level(parts, todo.id, now, depth + 1)


def todo_line(todo: Todo, now: datetime, depth: int = 0) -> Text:
    style = STATE_STYLE[todo.state]
    name = todo.active if todo.state.is_active and todo.active else todo.name
    indented = "  " * depth + printable(name)
    line = Text.assemble("  ", (MARK[todo.state], style), " ", (_cell(indented), _name_style(todo)))
    line.append(f" {_todo_time(todo, now):>9}", "quiet")
    if todo.execution > 1:
        line.append(f"  execution {todo.execution}", "careful")
    note = headline(printable(todo.note or _after(todo)), NOTE_CELLS)
    return line.append(f"  {note}", "bad" if todo.state is StepState.FAILED else "quiet") if note else line


def _doing(todo: Todo, depth: int = 0) -> Iterator[Text]:
    """A line of its own: on a narrow terminal nothing of it would be left beside the name."""
    if todo.doing:
        yield Text(f"    {'  ' * depth}  ↳ {headline(printable(todo.doing), NOTE_CELLS)}", style="quiet")


def _after(todo: Todo) -> str:
    """What nobody wrote down and it waits for all the same."""
    if todo.state is not StepState.PENDING or not todo.implied:
        return ""
    return "after " + ", ".join(f"{found.step} ({found.because})" for found in todo.implied[:3])


def step_changes(before: Snapshot | None, after: Snapshot) -> list[str]:
    """What happened to the steps between two looks; of a large plan only failures, and how far it is."""
    old = {todo.id: todo.state for todo in before.todos} if before else {}
    moved = [todo for todo in after.todos if old.get(todo.id, StepState.PENDING) is not todo.state]
    is_large = sum(counts(after).values()) > SHOWN_WHOLE
    if is_large:
        moved = [todo for todo in moved if todo.state is StepState.FAILED]
    lines = [_moved(todo) for todo in moved]
    if is_large and (before is None or before.percent != after.percent):
        lines.append(f"{after.percent} %: {counts_text(counts(after))}")
    return lines


def _moved(todo: Todo) -> str:
    note = f": {headline(printable(todo.note), NOTE_CELLS)}" if todo.note and todo.state.is_over else ""
    name = todo.active if todo.state.is_active and todo.active else todo.name
    return f"{MARK[todo.state]} {printable(name)}{note}"


def trouble_lines(snapshot: Snapshot) -> list[Text]:
    """Conflicts, recoveries, takeovers and changes of the plan: what did not go as drafted."""
    conflicts = snapshot.conflicts
    lines = [Text(f"  ⚡ {printable(conflict_text(each))}", style="careful") for each in conflicts[-SHOWN_CONFLICTS:]]
    if more := len(conflicts) - len(lines):
        lines.insert(0, Text(f"  ⚡ {more} conflicts before these", style="quiet"))
    for entry in snapshot.recoveries[-SHOWN_CONFLICTS:]:
        what = f"  ↻ {entry.step}: {entry.error_class}, {entry.strategy}: {entry.result}"
        lines.append(Text(printable(what), style="quiet"))
    if snapshot.workspace is not None and snapshot.workspace.epoch > 1:
        lines.append(Text(f"  ↷ epoch {snapshot.workspace.epoch}: its files were taken up again", style="quiet"))
    if snapshot.changes:
        told = f"  ± {len(snapshot.changes)} changes of the plan: ostinato steps {snapshot.run_id} --diff"
        lines.append(Text(told, style="quiet"))
    return lines


def conflict_text(conflict: Conflict) -> str:
    paths = ", ".join(conflict.paths[:3]) + (" …" if len(conflict.paths) > 3 else "")
    kind = "may conflict" if conflict.forecast else "conflicted"
    return f"{conflict.step} {kind} in {paths}: {conflict.resolution or 'open'}"


def _name_style(todo: Todo) -> str:
    return "title" if todo.state.is_active else "quiet" if todo.state is StepState.PENDING else ""


def _todo_time(todo: Todo, now: datetime) -> str:
    if todo.started_at is None:
        return f"~{span(todo.expected_s)}" if todo.state is StepState.PENDING and todo.expected_s else ""
    return span(max(0.0, ((todo.ended_at or now) - todo.started_at).total_seconds()))


def _cell(text: str) -> str:
    if cell_len(text) > NAME_CELLS:
        return set_cell_size(text, NAME_CELLS - 1) + "…"
    return set_cell_size(text, NAME_CELLS)
