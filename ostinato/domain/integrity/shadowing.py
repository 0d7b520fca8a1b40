"""Modules that are found before the interpreter's own or the tests' tools, and files that run at its start."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from ostinato.domain.integrity.model import Change, Weakening

JUDGES = frozenset(
    ("pytest", "_pytest", "pluggy", "py", "coverage", "pytest_cov", "hypothesis", "mock", "tox", "nox", "mypy", "ruff", "bandit", "nose", "xdist", "pytest_asyncio", "iniconfig", "pylint", "flake8", "ostinato_witness", "ostinato_pytest", "ostinato_unittest")
)  # fmt: skip
_STARTUP = ("sitecustomize", "usercustomize")
_METADATA = (".dist-info", ".egg-info")


def shadowing_findings(change: Change) -> Iterator[Weakening]:
    for file in change.files:
        if file.after is None or file.after == file.before:
            continue
        path = PurePosixPath(file.path)
        module = path.parent.name if path.name == "__init__.py" else path.stem
        place = path.parent.parent if path.name == "__init__.py" else path.parent
        if path.suffix == ".pth" or module in _STARTUP or path.suffix == ".egg-link":
            yield Weakening(code="startup_code", path=file.path, what=f"{path.name} runs when an interpreter finds it")
        elif path.name == "entry_points.txt" and path.parent.name.endswith(_METADATA):
            yield Weakening(code="startup_code", path=file.path, what="it can load plugins into the test runner")
        elif (
            file.before is None
            and path.suffix in (".py", ".pyi", ".so", ".pyd")
            and _is_top_level(change, str(place))
            and module in (change.stdlib | JUDGES)
        ):
            yield Weakening(
                code="import_shadowed", path=file.path, what=f"it hides the module {module}", subject=module
            )


def _is_top_level(change: Change, folder: str) -> bool:
    """Where an import may be looked for: source folders, and folders of tests, which the runner puts on the path."""
    if folder in (".", *change.source_roots):
        return True
    if f"{folder}/__init__.py" in change.tracked:
        return False
    return any(
        str(PurePosixPath(path).parent) == folder and PurePosixPath(path).name.startswith(("test_", "conftest"))
        for path in change.tracked
    )
