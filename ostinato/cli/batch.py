"""Many requests, one JSON object a line in, one a line out; a bad line is told by its number and stops nothing."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from ostinato.domain.classification import Classification
from ostinato.domain.classifying.calibration import Calibration
from ostinato.domain.rules import classify

MAX_LINE_BYTES = 200_000


def answers(lines: Iterable[bytes], calibration: Calibration | None) -> Iterator[dict[str, Any]]:
    """Empty lines are passed over."""
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield _answer(number, line, calibration)


def _answer(number: int, line: bytes, calibration: Calibration | None) -> dict[str, Any]:
    if len(line) > MAX_LINE_BYTES:
        return _refused(number, f"the line has more than {MAX_LINE_BYTES:,} bytes")
    try:
        given = json.loads(line)
    except (ValueError, RecursionError) as error:
        return _refused(number, f"the line is not JSON: {error}")
    text = given.get("text") if isinstance(given, dict) else None
    if not isinstance(text, str):
        return _refused(number, 'the line is not an object like {"text": "fix the parser"}')
    return as_line(classify(text, calibration=calibration))


def as_line(found: Classification) -> dict[str, Any]:
    return {
        "task_type": found.task_type,
        "confidence": found.confidence,
        "top": [each.model_dump(mode="json") for each in found.top],
        "secondary": list(found.also),
        "intent": found.intent,
        "domains": list(found.domains),
        "complexity": found.complexity,
        "risk": found.risk,
    }


def _refused(number: int, message: str) -> dict[str, Any]:
    return {"line": number, "error": {"code": "batch_line_invalid", "message": message}}
