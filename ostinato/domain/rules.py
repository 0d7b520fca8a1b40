"""What a request is about, by rules: a table of weighted patterns. Deterministic, offline, explained."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ostinato.domain.classification import Classification, Intent, Risk, TaskType
from ostinato.domain.complexity import read_text, settle
from ostinato.domain.criteria import criteria_for
from ostinato.domain.domains import domains_in
from ostinato.domain.estimate import estimate_by
from ostinato.domain.lexicon import INTENTS, RULES, TYPICAL_INTENT
from ostinato.domain.project import ProjectFacts
from ostinato.domain.risk import assess_risk

UNSURE = 0.45
"""Below it the type is a guess, and the risk is never called low."""
_READ_CHARS = 2000
_DOUBT = 1.5
"""Weight of what the rules do not know; keeps the confidence of a single weak hit low."""
_RULES = tuple((rule, re.compile(rule.pattern, re.IGNORECASE)) for rule in RULES)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Type:
    task_type: TaskType
    confidence: float
    secondary: TaskType | None
    because: tuple[str, ...]


def classify(text: str, *, project: ProjectFacts | None = None, stated: TaskType | None = None) -> Classification:
    """Never fails: what the rules do not understand, other languages included, gets a low confidence."""
    read = " ".join(text[:_READ_CHARS].split())
    found = _task_type(read, stated)
    intent, secondary_intent = _intents(read, found.task_type)
    at_least = Risk.MEDIUM if found.confidence < UNSURE else Risk.LOW
    assessment = assess_risk(text, found.task_type, at_least=at_least)
    domains = domains_in(read)
    files = project.files if project else 0
    reading = read_text(text, found.task_type, type_confidence=found.confidence, domains=len(domains), files=files)
    settled = settle((reading,), assessment.risk)
    estimate = estimate_by(settled.complexity, settled.basis)
    return Classification(
        task_type=found.task_type,
        confidence=found.confidence,
        secondary=found.secondary,
        intent=intent,
        secondary_intent=secondary_intent,
        domains=domains,
        complexity=settled.complexity,
        complexity_score=settled.score,
        complexity_basis=settled.basis,
        complexity_confidence=settled.confidence,
        factors=settled.factors,
        readings=(reading,),
        risk=assessment.risk,
        risk_reasons=assessment.reasons,
        mitigations=assessment.mitigations,
        success_criteria=criteria_for(found.task_type),
        estimated_s=estimate.likely_s,
        estimate=estimate,
        because=found.because,
        stated=stated is not None,
    )


def _task_type(text: str, stated: TaskType | None) -> _Type:
    scores, hits = _scores(text)
    ranked = sorted(scores, key=lambda kind: -scores[kind])
    if stated is not None:
        other = next((kind for kind in ranked if kind is not stated), None)
        return _Type(task_type=stated, confidence=1.0, secondary=other, because=("you said so (--type)",))
    if not ranked:
        empty = len(re.findall(r"\w+", text)) < 2
        return _Type(
            task_type=TaskType.RESEARCH if empty else TaskType.CODE_IMPLEMENTATION,
            confidence=0.0 if empty else 0.1,
            secondary=None,
            because=("no rule knows these words",),
        )
    first = ranked[0]
    second = next((kind for kind in ranked[1:] if scores[kind] * 2 >= scores[first]), None)
    return _Type(
        task_type=first,
        confidence=_confidence([scores[kind] for kind in ranked]),
        secondary=second,
        because=tuple(hit for kind in (first, second) if kind for hit in hits[kind]),
    )


def _scores(text: str) -> tuple[dict[TaskType, float], dict[TaskType, list[str]]]:
    scores: dict[TaskType, float] = {}
    hits: dict[TaskType, list[str]] = {}
    for rule, pattern in _RULES:
        if match := pattern.search(text):
            leads = 1.0 if match.start() == 0 else 0.0
            scores[rule.task_type] = scores.get(rule.task_type, 0.0) + rule.weight + leads
            hits.setdefault(rule.task_type, []).append(
                f"{rule.task_type}: {rule.name} ({match.group(0).strip()[:40]!r})"
            )
    return scores, hits


def _confidence(ranked: Sequence[float]) -> float:
    """The margin of the first over all others, never above .95: rules are right about half the time on hard requests."""
    share = ranked[0] / (sum(ranked) + _DOUBT)
    margin = (ranked[0] - (ranked[1] if len(ranked) > 1 else 0.0)) / (ranked[0] + _DOUBT)
    return round(min(0.95, (share + margin) / 2), 2)


def _intents(text: str, task_type: TaskType) -> tuple[Intent, Intent | None]:
    places = {
        intent: match.start()
        for intent, pattern in INTENTS.items()
        if (match := re.search(pattern, text, re.IGNORECASE))
    }
    ranked = sorted(places, key=lambda intent: places[intent])
    first = ranked[0] if ranked else TYPICAL_INTENT[task_type]
    return first, ranked[1] if len(ranked) > 1 else None
