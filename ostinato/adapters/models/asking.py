"""Asks a language model for a request's type: cached, redacted, and never a reason to fail."""

from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from ostinato.adapters.atomic import read_json_object, write_atomically
from ostinato.adapters.models.port import LanguageModel
from ostinato.domain.classification import Ranked, TaskType
from ostinato.domain.classifying.asking import read_type, type_question
from ostinato.domain.errors import ExternalError
from ostinato.domain.language_model import NO_CALL, TypeAnswer, usage_of_failure
from ostinato.domain.redaction import Redactor


async def ask_type(
    model: LanguageModel, text: str, top: Sequence[Ranked], *, answers: Path | None = None
) -> TypeAnswer:
    """A second execution finds the first's answer in the folder `answers`; failures are not kept there."""
    question = type_question(Redactor().text(text), top)
    asked = "\0".join((model.name, question.system, question.prompt))
    kept = answers / f"{sha256(asked.encode('utf-8', 'surrogatepass')).hexdigest()}.json" if answers else None
    if kept and (known := _known(kept)):
        return TypeAnswer(
            task_type=known, reason=f"{model.name} said so before", model=model.name, cached=True, usage=NO_CALL
        )
    try:
        said = await model.complete(
            question.prompt,
            system=question.system,
            max_tokens=question.max_tokens,
            timeout_s=question.timeout_s,
            schema=question.json_schema,
        )
    except ExternalError as error:
        return TypeAnswer(reason=error.message, model=model.name, usage=usage_of_failure(error.code))
    found = read_type(said.text)
    if found and kept:
        _keep(kept, found)
    reason = f"{model.name} says {found}" if found else f"{model.name} named none of the types"
    return TypeAnswer(
        task_type=found,
        reason=reason,
        model=model.name,
        tokens_in=said.tokens_in,
        tokens_out=said.tokens_out,
        usage=said.usage,
    )


def _known(path: Path) -> TaskType | None:
    value = (read_json_object(path) or {}).get("task_type")
    return TaskType(value) if value in list(TaskType) else None


def _keep(path: Path, found: TaskType) -> None:
    """A full disk only means that it is asked again."""
    try:
        write_atomically(path, f'{{"task_type": "{found}"}}\n')
    except (OSError, ExternalError):
        return
