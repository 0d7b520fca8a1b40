"""A step as it will really run: references to earlier results replaced by their values."""

from collections.abc import Mapping

from ostinato.domain.plan import AgentAction, AskAction, CommandAction, Step
from ostinato.domain.references import resolve

Outputs = Mapping[str, Mapping[str, object]]


def with_inputs(step: Step, outputs: Outputs) -> Step:
    """Raises UserError where a reference has no value: the step it names failed, was left out, or lacks that field."""
    action = step.action
    match action:
        case CommandAction():
            resolved = action.model_copy(
                update={
                    "shell": resolve(action.shell, outputs, quote=True),
                    "argv": tuple(resolve(part, outputs, quote=False) for part in action.argv),
                }
            )
            return step.model_copy(update={"action": resolved})
        case AgentAction():
            prompt = resolve(action.prompt, outputs, quote=False)
            return step.model_copy(update={"action": action.model_copy(update={"prompt": prompt})})
        case AskAction():
            question = resolve(action.question, outputs, quote=False)
            return step.model_copy(update={"action": action.model_copy(update={"question": question})})
        case _:
            return step
