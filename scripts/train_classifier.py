"""Train the classifier from the rows in training/ and write its artefact with its figures. Needs the development extra.

The same rows give the same artefact. Settings were chosen by cross-validation over repositories, never row by row.
"""

import json
import re
import sys
import zlib
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.linear_model import LogisticRegression

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ostinato.domain.classifying.features import Reading, read  # noqa: E402 - the path comes first
from ostinato.domain.classifying.model import TYPES, Model, bucket, damped, packed, unpacked  # noqa: E402
from scripts.classify_eval import Figures, Row, figures_of, rows_of  # noqa: E402

TRAINING = ROOT / "training"
DATA = ROOT / "ostinato" / "domain" / "data"
PLAIN = ROOT / "tests" / "unit" / "explicit_requests.jsonl"
MOST_BYTES = 250_000
STRENGTH = 2.0
"""The inverse of the penalty on big weights."""
FEWEST_ROWS = 2
"""A feature of a single row teaches nothing about others."""
MOST_FEATURES = 32_000
"""Those that move the scores least are left out, for the size."""
FOLDS = 4
ALPHA, FLOOR = 0.10, 0.03
"""How far the natural mix of requests bends the probabilities; a rare type counts as if it were this frequent."""
NATURAL = {
    "code_implementation": 0.322, "bug_fix": 0.319, "documentation": 0.197, "refactoring": 0.067, "testing": 0.053,
    "deployment": 0.018, "performance_optimization": 0.012, "maintenance": 0.011,
}  # fmt: skip
TRACK_WEIGHTS = {"instr": 3.0, "user": 3.0, "beads": 1.5, "explicit": 2.0, "template": 0.5}
"""Rows that read like requests count more than subjects of commits."""
TEMPLATED = 480
"""Sentences for each type."""

Numbers = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Space:
    """The features that are kept, with what a rare one counts more."""

    rows: Mapping[int, int]
    rarity: NDArray[np.uint8]

    def matrix(self, readings: Sequence[Reading]) -> Any:
        """One row for each reading."""
        places, columns, values = [], [], []
        for place, reading in enumerate(readings):
            for feature, weight in reading.weights.items():
                if (row := self.rows.get(bucket(feature))) is not None:
                    places.append(place)
                    columns.append(row)
                    values.append(weight * float(self.rarity[row]))
        found = sparse.csr_matrix((values, (places, columns)), shape=(len(readings), len(self.rows)))
        squares = np.asarray(found.multiply(found).sum(axis=1)).ravel()
        return sparse.diags([1 / (damped(each) or 1.0) for each in squares]) @ found


def main() -> int:
    rows = [*rows_of(TRAINING / "requests.jsonl"), *rows_of(TRAINING / "explicit.jsonl"), *templated()]
    readings = [read(row.text) for row in rows]
    temperature = fitted_temperature(rows, readings)
    model = replace(trained(rows, readings), temperature=temperature)
    artefact = packed(model)
    (DATA / "classifier.bin").write_bytes(artefact)
    figures = figures_of(unpacked(artefact), rows_of(TRAINING / "development.jsonl"))
    (DATA / "classifier.json").write_text(json.dumps(card(artefact, model, rows, figures), indent=1) + "\n", "utf-8")
    print(f"{len(artefact):,} bytes, {len(model.rows):,} features, temperature {temperature}")
    print(f"development: accuracy {figures.accuracy:.3f}, macro-F1 {figures.macro_f1:.3f}, error {figures.ece:.3f}")
    return 0 if len(artefact) <= MOST_BYTES else 1


def templated() -> list[Row]:
    """Sentences that are plain about the type, for types that commits hardly know. Chosen by checksum, not by chance."""
    source = json.loads((TRAINING / "templates.json").read_text("utf-8"))
    kept = kept_back()
    return [
        Row(text=text, label=label, source="ours", track="template")
        for label, lines in sorted(source["templates"].items())
        for number in range(TEMPLATED)
        if (text := _filled(lines[number % len(lines)], source["slots"], f"{label}/{number}")) not in kept
    ]


def kept_back() -> set[str]:
    """Plain requests to judge by; never trained on, also where a template happens to give one."""
    asked = map(json.loads, PLAIN.read_text("utf-8").splitlines())
    return {each["text"] for each in asked if not each["trained"]}


def _filled(line: str, slots: Mapping[str, Sequence[str]], seed: str) -> str:
    def choice(match: re.Match[str]) -> str:
        known = slots[match[1]]
        return known[zlib.crc32(f"{seed}/{match[1]}".encode()) % len(known)]

    while "{" in line:
        line = re.sub(r"\{(\w+)\}", choice, line)
    return line


