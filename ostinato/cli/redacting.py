"""Secrets leave a text before it leaves this process: what Temporal stores is stored for months."""

import os


def redacted(text: str) -> str:
    """Known patterns, and the values of this environment's variables that are named like secrets."""
    from ostinato.adapters.processes import environment_secrets
    from ostinato.domain.redaction import Redactor

    return Redactor(environment_secrets(os.environ)).text(text)
