"""Configuration of any format as one flat table: `tool.setting` → value, the same names whatever file says it."""

import configparser
import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

_INI_SECTIONS: tuple[tuple[str, str], ...] = (
    (r"tool:pytest|pytest", "pytest"),
    (r"(coverage:)?(run|report|html|xml|paths)", r"coverage.\2"),
    (r"mypy", "mypy"),
    (r"mypy-(.+)", r"mypy.overrides.\1"),
    (r"flake8", "flake8"),
    (r"pylint\.?(.*)|MASTER|MESSAGES CONTROL|MAIN|DESIGN|FORMAT", "pylint"),
    (r"bandit", "bandit"),
    (r"testenv(:.*)?|tox", r"tox.\g<0>"),
)
_TOOLS = ("mypy", "coverage", "pyright", "basedpyright", "pylint", "bandit", "flake8", "tox", "nox", "ostinato", "hatch.envs", "poe", "pdm.scripts", "taskipy", "black", "isort")  # fmt: skip
_PREFIXES = (
    ("tool.pytest.ini_options.", "pytest."),
    ("tool.pytest.", "pytest."),
    ("tool.ruff.lint.", "ruff."),
    ("tool.ruff.", "ruff."),
    *((f"tool.{name}.", f"{name}.") for name in _TOOLS),
    ("project.entry-points.pytest11.", "plugin."),
    ("tool.poetry.plugins.pytest11.", "plugin."),
)  # fmt: skip
GATE_TABLES = (
    *(("tool", *name.split(".")) for name in _TOOLS),
    ("tool", "pytest"),
    ("tool", "ruff"),
    ("project", "entry-points", "pytest11"),
    ("tool", "poetry", "plugins", "pytest11"),
)
"""Of pyproject.toml: what decides gates."""
_SCRIPTS = re.compile(
    r"(^|[:_-])(test|tests|lint|type|types|typecheck|check|coverage|verify|ci|e2e|unit|spec)([:_-]|$)"
)
PACKAGE_KEYS = ("jest", "mocha", "ava", "nyc", "c8", "eslintConfig", "vitest", "lint-staged", "husky", "xo")
_COMMENTS = re.compile(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', re.DOTALL)
_TRAILING = re.compile(r",(\s*[}\]])")


def flattened(path: str, text: str | None) -> dict[str, Any]:
    """Only what decides gates; empty where there is nothing of it or the text is not of its format."""
    if not text:
        return {}
    name = PurePosixPath(path).name
    try:
        return dict(_known(name, text))
    except (ValueError, configparser.Error, RecursionError):
        return {"unparsable": text}


def gate_section(section: str) -> bool:
    """Of a file in ini style: whether it decides gates."""
    return any(re.fullmatch(pattern, section) for pattern, _ in _INI_SECTIONS)


def is_gate_script(name: str) -> bool:
    return _SCRIPTS.search(name) is not None


def _known(name: str, text: str) -> Iterator[tuple[str, Any]]:
    if name == "pyproject.toml":
        yield from _canonical(_leaves(tomllib.loads(text)))
    elif name in ("ruff.toml", ".ruff.toml"):
        yield from (("ruff." + key.removeprefix("lint."), value) for key, value in _leaves(tomllib.loads(text)))
    elif name in (".coveragerc.toml", "pyrightconfig.json"):
        tool = "coverage." if name.startswith(".cov") else "pyright."
        parsed = tomllib.loads(text) if name.endswith("toml") else _json(text)
        yield from ((tool + key, value) for key, value in _leaves(parsed))
    elif name in ("setup.cfg", "tox.ini", "pytest.ini", ".pytest.ini", "mypy.ini", ".mypy.ini", ".coveragerc", ".flake8", ".pylintrc", "pylintrc", ".bandit"):  # fmt: skip
        yield from _ini(text)
    elif name == "package.json":
        yield from _package(_json(text))
    elif name.startswith("tsconfig") and name.endswith(".json"):
        yield from (("tsconfig." + key, value) for key, value in _leaves(_json(text)))
    elif name in (
        ".eslintrc",
        ".eslintrc.json",
        ".nycrc",
        ".nycrc.json",
        ".mocharc.json",
        "jest.config.json",
        "biome.json",
    ):
        tool = name.strip(".").partition(".")[0].removesuffix("rc")
        yield from ((f"{tool}." + key, value) for key, value in _leaves(_json(text)))


def _canonical(leaves: Iterator[tuple[str, Any]]) -> Iterator[tuple[str, Any]]:
    for key, value in leaves:
        for prefix, short in _PREFIXES:
            if key.startswith(prefix):
                yield short + key.removeprefix(prefix), value
                break


def _leaves(value: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, inner in value.items() if isinstance(value, dict) else ():
        if isinstance(inner, dict):
            yield from _leaves(inner, f"{prefix}{key}.")
        elif isinstance(inner, list) and inner and all(isinstance(item, dict) for item in inner):
            for number, item in enumerate(inner):
                yield from _leaves(item, f"{prefix}{key}.{item.get('module', number)}.")
        else:
            yield f"{prefix}{key}", inner


def _ini(text: str) -> Iterator[tuple[str, Any]]:
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text)
    for section in parser.sections():
        for pattern, name in _INI_SECTIONS:
            if found := re.fullmatch(pattern, section):
                for key, value in parser.items(section):
                    yield f"{found.expand(name)}.{key}", value or ""
                break


def _package(manifest: Any) -> Iterator[tuple[str, Any]]:
    scripts = manifest.get("scripts", {})
    yield from ((f"scripts.{name}", line) for name, line in scripts.items() if _SCRIPTS.search(name))
    for key in PACKAGE_KEYS:
        inner = manifest.get(key)
        yield from _leaves(inner, f"{key}.") if isinstance(inner, Mapping) else ()


def _json(text: str) -> Any:
    """With the comments and trailing commas that such files may have."""
    bare = _COMMENTS.sub(lambda found: found[1] or "", text)
    value = json.loads(_TRAILING.sub(r"\1", bare))
    if not isinstance(value, dict):
        raise ValueError("no table")
    return value
