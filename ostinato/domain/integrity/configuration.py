"""Which files decide what gates do, what was changed in them, and which of it makes a gate easier to pass."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any

from ostinato.domain.globs import matches
from ostinato.domain.integrity.flat import flattened
from ostinato.domain.integrity.model import Change, FileChange, Weakening


class Kind(StrEnum):
    WHOLE = "whole"
    """The file says nothing else."""
    SHARED = "shared"
    """A part of the file decides gates."""
    CI = "ci"
    CODE = "code"
    """Runs inside the gate: conftest.py."""


_NAMES: tuple[tuple[Kind, str], ...] = (
    (Kind.SHARED, "pyproject.toml setup.cfg tox.ini package.json Makefile GNUmakefile makefile justfile Justfile Taskfile.yml Taskfile.yaml"),
    (Kind.WHOLE, "pytest.ini .pytest.ini mypy.ini .mypy.ini .coveragerc .coveragerc.toml .flake8 .pylintrc pylintrc ruff.toml .ruff.toml .bandit bandit.yaml bandit.yml pyrightconfig.json noxfile.py toxfile.py .pre-commit-config.yaml .pre-commit-config.yml .secrets.baseline .golangci.yml .golangci.yaml .golangci.toml clippy.toml .clippy.toml biome.json .eslintignore .nycrc .nycrc.json .mocharc.json .mocharc.yml .mocharc.js .mocharc.cjs nextest.toml checkstyle.xml pmd.xml spotbugs-exclude.xml codecov.yml .codecov.yml sonar-project.properties"),
    (Kind.CODE, "conftest.py"),
    (Kind.CI, ".gitlab-ci.yml .travis.yml azure-pipelines.yml Jenkinsfile .drone.yml bitbucket-pipelines.yml appveyor.yml"),
)  # fmt: skip
_BY_NAME = {name: kind for kind, names in _NAMES for name in names.split()}
_GLOBS: tuple[tuple[str, Kind], ...] = (
    ("**/.eslintrc*", Kind.WHOLE),
    ("**/eslint.config.*", Kind.WHOLE),
    ("**/jest.config.*", Kind.WHOLE),
    ("**/jest.setup.*", Kind.CODE),
    ("**/vitest.config.*", Kind.WHOLE),
    ("**/vitest.setup.*", Kind.CODE),
    ("**/vitest.workspace.*", Kind.WHOLE),
    ("**/playwright.config.*", Kind.WHOLE),
    ("**/cypress.config.*", Kind.WHOLE),
    ("**/karma.conf.*", Kind.WHOLE),
    ("**/tsconfig*.json", Kind.WHOLE),
    (".ostinato/config.toml", Kind.WHOLE),
    (".husky/**", Kind.WHOLE),
    (".github/workflows/**", Kind.CI),
    (".github/actions/**", Kind.CI),
    (".circleci/**", Kind.CI),
    (".buildkite/**", Kind.CI),
    (".ci/**", Kind.CI),
    ("ci/**", Kind.CI),
)
_TARGETS = re.compile(
    r"^(?:test|tests|check|checks|lint|types?|typecheck|coverage|cov|ci|verify|quality|qa)[\w.-]*\s*(?:[\w\s.-]*):"
)
_HOOK = re.compile(
    r"^\s*(?:async\s+)?def\s+(?P<hook>pytest_\w+)|^(?P<ignore>collect_ignore\w*)\s*[+=]|\b(?P<exit>os\._exit|sys\.exit|pytest\.exit|pytest\.skip)\(|\b(?P<plugin>pytest_plugins)\s*=|(?P<autouse>autouse\s*=\s*True)"
)  # fmt: skip
_FLAGS: tuple[tuple[str, re.Pattern[str], int], ...] = (
    ("--cov-fail-under", re.compile(r"--(?:cov-)?fail-under[= ](\d+(?:\.\d+)?)"), -1),
    ("--max-complexity", re.compile(r"--max-complexity[= ](\d+)"), 1),
    ("--max-warnings", re.compile(r"--max-warnings[= ](\d+)"), 1),
    ("threshold", re.compile(r"\b(?:branches|functions|lines|statements)[\"']?\s*:\s*(\d+(?:\.\d+)?)"), -1),
)
_IGNORED = re.compile(
    r"\|\|\s*(?:true|:|exit\s+0)\b|continue-on-error:\s*true|allow_failure:\s*true|--exit-zero\b|--passWithNoTests\b|--no-verify\b|^\t-(?=\s*\w)",
    re.MULTILINE,
)
_DESELECTED = re.compile(
    r"""--deselect[= ]\S+|--ignore(?:-glob)?[= ]\S+|-p\s+no:\w+|--no-cov\b|-k\s+["']?not\b[^"'\n]*|-m\s+["']?not\b[^"'\n]*|--testPathIgnorePatterns[= ]\S+|--skip[= ]\S+"""
)
_RULE_OFF = re.compile(r"""["'][\w@/-]+["']\s*:\s*(?:\[\s*)?(?:["']off["']|0\b)""")

