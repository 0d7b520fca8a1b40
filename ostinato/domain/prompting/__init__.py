"""What an agent is asked: composed from template files, text from outside marked as data, all of it on record. Pure."""

from ostinato.domain.prompting.composing import Included, Item, NotIncluded, Prompt, PromptRecord, compose
from ostinato.domain.prompting.shares import PartName, Shares, shares_for
from ostinato.domain.prompting.templates import Templates, TurnName, shipped_templates, with_own

__all__ = [
    "Included",
    "Item",
    "NotIncluded",
    "PartName",
    "Prompt",
    "PromptRecord",
    "Shares",
    "Templates",
    "TurnName",
    "compose",
    "shares_for",
    "shipped_templates",
    "with_own",
]
