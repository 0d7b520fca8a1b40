"""Real failing processes' outputs, and what each is taken for."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from ostinato.adapters.zones import find_zone
from ostinato.domain.diagnosis import Diagnosis, ErrorClass
from ostinato.domain.execution import FailureKind
from ostinato.domain.recovering.codes import CODES, OF_AGENT_ERROR, OF_EXCEPTION, OF_EXIT, OF_KIND, OF_SIGNAL, OF_STATUS
from ostinato.domain.recovering.diagnosing import AgentEvent, FailureFacts, classify_failure, signature_of
from ostinato.domain.recovering.patterns import CAUSES, CHECKS

DATA = Path(__file__).parents[1] / "data" / "failures"
NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
EXPECTED = {
    "cargo-test-failing": "tests_failed",
    "curl-dns": "network_dns",
    "curl-refused": "network_refused",
    "enospc-git": "disk_full",
    "enospc-node": "disk_full",
    "enospc-python": "disk_full",
    "enospc-shell": "disk_full",
    "file-too-large": "file_size_limit",
    "files-many": "too_many_files",
    "fork-limit": "too_many_processes",
    "git-dns": "network_dns",
    "git-lock": "lock_held",
    "git-refused": "network_refused",
    "http-500": "service_overloaded",
    "indent-python": "syntax_error",
    "killed": "killed",
    "make-failing": "exit_status",
    "memory-git": "out_of_memory",
    "memory-node": "out_of_memory",
    "memory-python": "out_of_memory",
    "merge-conflict": "merge_conflict",
    "missing-bash": "missing_command",
    "missing-git-remote": "exit_status",
    "missing-make": "missing_command",
    "missing-module": "missing_module",
    "missing-module-node": "missing_module",
    "missing-npx-script": "missing_script",
    "missing-sh": "missing_command",
    "mypy-failing": "types_failed",
    "node-fetch-dns": "network_dns",
    "node-test-failing": "tests_failed",
    "not-executable": "permission_denied",
    "npm-dns": "network_dns",
    "npm-refused": "network_refused",
    "oom-cgroup": "killed",
    "permission-cat": "permission_denied",
    "permission-node": "permission_denied",
    "permission-python": "permission_denied",
    "permission-shell": "permission_denied",
    "pip-dns": "network_dns",
    "pip-no-version": "missing_package",
    "pip-refused": "network_refused",
    "plain-failure": "exit_status",
    "port-taken": "port_taken",
    "port-taken-node": "port_taken",
    "provider-anthropic-429": "rate_limited",
    "provider-anthropic-529": "service_overloaded",
    "provider-anthropic-too-long": "context_overflow",
    "provider-api-401": "unauthorized",
    "provider-claude-session-limit": "quota_exhausted",
    "provider-codex-usage-limit": "quota_exhausted",
    "provider-gemini-429": "quota_exhausted",
    "provider-gemini-too-long": "context_overflow",
    "provider-openai-429": "rate_limited",
    "provider-openai-quota": "quota_exhausted",
    "provider-openai-too-long": "context_overflow",
    "push-rejected": "push_rejected",
    "pytest-collection": "syntax_error",
    "pytest-failing": "tests_failed",
    "python-refused": "network_refused",
    "readonly": "read_only",
    "rebase-conflict": "merge_conflict",
    "ruff-failing": "lint_failed",
    "segfault": "crashed",
    "sqlite-locked": "database_locked",
    "ssh-refused": "network_refused",
    "syntax-bash": "syntax_error",
    "syntax-node": "syntax_error",
    "syntax-python": "syntax_error",
    "syntax-rust": "syntax_error",
    "syntax-sh": "syntax_error",
    "time-limit-cpu": "killed",
    "timeout-coreutils": "timed_out",
    "unittest-failing": "tests_failed",
    "uv-dns": "network_dns",
}


def stored(name: str) -> FailureFacts:
    status, _, output = (DATA / f"{name}.txt").read_text(encoding="utf-8").partition("\n")
    exit_code = int(status.removeprefix("exit "))
    return FailureFacts(kind=FailureKind.EXIT_STATUS, exit_code=exit_code, output=output[-4000:])


def diagnosed(facts: FailureFacts) -> Diagnosis:
    return classify_failure(facts, now=NOW, zones=find_zone)


def test_every_stored_failure_has_an_expectation() -> None:
    assert {path.stem for path in DATA.glob("*.txt")} == set(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_real_failure_is_taken_for_what_it_is(name: str) -> None:
    found = diagnosed(stored(name))

    assert (found.code, found.error_class) == (EXPECTED[name], CODES[EXPECTED[name]].error_class)
    assert found.cure
    assert found.signature.startswith(f"{found.code}: ")


@pytest.mark.parametrize(
    ("name", "hour", "minute", "second"),
    [
        ("provider-anthropic-429", 12, 0, 45),
        ("provider-openai-429", 12, 0, 20),
        ("provider-gemini-429", 12, 0, 34),
        ("provider-claude-session-limit", 14, 0, 0),
    ],
)
def test_a_limit_comes_with_its_reset(name: str, hour: int, minute: int, second: int) -> None:
    expected = datetime(2026, 3, 10, hour, minute, second, tzinfo=UTC)

    assert diagnosed(stored(name)).reset_at == expected


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        (FailureFacts(exit_code=137, out_of_memory=True), "out_of_memory"),
        (FailureFacts(signal=9), "killed"),
        (FailureFacts(signal=24), "cpu_limit"),
        (FailureFacts(signal=9, exceeded="processes"), "limit_processes"),
        (FailureFacts(exit_code=1, timed_out=True, output="1 failed in 3s"), "timed_out"),
        (FailureFacts(missing=True, exit_code=127), "missing_command"),
        (FailureFacts(exit_code=126), "not_executable"),
        (FailureFacts(exception="builtins.MemoryError"), "out_of_memory"),
        (FailureFacts(exception="socket.gaierror", message="unknown"), "network_dns"),
        (FailureFacts(kind=FailureKind.CONFLICT, message="conflicts in a.py"), "conflict"),
        (FailureFacts(kind=FailureKind.TOOL, message="no such option"), "tool_failed"),
        (FailureFacts(kind=FailureKind.TOOL, tool="tests.run", findings_count=2, message="2 failing"), "tests_failed"),
        (FailureFacts(events=(AgentEvent(status=429),)), "rate_limited"),
        (FailureFacts(events=(AgentEvent(error="server_error", status=500),)), "service_error"),
        (FailureFacts(events=(AgentEvent(error="max_turns"),)), "turns_used_up"),
        (FailureFacts(events=(AgentEvent(status=400, message="prompt is too long: 9 tokens > 8 maximum"),)), "context_overflow"),
        (FailureFacts(), "exit_status"),
    ],
)  # fmt: skip
def test_a_fact_is_taken_for_what_it_is(facts: FailureFacts, code: str) -> None:
    assert diagnosed(facts).code == code


def test_a_failing_test_that_speaks_of_a_full_disk_is_a_failing_test() -> None:
    output = "E   OSError: [Errno 28] No space left on device\nFAILED test_x.py::test_a\n1 failed in 0.10s\n"

    assert diagnosed(FailureFacts(exit_code=1, output=output)).code == "tests_failed"
    assert diagnosed(FailureFacts(exit_code=1, output=output, disk_free_bytes=0)).code == "disk_full"


@pytest.mark.parametrize(
    "harmless",
    [
        "0 failed, 3 passed in 1.0s",
        "Found 0 errors.",
        "retrying after connection problems; done",
        "see section 429 of the manual",
        "the rate limit was not reached",
        "permission denied is what users see when",
        "A SyntaxError: is raised there",
    ],
)
def test_what_only_sounds_like_a_cause_is_none(harmless: str) -> None:
    assert diagnosed(FailureFacts(exit_code=3, output=harmless)).code == "exit_status"


def test_the_same_failure_has_the_same_signature_wherever_and_whenever_it_happens() -> None:
    first = signature_of("exit_status", "/srv/a/run-1/x.py:12: failed after 3.2s at 0x7f12 (3f2b9c1d)")
    second = signature_of("exit_status", "/srv/b/run-2/x.py:14: failed after 3.9s at 0x88aa (a17e55c0)")

    assert first == second
    assert first != signature_of("exit_status", "/srv/b/run-2/y.py:14: failed after 3.9s at 0x88aa (a17e55c0)")


def test_every_code_that_can_be_found_is_in_the_table() -> None:
    found = {
        *(code for code, _ in (*CHECKS, *CAUSES)),
        *(code for table in (OF_KIND, OF_EXCEPTION, OF_EXIT, OF_SIGNAL, OF_STATUS, OF_AGENT_ERROR) for code in table.values()),
    }  # fmt: skip

    assert found <= set(CODES)


def test_every_class_has_a_code() -> None:
    assert {policy.error_class for policy in CODES.values()} == set(ErrorClass)
