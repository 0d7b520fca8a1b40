"""Two requests of each task type, on three repositories: what each is about is stated, not guessed."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ostinato.domain.classification import Classification, Complexity, Intent, Risk, TaskType
from ostinato.domain.lexicon import TYPICAL_INTENT
from ostinato.domain.project import ProjectFacts

FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    text: str
    intent: Intent | None = None
    """None: the type's usual one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """A repository, and what a request of either size is about there."""

    name: str
    complexity: tuple[Complexity, Complexity]
    risk: tuple[Risk, Risk]
    paths: tuple[tuple[str, ...], tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    ground: Ground
    text: str
    classification: Classification


_T = TaskType
REQUESTS: Mapping[TaskType, tuple[Asked, Asked]] = {
    _T.CODE_IMPLEMENTATION: (Asked(text="add a --json option"), Asked(text="let everything be configured by a file")),
    _T.BUG_FIX: (Asked(text="fix the crash on empty input"), Asked(text="fix the wrong time zone in all dates")),
    _T.REFACTORING: (Asked(text="split the longest function"), Asked(text="move all input and output to the edges")),
    _T.TESTING: (Asked(text="write tests for the parser"), Asked(text="cover the error paths by tests")),
    _T.DOCUMENTATION: (Asked(text="document the options"), Asked(text="write a guide for people who migrate")),
    _T.CODE_REVIEW: (Asked(text="review the last commit"), Asked(text="review everything before the release")),
    _T.SECURITY_AUDIT: (
        Asked(text="audit this project for security problems"),
        Asked(text="audit how secrets are handled and repair what matters", intent=Intent.FIX),
    ),
    _T.PERFORMANCE_OPTIMIZATION: (
        Asked(text="why is start-up slow?", intent=Intent.ANALYZE),
        Asked(text="make it twice as fast on large files"),
    ),
    _T.DEPLOYMENT: (Asked(text="add a Dockerfile"), Asked(text="deploy it to staging and production")),
    _T.RESEARCH: (Asked(text="how does the signing work?"), Asked(text="should we move to another framework?")),
    _T.UI_DESIGN: (Asked(text="improve the contrast of the page"), Asked(text="redesign all pages for small screens")),
    _T.MAINTENANCE: (
        Asked(text="fix the lint errors and format the code"),
        Asked(text="modernise the syntax, upgrade the dependencies and remove dead code"),
    ),
}
GROUNDS = (
    Ground(
        name="itsdangerous",
        complexity=(Complexity.SIMPLE, Complexity.COMPLEX),
        risk=(Risk.LOW, Risk.LOW),
        paths=(("src/itsdangerous/serializer.py",), ("src/itsdangerous/timed.py", "docs/timed.rst", "tests/test_itsdangerous/test_timed.py")),
    ),
    Ground(
        name="http-server",
        complexity=(Complexity.MODERATE, Complexity.COMPLEX),
        risk=(Risk.MEDIUM, Risk.HIGH),
        paths=(("lib/http-server.js",), ("lib/core/index.js", "bin/http-server")),
    ),
    Ground(
        name="monorepo",
        complexity=(Complexity.MODERATE, Complexity.ENTERPRISE),
        risk=(Risk.MEDIUM, Risk.HIGH),
        paths=(
            ("services/orders/src/orders/api.py", "libs/money/src/money/parse.py"),
            (
                "services/orders/src/orders/api.py", "services/billing/src/billing/api.py", "services/mail/main.go",
                "web/shop/src/index.ts", "web/admin/src/index.ts", "libs/money/src/money/parse.py",
                "libs/store/src/store/table.py", "tools/importer/src/main.rs",
            ),
        ),
    ),
)  # fmt: skip


def facts_of(name: str) -> ProjectFacts:
    return ProjectFacts.model_validate(json.loads((FOLDER / "facts" / f"{name}.json").read_text("utf-8")))


def cases_of(task_type: TaskType) -> Iterator[Case]:
    for ground in GROUNDS:
        for size, asked in enumerate(REQUESTS[task_type]):
            yield Case(ground=ground, text=asked.text, classification=_classified(task_type, ground, size, asked))


def _classified(task_type: TaskType, ground: Ground, size: int, asked: Asked) -> Classification:
    return Classification(
        task_type=task_type,
        confidence=1.0,
        intent=asked.intent or TYPICAL_INTENT[task_type],
        complexity=ground.complexity[size],
        risk=ground.risk[size],
        paths=ground.paths[size],
    )
