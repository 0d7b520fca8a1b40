"""From a definition and the values of its inputs to a plan."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pydantic import ValidationError

from ostinato.domain.claims import with_implied
from ostinato.domain.definition.checks import all_problems, seconds, size_bytes
from ostinato.domain.definition.gating import custom_gates
from ostinato.domain.definition.model import (
    AgentNeed,
    CompensateSpec,
    Definition,
    FallbackSpec,
    ForEachSpec,
    Quorum,
    Reconcile,
    StepSpec,
)
from ostinato.domain.definition.saving import authored, hash_of
from ostinato.domain.definition.structure import (
    MAX_LEVELS,
    Placed,
    Sight,
    body_of,
    dependencies,
    numbered,
    numbered_steps,
    placed,
    workflow_steps,
)
from ostinato.domain.definition.values import input_values, spec_problems
from ostinato.domain.errors import Problem, UserError
from ostinato.domain.ids import StepId
from ostinato.domain.inputs import mapped
from ostinato.domain.plan import (
    COMMAND_TIMEOUT_S,
    Action,
    AgentAction,
    AskAction,
    ChooseAction,
    CommandAction,
    GroupAction,
    Merge,
    Plan,
    Recovery,
    SharedValue,
    Step,
    ToolAction,
)
from ostinato.domain.precautions import Deployment, Fallback, Limits
from ostinato.domain.references import alone, literal, resolve, substitute_inputs
from ostinato.domain.tools import TOOLS

PERSON_TIMEOUT_S = 7 * 24 * 3600.0
"""People have no time-out of their own (features, F5); this is the longest a step can state."""
COMMAND_EXPECTED_S = 10.0
PERSON_EXPECTED_S = 900.0
CHOICE_EXPECTED_S = 0.2
STOPPING = ("abort", "stop", "cancel", "reject")
"""Options of a question that end the run."""

Library = Mapping[tuple[str, str], tuple[str, Definition]]
"""(the definition's key, what it calls another one) → that one's key and itself. The outermost key is empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """What the texts of a place are compiled with."""

    values: Mapping[str, object] | None
    """None: the inputs are known when the steps are made."""
    is_late: bool = False
    """Its steps are made at run time, and names and paths are final only then."""
    library: Library = field(default_factory=dict)
    key: str = ""


def compile_definition(
    definition: Definition, inputs: Mapping[str, object], source: str, sha256: str, library: Library | None = None
) -> Plan:
    """The plan; raises UserError with every problem of the inputs and the steps."""
    place = _Place(values={}, library=library or {})
    values, problems = input_values(definition.inputs, inputs, "inputs")
    problems.extend(spec_problems(definition.inputs))
    problems.extend(definition_steps_problems(definition))
    problems.extend(workflow_problems(definition, place.library))
    if problems:
        raise UserError(problems)
    place = replace(place, values=values)
    return with_implied(
        Plan(
            id=definition.id,
            version=definition.version,
            source=source,
            definition_sha256=sha256 or hash_of(definition),
            authored=authored(definition),
            max_parallel=definition.max_parallel,
            max_per_agent=definition.max_per_agent,
            strict_claims=definition.strict_claims,
            inputs=values,
            values=_shared(definition, place),
            steps=compiled(numbered_steps(definition), place),
            post_gates=tuple(dict.fromkeys(definition.gates.post)),
            custom_gates=custom_gates(definition.gates.custom),
        )
    )


def compile_added(
    specs: Iterable[StepSpec], inputs: Mapping[str, object], outside: Iterable[str], *, is_late: bool
) -> tuple[Step, ...]:
    """Steps for a plan with the steps `outside`; where `is_late`, references to names of a scope stay in them."""
    return compiled(numbered(specs, "steps"), _Place(values=inputs, is_late=is_late), outside)


def definition_steps_problems(definition: Definition) -> Iterator[Problem]:
    sight = Sight(inputs=frozenset(definition.inputs), values=frozenset(definition.values))
    return all_problems(numbered_steps(definition), sight)


def compiled(steps: Iterable[tuple[str, StepSpec]], place: _Place, outside: Iterable[str] = ()) -> tuple[Step, ...]:
    """Branches lie beside the step that chooses; bodies within the group."""
    found = tuple(placed(steps))
    needs = dependencies(found, outside)
    return tuple(_made(here, needs[here.spec.id], place) for here in found)


def _made(here: Placed, needs: tuple[StepId, ...], place: _Place) -> Step:
    """Raises UserError where the values of the inputs leave a text empty, or make it too long."""
    try:
        return _step(here, needs, place)
    except ValidationError as refused:
        error = refused.errors(include_url=False)[0]
        said = f"with these inputs {'.'.join(map(str, error['loc'])) or 'the step'} does not fit: {error['msg']}"
        raise UserError.of("step_value", here.at, said, "Give other values, or a shorter text") from None


def workflow_problems(definition: Definition, library: Library) -> tuple[Problem, ...]:
    """Of the definitions within: one that is not there, too many levels, inputs or shared values that do not fit."""
    place = _Place(values={}, library=library)
    if problems := tuple(_workflow_problems(definition, place)):
        return problems
    try:
        _shared(definition, place)
    except UserError as refused:
        return refused.problems
    return ()


def _workflow_problems(definition: Definition, place: _Place, level: int = 1, at: str = "") -> Iterator[Problem]:
    for field_, spec in workflow_steps(numbered_steps(definition)):
        here = at or field_
        loaded = place.library.get((place.key, spec.workflow or ""))
        if loaded is None:
            cure = "Steps that are definitions themselves work in definition files"
            yield _problem("workflow_missing", f"{here}.workflow", f"{spec.workflow!r} is not loaded", cure)
        elif level > MAX_LEVELS:
            said = f"definitions are nested in each other more than {MAX_LEVELS} levels deep"
            yield _problem("workflow_level", f"{here}.workflow", said, "Nest them less")
        else:
            key, inner = loaded
            yield from input_values(inner.inputs, spec.inputs, f"{here}.inputs", may_refer=True)[1]
            yield from _workflow_problems(inner, replace(place, key=key), level + 1, here)


def _shared(definition: Definition, place: _Place) -> dict[str, SharedValue]:
    """Its own and those of the definitions within; raises UserError where one is merged in two ways."""
    shared = {name: SharedValue(merge=spec.merge) for name, spec in definition.values.items()}
    for at, spec in workflow_steps(numbered_steps(definition)):
        key, inner = place.library[place.key, spec.workflow or ""]
        for name, value in _shared(inner, replace(place, key=key)).items():
            if shared.setdefault(name, value) != value:
                said = f"the shared value {name!r} of {inner.id!r} is merged otherwise than elsewhere"
                raise UserError.of("value_conflict", f"{at}.workflow", said, "Give one of them another name")
    return shared


def _step(here: Placed, needs: tuple[StepId, ...], place: _Place) -> Step:
    spec = here.spec
    step = _group(here, place) if spec.for_each is not None else _plain_step(spec, place)
    return step.model_copy(
        update={"depends_on": needs, "when": _when(here), "priority": spec.priority, "critical": spec.critical}
    )


def _when(here: Placed) -> str:
    """Its own condition, and that its branch was taken; an `if` that was skipped takes neither."""
    if not here.branches:
        return here.spec.when or ""
    owner, is_then = here.branches[-1]
    chosen = f'steps["{owner}"].chosen'
    taken = f"has({chosen}) && {'' if is_then else '!'}{chosen}"
    return f"{taken} && ({here.spec.when}\n)" if here.spec.when else taken


def _group(here: Placed, place: _Place) -> Step:
    """The steps of a for_each are made when it starts."""
    spec, loop = here.spec, here.spec.for_each
    assert loop is not None
    inner = replace(place, is_late=True)
    body = compiled(body_of(spec, here.at), inner)
    reduce = compiled([(f"{here.at}.for_each.reduce", loop.reduce)], inner)[0] if loop.reduce else None
    action = GroupAction(items=loop.items, name=loop.name, body=body, merge=_merge(loop), reduce=reduce)
    is_own = bool(loop.steps) or "{{" not in (spec.name or "") + spec.active
    return _framed(spec if is_own else spec.model_copy(update={"name": None, "active": ""}), action, place)


def _merge(loop: ForEachSpec) -> Merge:
    if isinstance(loop.merge, Quorum):
        return Merge(strategy="quorum", count=loop.merge.quorum)
    return Merge(strategy=loop.merge)


def _framed(spec: StepSpec, action: GroupAction | ChooseAction, place: _Place) -> Step:
    """A step that does no work itself."""
    name = _final(spec.name, place) if spec.name else spec.id.replace("-", " ").replace("_", " ").capitalize()
    body = action.body if isinstance(action, GroupAction) else ()
    return Step(
        id=spec.id,
        name=name,
        active=_final(spec.active, place) or active_form(name),
        action=action,
        writes=(),
        timeout_s=PERSON_TIMEOUT_S if body else COMMAND_TIMEOUT_S,
        expected_s=sum(step.expected_s for step in body) if body else CHOICE_EXPECTED_S,
    )


def _nested_definition(spec: StepSpec, place: _Place) -> GroupAction:
    key, inner = place.library[place.key, spec.workflow or ""]
    values, _ = input_values(inner.inputs, _arguments(spec.inputs, place), "", may_refer=True)
    steps = compiled(numbered_steps(inner), _Place(values=None, is_late=True, library=place.library, key=key))
    return GroupAction(body=steps, definition=inner.id, inputs=values)


def _plain_step(spec: StepSpec, place: _Place) -> Step:
    if spec.condition is not None:
        return _framed(spec, ChooseAction(condition=spec.condition), place)
    if spec.workflow is not None:
        return _framed(spec, _nested_definition(spec, place), place)
    name = _final(spec.name, place) if spec.name else _default_name(spec)
    person = spec.ask is not None or spec.agent is not None
    tool = TOOLS.get(spec.tool or "")
    usual_s = PERSON_EXPECTED_S if person else tool.expected_s if tool else COMMAND_EXPECTED_S
    timeout = seconds(spec.timeout) if spec.timeout is not None else None
    expected = seconds(spec.expected) if spec.expected is not None else None
    return Step(
        id=spec.id,
        name=name,
        active=_final(spec.active, place) or active_form(name),
        action=_action(spec, place),
        reads=tuple(_final(glob, place) for glob in spec.reads),
        writes=_writes(spec, place),
        holds=tuple(dict.fromkeys(_final(thing, place) for thing in spec.holds)),
        account=_final(spec.account, place),
        adds_steps=spec.adds_steps,
        context=spec.context,
        timeout_s=timeout or (PERSON_TIMEOUT_S if person else COMMAND_TIMEOUT_S),
        expected_s=usual_s if expected is None else expected,
        max_attempts=spec.retry.max_attempts,
        recovery=_recovery(spec),
        fallback=_fallback(spec, place),
        checks=tuple(_line(line, place) for line in spec.checks),
        compensate=_line(spec.compensate, place),
        deployment=_deployment(spec, place),
        relax=spec.relax,
        on_failure=spec.on_failure,
        limits=_limits(spec),
    )


def _writes(spec: StepSpec, place: _Place) -> tuple[str, ...] | None:
    """What is stated; else what the tool is known to do, and nothing known of commands and agents."""
    if spec.writes is not None:
        return tuple(_final(glob, place) for glob in spec.writes)
    if spec.tool is not None:
        tool = TOOLS.get(spec.tool)
        return ("**",) if tool and tool.writes else ()
    return () if spec.ask is not None else None


def _action(spec: StepSpec, place: _Place) -> Action:
    if spec.tool is not None:
        return ToolAction(tool=spec.tool, args=_arguments(spec.args, place))
    if spec.ask is not None:
        options = spec.options or ("continue", "abort")
        stops_on = tuple(option for option in options if option in STOPPING)
        return AskAction(question=_later(spec.ask, place), options=options, stops_on=stops_on)
    if spec.agent is not None:
        agent = spec.agent if isinstance(spec.agent, str) else "any"
        need = AgentNeed() if isinstance(spec.agent, str) else spec.agent
        prompt = _later(spec.prompt or "", place)
        changes = spec.writes != ()
        return AgentAction(
            agent=agent, prompt=prompt, expects_changes=changes, needs=need.capabilities, helps=need.helps
        )
    if isinstance(spec.run, str):
        return CommandAction(shell=_later(spec.run, place, quote=True))
    return CommandAction(argv=tuple(_later(word, place) for word in spec.run or ()))


def _arguments(value: Mapping[str, Any], place: _Place) -> dict[str, Any]:
    """A text that is one reference alone keeps the input's type. Read once more at run time."""

    def typed(text: str) -> Any:
        found = alone(text)
        if place.values is not None and found is not None and found.root == "inputs" and len(found.path) == 2:
            return mapped(place.values[found.name], literal)
        return _later(text, place)

    return {name: mapped(inner, typed) for name, inner in value.items()}


def _final(text: str, place: _Place) -> str:
    """For what is final once its step is made."""
    later = _later(text, place)
    return later if place.is_late else resolve(later, {}, quote=False)


def _later(text: str, place: _Place, *, quote: bool = False) -> str:
    """For what is resolved once more at run time."""
    return text if place.values is None else substitute_inputs(text, place.values, quote=quote)


def _recovery(spec: StepSpec) -> Recovery:
    if isinstance(spec.recovery, Reconcile):
        return Recovery(kind="reconcile", check=spec.recovery.reconcile)
    return Recovery(kind=spec.recovery)


def _line(given: str | CompensateSpec | None, place: _Place) -> str:
    text = given.run if isinstance(given, CompensateSpec) else given
    return _later(text, place, quote=True) if text else ""


def _fallback(spec: StepSpec, place: _Place) -> Fallback | None:
    match spec.fallback:
        case None:
            return None
        case FallbackSpec() as given:
            return Fallback(
                run=_line(given.run, place), agent=given.agent or "", prompt=_later(given.prompt or "", place)
            )
        case line:
            return Fallback(run=_line(line, place))


def _deployment(spec: StepSpec, place: _Place) -> Deployment | None:
    given = spec.deployment
    if given is None:
        return None
    return Deployment(roll_back=_line(given.roll_back, place), diagnose=_line(given.diagnose, place))


def _limits(spec: StepSpec) -> Limits:
    memory, disk = spec.limits.memory, spec.limits.disk
    return Limits(
        memory_bytes=size_bytes(memory) if memory is not None else None,
        disk_bytes=size_bytes(disk) if disk is not None else None,
        processes=spec.limits.processes,
    )


def _default_name(spec: StepSpec) -> str:
    tool = TOOLS.get(spec.tool or "")
    return tool.description if tool else spec.id.replace("-", " ").replace("_", " ").capitalize()


def active_form(name: str) -> str:
    """ "Run the tests" → "Running the tests"; names that do not start with a known verb stay."""
    verb, _, rest = name.partition(" ")
    active = _ACTIVE.get(verb.lower())
    return f"{active} {rest}".strip() if active else name


def _problem(code: str, field: str, message: str, cure: str) -> Problem:
    return Problem(code=code, field=field, message=message, cure=cure)


_ACTIVE: Mapping[str, str] = {
    "answer": "Answering", "build": "Building", "check": "Checking", "compare": "Comparing", "deploy": "Deploying",
    "find": "Finding", "fix": "Fixing", "format": "Formatting", "generate": "Generating", "implement": "Implementing",
    "install": "Installing", "lint": "Linting", "list": "Listing", "look": "Looking", "make": "Making",
    "map": "Mapping", "measure": "Measuring", "modernise": "Modernising", "prepare": "Preparing",
    "refactor": "Refactoring", "review": "Reviewing", "rewrite": "Rewriting", "run": "Running", "scan": "Scanning",
    "test": "Testing", "update": "Updating", "verify": "Verifying", "write": "Writing",
}  # fmt: skip
