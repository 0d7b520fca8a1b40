"""What a well-formed step can still get wrong: its action, its lengths of time, its references, its place in the graph."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ostinato.domain.definition.model import Duration, StepSpec
from ostinato.domain.errors import Problem
from ostinato.domain.ids import StepId
from ostinato.domain.plan import find_cycle
from ostinato.domain.references import Reference, reference_problems, references, shell_problems
from ostinato.domain.tools import tool_problems

ACTIONS = ("run", "tool", "ask", "agent")
MAX_DURATION_S = 7 * 24 * 3600.0
_LENGTH = re.compile(r"(?:(\d+(?:\.\d+)?)h)?\s*(?:(\d+(?:\.\d+)?)m)?\s*(?:(\d+(?:\.\d+)?)s?)?")
_LENGTH_CURE = 'Write seconds, or a length like "90s", "10m", "1h30m"; at most 7 days'


def seconds(length: Duration) -> float | None:
    """A length of time in seconds; None where it is none, or longer than seven days."""
    if isinstance(length, str):
        match = _LENGTH.fullmatch(length.strip())
        if match is None or not any(match.groups()):
            return None
        hours, minutes, rest = (float(part or 0) for part in match.groups())
        length = hours * 3600 + minutes * 60 + rest
    return float(length) if 0 <= length <= MAX_DURATION_S else None


def step_texts(step: StepSpec) -> Iterator[tuple[str, str]]:
    """(field, text) of everything that may hold references."""
    if isinstance(step.run, tuple):
        yield from ((f"run[{index}]", word) for index, word in enumerate(step.run))
    named = (("name", step.name), ("active", step.active), ("ask", step.ask), ("prompt", step.prompt))
    run = step.run if isinstance(step.run, str) else ""
    yield from ((field, text) for field, text in (("run", run), *named) if text)
    yield from _nested("with", step.args)
    yield from ((f"writes[{index}]", glob) for index, glob in enumerate(step.writes or ()))
    yield from ((f"reads[{index}]", glob) for index, glob in enumerate(step.reads))


def step_references(step: StepSpec) -> Iterator[Reference]:
    for _, text in step_texts(step):
        yield from references(text)


def step_problems(step: StepSpec, at: str) -> Iterator[Problem]:
    """Of the step by itself."""
    chosen = [name for name in ACTIONS if getattr(step, name) is not None]
    if len(chosen) != 1:
        said = f"{' and '.join(chosen)} are given" if chosen else "nothing says what the step does"
        yield _problem("action_count", at, said, f"Give exactly one of: {', '.join(ACTIONS)}")
    if step.tool is not None:
        for problem in tool_problems(step.tool, step.args, field=f"{at}.tool"):
            yield problem.model_copy(update={"field": problem.field.replace(".tool.args.", ".with.")})
    yield from _misplaced(step, at)
    yield from _time_problems(step, at)
    if step.run == () or (isinstance(step.run, tuple) and not step.run[0].strip()):
        yield _problem("command_empty", f"{at}.run", "the command is empty", "Name the program first")
    if step.recovery == "reconcile":
        cure = 'Write recovery: {reconcile: "a command that exits 0 when the effect is there"}'
        yield _problem("reconcile_check_missing", f"{at}.recovery", "reconcile needs its check", cure)
    for field in ("writes", "reads"):
        for index, glob in enumerate(getattr(step, field) or ()):
            if glob.startswith(("/", "~")) or ".." in glob.split("/"):
                cure = "Write it relative to the repository, without '..'"
                yield _problem("path_outside", f"{at}.{field}[{index}]", f"{glob!r} leaves the repository", cure)


def text_problems(step: StepSpec, at: str, *, inputs: set[str], steps: set[str]) -> Iterator[Problem]:
    """Of the step's references."""
    for field, text in step_texts(step):
        place = f"{at}.{field}"
        yield from reference_problems(text, place)
        if field == "run":
            yield from shell_problems(text, place)
        for reference in references(text):
            yield from _unknown(reference, place, step.id, inputs=inputs, steps=steps)
            if reference.is_step and not field.startswith(("run", "ask", "prompt")):
                cure = "Outputs of steps can be used in run, prompt and ask"
                yield _problem("reference_not_here", place, f"{reference.text} is known only at run time", cure)


def graph_problems(steps: Mapping[int, StepSpec], ids: Mapping[str, int]) -> Iterator[Problem]:
    """Duplicate ids, unknown dependencies, cycles; `ids` also names the steps that are not well formed."""
    for index, step in steps.items():
        if ids[step.id] != index:
            message = f"step id {step.id!r} is used twice"
            yield _problem("step_duplicate", f"steps[{index}].id", message, "Give each step an id of its own")
        for position, name in enumerate(step.depends_on):
            if name not in ids:
                field = f"steps[{index}].depends_on[{position}]"
                cure = f"Name one of: {', '.join(known for known in ids if known)}"
                yield _problem("dependency_unknown", field, f"there is no step {name!r}", cure)
    if cycle := find_cycle({step.id: all_dependencies(step) for step in steps.values()}):
        message = f"the steps depend on each other in a circle: {' → '.join(cycle)}"
        yield _problem(
            "dependency_cycle", f"steps[{ids[cycle[0]]}].depends_on", message, "Remove one of these dependencies"
        )


def all_dependencies(step: StepSpec) -> tuple[StepId, ...]:
    """Those that are stated, and those that its references imply."""
    implied = (StepId(reference.name) for reference in step_references(step) if reference.is_step)
    return tuple(dict.fromkeys((*step.depends_on, *implied)))


def _misplaced(step: StepSpec, at: str) -> Iterator[Problem]:
    for field, value, owner in (
        ("with", step.args, "tool"),
        ("options", step.options, "ask"),
        ("prompt", step.prompt, "agent"),
    ):
        if value and getattr(step, owner) is None:
            yield _problem("field_misplaced", f"{at}.{field}", f"{field!r} belongs to {owner!r}", f"Give {owner!r} too")
    if step.agent is not None and not step.prompt:
        yield _problem("field_missing", f"{at}.prompt", "an agent needs a prompt", "Say in 'prompt' what is wanted")
    if step.ask is not None and len(set(step.options)) != len(step.options):
        yield _problem("option_duplicate", f"{at}.options", "an option is given twice", "Give each a name of its own")


def _time_problems(step: StepSpec, at: str) -> Iterator[Problem]:
    for field, length in (("timeout", step.timeout), ("expected", step.expected)):
        known = seconds(length) if length is not None else 1.0
        if known is None or (field == "timeout" and known == 0):
            yield _problem("duration_invalid", f"{at}.{field}", f"{length!r} is no length of time", _LENGTH_CURE)


def _unknown(reference: Reference, at: str, own: str, *, inputs: set[str], steps: set[str]) -> Iterator[Problem]:
    known = {"inputs": inputs, "steps": steps}.get(reference.root, set())
    kind = "step" if reference.is_step else "input"
    if reference.name not in known:
        cure = f"Name one of: {', '.join(sorted(known)) or f'there is no {kind}'}"
        yield _problem("reference_unknown", at, f"{reference.text}: there is no {kind} {reference.name!r}", cure)
    elif reference.is_step and reference.name == own:
        yield _problem("reference_unknown", at, f"{reference.text} is the step's own output", "Name an earlier step")


def _nested(field: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield field, value
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _nested(f"{field}.{name}", inner)
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from _nested(f"{field}[{index}]", inner)


def _problem(code: str, field: str, message: str, cure: str) -> Problem:
    return Problem(code=code, field=field, message=message, cure=cure)
