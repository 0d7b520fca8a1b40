"""What a number of questions to one model came to."""

from dataclasses import dataclass

from ostinato.adapters.models.port import LanguageModel

MAX_TOKENS = 8_000
TIMEOUT_S = 90.0


@dataclass(slots=True)
class Counted:
    model: LanguageModel
    tokens_in: int = 0
    tokens_out: int = 0

    async def complete(self, prompt: str, system: str) -> str:
        """Raises as the model does."""
        said = await self.model.complete(prompt, system=system, max_tokens=MAX_TOKENS, timeout_s=TIMEOUT_S)
        self.tokens_in += said.tokens_in
        self.tokens_out += said.tokens_out
        return said.text
