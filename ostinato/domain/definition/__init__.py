"""A workflow definition: what people write, what is wrong with it, and the plan it compiles to."""

from ostinato.domain.definition.compiling import Library, compile_added, compile_definition
from ostinato.domain.definition.model import Definition, GatesSpec, InputSpec, RetrySpec, StepSpec
from ostinato.domain.definition.shape import added_specs, condition_texts, definition_problems, parse_definition
from ostinato.domain.definition.structure import Sight, workflow_steps

__all__ = [
    "Definition",
    "GatesSpec",
    "InputSpec",
    "Library",
    "RetrySpec",
    "Sight",
    "StepSpec",
    "added_specs",
    "compile_added",
    "compile_definition",
    "condition_texts",
    "definition_problems",
    "parse_definition",
    "workflow_steps",
]
