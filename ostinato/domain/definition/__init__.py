"""A workflow definition: what people write, what is wrong with it, and the plan it compiles to."""

from ostinato.domain.definition.adding import added_steps
from ostinato.domain.definition.checks import seconds
from ostinato.domain.definition.compiling import Library, compile_definition, workflow_problems
from ostinato.domain.definition.model import Definition, GatesSpec, InputSpec, RetrySpec, StepSpec, TriggerSpec
from ostinato.domain.definition.saving import added_names, as_template
from ostinato.domain.definition.shape import condition_texts, definition_problems, parse_definition
from ostinato.domain.definition.structure import numbered_steps, workflow_steps

__all__ = [
    "Definition",
    "GatesSpec",
    "InputSpec",
    "Library",
    "RetrySpec",
    "StepSpec",
    "TriggerSpec",
    "added_names",
    "added_steps",
    "as_template",
    "compile_definition",
    "condition_texts",
    "definition_problems",
    "numbered_steps",
    "parse_definition",
    "seconds",
    "workflow_problems",
    "workflow_steps",
]
