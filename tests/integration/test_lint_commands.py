"""Linters and type checkers of other languages, run for real, with findings that stay the same between commits."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ostinato.adapters.gatekeepers import GateContext, observe
from ostinato.domain.gates import Status, judge
from ostinato.domain.plan import GateName
from tests.integration.test_test_commands import heavy, needs_node
from tests.integration.toolkit import CALC, a_context, a_tree

needs_clippy = pytest.mark.skipif(not shutil.which("cargo-clippy"), reason="clippy is not installed")
MANIFEST = '[package]\nname = "shop"\nversion = "0.1.0"\nedition = "2021"\n\n[lints.clippy]\nneedless_return = "warn"\n'
CODE = "pub fn one() -> i32 {\n    return 1;\n}\n"


def a_gate(folder: Path, files: dict[str, str], *, trusted: bool = True) -> GateContext:
    context = a_context(a_tree(folder / "tree", files), folder / "artifacts", trusted=trusted)
    fields: dict[str, Any] = {name: getattr(context, name) for name in context.__dataclass_fields__ if name != "args"}
    return GateContext(commit="c0ffee", **fields)


@needs_clippy
async def test_a_new_finding_of_clippy_is_told_from_an_old_one(tmp_path: Path) -> None:
    base = await observe(GateName.LINT, a_gate(tmp_path / "a", {"Cargo.toml": MANIFEST, "src/lib.rs": CODE}))
    worse = "\n" + CODE + CODE.replace("one", "two")

    head = await observe(GateName.LINT, a_gate(tmp_path / "b", {"Cargo.toml": MANIFEST, "src/lib.rs": worse}))

    verdict = judge(head, base)
    assert [(one.rule, one.path) for one in base.findings] == [("clippy::needless_return", "src/lib.rs")]
    assert (verdict.status, verdict.introduced_count, verdict.inherited_count) == (Status.FAIL, 1, 1)


async def test_a_linter_by_convention_alone_is_not_run(tmp_path: Path) -> None:
    files = {"Cargo.toml": MANIFEST.partition("\n\n")[0], "src/lib.rs": CODE}

    observation = await observe(GateName.LINT, a_gate(tmp_path, files))

    assert (observation.ran, observation.code) == (False, "nothing_to_check")


async def test_a_repository_that_is_not_trusted_lints_nothing_of_its_own(tmp_path: Path) -> None:
    files = {"Cargo.toml": MANIFEST, "src/lib.rs": CODE}

    observation = await observe(GateName.LINT, a_gate(tmp_path, files, trusted=False))

    assert (observation.ran, observation.code) == (False, "not_trusted")


async def test_beside_python_what_was_not_run_is_noted(tmp_path: Path) -> None:
    files = {"Cargo.toml": MANIFEST, "src/lib.rs": CODE, "calc.py": CALC}

    observation = await observe(GateName.LINT, a_gate(tmp_path, files, trusted=False))

    assert (observation.ran, "cargo clippy` was not run" in observation.message) == (True, True)


@heavy
@needs_node
async def test_eslint_and_the_compiler_of_typescript_report(tmp_path: Path) -> None:
    manifest = '{"name": "shop", "private": true, "scripts": {"lint": "eslint .", "types": "tsc --noEmit"}}'
    rules = 'module.exports = [{ ignores: ["node_modules"] }, { rules: { "no-unused-vars": "error" } }];\n'
    files = {
        "package.json": manifest, "eslint.config.js": rules, "a.js": "const unused = 1;\n",
        "tsconfig.json": '{"compilerOptions": {"types": []}, "include": ["b.ts"]}', "b.ts": 'export const n: number = "x";\n',
    }  # fmt: skip
    context = a_gate(tmp_path, files)
    argv = ("npm", "install", "--no-audit", "--no-fund", "--silent", "--no-save", "eslint@9", "typescript@5.8")
    subprocess.run(argv, cwd=context.tree, check=True, capture_output=True, timeout=200)  # noqa: ASYNC221

    lint, types = await observe(GateName.LINT, context), await observe(GateName.TYPES, context)

    assert [(one.rule, one.path, one.line) for one in lint.findings] == [("no-unused-vars", "a.js", 1)]
    assert [(one.rule, one.path, one.line) for one in types.findings] == [("TS2322", "b.ts", 1)]
