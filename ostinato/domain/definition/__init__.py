"""A workflow definition: what people write, what is wrong with it, and the plan it compiles to."""

from ostinato.domain.definition.compiling import compile_definition
from ostinato.domain.definition.model import Definition, GatesSpec, InputSpec, RetrySpec, StepSpec
from ostinato.domain.definition.shape import definition_problems, parse_definition

__all__ = [
    "Definition",
    "GatesSpec",
    "InputSpec",
    "RetrySpec",
    "StepSpec",
    "compile_definition",
    "definition_problems",
    "parse_definition",
]
