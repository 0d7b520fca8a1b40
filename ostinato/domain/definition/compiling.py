"""From a definition and the values of its inputs to a plan."""

from collections.abc import Iterator, Mapping
from typing import Any

from ostinato.domain.definition.checks import (
    all_dependencies,
    graph_problems,
    seconds,
    step_problems,
    text_problems,
)
from ostinato.domain.definition.model import Definition, InputSpec, Reconcile, StepSpec
from ostinato.domain.errors import Problem, UserError
from ostinato.domain.plan import (
    COMMAND_TIMEOUT_S,
    Action,
    AgentAction,
    AskAction,
    CommandAction,
    Plan,
    Recovery,
    Step,
    ToolAction,
)
from ostinato.domain.references import references, resolve, substitute_inputs
from ostinato.domain.tools import TOOLS

PERSON_TIMEOUT_S = 7 * 24 * 3600.0
"""People have no time-out of their own (features, F5); this is the longest a step can state."""
COMMAND_EXPECTED_S = 10.0
PERSON_EXPECTED_S = 900.0
STOPPING = ("abort", "stop", "cancel", "reject")
"""Options of a question that end the run."""
_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}
_WORDS = {"true": True, "yes": True, "false": False, "no": False}


def compile_definition(definition: Definition, inputs: Mapping[str, object], source: str, sha256: str) -> Plan:
    """The plan; raises UserError with every problem of the inputs and the steps."""
    values, problems = _values(definition, inputs)
    problems.extend(_all_problems(definition))
    if problems:
        raise UserError(problems)
    return Plan(
        id=definition.id,
        version=definition.version,
        source=source,
        definition_sha256=sha256,
        max_parallel=definition.max_parallel,
        steps=tuple(_step(spec, values) for spec in definition.steps),
        post_gates=tuple(dict.fromkeys(definition.gates.post)),
    )


def _all_problems(definition: Definition) -> Iterator[Problem]:
    ids: dict[str, int] = {}
    for index, spec in enumerate(definition.steps):
        ids.setdefault(spec.id, index)
    for index, spec in enumerate(definition.steps):
        yield from step_problems(spec, f"steps[{index}]")
        yield from text_problems(spec, f"steps[{index}]", inputs=set(definition.inputs), steps=set(ids))
    yield from graph_problems(dict(enumerate(definition.steps)), ids)


def _values(definition: Definition, given: Mapping[str, object]) -> tuple[dict[str, object], list[Problem]]:
    known = ", ".join(definition.inputs) or "there is none"
    problems = [
        Problem(code="input_unknown", field=f"inputs.{name}", message="there is no such input", cure=f"Known: {known}")
        for name in given
        if name not in definition.inputs
    ]
    values: dict[str, object] = {}
    for name, spec in definition.inputs.items():
        value = _typed(spec, given.get(name, spec.default))
        if value is None:
            problems.append(_input_problem(name, spec, given.get(name, spec.default)))
        else:
            values[name] = value
    return values, problems


def _typed(spec: InputSpec, value: object) -> object:
    """The value in its type, texts of a command line included; None where it does not fit."""
    if isinstance(value, str) and spec.type != "string":
        value = _parsed(spec.type, value)
    fits = isinstance(value, _TYPES[spec.type]) and (spec.type == "boolean" or not isinstance(value, bool))
    return value if fits else None


def _parsed(kind: str, text: str) -> object:
    if kind == "boolean":
        return _WORDS.get(text.lower())
    try:
        return int(text) if kind == "integer" else float(text)
    except ValueError:
        return None


def _input_problem(name: str, spec: InputSpec, value: object) -> Problem:
    if value is None:
        return Problem(
            code="input_missing",
            field=f"inputs.{name}",
            message="this input has no value and no default",
            cure=f"Give it: --param {name}=…",
        )
    return Problem(
        code="input_type", field=f"inputs.{name}", message=f"{value!r} is no {spec.type}", cure=f"Give a {spec.type}"
    )


