"""What is wrong with a definition's data: every problem, each with its field, before anything is compiled."""

import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from ostinato.domain.definition.checks import all_problems
from ostinato.domain.definition.gating import custom_gate_problems
from ostinato.domain.definition.model import (
    Definition,
    ForEachSpec,
    GateSpec,
    GatesSpec,
    InputSpec,
    RetrySpec,
    StepSpec,
    TriggerSpec,
    ValueSpec,
)
from ostinato.domain.definition.structure import Sight, placed, workflow_steps
from ostinato.domain.definition.triggers import trigger_problems
from ostinato.domain.definition.values import name_problems, spec_problems
from ostinato.domain.errors import Problem, UserError

MAX_ADDED = 200
_ADD_CURE = "Give the steps themselves"
_ID_CURE = "Give it an id that the plan does not have"
UNAVAILABLE: Mapping[str, str] = {
    "mcp": "steps that call MCP servers",
}
_CURES: Mapping[str, str] = {
    "id": "Use 1 to 63 lower-case letters, digits, '-' or '_', starting with a letter or digit",
    "depends_on": "Write a list of step ids, like [lint, scan]",
    "writes": 'Write a list of path globs, like ["src/**"]',
    "reads": 'Write a list of path globs, like ["src/**"]',
    "run": "Write a shell line in quotes, or a list of words for a command without a shell",
    "timeout": 'Write seconds, or a length like "90s", "10m", "1h30m"',
    "expected": 'Write seconds, or a length like "90s", "10m", "1h30m"',
    "critical": "Write true or false",
    "recovery": 'Write idempotent, ask, or {reconcile: "a command that exits 0 when the effect is there"}',
    "retry": "Write {max_attempts: N} with N from 1 to 10",
    "post": "Write a list of: tests, lint, types, security, performance",
    "custom": 'Write a list like [{name: licence, run: "make licence"}]',
    "severity": "Write one of: critical, major, minor, informational",
    "version": "Write a whole number from 1 on",
    "max_parallel": "Write a whole number from 1 to 50",
    "max_per_agent": "Write a whole number from 1 to 50",
    "when": 'Write a CEL expression in quotes, like "steps.scan.findings_count > 0"',
    "if": 'Write a CEL expression in quotes, like "steps.scan.findings_count > 0"',
    "items": 'Write a CEL expression that gives a list, like "steps.scan.files"',
    "as": "Write a name of lower-case letters, digits and '_', starting with a letter",
    "merge": "Write all, any, first or {quorum: N} for a for_each; append, union, sum, max, min or last for a value",
    "then": "Write a list of steps",
    "else": "Write a list of steps",
    "for_each": 'Write a mapping like {items: "steps.scan.files"}',
    "holds": 'Write a list of names, like ["port 5432"]',
    "priority": "Write a whole number; higher starts first",
    "type": "Write one of: string, path, integer, number, boolean, list",
    "schedule": 'Write a cron expression in quotes, like "0 3 * * *"',
    "overlap": "Write one of: skip, buffer_one, buffer_all, cancel_other, terminate_other, allow_all",
    "jitter": 'Write seconds, or a length like "90s", "10m"',
    "catchup": 'Write seconds, or a length like "90s", "10m"',
    "paused": "Write true or false",
    "triggers": 'Write a list like [{schedule: "0 3 * * *"}]',
}
_NESTED: Mapping[str, type[BaseModel]] = {
    "steps": StepSpec,
    "then": StepSpec,
    "else": StepSpec,
    "reduce": StepSpec,
    "for_each": ForEachSpec,
    "inputs": InputSpec,
    "values": ValueSpec,
    "gates": GatesSpec,
    "custom": GateSpec,
    "retry": RetrySpec,
    "triggers": TriggerSpec,
}


def parse_definition(raw: object) -> Definition:
    """The definition in this data; raises UserError with all of its problems."""
    if problems := definition_problems(raw):
        raise UserError(problems)
    return Definition.model_validate(raw)


