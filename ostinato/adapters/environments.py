"""A worktree's own interpreter: a virtual environment that imports the project from that worktree and nothing else of it."""

import hashlib
import json
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import uv
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from ostinato.adapters.home import Home
from ostinato.adapters.processes import clean_environment, run_quiet
from ostinato.adapters.projects.manifest import TEST_GROUPS, Manifest, manifest_hash, read_manifest
from ostinato.adapters.toolbox import ensure_toolbox
from ostinato.domain.project import ProjectFacts
from ostinato.domain.workspace import Environment

INSTALL_TIMEOUT_S = 900.0
_STAMP = "ostinato-environment.json"
_REFUSED = "ostinato-left-out.txt"
"""Why not everything that was asked for is installed."""
_COMMAND = """#!/bin/sh
\'\'\'exec' "{python}" "$0" "$@"
' \'\'\'
import sys
from {module} import {attribute}
sys.exit({attribute}())
"""
"""For the shell a call of the interpreter, whose path may have blanks; for Python a string that does nothing."""
_RECIPE = 1
"""Raise it when an environment is made differently, so that older ones are made again."""


TABLES_LINK = "hypothesis-tables"
HYPOTHESIS_TABLES = ("unicode_data", "constants")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Problem:
    message: str
    cure: str


async def prepare_environment(
    tree: Path, folder: Path, *, project: ProjectFacts, trusted: bool, home: Home
) -> Environment:
    """Reuses what is there when nothing that decides it has changed; a second execution, also after a crash, is safe."""
    started = time.monotonic()
    if not project.is_python:
        return Environment(ready=False, message="no Python project found", cure="Nothing is to be prepared")
    manifest = read_manifest(tree)
    if manifest.needs_installation and not trusted:
        return _refused(manifest)
    toolbox = ensure_toolbox(home)
    key = _key(tree, manifest, toolbox)
    reused = _stamped(folder) == key and (folder / "bin" / "python").exists()
    problem = None if reused else await _make(tree, folder, manifest)
    if problem is not None:
        return Environment(ready=False, message=problem.message, cure=problem.cure, prepared_s=_since(started))
    _point_at(tree, folder, project, toolbox)
    _share_tables(folder, home)
    if not reused:
        _describe(folder, manifest)
        (folder / _STAMP).write_text(json.dumps({"key": key}), encoding="utf-8")
    return Environment(
        ready=True,
        python=str(folder / "bin" / "python"),
        path=str(folder),
        message=_summary(folder, manifest),
        prepared_s=_since(started),
        reused=reused,
    )


def _refused(manifest: Manifest) -> Environment:
    wanted = ", ".join(manifest.needs[:3]) or "a build"
    return Environment(
        ready=False,
        message=f"{manifest.file} asks for {wanted}, and installing it runs code that the repository names",
        cure="--trust, if you trust this repository",
    )


def _since(started: float) -> float:
    return round(time.monotonic() - started, 3)


def _summary(folder: Path, manifest: Manifest) -> str:
    if (folder / _REFUSED).exists():
        return f"installed without what only tests want: {(folder / _REFUSED).read_text(encoding='utf-8')}"
    count = len(manifest.needs)
    return f"{count} requirement{'s' * (count != 1)} installed" if count else "no requirements to install"


def _key(tree: Path, manifest: Manifest, toolbox: Path) -> str:
    place = str(tree.resolve()) if manifest.needs_building else ""
    parts = (str(_RECIPE), manifest_hash(tree), sys.executable, sys.version, toolbox.name, place)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _stamped(folder: Path) -> str:
    try:
        return str(json.loads((folder / _STAMP).read_text(encoding="utf-8"))["key"])
    except (OSError, ValueError, KeyError, TypeError):
        return ""


async def _make(tree: Path, folder: Path, manifest: Manifest) -> _Problem | None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    argv = (
        "venv",
        "--quiet",
        "--clear",
        "--no-project",
        "--no-config",
        "--python",
        _interpreter(manifest),
        str(folder),
    )
    failed = await _uv(argv, cwd=folder.parent)
    if failed:
        wanted = manifest.requires_python or "a Python interpreter"
        return _Problem(
            message=f"no environment could be made: {failed}",
            cure=f"Install Python {wanted}, so that it is found on PATH",
        )
    return await _install(tree, folder, manifest) if manifest.needs_installation else None


def _interpreter(manifest: Manifest) -> str:
    """Ours, unless the project asks for another."""
    try:
        wanted = SpecifierSet(manifest.requires_python)
    except InvalidSpecifier:
        return sys.executable
    ours = ".".join(map(str, sys.version_info[:3]))
    return sys.executable if wanted.contains(ours, prereleases=True) else str(wanted)


