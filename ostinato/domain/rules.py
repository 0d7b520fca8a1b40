"""What a request is about: the type by a trained model, the rest by rules. Deterministic, offline, explained."""

import re
from dataclasses import dataclass

from ostinato.domain.classification import Classification, Intent, Ranked, Risk, TaskType
from ostinato.domain.classifying.artefact import shipped_model
from ostinato.domain.classifying.calibration import LIKELY, Calibration
from ostinato.domain.classifying.escalation import UNSURE
from ostinato.domain.classifying.prediction import predict
from ostinato.domain.complexity import read_text, settle
from ostinato.domain.criteria import criteria_for
from ostinato.domain.domains import domains_in
from ostinato.domain.estimate import estimate_by
from ostinato.domain.lexicon import INTENTS, TYPICAL_INTENT
from ostinato.domain.project import ProjectFacts
from ostinato.domain.risk import assess_risk

_READ_CHARS = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Type:
    task_type: TaskType
    confidence: float
    secondary: TaskType | None
    also: tuple[TaskType, ...]
    top: tuple[Ranked, ...]
    because: tuple[str, ...]
    model: str
    refitted: bool


def classify(
    text: str,
    *,
    project: ProjectFacts | None = None,
    stated: TaskType | None = None,
    calibration: Calibration | None = None,
) -> Classification:
    """Never fails: what the model does not understand, other languages included, gets a low confidence."""
    read = " ".join(text[:_READ_CHARS].split())
    found = _task_type(text, stated, calibration)
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
        also=found.also,
        top=found.top,
        model=found.model,
        refitted=found.refitted,
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


def _task_type(text: str, stated: TaskType | None, calibration: Calibration | None) -> _Type:
    model = shipped_model()
    predicted = predict(text, model, calibration)
    first = predicted.ranked[0].task_type if stated is None else stated
    others = [each for each in predicted.ranked if each.task_type is not first]
    also = tuple(each.task_type for each in others if each.p >= LIKELY)
    return _Type(
        task_type=first,
        confidence=predicted.ranked[0].p if stated is None else 1.0,
        secondary=also[0] if also else others[0].task_type if stated else None,
        also=also,
        top=predicted.ranked[:3],
        because=predicted.because if stated is None else ("you said so (--type)", *predicted.because),
        model=model.version,
        refitted=calibration is not None and calibration.model == model.version,
    )


def _intents(text: str, task_type: TaskType) -> tuple[Intent, Intent | None]:
    places = {
        intent: match.start()
        for intent, pattern in INTENTS.items()
        if (match := re.search(pattern, text, re.IGNORECASE))
    }
    ranked = sorted(places, key=lambda intent: places[intent])
    first = ranked[0] if ranked else TYPICAL_INTENT[task_type]
    return first, ranked[1] if len(ranked) > 1 else None