def definition_problems(raw: object) -> tuple[Problem, ...]:
    """All problems of a definition's data, the values of its inputs aside."""
    if not isinstance(raw, dict):
        return (
            Problem(
                code="definition_shape",
                field="definition",
                message="a definition is a mapping of fields",
                cure="Start with `id: some-name` and `steps:`",
            ),
        )
    kept, unavailable = _without_unavailable(raw)
    return (*unavailable, *_shape_problems(kept), *_meaning_problems(kept))


def added_specs(raw: object, sight: Sight) -> tuple[StepSpec, ...]:
    """Steps for a plan that exists, whose names `sight` holds; raises UserError with every problem."""
    if not isinstance(raw, list | tuple) or not 0 < len(raw) <= MAX_ADDED:
        said = f"steps to add are a list of 1 to {MAX_ADDED} steps"
        raise UserError.of(
            "steps_shape", "steps", said, "Write them as in a definition: [{id: check, run: make check}]"
        )
    steps = list(raw)
    kept, unavailable = _without_unavailable({"id": "added", "steps": steps})
    problems = [*unavailable, *_shape_problems(kept)]
    good = list(_well_formed(kept["steps"]))
    problems += all_problems(good, sight, tuple(_raw_ids(steps)))
    problems += (
        Problem(code="workflow_missing", field=f"{at}.workflow", message="definitions cannot be added", cure=_ADD_CURE)
        for at, _ in workflow_steps(good)
    )
    problems += (
        Problem(code="step_duplicate", field=f"{here.at}.id", message=f"step {here.spec.id!r} exists", cure=_ID_CURE)
        for here in placed(good)
        if here.spec.id in sight.steps
    )
    if problems:
        raise UserError(problems)
    return tuple(spec for _, spec in good)


def condition_texts(raw: object, at: str = "steps") -> Iterator[tuple[str, str]]:
    """(field, CEL) of every condition in a list of steps as it was read, branches and bodies included."""
    for index, step in enumerate(raw if isinstance(raw, list | tuple) else ()):
        if isinstance(step, dict):
            yield from _step_conditions(step, f"{at}[{index}]")


def _step_conditions(step: Mapping[Any, Any], at: str) -> Iterator[tuple[str, str]]:
    loop = step.get("for_each")
    loop = loop if isinstance(loop, dict) else {}
    named = (("when", step.get("when")), ("if", step.get("if")), ("for_each.items", loop.get("items")))
    yield from ((f"{at}.{name}", text) for name, text in named if isinstance(text, str))
    for name, inner in (("then", step.get("then")), ("else", step.get("else")), ("for_each.steps", loop.get("steps"))):
        yield from condition_texts(inner, f"{at}.{name}")
    if isinstance(loop.get("reduce"), dict):
        yield from _step_conditions(loop["reduce"], f"{at}.for_each.reduce")


def _without_unavailable(raw: dict[Any, Any]) -> tuple[dict[Any, Any], list[Problem]]:
    """The data without features that are not here yet, and a problem for each of them."""
    problems: list[Problem] = []
    kept = dict(raw)
    if isinstance(steps := raw.get("steps"), list):
        kept["steps"] = [
            {name: value for name, value in step.items() if name not in UNAVAILABLE} if isinstance(step, dict) else step
            for step in steps
        ]
        problems += [
            _unavailable(str(name), f"steps[{index}].{name}")
            for index, step in enumerate(steps)
            if isinstance(step, dict)
            for name in step
            if name in UNAVAILABLE
        ]
    return kept, problems


def _unavailable(name: str, field: str) -> Problem:
    return Problem(
        code="feature_unavailable",
        field=field,
        message=f"{UNAVAILABLE[name]} ({name!r}) are not available in this version",
        cure="Leave it out; the other fields of the definition work",
    )


def _shape_problems(raw: dict[Any, Any]) -> Iterator[Problem]:
    try:
        Definition.model_validate(raw)
    except ValidationError as refused:
        seen: set[str] = set()
        for error in refused.errors(include_url=False):
            if error["type"] == "too_short" and error["input"]:
                continue  # its items are refused already, each for its own reason
            path = (*_walked(error["loc"], raw), *(error["loc"][-1:] if error["type"] == "missing" else ()))
            field = _field(path)
            if field not in seen:
                seen.add(field)
                yield _explained(error["type"], error["msg"], field, path, error["input"])


