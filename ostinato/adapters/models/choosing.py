"""The configured language model, from a setting like `anthropic:NAME` and the provider's own variables."""

from collections.abc import Mapping

from ostinato.adapters.models import anthropic, openai
from ostinato.adapters.models.port import LanguageModel
from ostinato.domain.errors import UserError

PROVIDERS = ("anthropic", "openai")


def chosen_model(setting: str, environ: Mapping[str, str]) -> LanguageModel | None:
    """None where none is configured; raises UserError where the setting or the key is missing something."""
    if not setting:
        return None
    provider, _, model = setting.partition(":")
    if provider not in PROVIDERS or not model.strip():
        message = f"{setting!r} is no language model"
        raise UserError.of("setting_invalid", "OSTINATO_LLM", message, "Use anthropic:MODEL or openai:MODEL")
    prefix = provider.upper()
    key, base_url = environ.get(f"{prefix}_API_KEY", ""), environ.get(f"{prefix}_BASE_URL", "")
    if not key and not base_url:
        message = f"OSTINATO_LLM names {setting}, but there is no key for it"
        raise UserError.of(
            "model_key_missing", f"{prefix}_API_KEY", message, f"Set {prefix}_API_KEY, or unset OSTINATO_LLM"
        )
    if provider == "anthropic":
        return anthropic.AnthropicModel(model=model.strip(), key=key, base_url=base_url or anthropic.BASE_URL)
    return openai.OpenAIModel(model=model.strip(), key=key, base_url=base_url or openai.BASE_URL)
