"""Test commands of other languages, run for real: counts, names, flaky tests, and what cannot be believed."""

import asyncio
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ostinato.adapters.gatekeepers import GateContext, observe
from ostinato.adapters.gatekeepers.test_commands import observe_test_command, observe_test_commands
from ostinato.adapters.tools.context import ToolError
from ostinato.domain.gates import Observation, judge
from ostinato.domain.plan import GateName
from ostinato.domain.project import Basis, Command, Purpose
from tests.integration.toolkit import a_context, a_tree, listed

needs_node = pytest.mark.skipif(not shutil.which("npm"), reason="node is not installed")
needs_go = pytest.mark.skipif(not shutil.which("go"), reason="go is not installed")
needs_cargo = pytest.mark.skipif(not shutil.which("cargo"), reason="cargo is not installed")
heavy = pytest.mark.skipif(not os.environ.get("HEAVY_TESTS"), reason="installs npm packages: set HEAVY_TESTS=1")
NPM = ("npm", "run", "test")
NODE_TESTS = """const test = require('node:test');
const assert = require('node:assert');
test('adds', () => assert.strictEqual(1 + 2, 3));
test('is wrong', () => assert.strictEqual(1 + 2, 4));
test('waits', { skip: true }, () => {});
"""
ONCE = "const fs = require('fs'); const seen = fs.existsSync('seen'); fs.writeFileSync('seen', '');"
FLAKY = {
    "jest": f"test('chance', () => {{ {ONCE} expect(seen).toBe(true); }});\ntest('adds', () => {{}});\n",
    "vitest": "import fs from 'fs';\nimport { expect, test } from 'vitest';\n"
    f"test('chance', () => {{ {ONCE.partition(';')[2]} expect(seen).toBe(true); }});\ntest('adds', () => {{}});\n",
    "mocha": f"const assert = require('assert');\nit('chance', () => {{ {ONCE} assert(seen); }});\nit('adds', () => {{}});\n",
}


def a_gate(folder: Path, files: dict[str, str], *, trusted: bool = True) -> GateContext:
    context = a_context(a_tree(folder / "tree", files), folder / "artifacts", trusted=trusted)
    fields: dict[str, Any] = {name: getattr(context, name) for name in context.__dataclass_fields__ if name != "args"}
    return GateContext(commit="c0ffee", **fields)


def a_command(*argv: str, folder: str = ".", language: str = "") -> Command:
    return Command(
        tool=argv[0], argv=argv, source="a test", purpose=Purpose.TEST, basis=Basis.SCRIPT, folder=folder,
        member=folder, language=language,
    )  # fmt: skip


def a_package(line: str) -> str:
    return json.dumps({"name": "shop", "private": True, "scripts": {"test": line}})


async def seen(folder: Path, files: dict[str, str], *argv: str) -> Observation:
    return await observe_test_command(a_gate(folder, files), a_command(*argv))


@needs_node
async def test_node_tests_are_counted_and_named(tmp_path: Path) -> None:
    files = {"package.json": a_package("node --test"), "test/sum.test.js": NODE_TESTS}

    observation = await seen(tmp_path, files, *NPM)

    assert observation.metrics == {"collected": 3, "passed": 1, "failed": 1, "skipped": 1}
    assert [(finding.path, finding.message) for finding in observation.findings] == [("test/sum.test.js", "is wrong")]
    assert observation.weak == ""


@needs_node
async def test_the_gate_finds_the_command_of_a_project_without_python(tmp_path: Path) -> None:
    files = {"package.json": a_package("node --test"), "test/sum.test.js": NODE_TESTS.replace("4)", "3)")}

    observation = await observe(GateName.TESTS, a_gate(tmp_path, files))

    assert (observation.command, observation.metrics["passed"]) == ("npm run test", 2)
    assert judge(observation, None).code == "tests_passed"


@needs_node
async def test_nothing_is_left_in_the_tree(tmp_path: Path) -> None:
    context = a_gate(tmp_path, {"package.json": a_package("node --test"), "test/sum.test.js": NODE_TESTS})

    await observe_test_command(context, a_command(*NPM))

    assert listed(context.tree) == {"package.json", "test/sum.test.js"}