LESS, MORE, FEWER, GROWN, OFF, ON = "less", "more", "fewer", "grown", "off", "on"
SETTINGS: tuple[tuple[str, str], ...] = (
    (r"coverage\.report\.fail_under|pylint\..*fail-under|coverage\.fail_under", LESS),
    (r"(jest|vitest|nyc|c8)\.(coverageThreshold\..*|.*thresholds?\..*|branches|lines|functions|statements)", LESS),
    (r"ruff\.(mccabe\.max-complexity|pylint\.max-.*|pycodestyle\.max-.*)|ruff\.line-length", MORE),
    (r"flake8\.max-(complexity|line-length)|pylint\..*max-.*", MORE),
    (r"ruff\.(select|extend-select)|flake8\.(select|enable-extensions)|pylint\..*enable|mypy\.enable_error_code|mypy\.(files|packages|plugins)|pyright\.(include|strict)", FEWER),
    (r"(ruff|flake8)\.(extend-)?ignore|(ruff|flake8)\.(extend-)?per-file-ignores.*|(ruff|flake8|mypy|pyright|bandit|pylint)\.(.*\.)?(extend-)?(exclude|exclude_dirs|ignore|skips|disable|ignore-paths|ignore-patterns)|mypy\.(.*\.)?disable_error_code|coverage\.(run|report)\.(omit|exclude_lines|exclude_also|partial_branches)|pytest\.(norecursedirs|collect_ignore.*)|jest\.(testPathIgnorePatterns|coveragePathIgnorePatterns|modulePathIgnorePatterns)|tsconfig\.exclude|eslint\.ignorePatterns", GROWN),
    (r"pytest\.(testpaths|python_files|python_functions|python_classes)|jest\.(testMatch|roots)", FEWER),
    (r"coverage\.run\.(source|source_pkgs|include)|coverage\.report\.include", FEWER),
    (r"mypy\.(.*\.)?(strict|strict_\w+|disallow_\w+|warn_\w+|check_untyped_defs|no_implicit_\w+|extra_checks|local_partial_types)|pytest\.(xfail_strict|strict\w*)|tsconfig\.compilerOptions\.(strict\w*|no\w+|alwaysStrict|exactOptionalPropertyTypes|useUnknownInCatchVariables)|coverage\.run\.branch|pyright\.strict\w+", OFF),
    (r"mypy\.(.*\.)?(ignore_errors|ignore_missing_imports|allow_\w+|implicit_\w+)|mypy\.(.*\.)?follow_imports_skip|tsconfig\.compilerOptions\.(skipLibCheck|allowJs|suppress\w+)", ON),
)  # fmt: skip
_COMPILED = tuple((re.compile(pattern), direction) for pattern, direction in SETTINGS)
_LEVELS = ("off", "none", "silent", "skip", "basic", "normal", "standard", "warning", "warn", "strict", "error", "all")
_TYPE_MODES = re.compile(
    r"pyright\.(typeCheckingMode|report\w+)|mypy\.(.*\.)?follow_imports|eslint\.rules\..+|basedpyright\..+"
)


