"""Which tool does each job: the project's own choice first, ours as the fallback."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ostinato.adapters.projects.layout import is_test_file
from ostinato.adapters.projects.reading import Reader, table
from ostinato.domain.project import ToolChoice

FALLBACK = "ostinato's fallback"
_PYTEST_USE = re.compile(r"^\s*(?:import|from)\s+(?:pytest|hypothesis)\b|^(?:async )?def test", re.MULTILINE)
_UNITTEST_USE = re.compile(r"^\s*(?:import|from)\s+unittest\b", re.MULTILINE)
_SAMPLED_TEST_FILES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """Every configuration file that names a tool, parsed."""

    reader: Reader
    pyproject: dict[str, Any]
    setup_cfg: dict[str, dict[str, str]]
    tox_ini: dict[str, dict[str, str]]
    targets: frozenset[str]
    commands: dict[str, Any]
    """[commands] of .ostinato/config.toml."""

    @classmethod
    def of(cls, reader: Reader) -> "Configuration":
        return cls(
            reader=reader,
            pyproject=reader.toml("pyproject.toml"),
            setup_cfg=reader.ini("setup.cfg"),
            tox_ini=reader.ini("tox.ini"),
            targets=reader.make_targets(),
            commands=table(reader.toml(".ostinato/config.toml"), "commands"),
        )

    def place(self, *, files: Sequence[str] = (), tool: str = "", section: str = "", cfg_section: str = "") -> str:
        """Where a tool is configured, as words for people; empty when it is not."""
        for file in files:
            if self.reader.has(file):
                return file
        if tool and tool in table(self.pyproject, "tool"):
            return f"pyproject.toml [tool.{tool}]"
        if (cfg_section or section) in self.setup_cfg:
            return f"setup.cfg [{cfg_section or section}]"
        return f"tox.ini [{section}]" if section and section in self.tox_ini else ""


def choose_lint(configuration: Configuration) -> ToolChoice:
    return (
        _command(configuration, "lint")
        or _own("ruff", ("ruff", "check"), _ruff_place(configuration))
        or _own("flake8", ("flake8",), configuration.place(files=(".flake8",), section="flake8"))
        or _own("pylint", ("pylint",), configuration.place(files=(".pylintrc", "pylintrc"), tool="pylint"))
        or _make(configuration, "lint")
        or ToolChoice(tool="ruff", argv=("ruff", "check"), source=FALLBACK, own=False)
    )


def choose_format(configuration: Configuration) -> ToolChoice:
    return (
        _command(configuration, "format")
        or _own("black", ("black",), configuration.place(tool="black"))
        or _own("ruff", ("ruff", "format"), _ruff_place(configuration))
        or ToolChoice(tool="ruff", argv=("ruff", "format"), source=FALLBACK, own=False)
    )


def choose_types(configuration: Configuration) -> ToolChoice:
    mypy = configuration.place(files=("mypy.ini", ".mypy.ini"), tool="mypy", cfg_section="mypy")
    lenient = ("mypy", "--ignore-missing-imports", "--follow-imports=silent")
    return (
        _command(configuration, "types")
        or _own("mypy", ("mypy",), mypy)
        or _own("pyright", ("pyright",), configuration.place(files=("pyrightconfig.json",), tool="pyright"))
        or ToolChoice(tool="mypy", argv=lenient, source=FALLBACK, own=False)
    )


def choose_tests(configuration: Configuration, tracked: Sequence[str]) -> ToolChoice:
    pytest, unittest = ("python", "-m", "pytest"), ("python", "-m", "unittest", "discover")
    files = ("pytest.ini", ".pytest.ini", "pytest.toml", "conftest.py")
    configured = configuration.place(files=files, tool="pytest", section="pytest", cfg_section="tool:pytest")
    imported, cased = _frameworks(configuration.reader, tracked)
    own = (
        _command(configuration, "test")
        or _own("pytest", pytest, configured or imported)
        or _own("unittest", unittest, cased)
        or _make(configuration, "test")
        or _own("tox", ("tox",), configuration.place(files=("tox.toml",), section="tox", tool="tox"))
        or _own("nox", ("nox",), configuration.place(files=("noxfile.py",)))
    )
    return own or ToolChoice(tool="pytest", argv=pytest, source=FALLBACK, own=False)


def _command(configuration: Configuration, name: str) -> ToolChoice | None:
    return command_stated(configuration.reader, configuration.commands, name)


def command_stated(reader: Reader, commands: Mapping[str, Any], name: str) -> ToolChoice | None:
    """What a person wrote in the configuration: a list is an argv, a text a shell line."""
    line = commands.get(name)
    source = ".ostinato/config.toml [commands]"
    if isinstance(line, list) and line and all(isinstance(word, str) for word in line):
        return ToolChoice(tool="command", argv=tuple(line), source=source, own=True)
    if isinstance(line, str) and line.strip():
        return ToolChoice(tool="command", argv=("/bin/sh", "-c", line), source=source, own=True)
    if line is not None:
        reader.notes.append(f".ostinato/config.toml: commands.{name} is no command line and was ignored")
    return None


def _own(tool: str, argv: tuple[str, ...], source: str) -> ToolChoice | None:
    return ToolChoice(tool=tool, argv=argv, source=source, own=True) if source else None


def _make(configuration: Configuration, target: str) -> ToolChoice | None:
    source = f"Makefile ({target})" if target in configuration.targets else ""
    return _own("make", ("make", target), source)


def _ruff_place(configuration: Configuration) -> str:
    return configuration.place(files=("ruff.toml", ".ruff.toml"), tool="ruff")


def _frameworks(reader: Reader, tracked: Sequence[str]) -> tuple[str, str]:
    """(a file that uses pytest, a file that uses unittest), each as words or empty."""
    pytest = unittest = ""
    for name in [name for name in tracked if is_test_file(name)][:_SAMPLED_TEST_FILES]:
        text = reader.text(name)
        if not pytest and _PYTEST_USE.search(text):
            pytest = f"used by {name}"
        if not unittest and _UNITTEST_USE.search(text):
            unittest = f"used by {name}"
        if pytest and unittest:
            break
    return pytest, unittest
