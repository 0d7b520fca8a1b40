"""How complex a request is: six weighted factors, read from the text, the repository, the plan and the diff in turn.

Text can hardly tell: over public effort labels no text model beats the median, so it gives a prior by type and by cues,
with a confidence of at most .5. Each later basis moves a factor towards what it sees, as far as that basis is trusted:

    value = value + confidence(basis) · (seen - value)

A basis that cannot judge a factor leaves it as it is. The factor `risk` is not read: it is the risk itself.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import fsum, log1p

from ostinato.domain.classification import Basis, Complexity, Factor, Reading, Risk, TaskType
from ostinato.domain.critical_path import waves
from ostinato.domain.evidence import DiffFacts, Evidence
from ostinato.domain.evidence.places import language_of, packages_of
from ostinato.domain.globs import literal_folders
from ostinato.domain.plan import Plan

WEIGHTS: Mapping[str, float] = {
    "scope": 0.25,
    "dependencies": 0.20,
    "uncertainty": 0.15,
    "technical_depth": 0.15,
    "integration_points": 0.15,
    "risk": 0.10,
}
CUTS = ((0.3, Complexity.SIMPLE), (0.6, Complexity.MODERATE), (0.8, Complexity.COMPLEX))
BANDS = tuple(Complexity)
RISK_VALUE: Mapping[Risk, float] = {Risk.LOW: 0.1, Risk.MEDIUM: 0.4, Risk.HIGH: 0.8, Risk.CRITICAL: 1.0}
TEXT_AT_MOST = 0.5
_SURE, _UNSURE, _PLANNED, _DONE = 0.65, 0.5, 0.6, 0.9
"""How far each basis is trusted: repository with a file named, with words only; plan; diff."""

_T = TaskType
PRIOR: Mapping[TaskType, tuple[float, float, float, float, float]] = {
    _T.CODE_IMPLEMENTATION: (0.40, 0.25, 0.30, 0.25, 0.25),
    _T.BUG_FIX: (0.20, 0.15, 0.45, 0.25, 0.15),
    _T.REFACTORING: (0.40, 0.35, 0.20, 0.25, 0.20),
    _T.TESTING: (0.20, 0.15, 0.20, 0.20, 0.10),
    _T.DOCUMENTATION: (0.10, 0.05, 0.10, 0.05, 0.05),
    _T.CODE_REVIEW: (0.15, 0.10, 0.25, 0.20, 0.10),
    _T.SECURITY_AUDIT: (0.30, 0.25, 0.30, 0.35, 0.20),
    _T.PERFORMANCE_OPTIMIZATION: (0.20, 0.20, 0.50, 0.40, 0.15),
    _T.DEPLOYMENT: (0.15, 0.25, 0.25, 0.20, 0.35),
    _T.RESEARCH: (0.20, 0.10, 0.45, 0.20, 0.15),
    _T.UI_DESIGN: (0.30, 0.15, 0.30, 0.15, 0.15),
    _T.MAINTENANCE: (0.15, 0.25, 0.10, 0.10, 0.10),
}
"""Scope, dependencies, uncertainty, technical depth, integration points: ordered by the median number of files and the
human time that changes of each type take in public data (features and refactorings most, prose and upkeep least)."""
_PRIOR_OF = ("scope", "dependencies", "uncertainty", "technical_depth", "integration_points")
CUES: Mapping[str, tuple[str, float]] = {
    "scope": (
        r"\b(all|every|everywhere|across|whole|entire|full|complete|redesign|rewrite|migrate|system|platform)\b",
        0.25,
    ),
    "dependencies": (r"\b(dependenc\w+|librar\w+|frameworks?|upgrade|migrate|packages?|third.party)\b", 0.25),
    "uncertainty": (
        r"\b(investigate|maybe|somehow|unclear|explore|figure out|why|intermittent\w*|flaky|sometimes)\b",
        0.25,
    ),
    "technical_depth": (
        r"\b(concurren\w+|distributed|protocol|crypto\w*|compiler|parser|async\w*|thread\w*|algorithm\w*|real.time|machine learning|consensus)\b",
        0.3,
    ),
    "integration_points": (
        r"\b(integrat\w+|apis?|webhooks?|databases?|queues?|oauth2?|payments?|external|services?|microservices?)\b",
        0.2,
    ),
}
"""Words that raise a factor, and by how much each."""
ENTERPRISE = r"\b(microservices|multi.region|multi.tenant|compliance|soc ?2|hipaa|zero.downtime|enterprise)\b"
SMALL = r"\b(typo|rename|bump|label|one.line|small|minor|trivial|lint|format)\b"
_LISTED = re.compile(r"(?:^|\n|\s)(?:\d+[.)]|[-*])\s")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What all readings come to together."""

    factors: dict[str, float]
    score: float
    complexity: Complexity
    basis: Basis
    confidence: float


