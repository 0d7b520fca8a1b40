"""Each way in which a change makes its own judges weaker is named; what the request is about passes by its name."""

import pytest

from ostinato.domain.classification import Classification, Intent, TaskType
from ostinato.domain.gates import Status
from ostinato.domain.integrity import (
    Change,
    FileChange,
    Weakening,
    Weight,
    find_weakenings,
    is_asked_for,
    judge_integrity,
)

TEST = "import pytest\n\n\ndef test_one():\n    assert f(1) == 2\n    assert f(2) == 3\n\n\ndef test_two():\n    assert f(3) == 4\n"
PARAMS = "import pytest\n\n\n@pytest.mark.parametrize('n', {})\ndef test_n(n):\n    assert f(n)\n"
UNIT = "import unittest\n\n\nclass T(unittest.TestCase):\n    def test_a(self):\n        self.assertEqual(f(1), 2)\n"


def codes(path: str, before: str | None, after: str | None, **more: FileChange) -> set[str]:
    files = (FileChange(path=path, before=before, after=after), *more.values())
    return {found.code for found in find_weakenings(Change(files=files, stdlib=frozenset({"json"})))}


def a_classification(task_type: TaskType = TaskType.BUG_FIX, paths: tuple[str, ...] = ()) -> Classification:
    return Classification(task_type=task_type, confidence=1.0, intent=Intent.FIX, paths=paths)


PYTHON = {
    "a test function is removed": (TEST, TEST.partition("\n\n\ndef test_two")[0] + "\n", {"test_removed"}),
    "the file is deleted": (TEST, None, {"test_removed"}),
    "it is commented out": (TEST, TEST.replace("def test_two():\n    ass", "# def test_two():\n#    ass"), {"test_removed"}),
    "it gets a name that is not collected": (TEST, TEST.replace("def test_two", "def check_two"), {"test_removed"}),
    "skip": (TEST, TEST.replace("def test_two", "@pytest.mark.skip\ndef test_two"), {"test_skipped"}),
    "skipif": (TEST, TEST.replace("def test_two", "@pytest.mark.skipif(True, reason='x')\ndef test_two"), {"test_skipped"}),
    "xfail": (TEST, TEST.replace("def test_two", "@pytest.mark.xfail\ndef test_two"), {"test_skipped"}),
    "a call of skip": (TEST, TEST.replace("    assert f(3)", "    pytest.skip('no')\n    assert f(3)"), {"test_skipped"}),
    "the whole module": (TEST, TEST.replace("pytest\n", "pytest\n\npytest.skip('no', allow_module_level=True)\n", 1), {"test_skipped"}),
    "pytestmark": (TEST, TEST.replace("pytest\n", "pytest\n\npytestmark = pytest.mark.skip\n", 1), {"test_skipped"}),
    "expectedFailure": (UNIT, UNIT.replace("    def", "    @unittest.expectedFailure\n    def"), {"test_skipped"}),
    "a skipped class": (UNIT, UNIT.replace("class", "@unittest.skip('x')\nclass"), {"test_skipped"}),
    "a class that is no test case": (UNIT, UNIT.replace("(unittest.TestCase)", ""), {"test_uncollected"}),
    "emptied": (TEST, TEST.replace("    assert f(3) == 4", "    pass"), {"test_emptied"}),
    "a return before the assertion": (TEST, TEST.replace("    assert f(3)", "    return\n    assert f(3)"), {"test_emptied"}),
    "if False": (TEST, TEST.replace("    assert f(3)", "    if False:\n        assert f(3)"), {"test_emptied"}),
    "assert True": (TEST, TEST.replace("assert f(3) == 4", "assert True"), {"assertion_trivial", "test_emptied"}),
    "or True": (TEST, TEST.replace("f(3) == 4", "f(3) == 4 or True"), {"assertion_trivial", "test_emptied"}),
    "an assertion of a tuple": (TEST, TEST.replace("f(3) == 4", "(f(3) == 4, 'no')"), {"assertion_trivial", "test_emptied"}),
    "compared with itself": (TEST, TEST.replace("f(3) == 4", "f(3) == f(3)"), {"assertion_trivial", "test_emptied"}),
    "swallowed": (TEST, TEST.replace("    assert f(3) == 4", "    try:\n        assert f(3) == 4\n    except Exception:\n        pass"), {"assertion_swallowed"}),
    "one assertion less": (TEST, TEST.replace("    assert f(2) == 3\n", ""), {"assertions_removed"}),
    "another expectation": (TEST, TEST.replace("f(3) == 4", "f(3) == 5"), {"test_edited"}),
    "fewer cases": (PARAMS.format("[1, 2, 3]"), PARAMS.format("[1]"), {"cases_removed"}),
    "no cases": (PARAMS.format("[1, 2, 3]"), PARAMS.format("[]"), {"cases_emptied"}),
    "no Python any more": (TEST, "def test_one(:\n", {"test_uncollected"}),
    "__test__": (TEST, TEST + "\n__test__ = False\n", {"test_skipped"}),
}  # fmt: skip