def _walked(loc: Sequence[int | str], raw: object) -> tuple[int | str, ...]:
    """The error's place in the data, without the names that the checker gives to alternatives of a type."""
    here: object = raw
    path: list[int | str] = []
    for part in loc:
        if not _leads_on(here, part):
            continue
        here = here[part]  # type: ignore[index]
        path.append(part)
    return tuple(path)


def _leads_on(here: object, part: int | str) -> bool:
    return part in here if isinstance(here, dict) else isinstance(here, list) and part in range(len(here))


def _field(path: Sequence[int | str]) -> str:
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text or "definition"


def _explained(kind: str, message: str, field: str, path: Sequence[int | str], given: object) -> Problem:
    name = next((part for part in reversed(path) if isinstance(part, str)), "")
    if kind == "extra_forbidden":
        return Problem(
            code="field_unknown", field=field, message=f"there is no field {name!r}", cure=_nearest(name, path)
        )
    if kind == "missing":
        return Problem(code="field_missing", field=field, message="this field is missing", cure=f"Give {name!r}")
    if kind == "string_type" and isinstance(given, bool | int | float):
        said = f"a text is wanted, and without quotes this is read as {json.dumps(given)}"
        return Problem(code="field_invalid", field=field, message=said, cure="Write it in quotes")
    said = re.sub(r"dictionary or instance of \w+", "mapping of fields", message.replace("tuple", "list"))
    said = said[:1].lower() + said[1:]
    return Problem(
        code="field_invalid", field=field, message=said, cure=_CURES.get(name, "Write it in quotes if it is a text")
    )


def _nearest(name: str, path: Sequence[int | str]) -> str:
    known = [field.alias or key for key, field in _model_at(path).model_fields.items()]
    near = difflib.get_close_matches(name, known, n=1)
    return f"Did you mean {near[0]!r}?" if near else f"The fields here are: {', '.join(known)}"


def _model_at(path: Sequence[int | str]) -> type[BaseModel]:
    """Of the mapping that the last name of the path stands in."""
    around = next((part for part in reversed(path[:-1]) if isinstance(part, str) and part in _NESTED), "")
    return _NESTED.get(around, Definition)


def _meaning_problems(raw: dict[Any, Any]) -> Iterator[Problem]:
    """What the steps that are well formed by themselves get wrong."""
    listed = raw.get("steps")
    inputs = dict(_declared(raw.get("inputs")))
    yield from name_problems(_names(raw.get("inputs")), "inputs")
    yield from name_problems(_names(raw.get("values")), "values")
    yield from spec_problems(inputs)
    yield from custom_gate_problems(raw.get("gates"))
    yield from trigger_problems(tuple(_triggers(raw.get("triggers"))), inputs)
    sight = Sight(inputs=_names(raw.get("inputs")), values=_names(raw.get("values")))
    yield from all_problems(tuple(_well_formed(listed)), sight, tuple(_raw_ids(listed)))


def _well_formed(listed: object) -> Iterator[tuple[str, StepSpec]]:
    for index, step in enumerate(listed if isinstance(listed, list) else ()):
        try:
            yield f"steps[{index}]", StepSpec.model_validate(step)
        except ValidationError:
            continue


def _declared(given: object) -> Iterator[tuple[str, InputSpec]]:
    for name, spec in given.items() if isinstance(given, dict) else ():
        try:
            yield str(name), InputSpec.model_validate(spec)
        except ValidationError:
            continue


def _triggers(listed: object) -> Iterator[tuple[str, TriggerSpec]]:
    for index, trigger in enumerate(listed if isinstance(listed, list) else ()):
        try:
            yield f"triggers[{index}]", TriggerSpec.model_validate(trigger)
        except ValidationError:
            continue


def _names(given: object) -> frozenset[str]:
    return frozenset(str(name) for name in given) if isinstance(given, dict) else frozenset()


def _raw_ids(listed: object) -> Iterator[str]:
    """Also of the steps that are not well formed, and of their branches."""
    for step in listed if isinstance(listed, list) else ():
        if isinstance(step, dict):
            yield str(step.get("id", ""))
            yield from _raw_ids(step.get("then"))
            yield from _raw_ids(step.get("else"))
