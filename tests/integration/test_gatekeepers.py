"""What gates see: findings, figures, proof of whose code ran, and honest reasons for not having run."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ostinato.adapters.gatekeepers import GateContext, observe
from ostinato.domain.gates import Observation, Status, judge
from ostinato.domain.plan import USUAL_GATES, GateName
from tests.integration.toolkit import CALC, NO_ENVIRONMENT, TEST_CALC, a_context, a_tree, an_environment, listed

_CALC = {"calc.py": CALC, "test_calc.py": TEST_CALC}


async def a_gate(folder: Path, files: dict[str, str], *, trusted: bool = True, prepared: bool = True) -> GateContext:
    tree = a_tree(folder / "tree", files)
    environment = await an_environment(tree, home=folder / "home") if prepared else NO_ENVIRONMENT
    context = a_context(tree, folder / "artifacts", environment=environment, trusted=trusted)
    fields: dict[str, Any] = {name: getattr(context, name) for name in context.__dataclass_fields__ if name != "args"}
    return GateContext(commit="c0ffee", **fields)


async def seen(gate: GateName, folder: Path, files: dict[str, str]) -> Observation:
    return await observe(gate, await a_gate(folder, files))


async def test_passing_tests_come_with_figures_and_proof(tmp_path: Path) -> None:
    observation = await seen(GateName.TESTS, tmp_path, _CALC)

    assert observation.ran
    assert observation.metrics == {"collected": 1, "passed": 1, "failed": 0, "skipped": 0, "coverage_pct": 100}
    assert observation.proof == "1 module of `calc` imported from the checkout"


async def test_a_foreign_installation_is_detected_although_its_tests_pass(tmp_path: Path) -> None:
    context = await a_gate(tmp_path, _CALC)
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "calc.py").write_text(CALC)
    (context.tree / "calc.py").rename(context.tree / "calc.txt")
    for site in Path(context.environment.path).glob("lib/python*/site-packages"):
        (site / "another.pth").write_text(f"{tmp_path / 'elsewhere'}\n")

    observation = await observe(GateName.TESTS, context)

    assert observation.metrics["passed"] == 1
    assert observation.foreign == (f"calc ({tmp_path / 'elsewhere' / 'calc.py'})",)
    assert judge(observation, None).code == "foreign_code"


async def test_a_copy_installed_in_the_environment_is_detected(tmp_path: Path) -> None:
    files = {"src/calc/__init__.py": CALC, "tests/test_calc.py": TEST_CALC}
    context = await a_gate(tmp_path, files)
    for site in Path(context.environment.path).glob("lib/python*/site-packages"):
        shutil.copytree(context.tree / "src" / "calc", site / "calc")

    observation = await observe(GateName.TESTS, context)

    assert judge(observation, None).status is Status.FAIL
    assert "site-packages" in observation.foreign[0]


async def test_failures_and_broken_test_files_are_findings(tmp_path: Path) -> None:
    tests = {"test_bad.py": "def test_no():\n    assert 1 == 2\n", "test_worse.py": "import missing_thing\n"}

    observation = await seen(GateName.TESTS, tmp_path, {**_CALC, **tests})

    assert {(f.rule, f.message, f.detail) for f in observation.findings} == {
        ("error", "test_worse.py", "ModuleNotFoundError: No module named 'missing_thing'"),
        ("failed", "test_bad.py::test_no", "assert 1 == 2"),
    }


async def test_a_failure_that_was_there_before_is_inherited_whatever_its_words(tmp_path: Path) -> None:
    failing = "from calc import add\n\n\ndef test_no():\n    assert add(1, {}) == 9\n"
    before = await seen(GateName.TESTS, tmp_path / "one", {**_CALC, "test_bad.py": failing.format(1)})
    after = await seen(GateName.TESTS, tmp_path / "two", {**_CALC, "test_bad.py": failing.format(2)})

    verdict = judge(after, before)

    assert (verdict.introduced_count, verdict.inherited_count) == (0, 1)


async def test_unittest_projects_are_run_by_unittest_with_the_same_figures(tmp_path: Path) -> None:
    text = "import unittest\nfrom calc import add\n\n\nclass T(unittest.TestCase):\n    def test_add(self):\n"
    text += "        self.assertEqual(add(1, 2), 3)\n\n    def test_no(self):\n        self.fail('no')\n"

    observation = await seen(GateName.TESTS, tmp_path, {"calc.py": CALC, "tests/test_calc.py": text})

    assert (observation.metrics["passed"], observation.metrics["failed"]) == (1, 1)
    assert observation.metrics["coverage_pct"] == 100
    assert observation.findings[0].path == "tests/test_calc.py"
    assert "imported from the checkout" in observation.proof


@pytest.mark.parametrize(("line", "count"), [("true", 0), ("exit 3", 1)])
async def test_a_configured_command_speaks_by_its_exit_code(tmp_path: Path, line: str, count: int) -> None:
    files = {**_CALC, ".ostinato/config.toml": f'[commands]\ntest = "{line}"\n'}

    observation = await seen(GateName.TESTS, tmp_path, files)

    assert (observation.ran, observation.findings_count, observation.metrics) == (True, count, {})


async def test_no_tests_is_nothing_to_check(tmp_path: Path) -> None:
    observation = await seen(GateName.TESTS, tmp_path, {"calc.py": CALC})

    assert (observation.ran, observation.code) == (False, "nothing_to_check")


async def test_an_untrusted_repositorys_tests_are_not_run(tmp_path: Path) -> None:
    trap = f"open({str(tmp_path / 'sprung')!r}, 'w')\n"
    context = await a_gate(tmp_path, {**_CALC, "conftest.py": trap}, trusted=False)

    observation = await observe(GateName.TESTS, context)

    assert (observation.ran, observation.code, "--trust" in observation.cure) == (False, "not_trusted", True)
    assert not (tmp_path / "sprung").exists()


async def test_a_missing_environment_is_said_with_its_cure_and_never_passes(tmp_path: Path) -> None:
    observation = await observe(GateName.TESTS, await a_gate(tmp_path, _CALC, prepared=False))

    verdict = judge(observation, None)

    assert (observation.code, observation.cure) == ("environment_missing", "prepare one")
    assert (verdict.status, verdict.unproven) == (Status.SKIPPED, True)


async def test_tests_that_hang_are_stopped(tmp_path: Path) -> None:
    context = await a_gate(tmp_path, {"test_slow.py": "import time\n\n\ndef test_it():\n    time.sleep(60)\n"})

    observation = await observe(GateName.TESTS, replace(context, timeout_s=3.0))

    assert (observation.ran, observation.code) == (False, "timed_out")


async def test_an_interpreter_that_dies_is_no_pass(tmp_path: Path) -> None:
    observation = await seen(
        GateName.TESTS, tmp_path, {"test_it.py": "import os\n\n\ndef test_it():\n    os._exit(0)\n"}
    )

    assert (observation.ran, observation.code) == (False, "tool_failed")


async def test_reading_gates_work_without_trust_and_without_an_environment(tmp_path: Path) -> None:
    files = {"calc.py": "import os\nimport pickle\n\nx: int = 'a'\npickle.loads(b'')\n"}
    context = await a_gate(tmp_path, files, trusted=False, prepared=False)

    rules = {gate: {f.rule for f in (await observe(gate, context)).findings} for gate in USUAL_GATES}

    assert rules[GateName.LINT] == {"F401"}
    assert rules[GateName.TYPES] == {"assignment"}
    assert "B301" in rules[GateName.SECURITY]


async def test_gates_leave_nothing_in_the_checkout(tmp_path: Path) -> None:
    context = await a_gate(tmp_path, _CALC)

    for gate in USUAL_GATES:
        assert (await observe(gate, context)).ran

    assert listed(context.tree) == set(_CALC)


@pytest.mark.parametrize("gate", [GateName.TESTS, GateName.LINT, GateName.TYPES])
async def test_another_language_is_nothing_to_check(gate: GateName, tmp_path: Path) -> None:
    context = await a_gate(tmp_path, {"main.go": "package main\n"}, prepared=False)

    observation = await observe(gate, context)

    assert (observation.ran, observation.code) == (False, "nothing_to_check")


async def test_a_project_that_configures_pytest_options_keeps_them(tmp_path: Path) -> None:
    own = '[tool.pytest.ini_options]\ntestpaths = ["checks"]\npython_files = ["check_*.py"]\n'
    files = {
        "calc.py": CALC,
        "pyproject.toml": own,
        "checks/check_calc.py": TEST_CALC,
        "test_calc.py": "assert False\n",
    }

    observation = await seen(GateName.TESTS, tmp_path, files)

    assert (observation.metrics["collected"], observation.metrics["failed"]) == (1, 0)


_CHANCE = """from pathlib import Path
{imports}

