"""What well-formed steps can still get wrong: their actions, lengths of time, references, conditions."""

import re
from collections.abc import Collection, Iterator, Sequence

from ostinato.domain.conditions import condition_problems, input_names, step_names, unnamed_steps
from ostinato.domain.definition.model import Duration, FallbackSpec, Size, StepSpec
from ostinato.domain.definition.structure import (
    MAX_LEVELS,
    Placed,
    Sight,
    body_of,
    expressions,
    graph_problems,
    item_names,
    placed,
    problem,
    spelled,
    step_texts,
)
from ostinato.domain.errors import Problem
from ostinato.domain.references import Reference, reference_problems, references, shell_problems
from ostinato.domain.tools import tool_problems

ACTIONS = ("run", "tool", "ask", "agent", "workflow", "if")
MAX_DURATION_S = 7 * 24 * 3600.0
RUN_TIME_FIELDS = ("run", "ask", "prompt", "with", "inputs", "checks", "fallback", "compensate", "deployment")
"""Where results of steps and shared values can be used."""
SHELL_FIELDS = (
    "run",
    "fallback",
    "fallback.run",
    "compensate",
    "compensate.run",
    "deployment.roll_back",
    "deployment.diagnose",
)
_LENGTH = re.compile(r"(?:(\d+(?:\.\d+)?)h)?\s*(?:(\d+(?:\.\d+)?)m)?\s*(?:(\d+(?:\.\d+)?)s?)?")
_LENGTH_CURE = 'Write seconds, or a length like "90s", "10m", "1h30m"; at most 7 days'
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)
_SIZE_CURE = 'Write bytes, or a size like "512M", "2G"'
_OF_WORK = ("reads", "writes", "holds", "account", "adds_steps", "context", "timeout", "expected", "retry", "recovery",
            "fallback", "compensate", "deployment", "relax", "on_failure", "limits")  # fmt: skip
"""Fields that say how work is done: conditions and groups do none themselves."""


def seconds(length: Duration) -> float | None:
    """A length of time in seconds; None where it is none, or longer than seven days."""
    if isinstance(length, str):
        match = _LENGTH.fullmatch(length.strip())
        if match is None or not any(match.groups()):
            return None
        hours, minutes, rest = (float(part or 0) for part in match.groups())
        length = hours * 3600 + minutes * 60 + rest
    return float(length) if 0 <= length <= MAX_DURATION_S else None


def size_bytes(size: Size) -> int | None:
    """A size in bytes, K as 1,024; None where it is none."""
    if isinstance(size, str):
        match = _SIZE.fullmatch(size.strip())
        if match is None:
            return None
        size = int(float(match[1]) * 1024 ** " KMGT".index(match[2].upper() or " "))
    return size if size > 0 else None


def all_problems(steps: Sequence[tuple[str, StepSpec]], sight: Sight, ids: Collection[str] = ()) -> Iterator[Problem]:
    """Of these steps, their branches and bodies. `ids`: also those of steps that are not well formed."""
    found = tuple(placed(steps))
    own = dict.fromkeys((*(here.spec.id for here in found), *ids))
    inner = Sight(
        inputs=sight.inputs, steps=sight.steps | set(own), values=sight.values, names=sight.names, level=sight.level
    )
    for here in found:
        yield from step_problems(here.spec, here.at)
        yield from _name_problems(here, inner)
        yield from _body_problems(here, inner)
    yield from graph_problems(found, own, sight.steps)


