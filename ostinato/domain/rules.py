"""What a request is about, by rules: a table of weighted patterns. Deterministic, offline, explained."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ostinato.domain.classification import Classification, Complexity, Intent, Risk, TaskType
from ostinato.domain.lexicon import COMPLEXITY_CUES, DOMAINS, INTENTS, RULES, SMALL_CUES, SUCCESS, TYPICAL_INTENT
from ostinato.domain.project import ProjectFacts
from ostinato.domain.risk import assess_risk

FACTOR_WEIGHTS: Mapping[str, float] = {
    "scope": 0.25,
    "dependencies": 0.20,
    "uncertainty": 0.15,
    "technical_depth": 0.15,
    "integration_points": 0.15,
    "risk": 0.10,
}
"""Features, F2."""
CUTS = ((0.3, Complexity.SIMPLE), (0.6, Complexity.MODERATE), (0.8, Complexity.COMPLEX))
UNSURE = 0.45
"""Below it the type is a guess, and the risk is never called low."""
_READ_CHARS = 2000
_DOUBT = 1.5
"""Weight of what the rules do not know; keeps the confidence of a single weak hit low."""
_RISK_FACTOR = {Risk.LOW: 0.1, Risk.MEDIUM: 0.4, Risk.HIGH: 0.8, Risk.CRITICAL: 1.0}
_BASE_S = {
    Complexity.SIMPLE: 60.0,
    Complexity.MODERATE: 600.0,
    Complexity.COMPLEX: 3600.0,
    Complexity.ENTERPRISE: 14_400.0,
}
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
    domains = tuple(name for name, pattern in DOMAINS.items() if re.search(pattern, read, re.IGNORECASE))
    factors = _factors(read, project, assessment.risk, len(domains))
    score = round(sum(FACTOR_WEIGHTS[name] * value for name, value in factors.items()), 3)
    complexity = _complexity(read, score)
    return Classification(
        task_type=found.task_type,
        confidence=found.confidence,
        secondary=found.secondary,
        intent=intent,
        secondary_intent=secondary_intent,
        domains=domains,
        complexity=complexity,
        complexity_score=score,
        factors=factors,
        risk=assessment.risk,
        risk_reasons=assessment.reasons,
        mitigations=assessment.mitigations,
        success_criteria=SUCCESS[found.task_type],
        estimated_s=_BASE_S[complexity],
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


def _factors(text: str, project: ProjectFacts | None, risk: Risk, domains: int) -> dict[str, float]:
    """Each 0 to 1. From words, and the number of files; a prior to be replaced once a plan exists."""
    small = 0.2 if re.search(SMALL_CUES, text, re.IGNORECASE) else 0.0
    hits = {name: len(set(re.findall(pattern, text.lower()))) for name, pattern in COMPLEXITY_CUES.items()}
    size = min(0.2, project.files / 5000) if project else 0.0
    listed = min(0.3, 0.05 * len(re.findall(r"\d\.\s|[;\n]\s*[-*]\s", text)))
    raw = {
        "scope": 0.2 + 0.25 * hits["scope"] + size + listed - small,
        "dependencies": 0.1 + 0.3 * hits["dependencies"],
        "uncertainty": 0.15 + 0.3 * hits["uncertainty"],
        "technical_depth": 0.15 + 0.3 * hits["technical_depth"],
        "integration_points": 0.1 + 0.25 * hits["integration_points"] + 0.1 * max(0, domains - 1),
        "risk": _RISK_FACTOR[risk],
    }
    return {name: round(max(0.0, min(1.0, value)), 3) for name, value in raw.items()}


def _complexity(text: str, score: float) -> Complexity:
    if len(set(re.findall(COMPLEXITY_CUES["enterprise"], text.lower()))) >= 2:
        return Complexity.ENTERPRISE
    return next((band for cut, band in CUTS if score < cut), Complexity.ENTERPRISE)
