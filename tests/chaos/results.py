"""What a series of trials came to: a table for people, JSON for the record."""

import os
import statistics
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.chaos.plan import MEANING, Kind
from tests.e2e.stack import ROOT


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    index: int
    kind: Kind
    problems: tuple[str, ...]
    recoveries_s: tuple[float, ...]
    silence_s: float
    retried: bool
    duration_s: float
    evidence: str = ""
    """Folder; kept for a failed trial."""

    @property
    def passed(self) -> bool:
        return not self.problems


def as_json(
    outcomes: Sequence[Outcome], *, command: str, seed: int, duration_s: float, notes: Sequence[str]
) -> dict[str, Any]:
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "command": command,
        "revision": _revision(),
        "cores": os.cpu_count(),
        "seed": seed,
        "trials": len(outcomes),
        "passed": sum(outcome.passed for outcome in outcomes),
        "duration_s": round(duration_s),
        "notes": list(notes),
        "by_fault": {kind.value: _row(of_kind) for kind in Kind if (of_kind := _of(outcomes, kind))},
        "failures": [
            {
                "trial": outcome.index,
                "kind": outcome.kind,
                "problems": list(outcome.problems),
                "evidence": outcome.evidence,
            }
            for outcome in outcomes
            if not outcome.passed
        ],
    }


def table(outcomes: Sequence[Outcome]) -> str:
    """Markdown, as the README shows it."""
    head = "| fault | trials | passed | next step after, median (worst) | longest silence, median (worst) |"
    lines = [head, "|---|---|---|---|---|"]
    for kind in Kind:
        if of_kind := _of(outcomes, kind):
            row = _row(of_kind)
            shown = f"{_pair(row, 'recovery')} | {_pair(row, 'silence')}"
            lines.append(f"| {MEANING[kind]} | {row['trials']} | {_passed(row)} | {shown} |")
    passed = sum(outcome.passed for outcome in outcomes)
    return "\n".join([*lines, f"| **all** | **{len(outcomes)}** | **{passed}** | | |"])


def _passed(row: Mapping[str, Any]) -> str:
    after = row["after_retry"]
    return f"{row['passed']} ({after} after `retry`)" if after else str(row["passed"])


def _pair(row: Mapping[str, Any], name: str) -> str:
    median, worst = row[f"{name}_median_s"], row[f"{name}_worst_s"]
    return "–" if median is None else f"{median} s ({worst} s)"


def _of(outcomes: Sequence[Outcome], kind: Kind) -> list[Outcome]:
    return [outcome for outcome in outcomes if outcome.kind is kind]


def _row(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    recoveries = [seconds for outcome in outcomes for seconds in outcome.recoveries_s]
    return {
        "trials": len(outcomes),
        "passed": sum(outcome.passed for outcome in outcomes),
        "after_retry": sum(outcome.passed and outcome.retried for outcome in outcomes),
        **_median_and_worst("recovery", recoveries),
        **_median_and_worst("silence", [outcome.silence_s for outcome in outcomes]),
    }


def _median_and_worst(name: str, values: Sequence[float]) -> dict[str, float | None]:
    return {
        f"{name}_median_s": round(statistics.median(values), 1) if values else None,
        f"{name}_worst_s": round(max(values), 1) if values else None,
    }


def _revision() -> str:
    done = subprocess.run(
        ["git", "-C", str(ROOT), "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
    )
    return done.stdout.strip()