async def _install(tree: Path, folder: Path, manifest: Manifest) -> _Problem | None:
    """The richest set first: with what the tests want, then without."""
    failed, refused = "", ""
    before = _leftovers(tree)
    for arguments in dict.fromkeys(_recipes(manifest)):
        python = ("--python", str(folder / "bin" / "python"))
        failed = await _uv(("pip", "install", "--quiet", *python, *arguments), cwd=tree)
        if not failed:
            break
        refused = refused or failed
    for path in _leftovers(tree) - before:
        shutil.rmtree(path, ignore_errors=True)
    if not failed:
        if refused:
            (folder / _REFUSED).write_text(refused, encoding="utf-8")
        return None
    return _Problem(
        message=f"the requirements could not be installed: {failed}",
        cure="Check the network and the requirements, or set commands.test in .ostinato/config.toml",
    )


def _recipes(manifest: Manifest) -> list[tuple[str, ...]]:
    files = tuple(word for file in manifest.requirement_files for word in ("-r", file))
    if not manifest.needs_building:
        lines = manifest.install_lines
        return [(*files, *lines, *manifest.test_requirements), (*files, *lines), lines or files]
    extras = ",".join(name for name in manifest.extras if name in TEST_GROUPS)
    groups = tuple(line for name in manifest.groups if name in TEST_GROUPS for line in manifest.groups[name])
    rich = ("-e", f".[{extras}]") if extras else ("-e", ".")
    return [(*files, *rich, *groups), (*files, *rich), ("-e", ".")]


def _leftovers(tree: Path) -> set[Path]:
    """What builds leave in a tree and nobody needs afterwards."""
    return {path for pattern in ("*.egg-info", "*/*.egg-info", "build") for path in tree.glob(pattern) if path.is_dir()}


async def _uv(arguments: Sequence[str], *, cwd: Path) -> str:
    """Empty when it went well, else the line that says why not."""
    environment = clean_environment({"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", "NO_COLOR": "1"})
    done = await run_quiet((uv.find_uv_bin(), *arguments), cwd=cwd, env=environment, timeout_s=INSTALL_TIMEOUT_S)
    if done.exit_code == 0:
        return ""
    lines = [line.strip(" ×╰─▶│├") for line in (done.stderr or done.stdout).splitlines()]
    telling = [line for line in lines if line and not line.startswith("hint:")]
    return telling[-1] if telling else "uv was stopped before it said why"


def _site_packages(folder: Path) -> Path:
    return next(iter(sorted((folder / "lib").glob("python*/site-packages"))))


def _point_at(tree: Path, folder: Path, project: ProjectFacts, toolbox: Path) -> None:
    """The project's folders first, the toolbox last: the project's own versions of a tool win."""
    site = _site_packages(folder)
    roots = "".join(f"{(tree / root).resolve()}\n" for root in project.source_roots)
    (site / "_ostinato_project.pth").write_text(roots, encoding="utf-8")
    (site / "zzz_ostinato_toolbox.pth").write_text(f"{toolbox.resolve()}\n", encoding="utf-8")


def _share_tables(folder: Path, home: Home) -> None:
    """Hypothesis's tables of characters and constants take over a second to compute: once for a home is enough."""
    shared = home.toolbox / "hypothesis"
    for name in HYPOTHESIS_TABLES:
        (shared / name).mkdir(parents=True, exist_ok=True)
    link = folder / TABLES_LINK
    if not link.is_symlink():
        link.symlink_to(shared.resolve(), target_is_directory=True)


def _describe(folder: Path, manifest: Manifest) -> None:
    """The metadata that a static project would have when installed: importlib.metadata and its commands work."""
    if manifest.needs_building or not (manifest.name and manifest.version):
        return
    site = _site_packages(folder)
    info = site / f"{manifest.name.replace('-', '_')}-{manifest.version}.dist-info"
    info.mkdir(exist_ok=True)
    metadata = f"Metadata-Version: 2.1\nName: {manifest.name}\nVersion: {manifest.version}\n"
    (info / "METADATA").write_text(metadata, encoding="utf-8")
    (info / "INSTALLER").write_text("ostinato\n", encoding="utf-8")
    sections = (
        f"[{group}]\n" + "".join(f"{name} = {target}\n" for name, target in entries.items())
        for group, entries in manifest.entry_points.items()
    )
    (info / "entry_points.txt").write_text("\n".join(sections), encoding="utf-8")
    for name, target in manifest.entry_points.get("console_scripts", {}).items():
        _write_command(folder / "bin", name, target)


def _write_command(bin_folder: Path, name: str, target: str) -> None:
    module, _, attribute = target.partition(":")
    if "/" in name or name.startswith(".") or (bin_folder / name).exists() or not attribute.isidentifier():
        return
    script = bin_folder / name
    script.write_text(
        _COMMAND.format(python=bin_folder / "python", module=module.strip(), attribute=attribute), encoding="utf-8"
    )
    script.chmod(0o755)
