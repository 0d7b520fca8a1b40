"""How test commands are made to report, and what is said of flaky tests."""

import pytest

from ostinato.domain.gates import Status, judge
from ostinato.domain.test_reports import Outcome, TestCase, TestReport, Unreadable
from ostinato.domain.test_reports.flaky import choose_reruns, has_passed_alone, settle_flaky
from ostinato.domain.test_reports.runners import alone, runner_of, vary
from tests.builders import an_observation

NPM = ("npm", "run", "test")
VARIED = [
    (("npx", "--no-install", "jest"), "", ("npx", "--no-install", "jest", "--json", "--outputFile=/r/jest.json")),
    (NPM, "jest --ci", (*NPM, "--", "--json", "--outputFile=/r/jest.json")),
    (("pnpm", "run", "test"), "jest", ("pnpm", "run", "test", "--json", "--outputFile=/r/jest.json")),
    (NPM, "eslint . && jest", (*NPM, "--", "--json", "--outputFile=/r/jest.json")),
    (NPM, "cross-env CI=1 vitest run", (*NPM, "--", "--reporter=json", "--outputFile.json=/r/vitest.json")),
    (NPM, "vitest", (*NPM, "--", "--run", "--reporter=json", "--outputFile.json=/r/vitest.json")),
    (NPM, "c8 mocha test", (*NPM, "--", "--reporter", "json", "--reporter-option", "output=/r/mocha.json")),
    (NPM, "node --test", NPM),
    (("go", "test", "./..."), "", ("go", "test", "-json", "./...")),
    (("cargo", "test", "--workspace"), "", ("cargo", "test", "--workspace")),
    (("./mvnw", "test"), "", ("./mvnw", "test", "--batch-mode", "--fail-at-end")),
    (("/bin/sh", "-c", "cd app && pytest -x"), "", ("/bin/sh", "-c", "cd app && pytest -x --junitxml=/r/pytest.xml")),
]
WRAPPED = [
    "jest | tee log",
    "jest; true",
    "jest || true",
    "node build.js",
    "jest && vitest",
    "jest > out",
    "lerna run test",
    'jest "',
]
CASE = TestCase(name="sum > adds (1)", selector="sum adds (1)", path="/t/sum.test.js", outcome=Outcome.FAILED)


def a_report(*cases: TestCase) -> TestReport:
    return TestReport.of("jest", cases)


@pytest.mark.parametrize(("argv", "script", "expected"), VARIED)
def test_a_command_is_made_to_report(argv: tuple[str, ...], script: str, expected: tuple[str, ...]) -> None:
    assert vary(argv, script=script, folder="/r").argv == expected


@pytest.mark.parametrize("script", WRAPPED)
def test_a_script_that_wraps_its_runner_is_left_as_it_is_and_proves_less(script: str) -> None:
    varied = vary(NPM, script=script, folder="/r")

    assert (varied.argv, varied.kind, varied.weak) == (NPM, None, "tests_by_exit")


def test_node_is_told_by_its_environment() -> None:
    varied = vary(NPM, script="node --test test/", folder="/r")

    assert varied.env == {"NODE_OPTIONS": "--test-reporter=tap --test-reporter-destination=/r/node.tap"}


@pytest.mark.parametrize(
    "words", [("make", "test"), (), ("npx",), ("go", "vet"), ("python", "manage.py", "test"), ("sh", "-c", "jest")]
)
def test_what_only_starts_something_else_is_no_runner(words: tuple[str, ...]) -> None:
    assert runner_of(words) == ""


@pytest.mark.parametrize(
    ("argv", "script", "end"),
    [
        (NPM, "jest", ("-t", r"^sum\ adds\ \(1\)$", "--runTestsByPath", "/t/sum.test.js")),
        (NPM, "vitest run", ("/t/sum.test.js", "-t", r"^sum\ adds\ \(1\)$")),
        (NPM, "mocha", ("--grep", r"^sum\ adds\ \(1\)$")),
    ],
)
def test_one_test_of_javascript_is_run_alone(argv: tuple[str, ...], script: str, end: tuple[str, ...]) -> None:
    varied = alone(argv, CASE, script=script, folder="/r")

    assert varied is not None
    assert varied.argv[-len(end) :] == end
    assert varied.argv.count("--") == 1


def test_one_subtest_of_go_is_run_alone_with_the_flags_of_the_command() -> None:
    case = TestCase(name="n", selector="example.com/shop TestA/case_1", outcome=Outcome.FAILED)

    varied = alone(("go", "test", "-race", "./..."), case, folder="/r")

    assert varied is not None
    assert varied.argv == (
        "go", "test", "-json", "-count=1", "-race", "-run", "^TestA$/^case_1$", "example.com/shop",
    )  # fmt: skip


def test_one_test_of_cargo_is_run_alone() -> None:
    case = TestCase(name="shop::tests::a", selector="tests::a", outcome=Outcome.FAILED)

    varied = alone(("cargo", "test"), case, folder="/r")

    assert varied is not None
    assert varied.argv == ("cargo", "test", "--", "--exact", "tests::a")


def test_many_failures_are_not_run_again() -> None:
    many = [CASE.model_copy(update={"name": f"test {n}"}) for n in range(11)]

    assert choose_reruns(a_report(*many)) == ()
    assert choose_reruns(a_report(CASE)) == (CASE,)


@pytest.mark.parametrize(
    ("again", "passed"),
    [
        (a_report(CASE.model_copy(update={"outcome": Outcome.PASSED})), True),
        (a_report(CASE), False),
        (a_report(CASE.model_copy(update={"outcome": Outcome.SKIPPED})), False),
        (a_report(), False),
        (Unreadable(report="r", reason="is empty"), False),
    ],
)
def test_only_a_test_that_ran_and_passed_alone_is_flaky(again: TestReport | Unreadable, passed: bool) -> None:
    assert has_passed_alone(CASE, again) is passed


def test_a_flaky_test_counts_as_passed_and_is_named_by_a_warning() -> None:
    settled = settle_flaky(a_report(CASE), [CASE.name])

    verdict = judge(an_observation("tests", metrics=settled.metrics, flaky=[CASE.name]), None)

    assert settled.metrics == {"collected": 1, "passed": 1, "failed": 0, "skipped": 0}
    assert (verdict.status, verdict.code) == (Status.WARN, "tests_flaky")
    assert CASE.name in verdict.message


def test_an_exit_code_alone_is_a_warning() -> None:
    verdict = judge(an_observation("tests", metrics={}, weak="tests_by_exit"), None)

    assert (verdict.status, verdict.code) == (Status.WARN, "tests_by_exit")