@pytest.mark.parametrize("name", PYTHON)
def test_python_tests_that_got_weaker_are_named(name: str) -> None:
    before, after, expected = PYTHON[name]

    assert codes("tests/test_it.py", before, after) == expected


def test_a_test_that_only_moved_or_got_another_name_is_not_gone() -> None:
    one = TEST.partition("\n\n\ndef test_two")[0] + "\n"
    other = "def test_second():\n    assert f(3) == 4\n"

    found = codes("test_it.py", TEST, one, moved=FileChange(path="test_more.py", before=None, after=other))

    assert found == set()


def test_a_test_file_that_is_renamed_out_of_collection_is_named() -> None:
    found = codes("test_it.py", TEST, None, moved=FileChange(path="it_checks.py", before=None, after=TEST))

    assert found == {"test_uncollected"}


def test_what_is_collected_is_what_the_base_says() -> None:
    files = (FileChange(path="checks/check_it.py", before=TEST, after=None),)
    settings = {"pytest.ini": "[pytest]\npython_files = check_*.py\n"}

    found = find_weakenings(Change(files=files, base_files=settings))

    assert {each.code for each in found} == {"test_removed"}


def test_a_new_test_that_is_skipped_is_noted() -> None:
    files = (FileChange(path="test_new.py", before=None, after="@pytest.mark.skip\ndef test_a():\n    assert f()\n"),)

    found = find_weakenings(Change(files=files))

    assert [(each.code, each.leads_to) for each in found] == [("test_skipped", Weight.NOTE)]


def test_what_could_not_be_read_is_asked_about_where_it_judges_and_noted_elsewhere() -> None:
    found = find_weakenings(Change(files=(), unread=("a.test.js", "conftest.py", "src/app.js")))

    assert [(each.path, each.leads_to) for each in found] == [
        ("a.test.js", Weight.ASK),
        ("conftest.py", Weight.ASK),
        ("src/app.js", Weight.NOTE),
    ]