def read_text(text: str, task_type: TaskType, *, type_confidence: float, domains: int = 0, files: int = 0) -> Reading:
    """A prior: what the type usually takes, and cues. `files` is the size of the repository, where it is known."""
    prior = dict(zip(_PRIOR_OF, PRIOR[task_type], strict=True))
    read = {name: _cued(name, value, task_type, text) for name, value in prior.items()}
    more = _scope_facts(text, files)
    read["scope"] = _factor(fsum((read["scope"].value, *more.values())), (*read["scope"].because, *more))
    if domains > 1:
        found = read["integration_points"]
        said = (*found.because, f"{domains} domains are named")
        read["integration_points"] = _factor(found.value + 0.1 * (domains - 1), said)
    cues = sum(len(factor.because) > 1 for factor in read.values())
    demands = sorted(set(re.findall(ENTERPRISE, text.lower())))
    return Reading(
        basis=Basis.TEXT,
        factors=read,
        confidence=round(min(TEXT_AT_MOST, 0.2 + 0.2 * type_confidence + 0.05 * cues), 2),
        demanded=Complexity.ENTERPRISE if len(demands) >= 2 else None,
    )


def read_evidence(evidence: Evidence) -> Reading | None:
    """None when no name in the request is one of this repository's: then it says nothing of the request."""
    matches = evidence.sources or evidence.matches
    if not matches:
        return None
    largest = max(match.size_bytes for match in matches)
    churn = max(match.commits for match in matches)
    busy = evidence.recent_commits > 0 and churn * 5 >= evidence.recent_commits
    doubts = {
        "no test stands near them": 0.25 * (not evidence.tests),
        f"a file changed in {churn} of the last {evidence.recent_commits} commits": 0.15 * busy,
        "the request names words like theirs, not the files": 0.15 * (not evidence.is_sure),
    }
    depth = {
        f"{len(evidence.languages)} languages": 0.15 * (len(evidence.languages) > 1),
        f"the largest file has {largest // 1024} KB": min(0.5, largest / 120_000) if largest > 20_000 else 0.0,
    }
    wide = {
        f"{len(evidence.packages)} packages: {', '.join(evidence.packages[:4])}": 0.2 * (len(evidence.packages) - 1),
        f"{len(evidence.owners)} owners": 0.1 * (len(evidence.owners) > 1),
    }
    return Reading(
        basis=Basis.REPOSITORY,
        confidence=_SURE if evidence.is_sure else _UNSURE,
        factors={
            "scope": _counted(
                max(evidence.matched, len(matches)), 100, "file matches the request", "files match the request"
            ),
            "dependencies": _counted(evidence.dependents_count, 100, "file depends on them", "files depend on them"),
            "uncertainty": _summed(0.15, doubts),
            "technical_depth": _summed(0.15, depth),
            "integration_points": _summed(0.1, wide),
        },
    )


def read_plan(plan: Plan, packages: Iterable[str] = ()) -> Reading:
    """`packages` are those that evidence found; with them the ones that its steps claim to write."""
    steps = plan.steps
    minds = sum(step.action.kind == "agent" for step in steps)
    open_ended = sum(step.adds_steps or step.action.kind in ("choose", "group") for step in steps)
    unstated = sum(step.writes is None and step.action.kind in ("agent", "command") for step in steps)
    crossed = sorted({*packages, *claimed_packages(plan)})
    unsure = {
        _said(minds, "step needs a mind", "steps need a mind"): 0.1 * min(minds, 4),
        _said(open_ended, "step is decided while it runs", "steps are decided while it runs"): 0.15
        * min(open_ended, 3),
        _said(unstated, "step does not say what it writes", "steps do not say what they write"): 0.05
        * min(unstated, 4),
    }
    return Reading(
        basis=Basis.PLAN,
        confidence=_PLANNED,
        factors={
            "scope": _counted(len(steps), 40, "step", "steps"),
            "dependencies": _counted(
                len(waves(plan)) - 1,
                15,
                "step waits for another in the longest chain",
                "steps wait for one another in the longest chain",
            ),
            "uncertainty": _summed(0.1, unsure),
            "integration_points": _crossed(crossed),
        },
    )