def space_of(readings: Sequence[Reading]) -> Space:
    rows = Counter(key for reading in readings for key in {bucket(feature) for feature in reading.weights})
    kept = sorted(key for key, count in rows.items() if count >= FEWEST_ROWS)
    rare = np.log((1 + len(readings)) / (1 + np.array([rows[key] for key in kept]))) + 1
    return Space(
        rows={key: place for place, key in enumerate(kept)}, rarity=np.round(rare / rare.max() * 255).astype(np.uint8)
    )


def fit(rows: Sequence[Row], readings: Sequence[Reading]) -> tuple[Space, Numbers, Numbers]:
    space = space_of(readings)
    labels = np.array([TYPES.index(row.task_type) for row in rows])
    learnt = LogisticRegression(C=STRENGTH, max_iter=500, tol=1e-4)
    learnt.fit(space.matrix(readings), labels, sample_weight=_row_weights(rows, labels))
    return space, np.asarray(learnt.coef_), np.asarray(learnt.intercept_)


def _row_weights(rows: Sequence[Row], labels: NDArray[np.int_]) -> Numbers:
    """Every type counts the same in the end."""
    weights = np.array([TRACK_WEIGHTS.get(row.track, 1.0) for row in rows])
    totals = np.bincount(labels, weights=weights, minlength=len(TYPES))
    return np.asarray(weights * (weights.sum() / len(TYPES) / totals)[labels])


def trained(rows: Sequence[Row], readings: Sequence[Reading]) -> Model:
    space, weights, bias = fit(rows, readings)
    space, weights = pruned(space, weights)
    scale = np.abs(weights).max(axis=1) / 127
    small = np.round(weights / scale[:, None]).astype(np.int8)
    return Model(
        rows=space.rows,
        rarity=space.rarity.tobytes(),
        weights=array("b", small.T.tobytes()),
        scale=tuple(float(f"{each:.8g}") for each in scale),
        bias=tuple(round(float(each), 6) for each in bias),
        prior=prior(),
        temperature=1.0,
        digest="",
    )


def pruned(space: Space, weights: Numbers) -> tuple[Space, Numbers]:
    moved = (weights.max(axis=0) - weights.min(axis=0)) * space.rarity
    kept = np.sort(np.argsort(-moved, kind="stable")[:MOST_FEATURES])
    keys = list(space.rows)
    rows = {keys[place]: row for row, place in enumerate(kept)}
    return Space(rows=rows, rarity=space.rarity[kept]), weights[:, kept]


def prior() -> tuple[float, ...]:
    shares = np.array([max(FLOOR, NATURAL.get(each, 0.0)) for each in TYPES])
    return tuple(round(float(each), 6) for each in ALPHA * np.log(shares / shares.sum() * len(TYPES)))


def fitted_temperature(rows: Sequence[Row], readings: Sequence[Reading]) -> float:
    """Under which the true types of repositories that were held apart are likeliest."""
    folds = _folds(rows)
    scored: list[tuple[Numbers, int]] = []
    for fold in range(FOLDS):
        inside = [place for place, each in enumerate(folds) if each != fold]
        space, weights, bias = fit([rows[place] for place in inside], [readings[place] for place in inside])
        outside = _of(folds, fold)
        scores = space.matrix([readings[place] for place in outside]) @ weights.T + bias
        scored += [(score, TYPES.index(rows[place].task_type)) for score, place in zip(scores, outside, strict=True)]
    scores, truths = np.array([score for score, _ in scored]), np.array([truth for _, truth in scored])
    steps = (round(0.5 + 0.02 * step, 2) for step in range(60))
    return min(steps, key=lambda t: _surprise(scores / t, truths))


def _of(folds: Sequence[int], fold: int) -> list[int]:
    return [place for place, each in enumerate(folds) if each == fold]


def _surprise(scores: Numbers, truths: NDArray[np.int_]) -> float:
    scores = scores + np.array(prior())
    each = np.logaddexp.reduce(scores, axis=1) - scores[np.arange(len(truths)), truths]
    return float(each.mean())


def _folds(rows: Sequence[Row]) -> list[int]:
    """Whole repositories, about equally many rows; -1 for what we wrote, which is never judged by."""
    sizes, of_source = [0] * FOLDS, {"ours": -1}
    for source, count in Counter(row.source for row in rows if row.source != "ours").most_common():
        of_source[source] = sizes.index(min(sizes))
        sizes[of_source[source]] += count
    return [of_source[row.source] for row in rows]


def card(artefact: bytes, model: Model, rows: Sequence[Row], figures: Figures) -> dict[str, Any]:
    """What stands next to the artefact."""
    made_from = {path.name: sha256(path.read_bytes()).hexdigest() for path in sorted(TRAINING.glob("*.json*"))}
    return {
        "artefact": "classifier.bin",
        "sha256": sha256(artefact).hexdigest(),
        "bytes": len(artefact),
        "features": len(model.rows),
        "temperature": model.temperature,
        "rows": dict(sorted(Counter(row.label for row in rows).items())),
        "made_from": made_from,
        "development": figures.rounded(),
    }


if __name__ == "__main__":
    sys.exit(main())