OTHERS = {
    "it.skip": ("a.test.js", "it('adds', () => { expect(1).toBe(x) })", "it.skip('adds', () => { expect(1).toBe(x) })", {"test_skipped"}),
    "xit": ("a.test.ts", "it('adds', () => { expect(1).toBe(x) })", "xit('adds', () => { expect(1).toBe(x) })", {"test_skipped"}),
    "describe.skip": ("a.spec.ts", "describe('a', () => {})", "describe.skip('a', () => {})", {"test_skipped"}),
    "only": ("a.test.ts", "it('adds', f); it('subs', f)", "it.only('adds', f); it('subs', f)", {"test_only"}),
    "removed": ("a.test.ts", "it('adds', f)\nit('subs', f)", "it('adds', f)\n", {"test_removed"}),
    "commented": ("a.test.ts", "it('adds', f)\nit('subs', f)", "it('adds', f)\n// it('subs', f)", {"test_removed"}),
    "trivial": ("a.test.ts", "it('adds', () => expect(f()).toBe(1))", "it('adds', () => expect(true).toBe(true))", {"assertion_trivial"}),
    "no assertions": ("a.test.ts", "it('adds', () => { expect(f()).toBe(1) })", "it('adds', () => { f() })", {"test_emptied"}),
    "Go skip": ("a_test.go", "func TestA(t *testing.T) {\n t.Error()\n}", "func TestA(t *testing.T) {\n t.Skip()\n t.Error()\n}", {"test_skipped"}),
    "Go removed": ("a_test.go", "func TestA(t *testing.T) {}\nfunc TestB(t *testing.T) {}", "func TestA(t *testing.T) {}", {"test_removed"}),
    "Go build tag": ("a_test.go", "package a\nfunc TestA(t *testing.T) {}", "//go:build ignore\npackage a\nfunc TestA(t *testing.T) {}", {"test_skipped"}),
    "Rust ignore": ("src/lib.rs", "#[test]\nfn adds() { assert!(x); }", "#[test]\n#[ignore]\nfn adds() { assert!(x); }", {"test_skipped"}),
    "Rust removed": ("src/lib.rs", "#[test]\nfn adds() { assert!(x); }", "fn adds() { assert!(x); }", {"test_removed"}),
    "Java disabled": ("src/test/ATest.java", "@Test void adds() { assertTrue(x); }", "@Disabled @Test void adds() { assertTrue(x); }", {"test_skipped"}),
    "Java removed": ("src/test/ATest.java", "@Test\nvoid adds() { assertTrue(x); }", "void adds() { assertTrue(x); }", {"test_removed"}),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_tests_of_other_languages_that_got_weaker_are_named(name: str) -> None:
    path, before, after, expected = OTHERS[name]

    assert codes(path, before, after) == expected


SUPPRESSIONS = {
    "a.py": ["x = 1  # noqa", "x = 1  # type: ignore[a]", "x = 1  # pylint: disable=a", "x = 1  # nosec", "x = 1  # pragma: no cover"],
    "a.ts": ["// eslint-disable-next-line", "/* eslint-disable */", "// @ts-ignore", "// @ts-nocheck", "// @ts-expect-error"],
    "a.go": ["x() //nolint:errcheck"],
    "a.rs": ["#[allow(dead_code)]", "#![allow(warnings)]"],
    "A.java": ['@SuppressWarnings("all")'],
}  # fmt: skip


@pytest.mark.parametrize(("path", "line"), [(path, line) for path, lines in SUPPRESSIONS.items() for line in lines])
def test_suppressions_that_are_added_are_named_and_moved_ones_are_not(path: str, line: str) -> None:
    added = codes(path, "x\n", f"x\n{line}\n")
    moved = codes(path, f"{line}\n", None, other=FileChange(path=f"b/{path}", before=None, after=f"\n\n{line}\n"))

    assert (added, moved) == ({"suppression_added"}, set())


def test_the_words_of_a_suppression_in_a_string_silence_nothing() -> None:
    assert codes("a.py", "", 'WORDS = "# noqa"\n') == set()


SETTINGS = {
    "coverage": ("pyproject.toml", "[tool.coverage.report]\nfail_under = 90\n", "[tool.coverage.report]\nfail_under = 10\n"),
    "coverage gone": (".coveragerc", "[report]\nfail_under = 90\n", "[report]\n"),
    "an option": ("pytest.ini", "[pytest]\naddopts = --cov-fail-under=90\n", "[pytest]\naddopts = --cov-fail-under=5\n"),
    "mypy strict": ("pyproject.toml", "[tool.mypy]\nstrict = true\n", "[tool.mypy]\nstrict = false\n"),
    "mypy ignores": ("mypy.ini", "[mypy]\n", "[mypy]\nignore_errors = True\n"),
    "mypy for a module": ("pyproject.toml", "[tool.mypy]\nstrict = true\n", '[tool.mypy]\nstrict = true\n[[tool.mypy.overrides]]\nmodule = "a"\nignore_errors = true\n'),
    "ruff select": ("pyproject.toml", '[tool.ruff.lint]\nselect = ["E", "F"]\n', '[tool.ruff.lint]\nselect = ["E"]\n'),
    "ruff ignore": ("ruff.toml", "", 'ignore = ["F401"]\n'),
    "ruff per file": ("pyproject.toml", "[tool.ruff]\n", '[tool.ruff.lint.per-file-ignores]\n"a.py" = ["ALL"]\n'),
    "complexity": ("setup.cfg", "[flake8]\nmax-complexity = 8\n", "[flake8]\nmax-complexity = 80\n"),
    "jest": ("package.json", '{"jest": {"coverageThreshold": {"global": {"lines": 90}}}}', '{"jest": {"coverageThreshold": {"global": {"lines": 9}}}}'),
    "jest in code": ("jest.config.js", "module.exports = { lines: 90 }", "module.exports = { lines: 9 }"),
    "eslint": (".eslintrc.json", '{"rules": {"no-eval": "error"}}', '{"rules": {"no-eval": "off"}}'),
    "eslint in code": ("eslint.config.js", "export default [{ rules: {} }]", "export default [{ rules: { 'no-eval': 'off' } }]"),
    "tsconfig": ("tsconfig.json", '{"compilerOptions": {"strict": true}} // x', '{"compilerOptions": {"strict": false,}}'),
}  # fmt: skip


@pytest.mark.parametrize("name", SETTINGS)
def test_limits_that_are_lowered_are_named_with_the_edit(name: str) -> None:
    assert {"threshold_lowered", "configuration_edited"} <= codes(*SETTINGS[name])


def test_raising_a_limit_is_an_edit_and_no_more() -> None:
    raised = codes("setup.cfg", "[coverage:report]\nfail_under = 80\n", "[coverage:report]\nfail_under = 90\n")

    assert raised == {"configuration_edited"}


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("pyproject.toml", '[project]\nname = "a"\n[tool.ruff]\nline-length = 9\n', '[project]\nname = "b"\n[tool.ruff]\nline-length = 9\n'),
        ("package.json", '{"version": "1", "scripts": {"test": "jest"}}', '{"version": "2", "scripts": {"test": "jest"}}'),
        ("Makefile", "test:\n\tpytest\nrun:\n\tx\n", "test:\n\tpytest\nrun:\n\ty\n"),
    ],
)  # fmt: skip
def test_the_rest_of_a_shared_file_may_change(path: str, before: str, after: str) -> None:
    assert codes(path, before, after) == set()


