"""How good the classifier is on the development split: the table of docs/explanation/classification.md. Standard library only."""

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from ostinato.domain.classification import Ranked, TaskType  # noqa: E402 - the path comes first
from ostinato.domain.classifying.artefact import shipped_model  # noqa: E402
from ostinato.domain.classifying.features import read  # noqa: E402
from ostinato.domain.classifying.model import Model  # noqa: E402
from ostinato.domain.classifying.prediction import predict  # noqa: E402

DEVELOPMENT = ROOT / "training" / "development.jsonl"
BINS = 15
POPULATED = 5
"""A type with fewer rows has no figure of its own."""
BARS = {"accuracy": 0.58, "macro_f1": 0.58, "top_2": 0.74}
MOST_ECE = 0.06
Guess = Callable[[str], Sequence[Ranked]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    text: str
    label: str
    source: str
    track: str

    @property
    def task_type(self) -> TaskType:
        return TaskType(self.label)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    rows: int
    accuracy: float
    macro_f1: float
    """Over the types with enough rows."""
    ece: float
    """Expected calibration error: by how much confidence and share of right answers differ, in 15 bins."""
    top_2: float
    accuracy_of_surer_half: float
    f1: dict[str, float]
    reach: dict[str, tuple[float, float]]
    """By confidence: the share of rows above it, and how many of those are right."""

    def rounded(self) -> dict[str, Any]:
        return {
            "rows": self.rows,
            **{name: round(getattr(self, name), 4) for name in ("accuracy", "macro_f1", "ece", "top_2")},
            "accuracy_of_surer_half": round(self.accuracy_of_surer_half, 4),
            "f1": {label: round(value, 3) for label, value in self.f1.items()},
        }


def rows_of(path: Path) -> list[Row]:
    lines = path.read_text("utf-8").splitlines()
    return [Row(**{name: row[name] for name in ("text", "label", "source", "track")}) for row in map(json.loads, lines)]


def figures_of(model: Model, rows: Sequence[Row]) -> Figures:
    return judged([predict(row.text, model).ranked for row in rows], rows)


def judged(answers: Sequence[Sequence[Ranked]], rows: Sequence[Row]) -> Figures:
    first = [ranked[0] for ranked in answers]
    right = [each.task_type == row.label for each, row in zip(first, rows, strict=True)]
    sure = sorted(zip((each.p for each in first), right, strict=True), key=lambda pair: -pair[0])
    labels = [each for each in TaskType if sum(row.label == each for row in rows) >= POPULATED]
    f1 = {each.value: _f1(each, first, rows) for each in labels}
    in_two = [row.label in [each.task_type for each in ranked[:2]] for ranked, row in zip(answers, rows, strict=True)]
    return Figures(
        rows=len(rows),
        accuracy=_mean(right),
        macro_f1=sum(f1.values()) / len(f1),
        ece=_calibration_error(sure),
        top_2=_mean(in_two),
        accuracy_of_surer_half=_mean([ok for _, ok in sure[: len(sure) // 2]]),
        f1=f1,
        reach={f"{cut:.2f}": _reach(sure, cut) for cut in (0.3, 0.45, 0.6, 0.7, 0.8)},
    )


def _f1(label: TaskType, first: Sequence[Ranked], rows: Sequence[Row]) -> float:
    both = sum(each.task_type is label and row.label == label for each, row in zip(first, rows, strict=True))
    either = sum(each.task_type is label for each in first) + sum(row.label == label for row in rows)
    return 2 * both / either if either else 0.0


def _calibration_error(sure: Sequence[tuple[float, bool]]) -> float:
    error = 0.0
    for number in range(BINS):
        inside = [(p, ok) for p, ok in sure if number / BINS < p <= (number + 1) / BINS or (p == 0 and number == 0)]
        if inside:
            gap = _mean([ok for _, ok in inside]) - sum(p for p, _ in inside) / len(inside)
            error += len(inside) / len(sure) * abs(gap)
    return error


def _reach(sure: Sequence[tuple[float, bool]], cut: float) -> tuple[float, float]:
    above = [ok for p, ok in sure if p >= cut]
    return len(above) / len(sure), _mean(above)


def _mean(flags: Sequence[bool]) -> float:
    return sum(flags) / len(flags) if flags else 0.0


def first_rule(text: str) -> Sequence[Ranked]:
    """The baseline: the first rule that matches decides."""
    rules = read(text).rules
    found = rules[0][0].task_type if rules else TaskType.CODE_IMPLEMENTATION
    return [Ranked(task_type=found, p=0.5), *(Ranked(task_type=each, p=0.0) for each in TaskType if each is not found)]


def table(rows: Sequence[Row], model: Model) -> Iterator[str]:
    rules, ours = judged([first_rule(row.text) for row in rows], rows), figures_of(model, rows)
    yield f"development split: {ours.rows} rows of repositories that are in no training row"
    yield ""
    yield "| method | accuracy | macro-F1 | calibration error | top 2 | accuracy of the surer half |"
    yield "|---|---|---|---|---|---|"
    yield f"| the first rule that matches | {rules.accuracy:.3f} | {rules.macro_f1:.3f} | - | - | - |"
    yield (
        f"| the shipped model | {ours.accuracy:.3f} | {ours.macro_f1:.3f} | {ours.ece:.3f} "
        f"| {ours.top_2:.3f} | {ours.accuracy_of_surer_half:.3f} |"
    )
    yield ""
    yield "F1: " + ", ".join(f"{label} {value:.2f}" for label, value in ours.f1.items())
    yield "confidence, share of rows, accuracy: " + "; ".join(
        f">= {cut}: {share:.2f}, {accuracy:.2f}" for cut, (share, accuracy) in ours.reach.items()
    )


def speed(rows: Sequence[Row], model: Model) -> str:
    times: list[float] = []
    for row in rows:
        begun = time.perf_counter()
        predict(row.text, model)
        times.append(1000 * (time.perf_counter() - begun))
    times.sort()
    return (
        f"one request: {times[len(times) // 2]:.2f} ms, at the 99th percentile {times[len(times) * 99 // 100]:.2f} ms"
    )


def missed(figures: Figures) -> list[str]:
    """The bars that the development split does not reach."""
    low = [f"{name} {getattr(figures, name):.3f} < {bar}" for name, bar in BARS.items() if getattr(figures, name) < bar]
    return [*low, f"calibration error {figures.ece:.3f} > {MOST_ECE}"] if figures.ece > MOST_ECE else low


def main() -> int:
    begun = time.perf_counter()
    model = shipped_model()
    loading_ms = 1000 * (time.perf_counter() - begun)
    rows = rows_of(DEVELOPMENT)
    for line in table(rows, model):
        print(line)
    print(f"{speed(rows, model)}; loading {loading_ms:.0f} ms; {model.version}")
    below = missed(figures_of(model, rows))
    print("every bar is reached" if not below else "below the bar: " + "; ".join(below))
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main())
