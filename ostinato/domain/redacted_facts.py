"""What an activity answers, without secrets: known values leave its prose, high-precision patterns leave all of it. Pure."""

from enum import Enum
from typing import Any, TypeVar

from pydantic import BaseModel

from ostinato.domain.base import Fact
from ostinato.domain.redaction import Redactor

Told = TypeVar("Told", bound=Fact)

_EXACT_NAMES = """
active against agent args argv authored base_branch base_commit base_now branch check checkpoint_remote ci code
command commit compensate condition conflicts confirmed_by definition definition_sha256 depends_on diagnose
digest dirty_paths domains evidence files findings_ref flaky folder follows foreign gate group head holds id
inputs items kept key language languages manager manifest member metrics mirror missing mode mode_path model
name names options outer outside_claim owner packages path paths phase prefix python queue reads repository
repository_id risks roll_back rollback_points root rule run run_id saved_refs shell signature slot source
source_roots step step_id stops_on target test_paths timeline tool tree validation_level value values when
worktree writes
"""
_EXACT = frozenset(_EXACT_NAMES.split())
"""Fields that programs go by: a password that is an ordinary word may well be the name of a branch or a step."""
_PATTERNS = Redactor()


def redacted_fact(fact: Told, redactor: Redactor) -> Told:
    """The same one where it holds no secret. Raises pydantic's ValidationError when what is left would not be read."""
    cleaned = _cleaned(fact, redactor)
    return fact if cleaned == fact else type(fact).model_validate_json(cleaned.model_dump_json())


def _cleaned(value: Any, redactor: Redactor) -> Any:
    match value:
        case Enum():
            return value
        case str():
            return redactor.text(value)
        case BaseModel():
            named = ((name, getattr(value, name)) for name in type(value).model_fields)
            return value.model_copy(update={name: _field(name, inner, redactor) for name, inner in named})
        case dict():
            return {_cleaned(name, redactor): _cleaned(inner, redactor) for name, inner in value.items()}
        case tuple() | list() | frozenset() | set():
            return type(value)(_cleaned(inner, redactor) for inner in value)
        case _:
            return value


def _field(name: str, value: Any, redactor: Redactor) -> Any:
    return _cleaned(value, _PATTERNS if name in _EXACT else redactor)
