"""Language models: one port, two real adapters, chosen by a setting. No key is ever stored, logged or told."""

from ostinato.adapters.models.asking import ask_type
from ostinato.adapters.models.choosing import chosen_model
from ostinato.adapters.models.counting import Counted
from ostinato.adapters.models.port import LanguageModel

__all__ = ["Counted", "LanguageModel", "ask_type", "chosen_model"]
