"""What is asked of a language model, and what comes back. How it is reached is an adapter's matter."""

from typing import Any

from ostinato.domain.base import Fact
from ostinato.domain.classification import TaskType


class ModelQuestion(Fact):
    prompt: str
    system: str = ""
    max_tokens: int = 1024
    timeout_s: float = 60.0
    json_schema: dict[str, Any] | None = None
    """Where the answer must be one JSON object of this shape; to be checked all the same."""


class Completion(Fact):
    text: str
    """Prose, or the JSON text of an object where a schema was given."""
    tokens_in: int = 0
    tokens_out: int = 0
    """As the provider counts; 0 where it does not say."""


class TypeAnswer(Fact):
    """A model's word on a request's type; none when it failed, which never fails a run."""

    task_type: TaskType | None = None
    reason: str
    model: str
    tokens_in: int = 0
    tokens_out: int = 0
    cached: bool = False