def once() -> bool:
    seen = Path({place!r})
    was = seen.exists()
    seen.touch()
    return was


"""


async def test_a_flaky_test_is_a_warning_that_names_it(tmp_path: Path) -> None:
    head = _CHANCE.format(imports="from calc import add\n", place=str(tmp_path / "seen"))
    test = head + "def test_add():\n    assert add(1, 2) == 3\n\n\ndef test_chance():\n    assert once()\n"

    observation = await seen(GateName.TESTS, tmp_path, {"calc.py": CALC, "test_calc.py": test})

    assert (observation.flaky, observation.findings) == (("test_calc.py::test_chance",), ())
    assert judge(observation, None).code == "tests_flaky"


async def test_a_flaky_test_of_unittest_is_a_warning_that_names_it(tmp_path: Path) -> None:
    head = _CHANCE.format(imports="import unittest\nfrom calc import add\n", place=str(tmp_path / "seen"))
    case = "class CalcCase(unittest.TestCase):\n    def test_chance(self):\n        self.assertTrue(once() and add(1, 2))\n"

    observation = await seen(GateName.TESTS, tmp_path, {"calc.py": CALC, "tests/test_calc.py": head + case})

    assert observation.flaky == ("test_calc.CalcCase.test_chance",)
    assert observation.metrics["failed"] == 0


async def test_a_test_that_fails_alone_too_stays_a_failure(tmp_path: Path) -> None:
    observation = await seen(GateName.TESTS, tmp_path, {"calc.py": CALC, "test_calc.py": TEST_CALC.replace("3", "4")})

    assert (observation.flaky, len(observation.findings)) == ((), 1)
