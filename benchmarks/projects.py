"""How long does it take to read what a repository of 10,000 files is made of?

Method: two generated trees of 10,000 tracked files: a Python project of one package, and a polyglot monorepo of 40 packages
(Python, JavaScript, Go, Rust, Java by turns) with workflow files. `inspect_project` is called with the list of tracked files, as
plans and runs call it; the first call (with modules still to be imported) stands apart from the warm ones. It is checked that
all packages and files were found.

Command: python -m benchmarks.projects
"""

import json
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from benchmarks.keeping import keep, spread
from ostinato.adapters.projects import inspect_project

FILES: Final = 10_000
PACKAGES: Final = 40
REPEATS: Final = 9
_MANIFESTS: Final = (
    ("py", "pyproject.toml", '[project]\nname = "p{n}"\ndependencies = ["p{before}"]\n[tool.ruff]\n[tool.mypy]\n'),
    ("js", "package.json", '{{"name": "p{n}", "scripts": {{"test": "jest"}}, "dependencies": {{"p{before}": "*"}}}}'),
    ("go", "go.mod", "module example.com/p{n}\n\nrequire example.com/p{before} v0.0.0\n"),
    ("rs", "Cargo.toml", '[package]\nname = "p{n}"\n[dependencies]\np{before} = {{ path = "../p{before}" }}\n'),
    ("java", "pom.xml", "<project><groupId>g</groupId><artifactId>p{n}</artifactId></project>"),
)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="ostinato-bench-") as folder:
        figures = {
            name: _measure(Path(folder) / name, make) for name, make in (("python", _python), ("polyglot", _polyglot))
        }
    keep("projects", {"goal": "10,000 files under 80 ms warm", "files": FILES, "by_tree": figures})


def _measure(tree: Path, make: Any) -> dict[str, Any]:
    files: dict[str, str] = make()
    for name, text in files.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    tracked = sorted(files)
    first, *warm = [_once(tree, tracked) for _ in range(REPEATS + 1)]
    facts = inspect_project(tree, "c0ffee", tracked)
    assert facts.files == len(files) >= FILES
    members = len(facts.survey.members)
    assert members == (PACKAGES if make is _polyglot else 1), members
    return {
        "packages": members,
        "commands": len(facts.survey.commands),
        "bytes": len(facts.model_dump_json()),
        "first_s": round(first, 4),
        "warm_s": spread(warm),
    }


def _once(tree: Path, tracked: list[str]) -> float:
    began = time.perf_counter()
    inspect_project(tree, "c0ffee", tracked)
    return time.perf_counter() - began


def _python() -> dict[str, str]:
    code = "import os\n\n\ndef double(value: int) -> int:\n    return value * 2\n"
    files = {f"src/calc/part{n % 100}/module{n}.py": code for n in range(FILES * 4 // 5)}
    files |= {f"tests/part{n % 100}/test_{n}.py": "def test_it():\n    pass\n" for n in range(FILES // 5)}
    return {**files, "src/calc/__init__.py": "", "pyproject.toml": '[project]\nname = "calc"\n[tool.ruff]\n', **_ci()}


def _polyglot() -> dict[str, str]:
    files = dict(_ci())
    for n in range(PACKAGES):
        ending, manifest, text = _MANIFESTS[n % len(_MANIFESTS)]
        before = max(0, n - len(_MANIFESTS))
        files[f"packages/p{n}/{manifest}"] = text.format(n=n, before=before)
        files |= {f"packages/p{n}/part{k % 10}/file{k}.{ending}": "" for k in range(FILES // PACKAGES)}
    return files


def _ci() -> dict[str, str]:
    jobs = {f"job{n}": {"steps": [{"run": f"make step{n}\nnpm test\npytest -q"}] * 8} for n in range(10)}
    return {f".github/workflows/flow{n}.yml": json.dumps({"jobs": jobs}, indent=1) for n in range(6)}


if __name__ == "__main__":
    main()