def kind_of(path: str) -> Kind | None:
    name = PurePosixPath(path).name
    return _BY_NAME.get(name) or next((kind for glob, kind in _GLOBS if matches(glob, path)), None)


def configuration_findings(change: Change) -> Iterator[Weakening]:
    for file in change.files:
        kind = kind_of(file.path)
        if kind is None or file.before == file.after:
            continue
        if kind is Kind.CODE:
            yield from _code_findings(file)
            continue
        lowered = list(lowered_settings(file))
        yield from lowered
        if not decides_differently(file):
            continue
        said = "created" if file.before is None else "removed" if file.after is None else "edited"
        code = "ci_edited" if kind is Kind.CI else "configuration_edited"
        keys = _changed_settings(file)
        yield Weakening(code=code, path=file.path, what=f"{said}{_listed(keys)}", subject=file.path, settings=keys)


def decides_differently(file: FileChange) -> bool:
    """Whether what the file says of gates changed; the rest of a shared file may change."""
    name = PurePosixPath(file.path).name
    if kind_of(file.path) is not Kind.SHARED:
        return True
    if flattened(name, file.before) or flattened(name, file.after):
        return flattened(name, file.before) != flattened(name, file.after)
    return name not in ("pyproject.toml", "setup.cfg", "tox.ini", "package.json") and recipes(file.before) != recipes(
        file.after
    )


def recipes(text: str | None) -> tuple[str, ...]:
    """Of the targets that test and check, in a Makefile or one of its like; and every variable."""
    kept, inside = list[str](), False
    for line in (text or "").splitlines():
        if line[:1] not in ("\t", " "):
            inside = bool(_TARGETS.match(line)) or bool(re.match(r"[A-Za-z_]\w*\s*[:?+]?=", line))
        if inside and line.strip():
            kept.append(line.rstrip())
    return tuple(kept)


def _changed_settings(file: FileChange) -> tuple[str, ...]:
    old, new = flattened(file.path, file.before), flattened(file.path, file.after)
    return tuple(sorted(key for key in {*old, *new} if old.get(key) != new.get(key) and key != "unparsable"))


def _listed(keys: Sequence[str]) -> str:
    more = f" and {len(keys) - 4} more" if len(keys) > 4 else ""
    return f": {', '.join(keys[:4])}{more}" if keys else ""


def lowered_settings(file: FileChange) -> Iterator[Weakening]:
    old, new = flattened(file.path, file.before), flattened(file.path, file.after)
    if "unparsable" in new and "unparsable" not in old:
        yield Weakening(
            code="threshold_lowered", path=file.path, what="it cannot be parsed any more", subject=file.path
        )
        return
    for key in sorted({*old, *new}):
        if key in old or file.before is not None or file.after is not None:
            reason = _weaker(key, old.get(key), new.get(key))
            if reason:
                line = _line_of(file.after or "", key.rpartition(".")[2])
                what = f"{key}: {reason}"
                yield Weakening(
                    code="threshold_lowered", path=file.path, line=line, what=what, subject=key, settings=(key,)
                )
    yield from _lines(file)


