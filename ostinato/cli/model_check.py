"""What the doctor says of the language model: which, whether its key is there and, where that is asked for, whether it answers."""

import asyncio
import time
from typing import TYPE_CHECKING

from ostinato.cli.checking import Check
from ostinato.domain.errors import ExternalError, UserError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ostinato.adapters.models import LanguageModel

NAME = "language model"
ASK_WITHIN_S = 20.0
_NONE = "none: the classifier and the templates work without one"


def check_model(setting: str, environ: "Mapping[str, str]", *, online: bool) -> Check:
    """Asks the model itself only online: that costs some tokens."""
    from ostinato.adapters.models import chosen_model

    try:
        model = chosen_model(setting, environ)
    except UserError as error:
        return Check(name=NAME, verdict="fail", message=error.problems[0].message, cure=error.problems[0].cure)
    if model is None:
        return Check(name=NAME, verdict="ok", message=_NONE)
    known = f"{model.name}, {_key(setting, environ)}"
    if not online:
        return Check(name=NAME, verdict="ok", message=f"{known}; not asked (doctor --online asks it)")
    return asyncio.run(_answer(model, known))


def _key(setting: str, environ: "Mapping[str, str]") -> str:
    prefix = setting.partition(":")[0].upper()
    return f"{prefix}_API_KEY is set" if environ.get(f"{prefix}_API_KEY") else f"no key, {prefix}_BASE_URL is set"


async def _answer(model: "LanguageModel", known: str) -> Check:
    began = time.monotonic()
    try:
        await model.complete("Answer with the word ok.", max_tokens=64, timeout_s=ASK_WITHIN_S)
    except ExternalError as error:
        cure = "Runs go on without it. Check its key and its name"
        return Check(name=NAME, verdict="fail", message=f"{known}; {error.message}", cure=cure)
    return Check(name=NAME, verdict="ok", message=f"{known}; it answered within {time.monotonic() - began:.1f} s")
