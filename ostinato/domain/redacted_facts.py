"""What an activity answers, without secrets: known values leave its prose, high-precision patterns leave all of it. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cache
from typing import Any, Literal, TypeVar, get_args, get_origin

from pydantic import BaseModel

from ostinato.domain.base import Fact
from ostinato.domain.redaction import Redactor

Told = TypeVar("Told", bound=Fact)

_EXACT_NAMES = """
active against agent args argv authored base base_branch base_commit base_now branch check checkpoint
checkpoint_remote ci code command commit compensate condition confirmed_by conflicts decision definition
definition_sha256 depends_on diagnose digest dirty_paths domains epoch evidence files findings_ref flaky folder
follows foreign gate group head holds id inputs items kept key language languages manager manifest member
metrics mirror missing mode mode_path model name names option options outer outside_claim owner packages
passed_gates path paths phase post_gates prefix python queue reads repository repository_id restored risks roll_back
rollback_points root rule run run_id saved_refs shell signature slot source source_roots stands_for start_from step step_id
stops_on strategy target test_paths timeline tool tree validation_level value values when worktree writes
"""
_EXACT = frozenset(_EXACT_NAMES.split())
"""Texts that programs go by: a password that is an ordinary word may well be the name of a branch or a step."""


def redacted_fact(fact: Told, redactor: Redactor) -> Told:
    """The same one where it holds no secret. Raises pydantic's ValidationError when what is left would not be read."""
    cleaned = _cleaned(fact, _Redactors(redactor, redactor.precise()))
    return fact if cleaned == fact else type(fact).model_validate_json(cleaned.model_dump_json())


def exact_secrets(fact: Fact, redactor: Redactor) -> tuple[str, ...]:
    """The fields that programs go by and that hold a secret: redacted, they would not work any more."""
    return tuple(dict.fromkeys(_places(fact, redactor.precise(), "", is_exact=False)))


@dataclass(frozen=True, slots=True)
class _Redactors:
    prose: Redactor
    exact: Redactor


def _cleaned(value: Any, by: _Redactors) -> Any:
    match value:
        case Enum():
            return value
        case str():
            return by.prose.text(value)
        case BaseModel():
            named = ((name, getattr(value, name)) for name in type(value).model_fields)
            return value.model_copy(update={name: _field(type(value), name, inner, by) for name, inner in named})
        case dict():
            return {_cleaned(name, by): _cleaned(inner, by) for name, inner in value.items()}
        case tuple() | list() | frozenset() | set():
            return type(value)(_cleaned(inner, by) for inner in value)
        case _:
            return value


def _field(model: type[BaseModel], name: str, value: Any, by: _Redactors) -> Any:
    return _cleaned(value, _Redactors(by.exact, by.exact) if _is_exact(model, name) else by)


def _places(value: Any, redactor: Redactor, place: str, *, is_exact: bool) -> Iterator[str]:
    match value:
        case str():
            if is_exact and redactor.secrets(value):
                yield place
        case BaseModel():
            for name in type(value).model_fields:
                inner = is_exact or _is_exact(type(value), name)
                yield from _places(getattr(value, name), redactor, f"{place}.{name}".lstrip("."), is_exact=inner)
        case dict():
            for name, each in value.items():
                yield from _places(each, redactor, place, is_exact=is_exact)
                yield from _places(name, redactor, place, is_exact=is_exact)
        case tuple() | list() | frozenset() | set():
            for number, each in enumerate(value):
                named = getattr(each, "id", number)
                yield from _places(each, redactor, redactor.text(f"{place}[{named}]"), is_exact=is_exact)
        case _:
            return


@cache
def _is_exact(model: type[BaseModel], name: str) -> bool:
    """By its name, or because it takes no plain text: ids, names of gates, one of several words."""
    return name in _EXACT or not _takes_text(model.model_fields[name].annotation)


def _takes_text(annotation: Any) -> bool:
    if annotation is str or annotation is Any or (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
        return True
    return get_origin(annotation) is not Literal and any(_takes_text(inner) for inner in get_args(annotation))