def _step(spec: StepSpec, values: Mapping[str, object]) -> Step:
    name = _plain(spec.name, values) if spec.name else _default_name(spec)
    person = spec.ask is not None or spec.agent is not None
    tool = TOOLS.get(spec.tool or "")
    usual_s = PERSON_EXPECTED_S if person else tool.expected_s if tool else COMMAND_EXPECTED_S
    timeout = seconds(spec.timeout) if spec.timeout is not None else None
    expected = seconds(spec.expected) if spec.expected is not None else None
    return Step(
        id=spec.id,
        name=name,
        active=_plain(spec.active, values) or active_form(name),
        action=_action(spec, values),
        depends_on=all_dependencies(spec),
        reads=tuple(_plain(glob, values) for glob in spec.reads),
        writes=_writes(spec, values),
        critical=spec.critical,
        timeout_s=timeout or (PERSON_TIMEOUT_S if person else COMMAND_TIMEOUT_S),
        expected_s=usual_s if expected is None else expected,
        max_attempts=spec.retry.max_attempts,
        recovery=_recovery(spec),
    )


def _writes(spec: StepSpec, values: Mapping[str, object]) -> tuple[str, ...] | None:
    """What is stated; else what the tool is known to do, and nothing known of commands and agents."""
    if spec.writes is not None:
        return tuple(_plain(glob, values) for glob in spec.writes)
    if spec.tool is not None:
        tool = TOOLS.get(spec.tool)
        return ("**",) if tool and tool.writes else ()
    return () if spec.ask is not None else None


def _action(spec: StepSpec, values: Mapping[str, object]) -> Action:
    if spec.tool is not None:
        return ToolAction(tool=spec.tool, args={name: _nested(value, values) for name, value in spec.args.items()})
    if spec.ask is not None:
        options = spec.options or ("continue", "abort")
        stops_on = tuple(option for option in options if option in STOPPING)
        return AskAction(question=_later(spec.ask, values), options=options, stops_on=stops_on)
    if spec.agent is not None:
        agent = spec.agent if isinstance(spec.agent, str) else "any"
        return AgentAction(agent=agent, prompt=_later(spec.prompt or "", values), expects_changes=spec.writes != ())
    if isinstance(spec.run, str):
        return CommandAction(shell=substitute_inputs(spec.run, values, quote=True))
    return CommandAction(argv=tuple(_later(word, values) for word in spec.run or ()))


def _nested(value: Any, values: Mapping[str, object]) -> Any:
    """Arguments of tools: a text that is one reference alone keeps the input's type."""
    if isinstance(value, str):
        found = references(value)
        return values[found[0].name] if found and found[0].text == value.strip() else _plain(value, values)
    if isinstance(value, dict):
        return {name: _nested(inner, values) for name, inner in value.items()}
    return [_nested(inner, values) for inner in value] if isinstance(value, list | tuple) else value


def _plain(text: str, values: Mapping[str, object]) -> str:
    """For what is final once it is compiled."""
    return resolve(_later(text, values), {}, quote=False)


def _later(text: str, values: Mapping[str, object]) -> str:
    """For what is resolved once more at run time."""
    return substitute_inputs(text, values, quote=False)


def _recovery(spec: StepSpec) -> Recovery:
    if isinstance(spec.recovery, Reconcile):
        return Recovery(kind="reconcile", check=spec.recovery.reconcile)
    return Recovery(kind=spec.recovery)


def _default_name(spec: StepSpec) -> str:
    tool = TOOLS.get(spec.tool or "")
    return tool.description if tool else spec.id.replace("-", " ").replace("_", " ").capitalize()


def active_form(name: str) -> str:
    """ "Run the tests" → "Running the tests"; names that do not start with a known verb stay."""
    verb, _, rest = name.partition(" ")
    active = _ACTIVE.get(verb.lower())
    return f"{active} {rest}".strip() if active else name


_ACTIVE: Mapping[str, str] = {
    "answer": "Answering", "build": "Building", "check": "Checking", "compare": "Comparing", "deploy": "Deploying",
    "find": "Finding", "fix": "Fixing", "format": "Formatting", "generate": "Generating", "implement": "Implementing",
    "install": "Installing", "lint": "Linting", "list": "Listing", "look": "Looking", "make": "Making",
    "map": "Mapping", "measure": "Measuring", "modernise": "Modernising", "prepare": "Preparing",
    "refactor": "Refactoring", "review": "Reviewing", "rewrite": "Rewriting", "run": "Running", "scan": "Scanning",
    "test": "Testing", "update": "Updating", "verify": "Verifying", "write": "Writing",
}  # fmt: skip
