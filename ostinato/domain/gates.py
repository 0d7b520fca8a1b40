"""Quality gates: findings as data, verdicts, and what counts as introduced by the run."""

from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum

from ostinato.domain.base import Fact


class Level(StrEnum):
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Finding(Fact):
    """What one tool says about one place."""

    tool: str
    rule: str
    path: str
    """Relative to the repository root, POSIX style; empty where no file is meant."""
    line: int = 0
    message: str
    level: Level = Level.WARNING
    detail: str = ""
    """What may differ from one run to the next, like the words of a failed assertion; no part of the identity."""

    @property
    def fingerprint(self) -> tuple[str, str, str, str]:
        """Identity that survives moved lines."""
        return (self.tool, self.rule, self.path, self.message)

    def __str__(self) -> str:
        place = f"{self.path}:{self.line}" if self.line else self.path
        said = f"{self.rule} {self.message}" + (f" ({self.detail})" if self.detail else "")
        return f"{place}: {said}" if place else said


class Stage(StrEnum):
    PRE = "pre"
    MID = "mid"
    POST = "post"


class Status(StrEnum):
    PASS = "pass"
    WARN = "warn"
    FAIL = "fail"
    SKIPPED = "skipped"


class Severity(StrEnum):
    CRITICAL = "critical"
    MAJOR = "major"
    MINOR = "minor"
    INFORMATIONAL = "informational"


class GateResult(Fact):
    """One gate's verdict, bound to the commit it judged."""

    gate: str
    stage: Stage
    status: Status
    severity: Severity = Severity.MAJOR
    code: str = ""
    """Stable: like environment_missing, tests_failed, coverage_low."""
    commit: str = ""
    tree: str = ""
    message: str
    details: str = ""
    recommendation: str = ""
    command: str = ""
    introduced: tuple[Finding, ...] = ()
    introduced_count: int = 0
    inherited: tuple[Finding, ...] = ()
    inherited_count: int = 0
    metrics: dict[str, float] = {}
    evidence: str = ""
    """Artifact reference of the full output."""
    proof: str = ""
    """How it is known that the code under test was this checkout's."""
    needs_person: bool = False
    """A warning that a person has to let pass before anything is merged."""
    unproven: bool = False
    """Skipped although there was something to judge: the run cannot be called completed on it."""
    duration_s: float = 0.0


class Observation(Fact):
    """What a gate's tools saw at one commit: facts, no verdict."""

    gate: str
    commit: str
    tree: str = ""
    ran: bool
    code: str = ""
    """Why it did not run (environment_missing, not_trusted, nothing_to_check, timed_out, tool_failed)."""
    message: str = ""
    cure: str = ""
    command: str = ""
    findings: tuple[Finding, ...] = ()
    """In transit at most SHOWN_FINDINGS of them."""
    findings_count: int = 0
    findings_ref: str = ""
    """Artifact reference of all of them, a JSON list."""
    metrics: dict[str, float] = {}
    """tests: collected, passed, failed, skipped, coverage_pct; others: files."""
    proof: str = ""
    foreign: tuple[str, ...] = ()
    """Modules of the project that were imported from elsewhere than the checkout."""
    flaky: tuple[str, ...] = ()
    """Tests that failed and passed when they were run once more, alone."""
    weak: str = ""
    """Where less is known than a report would say: tests_by_words, tests_by_exit."""
    evidence: str = ""
    duration_s: float = 0.0


SHOWN_FINDINGS = 20
NOTHING_TO_CHECK = "nothing_to_check"
COVERAGE_FLOOR_PCT = 80.0
_WEAK = {
    "tests_by_words": "the command succeeded; how many tests ran is known from its words only",
    "tests_by_exit": "the command succeeded; how many tests ran is not known",
}


def split_findings(head: Sequence[Finding], base: Sequence[Finding]) -> tuple[list[Finding], list[Finding]]:
    """(introduced, inherited): a finding is inherited as often as the base had its fingerprint."""
    left = Counter(finding.fingerprint for finding in base)
    introduced: list[Finding] = []
    inherited: list[Finding] = []
    for finding in head:
        if left[finding.fingerprint] > 0:
            left[finding.fingerprint] -= 1
            inherited.append(finding)
        else:
            introduced.append(finding)
    return introduced, inherited