@needs_node
async def test_a_wrapped_script_proves_less(tmp_path: Path) -> None:
    files = {"package.json": a_package("node run.js"), "run.js": "process.exit(0)"}

    observation = await seen(tmp_path, files, *NPM)

    assert (observation.ran, observation.weak, observation.findings) == (True, "tests_by_exit", ())


async def test_packages_that_cannot_be_installed_are_said(tmp_path: Path) -> None:
    manifest = json.dumps({"scripts": {"test": "jest"}, "devDependencies": {"jest": "29"}})
    context = a_gate(tmp_path, {"package.json": manifest})

    with pytest.raises(ToolError, match="no node_modules and no lock file"):
        await observe_test_command(context, a_command(*NPM, language="JavaScript"))


async def test_packages_are_installed_once_from_the_lock_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    npm = tmp_path / "bin" / "npm"
    npm.write_text(f'#!/bin/sh\necho "$1" >> {tmp_path}/calls\n[ "$1" = ci ] && mkdir node_modules\nexit 0\n')
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    files = {"package.json": a_package("own.js"), "package-lock.json": "{}", ".gitignore": "node_modules"}
    context, command = a_gate(tmp_path, files), a_command(*NPM, language="JavaScript")

    await asyncio.gather(*(observe_test_command(context, command) for _ in range(3)))

    assert sorted((tmp_path / "calls").read_text().split()) == ["ci", "run", "run", "run"]


async def test_an_installation_that_fails_is_a_missing_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "npm").write_text("#!/bin/sh\nmkdir -p node_modules\necho no registry\nexit 1\n")
    (tmp_path / "bin" / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    context = a_gate(tmp_path, {"package.json": a_package("jest"), "package-lock.json": "{}"})

    for _ in range(2):
        with pytest.raises(ToolError, match="no registry"):
            await observe_test_command(context, a_command(*NPM, language="JavaScript"))


async def test_a_repository_that_is_not_trusted_runs_nothing(tmp_path: Path) -> None:
    context = a_gate(tmp_path, {"a.txt": ""}, trusted=False)

    with pytest.raises(ToolError, match="not trusted"):
        await observe_test_command(context, a_command("touch", "ran"))

    assert not (context.tree / "ran").exists()


async def test_a_command_that_fails_without_a_report_fails(tmp_path: Path) -> None:
    observation = await seen(tmp_path, {"a.txt": ""}, "/bin/sh", "-c", "echo broke; exit 3")

    assert [finding.detail for finding in observation.findings] == ["exit 3"]


async def test_a_command_that_is_not_there_is_an_environment_that_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ToolError, match="a command was not found"):
        await seen(tmp_path, {"a.txt": ""}, "no-such-runner")


async def test_a_report_that_was_committed_proves_nothing(tmp_path: Path) -> None:
    green = '<testsuite tests="1"><testcase name="a" classname="b"/></testsuite>'
    context = a_gate(tmp_path, {"target/surefire-reports/TEST-a.xml": green, "mvnw": "#!/bin/sh\nexit 0\n"})
    (context.tree / "mvnw").chmod(0o755)
    os.utime(context.tree / "target/surefire-reports/TEST-a.xml", (1, 1))

    observation = await observe_test_command(context, a_command("./mvnw", "test"))

    assert (observation.ran, observation.code) == (False, "report_unreadable")


async def test_reports_of_maven_are_found_where_it_writes_them(tmp_path: Path) -> None:
    maven = "#!/bin/sh\nmkdir -p a/target/surefire-reports b/target/surefire-reports\n"
    maven += (
        'echo \'<testsuite><testcase name="t" classname="A"/></testsuite>\' > a/target/surefire-reports/TEST-A.xml\n'
    )
    maven += "echo '<testsuite><testcase' > b/target/surefire-reports/TEST-B.xml\n"
    context = a_gate(tmp_path, {"mvnw": maven})
    (context.tree / "mvnw").chmod(0o755)

    observation = await observe_test_command(context, a_command("./mvnw", "test"))

    assert observation.metrics["passed"] == 1
    assert [finding.rule for finding in observation.findings] == ["report_unreadable"]


