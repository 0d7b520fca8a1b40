"""A request's types by probability, with the words and rules that carried it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from ostinato.domain.classification import Ranked, TaskType
from ostinato.domain.classifying.calibration import Calibration, probabilities
from ostinato.domain.classifying.features import Reading, normalise, read
from ostinato.domain.classifying.model import TYPES, Model

_FAMILIAR = 0.5
"""With fewer of its words known than this, a request is partly a guess: other languages, names, noise."""
_SHOWN_WORDS = 4
_SHOWN_RULES = 3
_DIGITS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    ranked: tuple[Ranked, ...]
    """All types, the likeliest first; rounded, so that every platform gives the same."""
    because: tuple[str, ...]


def predict(text: str, model: Model, calibration: Calibration | None = None) -> Prediction:
    """Never fails; whatever it cannot read gets a low probability."""
    reading = read(text)
    if _is_too_short(text, reading):
        return _undecided()
    fitting = calibration if calibration and calibration.model == model.version else None
    share = min(1.0, familiarity(text, reading, model) / _FAMILIAR)
    spread = [share * p + (1 - share) / len(TYPES) for p in probabilities(model.scores(reading), model, fitting)]
    ranked = sorted(
        (Ranked(task_type=task_type, p=round(p, _DIGITS)) for task_type, p in zip(TYPES, spread, strict=True)),
        key=lambda each: (-each.p, TYPES.index(each.task_type)),
    )
    return Prediction(ranked=tuple(ranked), because=explanation(reading, ranked[0].task_type, model))


def familiarity(text: str, reading: Reading, model: Model) -> float:
    """The share of words that occur in what the model learnt from."""
    words = [word for word in reading.words if word[0] not in "#?!"]
    known = sum(model.knows(word) for word in words)
    foreign = math.ceil(sum(char.isalpha() and not char.isascii() for char in normalise(text)[0]) / 4)
    return known / max(1, len(words) + foreign)


def _is_too_short(text: str, reading: Reading) -> bool:
    return len(text.split()) < 2 and not reading.rules


def _undecided() -> Prediction:
    ranked = [Ranked(task_type=TaskType.RESEARCH, p=0.0)]
    ranked += [Ranked(task_type=each, p=0.0) for each in TYPES if each is not TaskType.RESEARCH]
    return Prediction(ranked=tuple(ranked), because=("too short to say anything about it",))


def explanation(reading: Reading, task_type: TaskType, model: Model) -> tuple[str, ...]:
    """The rules that name the type, then the words that carried it with their share."""
    rules = [
        f"{rule.task_type}: {rule.name} ({matched[:40]!r})"
        for rule, matched in reading.rules
        if rule.task_type is task_type
    ]
    others = [
        f"{rule.task_type}: {rule.name} ({matched[:40]!r})"
        for rule, matched in reading.rules
        if rule.task_type is not task_type
    ]
    words = _carrying(reading, model.contributions(reading, task_type))
    shown = (*rules[:_SHOWN_RULES], *words, *(f"against it, {rule}" for rule in others[:1]))
    return shown or ("none of its words says much",)


def _carrying(reading: Reading, contributions: Mapping[str, int]) -> list[str]:
    """Pieces count for the word they are of, rules and cues for the words they matched."""
    by_words: dict[str, int] = {}
    for feature, amount in contributions.items():
        if surface := reading.surfaces[feature]:
            by_words[surface] = by_words.get(surface, 0) + amount
    positive = sum(amount for amount in by_words.values() if amount > 0)
    best = sorted(by_words, key=lambda words: (-by_words[words], words))[:_SHOWN_WORDS]
    return [
        f"the words {words[:40]!r} ({100 * by_words[words] // positive} %)"
        for words in best
        if by_words[words] * 20 > positive
    ]