def _weaker(key: str, old: Any, new: Any) -> str:
    """Why the new value is easier to meet; empty when it is not."""
    if old == new:
        return ""
    if _TYPE_MODES.fullmatch(key):
        return f"{old} → {new}" if _level(new) < _level(old) else ""
    direction = next((direction for pattern, direction in _COMPILED if pattern.fullmatch(key)), "")
    before, after = _number(old), _number(new)
    if direction == LESS and before is not None and (after is None or after < before):
        return f"{old} → {'gone' if new is None else new}"
    if direction == MORE and before is not None and (after is None or after > before):
        return f"{old} → {'gone' if new is None else new}"
    if direction == FEWER and old is not None:
        lost = _items(old) - _items(new)
        return f"without {', '.join(sorted(lost)[:5])}" if lost and "ALL" not in _items(new) else ""
    if direction == GROWN:
        added = _items(new) - _items(old)
        return f"with {', '.join(sorted(added)[:5])}" if added else ""
    if direction == OFF and _truth(old) and not _truth(new):
        return f"{old} → {'gone' if new is None else new}"
    if direction == OFF and old is None and new is not None and not _truth(new):
        return f"switched off: {new}"
    if direction == ON and _truth(new) and not _truth(old):
        return f"{'unset' if old is None else old} → {new}"
    return ""


def _lines(file: FileChange) -> Iterator[Weakening]:
    """What commands in any format say: thresholds as options, failures that are swallowed, tests that are left out."""
    before, after = file.before or "", file.after or ""
    for name, pattern, direction in _FLAGS:
        old = [float(value) for value in pattern.findall(before)]
        new = [float(value) for value in pattern.findall(after)]
        lowered = [pair for pair in zip(old, new, strict=False) if (pair[1] - pair[0]) * direction > 0]
        if file.after is not None and (lowered or (len(new) < len(old) and name != "threshold")):
            what = f"{name} {lowered[0][0]:g} → {lowered[0][1]:g}" if lowered else f"{name} is gone"
            yield Weakening(
                code="threshold_lowered", path=file.path, line=_line_of(after, name), what=what, subject=name
            )
    for code, pattern in (
        ("failure_ignored", _IGNORED),
        ("test_skipped", _DESELECTED),
        ("threshold_lowered", _RULE_OFF),
    ):
        for found in Counter(pattern.findall(after)) - Counter(pattern.findall(before)):
            shown = found.strip() or "recipe line that begins with -"
            yield Weakening(code=code, path=file.path, line=_line_of(after, found), what=shown, subject=shown)


def _code_findings(file: FileChange) -> Iterator[Weakening]:
    old = Counter(line.strip() for line in (file.before or "").splitlines() if _HOOK.search(line))
    for number, line in enumerate((file.after or "").splitlines(), start=1):
        found = _HOOK.search(line)
        if not found:
            continue
        if old[line.strip()] > 0:
            old[line.strip()] -= 1
            continue
        code = "test_skipped" if found["ignore"] else "hook_added" if not found["autouse"] else "configuration_edited"
        yield Weakening(code=code, path=file.path, line=number, what=line.strip()[:120], subject=file.path)
    said = "created" if file.before is None else "removed" if file.after is None else "edited"
    yield Weakening(
        code="configuration_edited", path=file.path, what=f"{said}: it runs with every test", subject=file.path
    )


def _line_of(text: str, what: str) -> int:
    at = text.find(what)
    return text.count("\n", 0, at) + 1 if at >= 0 else 0


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or value is None:
        return None
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _items(value: Any) -> set[str]:
    if isinstance(value, str):
        return {item for item in re.split(r"[,\s]+", value) if item}
    return {str(item) for item in value} if isinstance(value, list | tuple) else set()


def _truth(value: Any) -> bool:
    return value is True or str(value).lower() in ("true", "1", "yes", "on")


def _level(value: Any) -> int:
    """Of a mode or a rule; what is not set is as good as normal."""
    first = value[0] if isinstance(value, list) and value else value
    if first is None:
        return _LEVELS.index("normal")
    if isinstance(first, bool):
        first = "error" if first else "off"
    said = ("off", "warn", "error")[first] if isinstance(first, int) and 0 <= first <= 2 else str(first).lower()
    return _LEVELS.index(said) if said in _LEVELS else _LEVELS.index("standard")
