"""How long does it take to give a request its type, and to load what that needs?

Method: every kept request (the development split, plain requests, and three that fill the characters that are read) is classified five
times by `predict`, one after the other, warm, in one process; each counts with the best of its five passes, so that what the machine
does besides is left out, and `every_pass` keeps all. Loading is reading and unpacking the artefact, without importing, twenty times.

Command: python -m benchmarks.classifying
"""

import json
import time
from collections.abc import Sequence
from importlib.resources import files
from typing import Any, Final

from benchmarks.keeping import keep
from ostinato.domain.classifying.artefact import NAME, shipped_model
from ostinato.domain.classifying.features import READ_CHARS
from ostinato.domain.classifying.model import TYPES, Model, unpacked
from ostinato.domain.classifying.prediction import predict
from tests.e2e.stack import ROOT

PASSES: Final = 5
LOADS: Final = 20
KEPT: Final = ("training/development.jsonl", "tests/unit/explicit_requests.jsonl")
LONGEST: Final = (
    "Add a retry. " * 80,
    "fix the crash in src/app/main.py when the queue is empty and restart\n"
    + "Traceback in worker_pool.run_forever\n" * 30,
    "é" * READ_CHARS,
)


def main() -> None:
    model = shipped_model()
    lines = [line for name in KEPT for line in (ROOT / name).read_text("utf-8").splitlines()]
    texts = [*(json.loads(line)["text"] for line in lines), *LONGEST]
    passes = [[_milliseconds(text, model) for text in texts] for _ in range(PASSES)]
    best = [min(each) for each in zip(*passes, strict=True)]
    keep(
        "classifying",
        {
            "requests": len(texts),
            "goal_ms": {"p99": 8, "load": 100},
            "milliseconds": _spread(best),
            "every_pass": _spread([each for one in passes for each in one]),
            "load_ms": _spread([_loading() for _ in range(LOADS)]),
            "artefact_bytes": len((files("ostinato.domain.data") / NAME).read_bytes()),
        },
    )


def _milliseconds(text: str, model: Model) -> float:
    began = time.perf_counter()
    found = predict(text, model)
    took = 1000 * (time.perf_counter() - began)
    if len(found.ranked) != len(TYPES):
        raise AssertionError(f"nothing was found: {text[:80]!r}")
    return took


def _loading() -> float:
    began = time.perf_counter()
    unpacked((files("ostinato.domain.data") / NAME).read_bytes())
    return 1000 * (time.perf_counter() - began)


def _spread(values: Sequence[float]) -> dict[str, Any]:
    ordered = sorted(values)
    return {
        "median": round(ordered[len(ordered) // 2], 2),
        "p99": round(ordered[len(ordered) * 99 // 100], 2),
        "worst": round(ordered[-1], 2),
    }


if __name__ == "__main__":
    main()
