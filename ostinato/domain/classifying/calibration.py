"""From scores to probabilities; and thirteen numbers that corrections can refit, never the weights."""

import math
from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from ostinato.domain.base import Fact
from ostinato.domain.classification import TaskType
from ostinato.domain.classifying.model import TYPES, Model

FEWEST_CORRECTIONS = 50
LIKELY = 0.20
"""From here on a second type is named."""
_ROUNDS = 300
_STEP = 0.5
_HOLD = 8.0
"""How many corrections it takes to move a type's bias about half way: few of them change little."""


class Calibration(Fact):
    """Replaces the temperature and adds to the bias of the model that it was made for."""

    model: str
    """The version of that model; for any other it is not used."""
    temperature: Annotated[float, Field(gt=0.1, lt=10)]
    bias: Annotated[tuple[float, ...], Field(min_length=len(TYPES), max_length=len(TYPES))]
    corrections: int


def probabilities(scores: Sequence[float], model: Model, calibration: Calibration | None = None) -> tuple[float, ...]:
    """In the order of TYPES; they add up to one."""
    temperature = calibration.temperature if calibration else model.temperature
    added = calibration.bias if calibration else (0.0,) * len(TYPES)
    logits = [
        score / temperature + prior + extra for score, prior, extra in zip(scores, model.prior, added, strict=True)
    ]
    return softmax(logits)


def softmax(logits: Sequence[float]) -> tuple[float, ...]:
    """Added one after the other: `sum` rounds differently from Python to Python."""
    highest = max(logits)
    powers = [math.exp(each - highest) for each in logits]
    total = 0.0
    for power in powers:
        total += power
    return tuple(power / total for power in powers)


def refit(samples: Sequence[tuple[Sequence[float], TaskType]], model: Model) -> Calibration:
    """Temperature and bias under which what people said is likeliest, held to what was shipped. Deterministic."""
    inverse, bias = 1.0 / model.temperature, [0.0] * len(TYPES)
    for _ in range(_ROUNDS):
        slope, slopes = _HOLD * (1.0 / model.temperature - inverse), [-_HOLD * each for each in bias]
        for scores, said in samples:
            truth = TYPES.index(said)
            logits = [s * inverse + prior + b for s, prior, b in zip(scores, model.prior, bias, strict=True)]
            for place, p in enumerate(softmax(logits)):
                missing = (1.0 if place == truth else 0.0) - p
                slopes[place] += missing
                slope += missing * scores[place]
        rate = _STEP / (len(samples) + _HOLD)
        inverse = min(2.5, max(0.4, inverse + rate * slope / 4))
        bias = [b + rate * each for b, each in zip(bias, slopes, strict=True)]
    return Calibration(
        model=model.version,
        temperature=round(1.0 / inverse, 4),
        bias=tuple(round(each, 4) for each in bias),
        corrections=len(samples),
    )
