"""What is said of a change that makes its own judges weaker: findings with a stable code, and what each leads to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ostinato.domain.base import Fact
from ostinato.domain.classification import TaskType


class Weight(StrEnum):
    """What a finding leads to when the request is not about it."""

    FAIL = "fail"
    ASK = "ask"
    """A person says whether it may stay."""
    NOTE = "note"
    """Named, and no more."""


class Weakening(Fact):
    """One way in which a change made its judges weaker, at one place."""

    code: str
    path: str
    line: int = 0
    """Of the file as it is after the change, or of what was there before when that is gone."""
    what: str
    subject: str = ""
    """The name of the test, rule or setting: a request may name it."""
    settings: tuple[str, ...] = ()
    """All that were changed, where it is about settings."""
    weight: Weight | None = None
    """None: as its code says."""

    @property
    def leads_to(self) -> Weight:
        return self.weight or CODES[self.code].weight


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A kind of finding: what it leads to, and when a request is about it."""

    weight: Weight
    means: str
    verbs: frozenset[str] = frozenset()
    """One of these, and one of the nouns, in a clause of the request that does not forbid it."""
    nouns: frozenset[str] = frozenset()
    types: frozenset[TaskType] = frozenset()
    """Task types that are about it without saying so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """One file before and after; None where it is not there."""

    path: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Everything that is known of a change between two commits."""

    files: tuple[FileChange, ...]
    tracked: frozenset[str] = frozenset()
    """Every path at the head."""
    source_roots: tuple[str, ...] = ()
    """As found at the base."""
    stdlib: frozenset[str] = frozenset()
    """Names of the interpreter's own top-level modules."""
    unread: tuple[str, ...] = ()
    """Changed files that were too big, or no text."""
    base_files: Mapping[str, str] = field(default_factory=dict)
    """The configuration of the test runner as it was at the base, changed or not."""

    def file(self, path: str) -> FileChange | None:
        return next((file for file in self.files if file.path == path), None)


def _code(weight: Weight, means: str, verbs: str = "", nouns: str = "", *types: TaskType) -> Code:
    return Code(
        weight=weight,
        means=means,
        verbs=frozenset(verbs.split()),
        nouns=frozenset(nouns.split()),
        types=frozenset(types),
    )


_REMOVE = "remove delete drop prune discard retire purge eliminate replace rewrite consolidate merge rename move reorganise reorganize restructure port migrate"
_SKIP = "skip disable ignore xfail quarantine mute mark deactivate"
_CHANGE = "change edit update adjust configure set add tune bump raise lower reduce relax loosen enable disable switch migrate move replace remove introduce fix adopt drop upgrade"
_TEST = "test tests spec specs suite case cases assertion assertions"
_SUPPRESS = "suppress ignore silence disable mute allow exempt add"
_SUPPRESSION = "suppression suppressions warning warnings noqa nosec nolint ignore ignores rule rules pragma error errors lint finding findings"
_BAR = "threshold thresholds coverage limit limits strict strictness strictly complexity rule rules fail_under"
_SETTINGS = "config configuration settings pytest ruff mypy coverage tox nox eslint jest vitest lint linter linting linters typing types tsconfig setup.cfg pyproject conftest makefile pre-commit hooks plugin plugins tooling rule rules options"
_CI = "ci pipeline pipelines workflow workflows actions github gitlab jenkins circleci build continuous integration"

CODES: Mapping[str, Code] = {
    "test_removed": _code(Weight.FAIL, "a test that was there is gone", _REMOVE, _TEST),
    "test_uncollected": _code(Weight.FAIL, "a test is still there, and the runner does not find it any more", "", ""),
    "test_skipped": _code(Weight.FAIL, "a test is skipped, expected to fail, or left out", _SKIP, _TEST),
    "test_only": _code(Weight.FAIL, "`only` on one test leaves out all others", "focus isolate only", _TEST),
    "test_emptied": _code(Weight.FAIL, "a test asserts nothing any more", "", ""),
    "assertion_trivial": _code(Weight.FAIL, "an assertion that cannot fail", "", ""),
    "assertion_swallowed": _code(Weight.FAIL, "the failure of an assertion is caught and dropped", "", ""),
    "assertions_removed": _code(
        Weight.ASK, "a test asserts less than before", f"{_REMOVE} simplify relax loosen", _TEST, TaskType.TESTING
    ),
    "cases_removed": _code(
        Weight.ASK, "a parametrised test has fewer cases", f"{_REMOVE} simplify reduce", _TEST, TaskType.TESTING
    ),
    "cases_emptied": _code(Weight.FAIL, "a parametrised test has no cases any more", "", ""),
    "test_edited": _code(Weight.NOTE, "what an existing test expects was changed"),
    "suppression_added": _code(
        Weight.ASK, "a finding is silenced where it stands", _SUPPRESS, _SUPPRESSION
    ),
    "threshold_lowered": _code(Weight.FAIL, "a limit is easier to meet", _CHANGE, _BAR),
    "failure_ignored": _code(Weight.FAIL, "a check may fail without effect", "allow ignore tolerate continue", "failure failures fail failing error errors"),
    "configuration_edited": _code(Weight.ASK, "the configuration of a gate was edited", _CHANGE, _SETTINGS),
    "hook_added": _code(
        Weight.FAIL, "code that can change what tests report", "add write create implement introduce", "hook hooks plugin plugins conftest"
    ),
    "ci_edited": _code(Weight.ASK, "what CI runs was edited", f"{_CHANGE} create write", _CI, TaskType.DEPLOYMENT),
    "import_shadowed": _code(Weight.FAIL, "a module that hides one of the interpreter's or of the tests' own"),
    "startup_code": _code(Weight.FAIL, "a file that runs whenever the interpreter starts"),
    "unread": _code(Weight.ASK, "a changed file that decides a gate could not be read"),
}  # fmt: skip
"""Every code, in the order in which findings are shown."""
