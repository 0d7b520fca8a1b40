"""Gates that cannot be gamed, on real repositories: the facts, the base's configuration, and what never reaches a gate."""

from pathlib import Path
from typing import Any

import pytest

from ostinato.adapters.base_configuration import with_base_configuration
from ostinato.adapters.environments import prepare_environment
from ostinato.adapters.gatekeepers import GateContext, observe
from ostinato.adapters.git.worktrees import prepare_worktree
from ostinato.adapters.home import Home
from ostinato.adapters.integrity import change_between
from ostinato.adapters.projects import inspect_project
from ostinato.domain.classification import Classification, Intent, TaskType
from ostinato.domain.gates import GateResult, Observation, Status, judge
from ostinato.domain.integrity import allowed_configuration, find_weakenings, judge_integrity
from ostinato.domain.plan import GateName
from tests.integration.toolkit import CALC, TEST_CALC, a_context
from tests.repositories import RUN, an_open_mirror, commit, git, make_repository

PYPROJECT = '[project]\nname = "calc"\nversion = "1"\n\n[tool.pytest.ini_options]\naddopts = "-q"\n\n[tool.ruff.lint]\nselect = ["F"]\n'
FILES = {"calc.py": CALC, "tests/test_calc.py": TEST_CALC, "pyproject.toml": PYPROJECT}
BUG = Classification(task_type=TaskType.BUG_FIX, confidence=1.0, intent=Intent.FIX)


class Case:
    """A repository with a base and a head in the private clone."""

    def __init__(self, folder: Path, mirror: Path, base: str, head: str) -> None:
        self.folder, self.mirror, self.base, self.head = folder, mirror, base, head

    async def gate(self, request: str = "fix the bug") -> GateResult:
        change = await change_between(self.mirror, self.base, self.head, source_roots=(".",))
        return judge_integrity(find_weakenings(change), BUG, request, commit=self.head)

    async def tests(self, commit: str) -> Observation:
        """The test gate at a commit: a fresh checkout with its own environment; commands are the base's."""
        tree = self.folder / "gates-head" / "tree"
        await prepare_worktree(self.mirror, tree, commit, RUN)
        tracked = git(self.mirror, "ls-tree", "-r", "--name-only", self.base).splitlines()
        project = inspect_project(tree, commit, tracked)
        home = Home(root=self.folder / "home")
        environment = await prepare_environment(tree, tree.parent / "env", project=project, trusted=True, home=home)
        context = a_context(tree, self.folder / "artifacts", environment=environment)
        fields: dict[str, Any] = {
            n: getattr(context, n) for n in context.__dataclass_fields__ if n not in ("args", "project")
        }
        return await observe(GateName.TESTS, GateContext(commit=commit, project=project, **fields))


async def a_case(folder: Path, after: dict[str, str | None]) -> Case:
    repository = make_repository(folder / "repository", FILES)
    base = git(repository, "rev-parse", "HEAD")
    for name in (name for name, text in after.items() if text is None):
        (repository / name).unlink()
    head = commit(repository, {name: text for name, text in after.items() if text is not None})
    _, mirror = await an_open_mirror(repository, folder / "home")
    return Case(folder, mirror, base, head)


GAMES: dict[str, tuple[dict[str, str | None], str]] = {
    "deletes a test": ({"tests/test_calc.py": None}, "test_removed"),
    "skips it": ({"tests/test_calc.py": "import pytest\n" + TEST_CALC.replace("def test", "@pytest.mark.skip\ndef test")}, "test_skipped"),
    "suppresses": ({"calc.py": "import os  # noqa: F401\n" + CALC}, "suppression_added"),
    "lowers a threshold": ({"pyproject.toml": PYPROJECT.replace('select = ["F"]', "select = []")}, "threshold_lowered"),
    "edits the gate's options": ({"pyproject.toml": PYPROJECT.replace('"-q"', '"-q --collect-only"')}, "configuration_edited"),
    "hides the runner": ({"pytest.py": "raise SystemExit(0)\n"}, "import_shadowed"),
    "runs at the start": ({"sitecustomize.py": "import os\nos._exit(0)\n"}, "startup_code"),
    "rewrites reports": ({"conftest.py": "def pytest_runtest_makereport(item):\n    ...\n"}, "hook_added"),
}  # fmt: skip


@pytest.mark.parametrize("name", GAMES)
async def test_each_game_is_named_and_fails_or_asks(tmp_path: Path, name: str) -> None:
    after, code = GAMES[name]
    case = await a_case(tmp_path, after)

    gate = await case.gate()

    assert code in {finding.rule for finding in gate.introduced}
    assert gate.status is Status.FAIL or gate.needs_person
    assert gate.commit == case.head


async def test_an_honest_change_is_kept(tmp_path: Path) -> None:
    more = TEST_CALC + "\n\ndef test_more() -> None:\n    assert add(2, 2) == 4\n"
    case = await a_case(tmp_path, {"calc.py": CALC + "\nVALUE = 1\n", "tests/test_calc.py": more})

    gate = await case.gate()

    assert (gate.status, gate.code) == (Status.PASS, "integrity_kept")


