"""What a project declares about itself: name, version, requirements, and whether it must be built to be used."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ostinato.adapters.projects.reading import Reader, table, words
from ostinato.adapters.projects.setup_script import NO_SCRIPT, SetupScript, read_setup_script

MANIFESTS = ("pyproject.toml", "setup.cfg", "setup.py")
TEST_GROUPS = ("test", "tests", "testing", "dev")
_PURE_BACKENDS = ("hatchling", "setuptools", "flit_core", "flit", "poetry", "pdm", "uv_build")
_NAME = re.compile(r"^\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_SUPPLIED = frozenset(
    ("pytest", "coverage", "hypothesis", "pluggy", "iniconfig", "packaging", "pygments", "sortedcontainers")
)  # by the toolbox
_NOT_FOR_TESTS = frozenset(
    (
        *(
            "ruff",
            "mypy",
            "black",
            "isort",
            "flake8",
            "pylint",
            "pyright",
            "pre-commit",
            "tox",
            "nox",
            "build",
            "twine",
        ),
        *("wheel", "setuptools", "pip", "uv", "hatch", "bandit", "detect-secrets", "vulture", "radon", "bump2version"),
        *("check-manifest", "mkdocs", "sphinx"),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    file: str
    """The one that declares the project; empty when there is none."""
    name: str
    version: str
    requires_python: str
    requirements: tuple[str, ...]
    listed: frozenset[str]
    """Those of them that come from requirement files."""
    extras: dict[str, tuple[str, ...]]
    groups: dict[str, tuple[str, ...]]
    requirement_files: tuple[str, ...]
    installable: bool
    must_build: bool
    """Compiled extensions, build hooks, files that only a build makes."""
    static_requirements: bool
    """They are written as the standard says, so they can be installed without building the project."""
    computed: bool
    """Its requirements are computed, so they are not known without running it."""
    entry_points: dict[str, dict[str, str]]

    @property
    def test_requirements(self) -> tuple[str, ...]:
        wanted = (
            group for source in (self.extras, self.groups) for name, group in source.items() if name in TEST_GROUPS
        )
        return tuple(requirement for group in wanted for requirement in group)

    @property
    def needs(self) -> tuple[str, ...]:
        """Distributions that the tests cannot do without and that Ostinato does not supply."""
        names = [requirement_name(requirement) for requirement in self.requirements]
        names += [name for name in map(requirement_name, self.test_requirements) if name not in _NOT_FOR_TESTS]
        skipped = {"", normalised(self.name), *_SUPPLIED}
        return tuple(dict.fromkeys(name for name in names if name not in skipped))

    @property
    def install_lines(self) -> tuple[str, ...]:
        return tuple(line for line in self.requirements if line not in self.listed)

    @property
    def needs_building(self) -> bool:
        """Its requirements alone are not enough."""
        return self.installable and (self.must_build or self.computed or not self.static_requirements)

    @property
    def needs_installation(self) -> bool:
        return bool(self.needs) or self.must_build or self.computed


def normalised(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def requirement_name(requirement: str) -> str:
    """The distribution's normalised name; empty for an option line or a URL."""
    match = _NAME.match(requirement)
    return normalised(match.group(1)) if match and "://" not in requirement.split("@")[0] else ""


def read_manifest(tree: Path, reader: Reader | None = None) -> Manifest:
    reader = reader or Reader(tree=tree)
    pyproject, cfg = reader.toml("pyproject.toml"), reader.ini("setup.cfg")
    script = _script(reader)
    project, poetry = table(pyproject, "project"), table(pyproject, "tool", "poetry")
    files = requirement_files(tree)
    listed = tuple(line for file in files for line in _requirement_lines(reader.text(file)))
    options, metadata = cfg.get("options", {}), cfg.get("metadata", {})
    return Manifest(
        file=_manifest_file(pyproject, cfg, reader, files),
        name=_first_text(project.get("name"), poetry.get("name"), metadata.get("name"), script.keywords.get("name")),
        version=_first_text(
            project.get("version"), poetry.get("version"), metadata.get("version"), script.keywords.get("version")
        ),
        requires_python=_first_text(
            project.get("requires-python"),
            options.get("python_requires"),
            script.keywords.get("python_requires"),
        ),
        requirements=(
            *words(project.get("dependencies")),
            *_poetry_names(poetry.get("dependencies")),
            *(line for line in words(options.get("install_requires")) if not line.startswith("file:")),
            *words(script.keywords.get("install_requires")),
            *listed,
        ),
        listed=frozenset(listed),
        extras=_extras(project, cfg, script),
        groups=_groups(pyproject, poetry),
        requirement_files=files,
        installable=bool(project or poetry or metadata or reader.has("setup.py")),
        must_build=script.builds or _backend_builds(pyproject) or _build_writes_files(pyproject),
        static_requirements=not _poetry_names(poetry.get("dependencies")),
        computed="install_requires" in script.unread or "dependencies" in words(project.get("dynamic")),
        entry_points=_entry_points(project),
    )