def step_problems(step: StepSpec, at: str) -> Iterator[Problem]:
    """Of the step by itself."""
    yield from _action_problems(step, at)
    if step.tool is not None:
        for found in tool_problems(step.tool, step.args, field=f"{at}.tool"):
            yield found.model_copy(update={"field": found.field.replace(".tool.args.", ".with.")})
    yield from _misplaced(step, at)
    yield from _time_problems(step, at)
    yield from _recovery_problems(step, at)
    if step.run == () or (isinstance(step.run, tuple) and not step.run[0].strip()):
        yield problem("command_empty", f"{at}.run", "the command is empty", "Name the program first")
    if step.recovery == "reconcile":
        cure = 'Write recovery: {reconcile: "a command that exits 0 when the effect is there"}'
        yield problem("reconcile_check_missing", f"{at}.recovery", "reconcile needs its check", cure)
    for field in ("writes", "reads"):
        for index, glob in enumerate(getattr(step, field) or ()):
            if glob.startswith(("/", "~")) or ".." in glob.split("/"):
                cure = "Write it relative to the repository, without '..'"
                yield problem("path_outside", f"{at}.{field}[{index}]", f"{glob!r} leaves the repository", cure)


def _action_problems(step: StepSpec, at: str) -> Iterator[Problem]:
    chosen = [name for name in ACTIONS if getattr(step, "condition" if name == "if" else name) is not None]
    if step.for_each is not None and step.for_each.steps:
        if chosen:
            said = f"'for_each' has steps, and {' and '.join(chosen)} is given too"
            yield problem("action_count", at, said, "Keep one of them")
    elif len(chosen) != 1:
        said = f"{' and '.join(chosen)} are given" if chosen else "nothing says what the step does"
        cure = f"Give exactly one of: {', '.join(ACTIONS)}" + ("" if step.for_each else ", for_each")
        yield problem("action_count", at, said, cure)


def _name_problems(here: Placed, sight: Sight) -> Iterator[Problem]:
    """Of its texts and conditions. With for_each the texts belong to the body."""
    if here.spec.for_each is None or here.spec.for_each.steps:
        yield from text_problems(here.spec, here.at, sight)
    for field, expression in expressions(here.spec):
        place = f"{here.at}.{field}"
        yield from condition_problems(expression, place, sight.roots)
        yield from unnamed_steps(expression, place)
        for kind, names, known in (
            ("step", step_names(expression), sight.steps),
            ("input", input_names(expression), sight.inputs),
        ):
            for name in names:
                if spelled(name, known) not in known:
                    yield _not_known(place, f"`{expression[:80]}`", kind, name, known)


def _body_problems(here: Placed, sight: Sight) -> Iterator[Problem]:
    loop = here.spec.for_each
    if loop is None:
        return
    if sight.level >= MAX_LEVELS:
        said = f"lists are nested in each other more than {MAX_LEVELS} levels deep"
        yield problem("group_level", f"{here.at}.for_each", said, "Split it, or let a step make one list of them")
        return
    inner = sight.within(item_names(here.spec))
    if loop.steps:
        yield from all_problems(body_of(here.spec, here.at), inner)
    else:
        yield from text_problems(body_of(here.spec, here.at)[0][1], here.at, inner)
    if loop.reduce is not None:
        at = f"{here.at}.for_each.reduce"
        if loop.reduce.depends_on or loop.reduce.then or loop.reduce.otherwise or loop.reduce.condition:
            said = "the reducing step waits for all parts, and is one step"
            yield problem("field_misplaced", at, said, "Leave out depends_on and if")
        yield from all_problems([(at, loop.reduce)], sight.within(("parts",)))


def text_problems(step: StepSpec, at: str, sight: Sight) -> Iterator[Problem]:
    """Of the step's references."""
    for field, text in step_texts(step):
        place = f"{at}.{field}"
        yield from reference_problems(text, place)
        if field in SHELL_FIELDS or field.startswith("checks["):
            yield from shell_problems(text, place)
        for reference in references(text):
            yield from _unknown(reference, place, step.id, sight)
            if reference.root in ("steps", "values") and not field.startswith(RUN_TIME_FIELDS):
                cure = f"What steps leave can be used in {', '.join(RUN_TIME_FIELDS)}"
                yield problem("reference_not_here", place, f"{reference.text} is known only at run time", cure)