async def test_a_requested_removal_passes_by_its_name(tmp_path: Path) -> None:
    case = await a_case(tmp_path, {"tests/test_calc.py": "def test_other() -> None:\n    assert add(1, 1) == 2\n"})

    gate = await case.gate("remove the flaky test test_add")

    assert (gate.status, gate.code) == (Status.PASS, "integrity_asked")
    assert "test_add is gone" in gate.message


async def test_the_bases_configuration_judges_and_the_rest_of_the_file_is_the_heads(tmp_path: Path) -> None:
    games = PYPROJECT.replace('version = "1"', 'version = "2"').replace('"-q"', '"-q -k nothing"')
    case = await a_case(
        tmp_path, {"pyproject.toml": games, "ruff.toml": "select = []\n", "calc.py": CALC + "\nX = 1\n"}
    )

    judged = await with_base_configuration(case.mirror, run_id=RUN, base=case.base, head=case.head)
    again = await with_base_configuration(case.mirror, run_id=RUN, base=case.base, head=case.head)

    shown = git(case.mirror, "show", f"{judged.commit}:pyproject.toml")
    assert (judged.restored, again) == (("pyproject.toml", "ruff.toml"), judged)
    assert 'version = "2"' in shown
    assert "nothing" not in shown
    assert git(case.mirror, "diff", "--name-only", case.base, judged.commit).splitlines() == [
        "calc.py",
        "pyproject.toml",
    ]


async def test_configuration_that_the_request_is_about_counts_as_it_is(tmp_path: Path) -> None:
    case = await a_case(tmp_path, {"pyproject.toml": PYPROJECT.replace('["F"]', '["F", "E"]')})
    found = find_weakenings(await change_between(case.mirror, case.base, case.head))

    allowed = allowed_configuration(found, BUG, "update the ruff configuration")
    judged = await with_base_configuration(case.mirror, run_id=RUN, base=case.base, head=case.head, allowed=allowed)

    assert (judged.commit, judged.restored) == (case.head, ())


async def test_a_gate_that_the_head_configured_away_still_judges(tmp_path: Path) -> None:
    after = {"calc.py": CALC.replace("a + b", "a - b"), "pyproject.toml": PYPROJECT.replace('"-q"', '"-q -k nothing"')}
    case = await a_case(tmp_path, dict(after))

    gamed = await case.tests(case.head)
    judged = await with_base_configuration(case.mirror, run_id=RUN, base=case.base, head=case.head)
    honest = await case.tests(judged.commit)

    assert (gamed.metrics.get("failed", 0), honest.metrics["failed"]) == (0, 1)


async def test_a_test_file_that_is_made_unreadable_is_not_passed_by(tmp_path: Path) -> None:
    case = await a_case(tmp_path, {"a.test.js": "it('a', f) // \0\n"})

    gate = await case.gate()

    assert (gate.needs_person, [finding.rule for finding in gate.introduced]) == (True, ["unread"])


@pytest.mark.parametrize("ignored", [False, True])
async def test_untracked_traps_in_a_steps_worktree_never_reach_the_gate(tmp_path: Path, ignored: bool) -> None:
    broken: dict[str, str | None] = {"calc.py": CALC.replace("a + b", "a - b")}
    case = await a_case(
        tmp_path, {**broken, **({".gitignore": "conftest.py\n*.pth\nsitecustomize.py\n"} if ignored else {})}
    )
    step = tmp_path / "step" / "tree"
    await prepare_worktree(case.mirror, step, case.head, RUN)
    for name in ("conftest.py", "sitecustomize.py", "trap.pth", "pytest.py"):
        (step / name).write_text("import os; os._exit(0)\n")

    seen = await case.tests(case.head)

    assert (seen.ran, seen.metrics["failed"]) == (True, 1)
    assert not [name for name in ("conftest.py", "sitecustomize.py") if (tmp_path / "gates-head/tree" / name).exists()]


async def test_traps_in_an_earlier_gates_checkout_are_gone_before_the_next(tmp_path: Path) -> None:
    case = await a_case(tmp_path, {"calc.py": CALC.replace("a + b", "a - b"), ".gitignore": "conftest.py\n"})
    await case.tests(case.head)
    (tmp_path / "gates-head" / "tree" / "conftest.py").write_text("import os; os._exit(0)\n")

    seen = await case.tests(case.head)

    assert seen.metrics["failed"] == 1


async def test_the_users_checkout_installed_in_the_environment_fails_the_gate(tmp_path: Path) -> None:
    case = await a_case(tmp_path, {"calc.py": None, "lib/calc.py": CALC.replace("a + b", "a - b")})
    await case.tests(case.head)
    user = tmp_path / "user"
    user.mkdir()
    (user / "calc.py").write_text(CALC)
    for site in (tmp_path / "gates-head" / "env").glob("lib/python*/site-packages"):
        (site / "__editable__.calc.pth").write_text(f"{user}\n")

    seen = await case.tests(case.head)

    assert seen.foreign == (f"calc ({user / 'calc.py'})",)
    assert judge(seen, None).code == "foreign_code"
