"""tests.run, tests.generate and profile.imports: what runs the repository's code, in its prepared environment."""

from pathlib import Path

import pytest

from ostinato.adapters.tools import run_tool
from ostinato.domain.execution import FailureKind
from tests.integration.toolkit import CALC, NO_ENVIRONMENT, TEST_CALC, a_context, a_tree, an_environment, listed

_RUNNING = ("tests.run", "tests.generate", "profile.imports")


@pytest.mark.parametrize("name", _RUNNING)
async def test_an_untrusted_repository_runs_nothing(name: str, tmp_path: Path) -> None:
    trap = f"from pathlib import Path\nPath({str(tmp_path / 'sprung')!r}).touch()\n"
    tree = a_tree(tmp_path / "tree", {"calc.py": trap, "conftest.py": trap, "test_calc.py": "def test(): pass\n"})
    environment = await an_environment(tree, home=tmp_path / "home", trusted=False)

    report = await run_tool(name, a_context(tree, tmp_path / "a", environment=environment, trusted=False))

    assert report.failure is not None
    assert (report.failure.kind, "--trust" in report.failure.recommendation) == (FailureKind.NOT_TRUSTED, True)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("name", _RUNNING)
async def test_without_an_environment_the_cure_is_named(name: str, tmp_path: Path) -> None:
    tree = a_tree(tmp_path / "tree", {"calc.py": CALC, "test_calc.py": TEST_CALC})

    report = await run_tool(name, a_context(tree, tmp_path / "a", environment=NO_ENVIRONMENT))

    assert report.failure is not None
    assert report.failure.kind is FailureKind.ENVIRONMENT_MISSING
    assert report.failure.recommendation == "prepare one"


async def test_passing_tests_are_counted_with_coverage_and_nothing_is_left_behind(tmp_path: Path) -> None:
    files = {
        "src/calc/__init__.py": CALC + "\n\ndef sub(a: int) -> int:\n    return -a\n",
        "tests/test_calc.py": TEST_CALC,
    }
    tree = a_tree(tmp_path / "tree", files)
    environment = await an_environment(tree, home=tmp_path / "home")

    report = await run_tool("tests.run", a_context(tree, tmp_path / "a", environment=environment))

    assert (report.ok, report.summary) == (True, "1 passed, coverage 75 %")
    assert listed(tree) == set(files)


async def test_failing_tests_are_findings_whose_identity_has_no_changing_words(tmp_path: Path) -> None:
    failing = "def test_it():\n    assert object() == 1\n"
    tree = a_tree(tmp_path / "tree", {"calc.py": CALC, "test_calc.py": failing})
    environment = await an_environment(tree, home=tmp_path / "home")

    report = await run_tool("tests.run", a_context(tree, tmp_path / "a", environment=environment))

    assert report.failure is not None
    (finding,) = report.findings
    assert finding.fingerprint == ("pytest", "failed", "test_calc.py", "test_calc.py::test_it")
    assert "object at 0x…" in finding.detail


async def test_options_of_pytest_cov_disturb_nothing(tmp_path: Path) -> None:
    own = "[pytest]\naddopts = -x --cov=calc --cov-report=term-missing --cov-fail-under=100\n"
    tree = a_tree(tmp_path / "tree", {"pytest.ini": own, "calc.py": CALC, "test_calc.py": TEST_CALC})
    environment = await an_environment(tree, home=tmp_path / "home")

    report = await run_tool("tests.run", a_context(tree, tmp_path / "a", environment=environment))

    assert (report.ok, report.metrics["coverage_pct"]) == (True, 100.0)


async def test_generated_tests_are_kept_when_they_pass_and_cover_more(tmp_path: Path) -> None:
    tree = a_tree(
        tmp_path / "tree", {"src/calc/__init__.py": CALC, "tests/test_other.py": "def test_x() -> None: ...\n"}
    )
    environment = await an_environment(tree, home=tmp_path / "home")

    report = await run_tool("tests.generate", a_context(tree, tmp_path / "a", environment=environment))

    assert (report.changed, report.metrics["kept"]) == (True, 1)
    assert "stable over 3 seeds" in report.notes[0]
    assert "operation_add" in (tree / "tests/test_generated_calc.py").read_text()


@pytest.mark.heavy
async def test_generated_tests_that_cover_nothing_new_are_dropped(tmp_path: Path) -> None:
    tree = a_tree(tmp_path / "tree", {"calc.py": CALC, "test_calc.py": TEST_CALC})
    environment = await an_environment(tree, home=tmp_path / "home")
    context = a_context(tree, tmp_path / "a", environment=environment, modules="calc")

    report = await run_tool("tests.generate", context)

    assert (report.changed, listed(tree)) == (False, {"calc.py", "test_calc.py"})
    assert report.notes == ("dropped calc: the tests cover nothing that was not covered before",)


@pytest.mark.heavy
async def test_a_function_that_fails_for_some_values_is_told_and_not_tested(tmp_path: Path) -> None:
    text = (
        CALC
        + "\n\ndef minus(a: int, b: int) -> int:\n    return a - b\n\n\ndef share(a: int, b: int) -> float:\n    return a / b\n"
    )
    tree = a_tree(tmp_path / "tree", {"calc.py": text})
    environment = await an_environment(tree, home=tmp_path / "home")

    report = await run_tool("tests.generate", a_context(tree, tmp_path / "a", environment=environment))

    written = (tree / "tests/test_generated_calc.py").read_text()
    assert ("operation_add(" in written, "test_fuzz_minus(" in written, "share" in written) == (True, True, False)
    assert [finding.message.split()[0] for finding in report.findings] == ["share"]


async def test_functions_with_effects_are_never_called(tmp_path: Path) -> None:
    text = f"def clear(name: str) -> None:\n    open({str(tmp_path / 'sprung')!r}, 'w').close()\n"
    tree = a_tree(tmp_path / "tree", {"calc.py": text})
    environment = await an_environment(tree, home=tmp_path / "home")

    report = await run_tool("tests.generate", a_context(tree, tmp_path / "a", environment=environment))

    assert (report.changed, listed(tree), (tmp_path / "sprung").exists()) == (False, {"calc.py"}, False)


async def test_slow_imports_are_named(tmp_path: Path) -> None:
    tree = a_tree(tmp_path / "tree", {"calc.py": "import slow\n", "slow.py": "sum(range(3_000_000))\n"})
    environment = await an_environment(tree, home=tmp_path / "home")
    context = a_context(tree, tmp_path / "a", environment=environment, threshold_ms=20)

    report = await run_tool("profile.imports", context)

    assert [finding.message for finding in report.findings] == ["slow"]
