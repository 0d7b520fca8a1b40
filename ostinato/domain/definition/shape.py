"""What is wrong with a definition's data: every problem, each with its field, before anything is compiled."""

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from ostinato.domain.definition.checks import graph_problems, step_problems, text_problems
from ostinato.domain.definition.model import Definition, InputSpec, StepSpec
from ostinato.domain.errors import Problem, UserError

UNAVAILABLE: Mapping[str, str] = {
    "when": "conditional steps",
    "then": "conditional steps",
    "else": "conditional steps",
    "for_each": "fan-out over a list",
    "mcp": "steps that call MCP servers",
    "workflow": "steps that are workflows themselves",
    "triggers": "schedules and other triggers",
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
    "post": "Write a list of: tests, lint, types, security",
    "version": "Write a whole number from 1 on",
    "max_parallel": "Write a whole number from 1 to 50",
    "type": "Write one of: string, integer, number, boolean",
}
_NESTED: Mapping[str, type[BaseModel]] = {"steps": StepSpec, "inputs": InputSpec}


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


def _without_unavailable(raw: dict[Any, Any]) -> tuple[dict[Any, Any], list[Problem]]:
    """The data without features that are not here yet, and a problem for each of them."""
    problems = [_unavailable(name, str(name)) for name in raw if name == "triggers"]
    kept = {name: value for name, value in raw.items() if name != "triggers"}
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
                yield _explained(error["type"], error["msg"], field, path)


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


def _explained(kind: str, message: str, field: str, path: Sequence[int | str]) -> Problem:
    name = next((part for part in reversed(path) if isinstance(part, str)), "")
    if kind == "extra_forbidden":
        return Problem(
            code="field_unknown", field=field, message=f"there is no field {name!r}", cure=_nearest(name, path)
        )
    if kind == "missing":
        return Problem(code="field_missing", field=field, message="this field is missing", cure=f"Give {name!r}")
    said = re.sub(r"dictionary or instance of \w+", "mapping of fields", message.replace("tuple", "list"))
    said = said[:1].lower() + said[1:]
    return Problem(
        code="field_invalid", field=field, message=said, cure=_CURES.get(name, "Write it in quotes if it is a text")
    )


def _nearest(name: str, path: Sequence[int | str]) -> str:
    model = _NESTED.get(str(path[0]), Definition) if len(path) > 2 else Definition
    known = [field.alias or key for key, field in model.model_fields.items()]
    near = difflib.get_close_matches(name, known, n=1)
    return f"Did you mean {near[0]!r}?" if near else f"The fields here are: {', '.join(known)}"


def _meaning_problems(raw: dict[Any, Any]) -> Iterator[Problem]:
    """What the steps that are well formed by themselves get wrong."""
    given = raw.get("inputs")
    inputs = {str(name) for name in given} if isinstance(given, dict) else set()
    listed = raw.get("steps")
    steps: dict[int, StepSpec] = {}
    ids: dict[str, int] = {}
    for index, step in enumerate(listed if isinstance(listed, list) else ()):
        if not isinstance(step, dict):
            continue
        ids.setdefault(str(step.get("id", "")), index)
        try:
            steps[index] = StepSpec.model_validate(step)
        except ValidationError:
            continue
    for index, spec in steps.items():
        yield from step_problems(spec, f"steps[{index}]")
        yield from text_problems(spec, f"steps[{index}]", inputs=inputs, steps=set(ids))
    yield from graph_problems(steps, ids)