@pytest.mark.parametrize(
    ("path", "before", "after", "code"),
    [
        ("Makefile", "test:\n\tpytest\n", "test:\n\ttrue\n", "configuration_edited"),
        ("Makefile", "test:\n\tpytest\n", "test:\n\tpytest || true\n", "failure_ignored"),
        ("package.json", '{"scripts": {"test": "jest"}}', '{"scripts": {"test": "echo ok"}}', "configuration_edited"),
        ("tox.ini", "[testenv]\ncommands = pytest\n", "[testenv]\ncommands = true\n", "configuration_edited"),
        (".github/workflows/ci.yml", "run: pytest\n", "run: pytest\ncontinue-on-error: true\n", "failure_ignored"),
        (".github/workflows/ci.yml", "run: pytest\n", "run: echo\n", "ci_edited"),
        (".ostinato/config.toml", None, "[gates]\npost = []\n", "configuration_edited"),
        (".pre-commit-config.yaml", "repos: [a]\n", None, "configuration_edited"),
        ("pytest.ini", "[pytest]\n", "[pytest]\naddopts = --deselect test_a.py::test_b\n", "test_skipped"),
        ("tests/conftest.py", "", "collect_ignore = ['test_a.py']\n", "test_skipped"),
        ("conftest.py", None, "def pytest_runtest_makereport(item):\n    pass\n", "hook_added"),
        ("conftest.py", "", "import os\nos._exit(0)\n", "hook_added"),
        ("pyproject.toml", "", '[project.entry-points.pytest11]\na = "b"\n', "configuration_edited"),
        ("pytest.py", None, "def main(): ...\n", "import_shadowed"),
        ("json/__init__.py", None, "", "import_shadowed"),
        ("sitecustomize.py", None, "", "startup_code"),
        ("evil.pth", None, "import os\n", "startup_code"),
    ],
)  # fmt: skip
def test_gate_settings_hooks_and_traps_are_named(path: str, before: str | None, after: str | None, code: str) -> None:
    assert code in codes(path, before, after)