def read_diff(diff: DiffFacts) -> Reading:
    lines = diff.lines_added + diff.lines_removed
    languages = {language for path in diff.paths if (language := language_of(path))}
    by_files = _counted(diff.files_count, 100, "file changed", "files changed")
    by_lines = _counted(lines, 5_000, "line changed", "lines changed")
    wider = max(by_files, by_lines, key=lambda factor: factor.value)
    ties = len(diff.public_removed) + 2 * len(diff.majors) + len(diff.dependencies_changed)
    return Reading(
        basis=Basis.DIFF,
        confidence=_DONE,
        factors={
            "scope": _factor(wider.value, (*by_files.because, *by_lines.because)),
            "dependencies": _counted(
                ties, 20, "public name or dependency changed", "public names or dependencies changed"
            ),
            "uncertainty": _factor(0.1, ("it is done: what is left is review",)),
            "technical_depth": _summed(0.15, {f"{len(languages)} languages": 0.15 * max(0, len(languages) - 1)}),
            "integration_points": _crossed(diff.packages),
        },
    )


def settle(readings: Sequence[Reading], risk: Risk) -> Settled:
    """All readings, weakest first, folded into one score; at least what the request demands in so many words."""
    ordered = sorted(readings, key=lambda reading: list(Basis).index(reading.basis))
    values: dict[str, float] = {}
    for reading in ordered:
        for name, factor in reading.factors.items():
            before = values.get(name, factor.value)
            values[name] = before + reading.confidence * (factor.value - before)
    values["risk"] = RISK_VALUE[risk]
    factors = {name: round(values.get(name, 0.0), 3) for name in WEIGHTS}
    score = round(fsum(WEIGHTS[name] * value for name, value in factors.items()), 3)
    demanded = [reading.demanded for reading in ordered if reading.demanded]
    return Settled(
        factors=factors,
        score=score,
        complexity=max((band_of(score), *demanded), key=BANDS.index),
        basis=ordered[-1].basis,
        confidence=ordered[-1].confidence,
    )


def band_of(score: float) -> Complexity:
    return next((band for cut, band in CUTS if score < cut), Complexity.ENTERPRISE)


def facts_of(readings: Sequence[Reading], risk: Risk) -> dict[str, tuple[str, ...]]:
    """For each factor, the facts of every basis that spoke of it: "repository: 3 files match the request"."""
    found: dict[str, tuple[str, ...]] = {
        name: tuple(
            f"{reading.basis}: {fact}"
            for reading in readings
            for fact in (reading.factors[name].because if name in reading.factors else ())
        )
        for name in WEIGHTS
    }
    return {**found, "risk": (f"the risk is {risk}",)}


def claimed_packages(plan: Plan) -> tuple[str, ...]:
    """Of the paths that steps claim to write, as far as they name a folder."""
    claimed = [literal_folders(glob)[-1].lstrip("/") for step in plan.steps for glob in step.writes or ()]
    return packages_of(
        f"{folder}/x" if "." not in folder.rpartition("/")[2] else folder for folder in claimed if folder
    )


def _cued(name: str, prior: float, task_type: TaskType, text: str) -> Factor:
    pattern, worth = CUES[name]
    words = sorted(set(re.findall(pattern, text.lower())))
    said = (f"usual for {task_type.replace('_', ' ')}", *(f"“{word}”" for word in words[:4]))
    return _factor(prior + worth * len(words), said)


def _scope_facts(text: str, files: int) -> dict[str, float]:
    items = len(_LISTED.findall(text))
    small = re.search(SMALL, text, re.IGNORECASE)
    facts = {
        f"{items} listed items": 0.05 * min(items, 6) if items > 1 else 0.0,
        f"a repository of {files:,} files": min(0.1, files / 50_000),
        f"“{small.group(0).lower() if small else ''}” says small": -0.2 if small else 0.0,
    }
    return {fact: worth for fact, worth in facts.items() if abs(worth) >= 0.01}


def _counted(count: int, full: int, one: str, many: str) -> Factor:
    """0 for none, 1 from `full` on, on a logarithmic scale between."""
    return _factor(log1p(count) / log1p(full), (_said(count, one, many),))


def _crossed(packages: Sequence[str]) -> Factor:
    more = max(0, len(packages) - 1)
    return _counted(more, 8, "more package than one is crossed", "more packages than one are crossed")


def _said(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"


def _summed(base: float, facts: Mapping[str, float]) -> Factor:
    return _factor(fsum((base, *facts.values())), tuple(fact for fact, worth in facts.items() if worth))


def _factor(value: float, because: Iterable[str]) -> Factor:
    return Factor(value=round(max(0.0, min(1.0, value)), 3), because=tuple(because))