def _unknown(reference: Reference, at: str, own: str, sight: Sight) -> Iterator[Problem]:
    known = {"inputs": sight.inputs, "steps": sight.steps, "values": sight.values}.get(reference.root, sight.names)
    kind = {"inputs": "input", "steps": "step", "values": "shared value"}.get(reference.root, "variable")
    name = spelled(reference.name, known) if reference.is_step else reference.name
    if name not in known:
        yield _not_known(at, reference.text, kind, name, known)
    elif reference.is_step and name == own:
        yield problem("reference_unknown", at, f"{reference.text} is the step's own output", "Name an earlier step")


def _not_known(at: str, text: str, kind: str, name: str, known: Collection[str]) -> Problem:
    cure = f"Name one of: {', '.join(sorted(known)) or f'there is no {kind}'}"
    return problem("reference_unknown", at, f"{text}: there is no {kind} {name!r}", cure)


def _misplaced(step: StepSpec, at: str) -> Iterator[Problem]:
    for field, value, owner, given in (
        ("with", step.args, "tool", step.tool),
        ("options", step.options, "ask", step.ask),
        ("prompt", step.prompt, "agent", step.agent),
        ("checks", step.checks, "agent", step.agent),
        ("inputs", step.inputs, "workflow", step.workflow),
        ("then", step.then, "if", step.condition),
        ("else", step.otherwise, "if", step.condition),
    ):
        if value and given is None:
            yield problem("field_misplaced", f"{at}.{field}", f"{field!r} belongs to {owner!r}", f"Give {owner!r} too")
    if step.agent is not None and not step.prompt:
        yield problem("field_missing", f"{at}.prompt", "an agent needs a prompt", "Say in 'prompt' what is wanted")
    if step.condition is not None and not (step.then or step.otherwise):
        yield problem("field_missing", f"{at}.then", "'if' needs a branch", "Give 'then', 'else' or both")
    if step.condition is not None and step.for_each is not None:
        said = "'if' cannot be the action of a 'for_each'"
        yield problem("field_misplaced", f"{at}.if", said, "Write it among the steps of 'for_each'")
    if step.ask is not None and len(set(step.options)) != len(step.options):
        yield problem("option_duplicate", f"{at}.options", "an option is given twice", "Give each a name of its own")
    yield from _idle_fields(step, at)


def _idle_fields(step: StepSpec, at: str) -> Iterator[Problem]:
    has_body = step.for_each is not None and bool(step.for_each.steps)
    owner = "if" if step.condition is not None else "workflow" if step.workflow is not None else "for_each"
    if owner == "for_each" and not has_body:
        return
    for field in sorted(step.model_fields_set.intersection(_OF_WORK)):
        said = f"{field!r} says how work is done, and {owner!r} does none itself"
        yield problem("field_misplaced", f"{at}.{field}", said, "Write it at the steps within")


def _time_problems(step: StepSpec, at: str) -> Iterator[Problem]:
    for field, length in (("timeout", step.timeout), ("expected", step.expected)):
        known = seconds(length) if length is not None else 1.0
        if known is None or (field == "timeout" and known == 0):
            yield problem("duration_invalid", f"{at}.{field}", f"{length!r} is no length of time", _LENGTH_CURE)


def _recovery_problems(step: StepSpec, at: str) -> Iterator[Problem]:
    """Of what it states for the time after it failed."""
    if isinstance(step.fallback, FallbackSpec) and (step.fallback.run is None) == (step.fallback.agent is None):
        cure = "Give exactly one of: run, agent"
        yield problem("fallback_count", f"{at}.fallback", "a fallback is a command or an agent", cure)
    elif isinstance(step.fallback, FallbackSpec) and step.fallback.prompt and step.fallback.agent is None:
        said = "'prompt' belongs to 'agent'"
        yield problem("field_misplaced", f"{at}.fallback.prompt", said, "Give 'agent' instead of 'run'")
    for name in ("memory", "disk"):
        size = getattr(step.limits, name)
        if size is not None and size_bytes(size) is None:
            yield problem("size_invalid", f"{at}.limits.{name}", f"{size!r} is no size", _SIZE_CURE)