async def test_several_packages_are_one_observation(tmp_path: Path) -> None:
    context = a_gate(tmp_path, {"one/a.txt": "", "two/a.txt": ""})
    text = "Ran 2 tests in 0.1s\n\nFAILED (failures=1)\n"
    commands = [
        a_command("/bin/sh", "-c", f"printf '{text}'; exit 1".replace("\n", "\\n"), folder="one"),
        a_command("/bin/sh", "-c", "printf '3 passed in 0.1s\\n'", folder="two"),
    ]

    observation = await observe_test_commands(context, commands)

    assert observation.metrics == {"collected": 5, "passed": 4, "failed": 1, "skipped": 0}
    assert [finding.message for finding in observation.findings] == ["one: tests that are not named"]
    assert observation.weak == "tests_by_words"


@needs_cargo
async def test_cargo_tests_are_counted_and_named(tmp_path: Path) -> None:
    code = "#[test] fn adds() {}\n#[test] fn wrong() { assert_eq!(1 + 2, 4); }\n"
    manifest = '[package]\nname = "shop"\nversion = "0.1.0"\nedition = "2021"\n'

    observation = await seen(tmp_path, {"Cargo.toml": manifest, "src/lib.rs": code}, "cargo", "test", "--offline")

    assert observation.metrics == {"collected": 2, "passed": 1, "failed": 1, "skipped": 0}
    assert [finding.message for finding in observation.findings] == ["shop::wrong"]


@needs_cargo
async def test_a_flaky_test_of_cargo_is_run_again_alone(tmp_path: Path) -> None:
    code = '#[test] fn chance() { let p = std::path::Path::new("seen"); let was = p.exists(); std::fs::write(p, "").unwrap(); assert!(was); }\n'
    manifest = '[package]\nname = "shop"\nversion = "0.1.0"\nedition = "2021"\n'

    observation = await seen(tmp_path, {"Cargo.toml": manifest, "src/lib.rs": code}, "cargo", "test", "--offline")

    assert (observation.flaky, observation.findings) == (("shop::chance",), ())


@needs_go
async def test_a_flaky_subtest_of_go_is_run_again_alone(tmp_path: Path) -> None:
    test = """package shop

import (
	"os"
	"testing"
)

func TestAll(t *testing.T) {
	t.Run("by chance", func(t *testing.T) {
		_, missing := os.Stat("seen")
		_ = os.WriteFile("seen", nil, 0o600)
		if missing != nil {
			t.Fatal("too early")
		}
	})
}

func TestAdds(t *testing.T) {}
"""
    files = {"go.mod": "module example.com/shop\n\ngo 1.19\n", "shop_test.go": test}

    observation = await seen(tmp_path, files, "go", "test", "./...")

    assert observation.metrics == {"collected": 3, "passed": 3, "failed": 0, "skipped": 0}
    assert observation.findings == ()
    assert "example.com/shop.TestAll/by_chance" in observation.flaky


@pytest.fixture(scope="session")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("npm")
    (folder / "package.json").write_text('{"name": "x", "private": true}')
    packages = ("jest@29", "vitest@3", "mocha@11")
    argv = ("npm", "install", "--no-audit", "--no-fund", "--silent", *packages)
    subprocess.run(argv, cwd=folder, check=True, capture_output=True, timeout=200)
    return folder / "node_modules"


@heavy
@needs_node
@pytest.mark.parametrize("runner", FLAKY)
async def test_a_flaky_javascript_test_is_run_again_alone(tmp_path: Path, node_modules: Path, runner: str) -> None:
    line = {"jest": "jest", "vitest": "vitest", "mocha": "mocha test"}[runner]
    context = a_gate(
        tmp_path, {"package.json": a_package(line), "test/a.test.js": FLAKY[runner], ".gitignore": "node_modules"}
    )
    shutil.copytree(node_modules, context.tree / "node_modules", symlinks=True)

    observation = await observe_test_command(context, a_command(*NPM))

    assert observation.metrics == {"collected": 2, "passed": 2, "failed": 0, "skipped": 0}
    assert (observation.flaky, observation.findings) == (("chance",), ())
