"""A prompt that refers to what other steps left: the values leave its text, and come along as data. Pure."""

import json
import re
from collections.abc import Mapping
from typing import Any

from ostinato.domain.inputs import with_inputs
from ostinato.domain.plan import AgentAction, Step
from ostinato.domain.prompting.composing import Item
from ostinato.domain.prompting.shares import PartName
from ostinato.domain.references import Reference, references, value_of

_WORD = re.compile(r"[\w./@:+-]{1,60}")
"""A name, a path, a number or an id: nobody is told anything by one word."""
_OF_THE_PERSON = "inputs"


def with_lifted_inputs(step: Step, variables: Mapping[str, Any]) -> tuple[Step, tuple[Item, ...]]:
    """As with_inputs(), but for an agent's prompt: there, what others wrote is named in the text and returned beside it.

    Inputs are the person's own words and stay in place, and so does a value of one word.
    """
    action = step.action
    if not isinstance(action, AgentAction):
        return with_inputs(step, variables=variables), ()
    prompt, items = action.prompt, dict[str, Item]()
    for found in references(action.prompt):
        value = value_of(found, variables)
        if _stays(found, value):
            continue
        name = ".".join(found.path)
        items[name] = Item(part=PartName.RESULTS, source=name, text=_text(value))
        prompt = prompt.replace(found.text, f'what "{name}" holds, above')
    lifted = step.model_copy(update={"action": action.model_copy(update={"prompt": prompt})})
    return with_inputs(lifted, variables=variables), tuple(items.values())


def _stays(found: Reference, value: object) -> bool:
    return found.root == _OF_THE_PERSON or bool(_WORD.fullmatch(_text(value)))


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
