"""What a step can see: inputs, earlier results, shared values, and the names of its scope. Pure."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from ostinato.domain.conditions import outline
from ostinato.domain.errors import Problem
from ostinato.domain.execution import StepOutcome, StepResult
from ostinato.domain.ids import StepId
from ostinato.domain.inputs import mapped
from ostinato.domain.plan import ChooseAction, CommandAction, GroupAction, Plan, Scope, Step, ToolAction
from ostinato.domain.references import references

MAX_VALUE_BYTES = 16_000
MAX_VALUE_ITEMS = 1_000
Results = Mapping[StepId, StepResult]


def variables_of(plan: Plan, results: Results, step: Step) -> dict[str, Any]:
    """What conditions and references of this step see. Of the steps only those that it names are among them."""
    used = tuple(_used_paths(step))
    wanted = dict.fromkeys(path[1] for path in used if path[0] == "steps" and len(path) > 1)
    found = {name: _result_of(name, step.scope, results) for name in wanted}
    return {
        "inputs": plan.inputs,
        "steps": {name: seen(result) for name, result in found.items() if result is not None},
        "values": shared_values(plan, results) if any(path[0] == "values" for path in used) else {},
        **(step.scope.names if step.scope else {}),
    }


def seen(result: StepResult) -> dict[str, Any]:
    """A step as others see it: the fields of its output, and how it ended."""
    return {
        "findings_count": result.findings_count,
        "files_changed": result.files_changed,
        **result.output,
        "outcome": result.outcome.value,
        "commit": result.commit,
        "findings": [finding.model_dump(mode="json") for finding in result.findings],
        "summary": result.summary,
    }


def shared_values(plan: Plan, results: Results) -> dict[str, Any]:
    """Each shared value: contributions merged in the order of the plan, whatever the order of finishing."""
    return {name: _merged(shared.merge, _fitting(plan, results, name)) for name, shared in plan.values.items()}


def contribution_problems(plan: Plan, result: StepResult) -> tuple[Problem, ...]:
    """What of a step's output cannot be merged into the shared values; such a contribution is left out."""
    return tuple(
        Problem(
            code="value_type",
            field=f"steps.{result.step_id}.{name}",
            message=f"{json.dumps(result.output[name], default=str)[:60]} cannot be merged by {shared.merge!r}",
            cure="Leave a number"
            if shared.merge in _NUMERIC
            else f"Leave plain JSON of at most {MAX_VALUE_BYTES} bytes",
        )
        for name, shared in plan.values.items()
        if name in result.output and not _fits(shared.merge, result.output[name])
    )


_NUMERIC = ("sum", "max", "min")


def _used_paths(step: Step) -> Iterator[tuple[str, ...]]:
    """Of all references and conditions of the step itself."""
    texts: list[str] = []
    expressions = [step.when]
    match step.action:
        case CommandAction(shell=shell, argv=argv):
            texts += (shell, *argv)
        case ToolAction(args=args):
            mapped(args, texts.append)
        case ChooseAction(condition=condition):
            expressions.append(condition)
        case GroupAction(items=items, inputs=inputs):
            expressions.append(items)
            mapped(inputs, texts.append)
        case action:
            texts.append(action.question if action.kind == "ask" else action.prompt)
    for text in texts:
        yield from (found.path for found in references(text))
    for expression in filter(None, expressions):
        yield from (tuple(str(name) for name in path.names) for path in outline(expression).paths)


def _result_of(name: str, scope: Scope | None, results: Results) -> StepResult | None:
    """By its short name in the step's own scope, in an enclosing one, then by its id; '_' also stands for '-'."""
    prefixes = (scope.prefix, *scope.outer, "") if scope else ("",)
    for prefix in prefixes:
        if (found := results.get(StepId(prefix + name))) is not None:
            return found
    if "_" in name:
        spelled = {prefix.replace("-", "_") + name for prefix in prefixes}
        return next((found for step_id, found in results.items() if step_id.replace("-", "_") in spelled), None)
    return None


def _fitting(plan: Plan, results: Results, name: str) -> list[Any]:
    merge = plan.values[name].merge
    done = (results[step.id] for step in plan.steps if step.id in results)
    return [
        result.output[name]
        for result in done
        if result.outcome is StepOutcome.SUCCEEDED and name in result.output and _fits(merge, result.output[name])
    ]


def _fits(merge: str, value: Any) -> bool:
    if merge in _NUMERIC:
        return isinstance(value, int | float) and not isinstance(value, bool) and value == value  # no NaN
    return _size(value) <= MAX_VALUE_BYTES


def _merged(merge: str, given: list[Any]) -> Any:
    match merge:
        case "append" | "union":
            items = [item for value in given for item in (value if isinstance(value, list) else [value])]
            return _capped(items if merge == "append" else list({_key(item): item for item in items}.values()))
        case "sum":
            return sum(given)
        case "max" | "min":
            return (max if merge == "max" else min)(given, default=None)
        case _:
            return given[-1] if given else None


def _capped(items: list[Any]) -> list[Any]:
    """As many of the first items as fit."""
    size = 2
    for index, item in enumerate(items):
        size += _size(item) + 2
        if size > MAX_VALUE_BYTES or index >= MAX_VALUE_ITEMS:
            return items[:index]
    return items


def _key(item: Any) -> str:
    return json.dumps(item, sort_keys=True, default=str)


def _size(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False, default=str).encode())
