"""What every language model offers; tests/integration/test_language_models.py holds all of them to it."""

from collections.abc import Mapping
from typing import Any, Protocol

from ostinato.domain.language_model import Completion


class LanguageModel(Protocol):
    @property
    def name(self) -> str:
        """Provider and model, as in the setting."""
        ...

    async def complete(
        self,
        prompt: str,
        *,
        system: str = "",
        max_tokens: int = 1024,
        timeout_s: float = 60.0,
        schema: Mapping[str, Any] | None = None,
    ) -> Completion:
        """At temperature 0. Raises ExternalError model_unreachable, model_timeout, model_refused or model_answer_invalid."""
        ...
