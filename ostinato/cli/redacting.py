"""Secrets leave a text before it leaves this process: what Temporal stores is stored for months."""

import os
from typing import TYPE_CHECKING, TypeVar

from ostinato.domain.base import Fact

if TYPE_CHECKING:
    from ostinato.domain.redaction import Redactor

Sent = TypeVar("Sent", bound=Fact)
CURE = "Take it out; a step can read it from a file like .env that .worktreeinclude names"


def redacted(text: str) -> str:
    """Known patterns, and the values of this environment's variables that are named like secrets."""
    return _redactor().text(text)


def fit_to_send(message: Sent) -> Sent:
    """The message with no secret in its prose; UserError where one is in what is to be run or gone by."""
    from ostinato.domain.errors import Problem, UserError
    from ostinato.domain.redacted_facts import exact_secrets, redacted_fact

    redactor = _redactor()
    if places := exact_secrets(message, redactor):
        said = "it holds a secret, which would be stored with the run"
        raise UserError([Problem(code="secret_found", field=place, message=said, cure=CURE) for place in places])
    return redacted_fact(message, redactor)


def _redactor() -> "Redactor":
    from ostinato.adapters.processes import environment_secrets
    from ostinato.domain.redaction import Redactor

    return Redactor(environment_secrets(os.environ))
