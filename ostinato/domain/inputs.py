"""A step as it will really run: references to earlier results replaced by their values."""

from collections.abc import Callable, Mapping
from typing import Any

from ostinato.domain.plan import AgentAction, AskAction, CommandAction, GroupAction, Step, ToolAction
from ostinato.domain.references import alone, resolve_all, value_of

Outputs = Mapping[str, Mapping[str, object]]


def with_inputs(step: Step, outputs: Outputs | None = None, *, variables: Mapping[str, Any] | None = None) -> Step:
    """Raises UserError where a reference has no value: the step it names failed, was left out, or lacks that field."""
    known = variables if variables is not None else {"steps": outputs or {}}

    def text(text: str, quote: bool) -> str:
        return resolve_all(text, known, quote=quote)

    def value(value: Any) -> Any:
        return resolved(value, known)

    return replaced(step, text, value)


def replaced(step: Step, text: Callable[[str, bool], str], value: Callable[[Any], Any]) -> Step:
    """The step with `text(…, quote)` of everything in its action and checks that holds references, and `value` of arguments."""
    if step.checks:
        step = step.model_copy(update={"checks": tuple(text(line, True) for line in step.checks)})
    action = step.action
    match action:
        case CommandAction():
            argv = tuple(text(part, False) for part in action.argv)
            return _with(step, shell=text(action.shell, True), argv=argv)
        case AgentAction():
            return _with(step, prompt=text(action.prompt, False))
        case AskAction():
            return _with(step, question=text(action.question, False))
        case ToolAction():
            return _with(step, args=value(action.args))
        case GroupAction(inputs=dict()):
            return _with(step, inputs=value(action.inputs))
        case _:
            return step


def resolved(value: Any, variables: Mapping[str, Any]) -> Any:
    """Of texts within: a text that is one reference alone becomes what it refers to, type and all."""
    return mapped(
        value,
        lambda text: (
            value_of(found, variables)
            if (found := alone(text)) is not None
            else resolve_all(text, variables, quote=False)
        ),
    )


def mapped(value: Any, text: Callable[[str], Any]) -> Any:
    """The value with `text` of every text in it."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, Mapping):
        return {name: mapped(inner, text) for name, inner in value.items()}
    return [mapped(inner, text) for inner in value] if isinstance(value, list | tuple) else value


def _with(step: Step, **changes: object) -> Step:
    return step.model_copy(update={"action": step.action.model_copy(update=changes)})
