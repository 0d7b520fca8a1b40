"""Tools that only read: findings as data, own configuration first, nothing left in the tree, nothing executed."""

from pathlib import Path
from typing import Any

import pytest

from ostinato.adapters.tools import TOOL_NAMES, ToolContext, ToolReport, run_tool
from ostinato.domain.errors import UserError
from ostinato.domain.execution import FailureKind
from ostinato.domain.tools import TOOLS
from tests.integration.toolkit import CALC, TEST_CALC, a_context, a_tree, listed

_SECRET = "ghp_" + "A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8"


async def outcome(name: str, folder: Path, files: dict[str, str], **changes: Any) -> tuple[ToolReport, ToolContext]:
    context = a_context(a_tree(folder / "tree", files), folder / "artifacts", **changes)
    return await run_tool(name, context), context


def rules(report: ToolReport) -> set[str]:
    return {finding.rule for finding in report.findings}


def test_every_tool_of_the_table_can_be_run() -> None:
    assert set(TOOL_NAMES) == set(TOOLS)


async def test_an_unknown_tool_or_argument_is_refused_by_name(tmp_path: Path) -> None:
    context = a_context(a_tree(tmp_path / "tree", {}), tmp_path / "artifacts", colour="red")

    with pytest.raises(UserError, match="no tool"):
        await run_tool("lint.fxi", context)
    with pytest.raises(UserError, match="colour"):
        await run_tool("lint.fix", context)


@pytest.mark.parametrize("name", sorted(TOOLS))
async def test_no_tool_leaves_anything_in_the_tree_or_needs_anything_in_it(name: str, tmp_path: Path) -> None:
    files = {"calc.py": CALC, "tests/test_calc.py": TEST_CALC}

    report, context = await outcome(name, tmp_path, files, trusted=False)

    assert listed(context.tree) == set(files)
    assert report.ok is not TOOLS[name].runs_code


@pytest.mark.parametrize("name", sorted(name for name, tool in TOOLS.items() if not tool.runs_code))
async def test_a_tool_that_only_reads_executes_nothing_of_a_hostile_repository(name: str, tmp_path: Path) -> None:
    trap = f"from pathlib import Path\nPath({str(tmp_path / 'sprung')!r}).touch()\n"
    modules = (
        "ast",
        "json",
        "yaml",
        "ruff",
        "mypy",
        "bandit",
        "vulture",
        "radon",
        "sitecustomize",
        "conftest",
        "setup",
    )
    files = {f"{module}.py": trap for module in modules}
    files["mypy.ini"] = f"[mypy]\nplugins = {tmp_path}/tree/setup.py\n"

    report, _ = await outcome(name, tmp_path, files, trusted=False)

    assert report.ok, report.failure
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("name", sorted(name for name, tool in TOOLS.items() if not tool.runs_code))
async def test_an_empty_or_broken_repository_is_no_failure(name: str, tmp_path: Path) -> None:
    broken, _ = await outcome(name, tmp_path / "broken", {"calc.py": "def (:\n", "pyproject.toml": "= 1"})
    empty, _ = await outcome(name, tmp_path / "empty", {})

    assert empty.ok
    assert broken.ok or name == "format"


async def test_lint_fix_changes_the_code_and_says_what_is_left(tmp_path: Path) -> None:
    report, context = await outcome(
        "lint.fix", tmp_path, {"calc.py": "import os\n\n\ndef f():\n    return undefined\n"}
    )

    assert "import os" not in (context.tree / "calc.py").read_text()
    assert (report.changed, rules(report), report.metrics["fixed"]) == (True, {"F821"}, 1)


async def test_the_projects_own_ruff_rules_are_honoured(tmp_path: Path) -> None:
    own = '[tool.ruff.lint]\nselect = ["D103"]\n'

    report, _ = await outcome("lint.check", tmp_path, {"pyproject.toml": own, "calc.py": "import os\n\n\n" + CALC})

    assert rules(report) == {"D103"}