def test_a_module_inside_a_package_hides_nothing() -> None:
    assert codes("src/app/json.py", None, "") == set()


ASKED = [
    ("remove the flaky test test_two", "test_removed", "T::test_two", True),
    ("remove the flaky test test_two", "test_removed", "test_one", False),
    ("delete the obsolete tests in tests/test_it.py", "test_removed", "test_one", True),
    ("fix the parser; do not remove tests", "test_removed", "test_one", False),
    ("fix the bug without deleting any test", "test_removed", "test_one", False),
    ("make the tests pass", "test_removed", "test_one", False),
    ("skip test_two until the service is back", "test_skipped", "test_two", False),
    ("skip the test test_two until the service is back", "test_skipped", "test_two", True),
    ("lower the coverage threshold to 70", "threshold_lowered", "coverage.report.fail_under", True),
    ("raise the coverage of the parser", "import_shadowed", "json", False),
    ("update the ruff configuration", "configuration_edited", "pyproject.toml", True),
    ("add a github actions workflow", "ci_edited", "ci.yml", True),
]


@pytest.mark.parametrize(("request_text", "code", "subject", "expected"), ASKED)
def test_a_request_is_about_a_finding_or_it_is_not(request_text: str, code: str, subject: str, expected: bool) -> None:
    finding = Weakening(code=code, path="tests/test_it.py", what="gone", subject=subject)

    assert is_asked_for(finding, a_classification(), request_text) is expected


@pytest.mark.parametrize(
    ("request_text", "settings", "expected"),
    [
        ("raise the line length to 120", ("ruff.line-length",), True),
        ("set `fail_under` to 70", ("coverage.report.fail_under",), True),
        ("raise the line length to 120", ("ruff.line-length", "mypy.strict"), False),
        ("keep the line length", ("ruff.line-length",), False),
        ("add files to the export", ("mypy.files",), False),
    ],
)
def test_a_setting_is_named_by_its_words(request_text: str, settings: tuple[str, ...], expected: bool) -> None:
    finding = Weakening(
        code="configuration_edited", path="pyproject.toml", what="edited", subject="pyproject.toml", settings=settings
    )

    assert is_asked_for(finding, a_classification(), request_text) is expected


def test_who_speaks_of_one_test_has_not_asked_for_ten() -> None:
    finding = Weakening(code="test_removed", path="test_it.py", what="gone", subject="test_two")

    answers = [is_asked_for(finding, a_classification(), "remove the flaky test", of_its_kind=n) for n in (1, 10)]

    assert answers == [True, False]


def test_work_on_tests_may_change_tests_and_lower_no_limit() -> None:
    testing = a_classification(TaskType.TESTING)

    answers = [
        is_asked_for(Weakening(code=code, path="a", what="x"), testing, "write tests for the parser")
        for code in ("assertions_removed", "cases_removed", "threshold_lowered", "test_removed")
    ]

    assert answers == [True, True, False, False]


def test_the_gate_fails_asks_or_names_what_was_asked_for() -> None:
    removed = Weakening(code="test_removed", path="test_it.py", what="test_two is gone", subject="test_two")
    silenced = Weakening(code="suppression_added", path="a.py", what="# noqa")

    failed = judge_integrity([removed, silenced], a_classification(), "fix the bug")
    asking = judge_integrity([silenced], a_classification(), "fix the bug")
    asked = judge_integrity([removed], a_classification(), "remove the test test_two")

    assert [gate.status for gate in (failed, asking, asked)] == [Status.FAIL, Status.WARN, Status.PASS]
    assert [gate.needs_person for gate in (failed, asking, asked)] == [False, True, False]
    assert "test_two is gone (the request asks for it)" in asked.details
