"""What a number of questions to one model came to."""

from dataclasses import dataclass

from ostinato.adapters.models.port import LanguageModel
from ostinato.domain.budget.amounts import Usage
from ostinato.domain.errors import ExternalError
from ostinato.domain.language_model import NO_CALL, usage_of_failure

MAX_TOKENS = 8_000
TIMEOUT_S = 90.0


@dataclass(slots=True)
class Counted:
    model: LanguageModel
    tokens_in: int = 0
    tokens_out: int = 0
    usage: Usage | None = NO_CALL
    """Of all calls; None as soon as nobody can say what one of them came to."""

    async def complete(self, prompt: str, system: str) -> str:
        """Raises as the model does."""
        try:
            said = await self.model.complete(prompt, system=system, max_tokens=MAX_TOKENS, timeout_s=TIMEOUT_S)
        except ExternalError as error:
            self._add(usage_of_failure(error.code))
            raise
        self._add(said.usage)
        self.tokens_in += said.tokens_in
        self.tokens_out += said.tokens_out
        return said.text

    def _add(self, usage: Usage | None) -> None:
        self.usage = None if self.usage is None or usage is None else self.usage + usage
