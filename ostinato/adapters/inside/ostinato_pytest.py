"""A pytest plugin: witness of every test's outcome; stands in for pytest-cov, whose measuring would disturb ours."""

from typing import Any

import ostinato_witness as witness  # type: ignore[import-not-found]
import pytest

_FLAGS = ("--no-cov", "--cov-append", "--cov-branch", "--no-cov-on-fail", "--cov-reset")
_VALUES = ("--cov-report", "--cov-config", "--cov-fail-under", "--cov-context", "--cov-precision")
_tests: dict[str, dict[str, object]] = {}


def pytest_addoption(parser: Any) -> None:
    group = parser.getgroup("ostinato", "accepted and ignored: coverage is measured from outside")
    group.addoption("--cov", action="append", nargs="?", const=True, default=[])
    for name in _FLAGS:
        group.addoption(name, action="store_true")
    for name in _VALUES:
        group.addoption(name, action="append", default=[])


def pytest_configure(config: Any) -> None:
    config.addinivalue_line("markers", "no_cover: accepted and ignored")


def pytest_runtest_logreport(report: Any) -> None:
    known = _tests.get(report.nodeid, {}).get("outcome")
    if report.failed and known != "failed":
        outcome = "failed" if report.when == "call" else "error"
        _tests[report.nodeid] = _failed(report, outcome)
    elif report.skipped and known is None:
        _tests[report.nodeid] = witness.entry("skipped")
    elif report.when == "call" and report.passed and known is None:
        _tests[report.nodeid] = witness.entry("passed")


def pytest_collectreport(report: Any) -> None:
    if report.failed:
        _tests[report.nodeid] = _failed(report, "error")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: Any) -> None:
    worker = getattr(session.config, "workerinput", None)
    if worker is None:
        witness.write(_tests)
    else:
        witness.write({}, "." + str(worker["workerid"]))


def _failed(report: Any, outcome: str) -> dict[str, object]:
    crash = getattr(report.longrepr, "reprcrash", None)
    location = getattr(report, "location", None)
    line = int(location[1] or 0) + 1 if location else 0
    reason = crash.message if crash is not None else _last_error(str(report.longrepr))
    failed: dict[str, object] = witness.entry(outcome, reason, report.nodeid.split("::")[0], line)
    return failed


def _last_error(text: str) -> str:
    lines = [line[2:].strip() for line in text.splitlines() if line.startswith("E ")]
    return lines[-1] if lines else next(iter(text.strip().splitlines()), "")