def judge(head: Observation, base: Observation | None) -> GateResult:
    """The verdict of a post gate: only what the run introduced can fail it. Takes all findings, not a sample."""
    verdict = GateResult(
        gate=head.gate,
        stage=Stage.POST,
        status=Status.PASS,
        message="",
        commit=head.commit,
        tree=head.tree,
        command=head.command,
        metrics=head.metrics,
        evidence=head.evidence,
        proof=head.proof,
        duration_s=head.duration_s,
    )
    if not head.ran:
        return verdict.model_copy(
            update={
                "status": Status.SKIPPED,
                "code": head.code,
                "message": f"skipped: {head.message}",
                "recommendation": head.cure,
                "unproven": head.code != NOTHING_TO_CHECK,
            }
        )
    if head.foreign:
        return verdict.model_copy(
            update={
                "status": Status.FAIL,
                "severity": Severity.CRITICAL,
                "code": "foreign_code",
                "message": "the tests imported the project from elsewhere: " + ", ".join(head.foreign[:3]),
                "recommendation": "Remove the other installation from the environment, or the path that leads to it",
            }
        )
    introduced, inherited = split_findings(head.findings, base.findings if base and base.ran else ())
    status, code, message, recommendation = _verdict(head, base, introduced, len(inherited))
    return verdict.model_copy(
        update={
            "status": status,
            "code": code,
            "message": message,
            "recommendation": recommendation,
            "severity": Severity.CRITICAL if status is Status.FAIL and head.gate == "tests" else Severity.MAJOR,
            "introduced": tuple(sorted(introduced, key=_gravity)[:SHOWN_FINDINGS]),
            "introduced_count": len(introduced),
            "inherited": tuple(inherited[:SHOWN_FINDINGS]),
            "inherited_count": len(inherited),
            "details": "\n".join(str(finding) for finding in introduced[:SHOWN_FINDINGS]),
        }
    )


def _gravity(finding: Finding) -> int:
    return (Level.ERROR, Level.WARNING, Level.INFO).index(finding.level)


def _verdict(
    head: Observation, base: Observation | None, introduced: Sequence[Finding], inherited: int
) -> tuple[Status, str, str, str]:
    blocking = [finding for finding in introduced if finding.level is not Level.INFO]
    if blocking:
        noun = "failing test" if head.gate == "tests" else "finding"
        return (
            Status.FAIL,
            f"{head.gate}_introduced",
            f"{len(blocking)} new {noun}{'s' * (len(blocking) != 1)} introduced by the run",
            "See the findings; `ostinato diff RUN` shows the change that caused them",
        )
    if head.gate == "tests":
        return _tests_verdict(head, base, inherited)
    also = f"; {inherited} inherited" if inherited else ""
    return Status.PASS, f"{head.gate}_passed", f"nothing new{also}", ""


def _tests_verdict(head: Observation, base: Observation | None, inherited: int) -> tuple[Status, str, str, str]:
    passed = int(head.metrics.get("passed", 0))
    collected = int(head.metrics.get("collected", 0))
    also = f"; {inherited} failing before the run too" if inherited else ""
    before = int(base.metrics.get("collected", 0)) if base and base.ran else 0
    if collected < before:
        return (
            Status.WARN, "tests_fewer", f"{collected} test{'s' * (collected != 1)} collected, {before} before the run",
            "Check that no test was removed or hidden",
        )  # fmt: skip
    coverage = head.metrics.get("coverage_pct")
    if coverage is not None and coverage < COVERAGE_FLOOR_PCT:
        return (
            Status.WARN, "coverage_low", f"{passed} passed, coverage {coverage:.0f} % is under {COVERAGE_FLOOR_PCT:.0f} %{also}",
            'Ask for tests: ostinato run "write tests for what is not covered"',
        )  # fmt: skip
    if head.flaky:
        return (
            Status.WARN, "tests_flaky", f"{passed} passed{also}; failed, and passed when run alone: {', '.join(head.flaky[:3])}",
            "A test that depends on chance, time or its neighbours proves little: make it independent of them",
        )  # fmt: skip
    if head.weak:
        known = _WEAK.get(head.weak, "less is known than a report would say")
        return Status.WARN, head.weak, f"{known}{also}", "Let the command start the test runner itself: [commands] test"
    covered = f", coverage {coverage:.0f} %" if coverage is not None else ""
    return Status.PASS, "tests_passed", f"{passed} passed{covered}{also}", ""


def is_stopping(verdict: GateResult) -> bool:
    """After such a failure no other gate is begun, and those that still run are stopped."""
    return verdict.status is Status.FAIL and verdict.severity is Severity.CRITICAL


def stopped_gate(gate: str, verdicts: Sequence[GateResult], commit: str) -> GateResult:
    """Of a gate that came to no verdict."""
    failed = ", ".join(verdict.gate for verdict in verdicts if is_stopping(verdict))
    return GateResult(
        gate=gate,
        stage=Stage.POST,
        status=Status.SKIPPED,
        code="gate_stopped",
        commit=commit,
        message=f"stopped, since {failed or 'another gate'} failed",
        recommendation=f"Repair what {failed or 'it'} found: then this gate judges, too",
        unproven=True,
    )


def failed_gates(results: Iterable[GateResult]) -> tuple[GateResult, ...]:
    return tuple(result for result in results if result.status is Status.FAIL)


def unproven_gates(results: Iterable[GateResult]) -> tuple[GateResult, ...]:
    return tuple(result for result in results if result.unproven)