def manifest_hash(tree: Path) -> str:
    """Of everything that decides what an environment holds."""
    digest = hashlib.sha256()
    for name in (*MANIFESTS, *requirement_files(tree), "uv.lock", "poetry.lock", ".python-version"):
        path = tree / name
        digest.update(name.encode() + b"\0" + (path.read_bytes() if path.is_file() else b"") + b"\0")
    return digest.hexdigest()


def requirement_files(tree: Path) -> tuple[str, ...]:
    found = [path for pattern in ("requirements*.txt", "requirements/*.txt") for path in sorted(tree.glob(pattern))]
    skipped = ("doc", "lint", "build", "release")
    return tuple(
        path.relative_to(tree).as_posix()
        for path in found
        if path.is_file() and not any(word in path.stem for word in skipped)
    )


def _script(reader: Reader) -> SetupScript:
    text = reader.text("setup.py")
    script = read_setup_script(text) if text else NO_SCRIPT
    if script is None:
        reader.note("setup.py", "could not be parsed and was ignored")
    return script or NO_SCRIPT


def _manifest_file(
    pyproject: dict[str, Any], cfg: dict[str, dict[str, str]], reader: Reader, files: Iterable[str]
) -> str:
    if table(pyproject, "project") or table(pyproject, "tool", "poetry"):
        return "pyproject.toml"
    if "metadata" in cfg or "options" in cfg:
        return "setup.cfg"
    if reader.has("setup.py"):
        return "setup.py"
    return next(iter(files), "pyproject.toml" if pyproject else "")


def _first_text(*values: object) -> str:
    """The first static text; setuptools' attr: and file: directives are not static."""
    return next((v for v in values if isinstance(v, str) and v and not v.startswith(("attr:", "file:"))), "")


def _requirement_lines(text: str) -> tuple[str, ...]:
    lines = (line.split(" #")[0].strip() for line in text.splitlines())
    return tuple(line for line in lines if line and not line.startswith(("#", "-", ".", "/")))


def _poetry_names(value: object) -> tuple[str, ...]:
    return tuple(name for name in value if name.lower() != "python") if isinstance(value, dict) else ()


def _extras(project: dict[str, Any], cfg: dict[str, dict[str, str]], script: SetupScript) -> dict[str, tuple[str, ...]]:
    sources = (
        table(project, "optional-dependencies"),
        cfg.get("options.extras_require", {}),
        table(script.keywords, "extras_require"),
    )
    return {name: words(value) for source in sources for name, value in source.items() if isinstance(name, str)}


def _groups(pyproject: dict[str, Any], poetry: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    groups = {name: words(value) for name, value in table(pyproject, "dependency-groups").items()}
    for name, value in table(poetry, "group").items():
        groups[name] = _poetry_names(table(value, "dependencies"))
    return groups


def _backend_builds(pyproject: dict[str, Any]) -> bool:
    backend = table(pyproject, "build-system").get("build-backend", "setuptools")
    return not str(backend).startswith(_PURE_BACKENDS)


def _build_writes_files(pyproject: dict[str, Any]) -> bool:
    """Version files and hooks: the package cannot be imported before they ran."""
    requires = " ".join(words(table(pyproject, "build-system").get("requires")))
    if any(plugin in requires for plugin in ("setuptools_scm", "setuptools-scm", "hatch-vcs", "versioningit")):
        return True
    hatch = table(pyproject, "tool", "hatch", "build")
    return bool(hatch.get("hooks") or table(hatch, "targets", "wheel").get("hooks"))


def _entry_points(project: dict[str, Any]) -> dict[str, dict[str, str]]:
    groups = {**table(project, "entry-points")}
    for key, group in (("scripts", "console_scripts"), ("gui-scripts", "gui_scripts")):
        groups[group] = project.get(key)
    return {
        name: {key: value for key, value in entries.items() if isinstance(value, str)}
        for name, entries in groups.items()
        if isinstance(entries, dict) and entries
    }