async def test_without_rules_of_its_own_ours_are_used(tmp_path: Path) -> None:
    report, _ = await outcome("lint.check", tmp_path, {"a folder/calc.py": "import os\n"})

    assert [(f.tool, f.rule, f.path, f.line) for f in report.findings] == [("ruff", "F401", "a folder/calc.py", 1)]


async def test_an_unusable_configuration_is_a_failure_that_says_why(tmp_path: Path) -> None:
    report, _ = await outcome("lint.check", tmp_path, {"ruff.toml": "line-length = 'wide'\n", "calc.py": CALC})

    assert report.failure is not None
    assert (report.ok, report.failure.kind, "ruff.toml" in report.failure.details) == (False, FailureKind.TOOL, True)


async def test_paths_outside_the_repository_are_refused(tmp_path: Path) -> None:
    context = a_context(a_tree(tmp_path / "tree", {"calc.py": CALC}), tmp_path / "artifacts", paths=["../other"])

    report = await run_tool("format", context)

    assert report.failure is not None
    assert report.failure.kind is FailureKind.OUTSIDE


async def test_format_keeps_blacks_line_length_where_black_is_not_installed(tmp_path: Path) -> None:
    line = "value = [" + ", ".join(f"number_{n}" for n in range(9)) + "]\n"
    files = {"pyproject.toml": "[tool.black]\nline-length = 120\n", "calc.py": line.replace(" = ", "=")}

    report, context = await outcome("format", tmp_path, files)

    assert (context.tree / "calc.py").read_text() == line
    assert "black" in report.notes[0]


async def test_modernise_goes_no_further_than_the_oldest_supported_python(tmp_path: Path) -> None:
    text = "from typing import Optional\n\n\ndef f(a: Optional[int]) -> str:\n    return '%s' % (a,)\n"
    manifest = '[project]\nname = "calc"\nversion = "1"\nrequires-python = ">=3.9"\n'

    _, context = await outcome("modernise", tmp_path, {"calc.py": text, "pyproject.toml": manifest})

    assert "Optional[int]" in (context.tree / "calc.py").read_text()


async def test_modernise_rewrites_what_a_newer_python_says_better(tmp_path: Path) -> None:
    text = "from typing import Optional\n\n\ndef f(a: Optional[int]) -> None: ...\n"
    manifest = '[project]\nname = "calc"\nversion = "1"\nrequires-python = ">=3.11"\n'

    report, context = await outcome("modernise", tmp_path, {"calc.py": text, "pyproject.toml": manifest})

    assert "a: int | None" in (context.tree / "calc.py").read_text()
    assert report.changed


async def test_modernise_removes_the_imports_that_it_made_useless_and_no_others(tmp_path: Path) -> None:
    text = "import os\nfrom typing import Dict\n\n\ndef f(a: Dict[str, int]) -> None: ...\n"

    _, context = await outcome("modernise", tmp_path, {"calc.py": text})

    assert (context.tree / "calc.py").read_text() == "import os\n\n\ndef f(a: dict[str, int]) -> None: ...\n"


async def test_type_errors_are_found_without_configuration(tmp_path: Path) -> None:
    report, _ = await outcome("types.check", tmp_path, {"src/calc/__init__.py": CALC + "\n\nadd('a', 1)\n"})

    assert [(f.rule, f.path, f.line) for f in report.findings] == [("arg-type", "src/calc/__init__.py", 5)]


async def test_the_projects_own_strictness_counts_when_it_is_trusted(tmp_path: Path) -> None:
    files = {"mypy.ini": "[mypy]\nstrict = true\n", "calc.py": "def add(a, b):\n    return a + b\n"}

    trusted, _ = await outcome("types.check", tmp_path / "one", files)
    untrusted, _ = await outcome("types.check", tmp_path / "two", files, trusted=False)

    assert (rules(trusted), rules(untrusted)) == ({"no-untyped-def"}, set())
    assert "not trusted" in untrusted.notes[0]


