"""A classification gets better with what becomes known: the repository, the plan, a person's word, the real diff."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from ostinato.domain.classification import Basis, Classification, Reading
from ostinato.domain.complexity import read_diff, read_evidence, read_plan, settle
from ostinato.domain.criteria import criteria_for
from ostinato.domain.domains import domains_of
from ostinato.domain.durations import Expectation
from ostinato.domain.estimate import estimate_by, estimate_of
from ostinato.domain.evidence import DiffFacts, Evidence
from ostinato.domain.ids import StepId
from ostinato.domain.plan import Plan
from ostinato.domain.request import RunOptions
from ostinato.domain.risk import assess_diff, assess_plan, assess_risk, stated_by, with_risk

_MOST_PATHS = 10


def refine(classification: Classification, evidence: Evidence) -> Classification:
    """By what the repository has of the names in the request. The same evidence again changes nothing."""
    sure = [match.path for match in evidence.sources if match.score >= _PATH_COUNTS]
    touched = assess_risk("", classification.task_type, paths=sure, at_least=classification.risk)
    found = with_risk(classification, touched) if sure else classification
    read = read_evidence(evidence)
    found = _with_reading(found, read) if read else found
    return found.model_copy(
        update={
            "domains": _joined(found.domains, domains_of(match.path for match in evidence.matches)),
            "paths": tuple(match.path for match in evidence.matches[:_MOST_PATHS]),
            "packages": evidence.packages,
            "success_criteria": criteria_for(found.task_type, evidence),
            **_estimated(found),
        }
    )


def after_plan(
    classification: Classification, plan: Plan, expectations: Mapping[StepId, Expectation] | None = None
) -> Classification:
    """By the steps, what they write and how long they are expected to take."""
    found = with_risk(classification, assess_plan(plan, classification.task_type, at_least=classification.risk))
    found = _with_reading(found, read_plan(plan, classification.packages))
    estimate = estimate_of(plan, expectations)
    return found.model_copy(update={"estimate": estimate, "estimated_s": estimate.likely_s})


def after_person(
    classification: Classification, options: RunOptions, person: str, at: datetime
) -> tuple[Classification, str]:
    """By what the person who asks says of its risk; with a note where that is worth one."""
    if options.risk is None:
        return classification, ""
    found, note = stated_by(classification, person, risk=options.risk, why=options.risk_because, at=at)
    return (_with_reading(found, found.readings[-1]) if found.readings else found), note


def after_diff(classification: Classification, diff: DiffFacts) -> Classification:
    """By what really changed; for the report, and for whoever merges. An empty diff says nothing."""
    if not diff.files_count:
        return classification
    found = with_risk(classification, assess_diff(diff, classification.task_type, at_least=classification.risk))
    found = _with_reading(found, read_diff(diff))
    return found.model_copy(
        update={
            "domains": _joined(found.domains, domains_of(diff.paths)),
            "packages": diff.packages or found.packages,
        }
    )


_PATH_COUNTS = 0.5
"""A path that only a common word points at does not raise the risk."""


def _with_reading(classification: Classification, reading: Reading) -> Classification:
    readings = (*(kept for kept in classification.readings if kept.basis is not reading.basis), reading)
    settled = settle(readings, classification.risk)
    return classification.model_copy(
        update={
            "readings": readings,
            "factors": settled.factors,
            "complexity": settled.complexity,
            "complexity_score": settled.score,
            "complexity_basis": settled.basis,
            "complexity_confidence": settled.confidence,
        }
    )


def _estimated(classification: Classification) -> dict[str, object]:
    if classification.complexity_basis in (Basis.PLAN, Basis.DIFF):
        return {}
    estimate = estimate_by(classification.complexity, classification.complexity_basis)
    return {"estimate": estimate, "estimated_s": estimate.likely_s}


def _joined(*groups: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for group in groups for name in group))
