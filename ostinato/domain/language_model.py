"""What is asked of a language model, and what comes back. How it is reached is an adapter's matter."""

from typing import Any

from ostinato.domain.base import Fact
from ostinato.domain.budget.amounts import Usage
from ostinato.domain.budget.metering import Spent
from ostinato.domain.classification import TaskType

NO_CALL = Usage(requests=0)


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
    """As the provider counts; 0 where it does not say. Without those that a cache was read from or written with."""
    cached_read: int = 0
    cache_write: int = 0

    @property
    def usage(self) -> Usage | None:
        """None where the provider did not say."""
        usage = Usage(
            tokens_in=self.tokens_in,
            cached_read=self.cached_read,
            cache_write=self.cache_write,
            tokens_out=self.tokens_out,
        )
        return usage if usage.tokens else None


class TypeAnswer(Fact):
    """A model's word on a request's type; none when it failed, which never fails a run."""

    task_type: TaskType | None = None
    reason: str
    model: str
    tokens_in: int = 0
    tokens_out: int = 0
    cached: bool = False
    usage: Usage | None = None
    """Of the call; None where nobody can say: then its estimate counts."""
    spent: Spent | None = None
    """Under its lease."""


UNBILLED = frozenset(("model_unreachable", "model_refused"))
"""Codes of calls that failed before anything was generated."""


def usage_of_failure(code: str) -> Usage | None:
    """Nothing where the call was refused or never arrived; else nobody can say."""
    return Usage(requests=1) if code in UNBILLED else None
