"""What is switched on for a run: a mode and skills, with what they cost in tokens."""

from ostinato.domain.base import Fact


class Mode(Fact):
    name: str
    description: str
    instructions: str
    tokens: int


class Skill(Fact):
    name: str
    description: str
    instructions: str
    tokens: int


class ActivatedSkill(Fact):
    name: str
    tokens: int
    fit: float
    """0 to 1."""
    because: str


class Activation(Fact):
    mode: str
    mode_tokens: int
    skills: tuple[ActivatedSkill, ...] = ()
    tokens: int
    """All of it."""