async def test_security_finds_code_and_secrets_and_never_shows_the_secret(tmp_path: Path) -> None:
    text = f"import subprocess\nTOKEN = '{_SECRET}'\nsubprocess.call('ls', shell=True)\n"

    report, context = await outcome("security.scan", tmp_path, {"calc.py": text})

    assert {finding.tool for finding in report.findings} == {"bandit", "detect-secrets"}
    assert _SECRET not in str(report) + context.artifacts.read_text(report.evidence)


async def test_dead_code_is_found_and_what_tests_use_is_not_dead(tmp_path: Path) -> None:
    files = {"calc.py": CALC + "\n\ndef forgotten() -> None: ...\n", "tests/test_calc.py": TEST_CALC}

    report, _ = await outcome("deadcode.find", tmp_path, files)

    assert "unused function 'forgotten'" in {finding.message for finding in report.findings}
    assert not any("'add'" in finding.message for finding in report.findings)


async def test_complex_functions_are_findings(tmp_path: Path) -> None:
    branches = "".join(f"    if a == {n}:\n        return {n}\n" for n in range(12))

    report, _ = await outcome("complexity.map", tmp_path, {"calc.py": f"def branchy(a):\n{branches}"})

    assert (report.metrics["highest"], report.findings[0].message) == (13, "function branchy is complex")


async def test_the_map_lists_modules_with_what_is_in_them(tmp_path: Path) -> None:
    files = {
        "src/calc/__init__.py": "import json\nfrom calc.ops import Op\n",
        "src/calc/ops.py": "class Op:\n    pass\n",
    }

    report, context = await outcome("project.map", tmp_path, files)

    modules = {module["module"]: module for module in context.artifacts.read_json(report.evidence)["modules"]}
    assert (modules["calc"]["imports"], modules["calc"]["uses"]) == (["json"], ["calc.ops"])
    assert modules["calc.ops"]["classes"] == ["Op"]


async def test_declared_and_imported_dependencies_are_compared(tmp_path: Path) -> None:
    manifest = '[project]\nname = "calc"\nversion = "1"\ndependencies = ["requests>=2", "PyYAML", "attrs>=1"]\n'
    files = {"pyproject.toml": manifest, "calc.py": "import os\nimport attr\nimport numpy\nimport yaml\n"}

    report, _ = await outcome("deps.check", tmp_path, files)

    assert {(finding.rule, finding.message.split()[0]) for finding in report.findings} == {
        ("missing", "numpy"),
        ("unused", "requests"),
        ("unpinned", "pyyaml"),
    }


async def test_missing_docstrings_and_broken_links_are_found(tmp_path: Path) -> None:
    page = "[good](calc.py) [bad](gone.md#x) [away](https://example.org)\n```\n[code](none.md)\n```\n"

    report, _ = await outcome("docs.check", tmp_path, {"calc.py": CALC, "README.md": page})

    assert {(finding.rule, finding.line) for finding in report.findings} == {
        ("broken-link", 1),
        ("D100", 1),
        ("D103", 1),
    }


async def test_pages_are_checked_for_what_people_and_programs_need(tmp_path: Path) -> None:
    page = "<html>\n<body><img src=a.png><input id=q><label>Name <input></label><h1>A</h1><h3>B</h3></body></html>"

    report, _ = await outcome("ui.check", tmp_path, {"index.html": page})

    assert rules(report) == {"html-lang", "page-title", "viewport", "img-alt", "field-label", "heading-order"}


async def test_deployment_files_are_checked(tmp_path: Path) -> None:
    files = {
        "Dockerfile": "FROM python:latest\nENV API_TOKEN=abc\nRUN pip install flask\n",
        "compose.yaml": "services:\n  db:\n    image: postgres\n    privileged: true\n",
        ".github/workflows/ci.yml": "on: push\njobs: {a: {steps: [\n  {x: 1}]}}\n#\n#\n",
        "pyproject.toml": '[project]\nname = "calc"\nversion = "1.4"\n',
        "CHANGELOG.md": "# 1.3\n",
    }

    report, _ = await outcome("deploy.check", tmp_path, files)

    wanted = {"image-pin", "secret-in-image", "pip-pin", "root-user", "no-healthcheck", "privileged", "permissions"}
    assert rules(report) == wanted | {"changelog-version"}
