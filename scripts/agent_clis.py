"""Installs the coding agents that tests drive, at the versions they were tried with: `python -m scripts.agent_clis [NAME …]`.

Prints the folders, as OSTINATO_AGENT_CLIS takes them. What is installed already stays.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

FOLDERS: Final = "OSTINATO_AGENT_CLIS"
"""Of what npm and pip put there, separated by colons, for the tests of tests/agents."""
PATIENCE_S: Final = 600


class NotInstalledError(Exception):
    """Says what is missing, and what the installer said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cli:
    command: str
    package: str
    version: str
    by: Literal["npm", "pip"] = "npm"
    beside: tuple[str, ...] = ()
    """Requirements that keep it working: pip would take newer ones with which it does not start."""

    @property
    def asks_version(self) -> str:
        return "--version" if self.by == "npm" else "--help"

    def folder(self, root: Path) -> Path:
        return root / f"{self.command}-{self.version}"


LAUNCHER: Final = """\
#!/bin/sh
here=$(dirname "$(dirname "$0")")
exec "$here/venv/bin/python" "$here/venv/bin/{command}" "$@"
"""
"""Its environment may be moved, and its interpreter is not put before the one of whoever starts it."""
CLIS: Final = {
    cli.command: cli
    for cli in (
        Cli(command="claude", package="@anthropic-ai/claude-code", version="2.1.329"),
        Cli(command="codex", package="@openai/codex", version="0.169.0"),
        Cli(command="opencode", package="opencode-ai", version="1.18.33"),
        Cli(command="gemini", package="@google/gemini-cli", version="0.61.0"),
        Cli(command="claude-agent-acp", package="@agentclientprotocol/claude-agent-acp", version="0.100.0"),
        Cli(command="mini", package="mini-swe-agent", version="2.4.6", by="pip", beside=("litellm==1.80.0",)),
    )
}


def cache() -> Path:
    """The user's, so that a second run finds what the first one installed."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "ostinato" / "agent-clis"


def install(name: str, root: Path | None = None) -> Path:
    """Its folder. Two at once do not meet: each installs beside, and the first to be ready is kept."""
    cli = CLIS[name]
    folder = cli.folder(root or cache())
    if _is_there(cli, folder):
        return folder
    put = {"npm": _npm_install, "pip": _pip_install}[cli.by]
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f"{folder.name}-", dir=folder.parent))
    try:
        put(cli, beside)
        if not _is_there(cli, beside):
            raise NotInstalledError(
                f"{cli.by} installed {cli.package}, but {name} {cli.version} does not start from there"
            )
        _put(cli, beside, folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return folder


def _put(cli: Cli, beside: Path, folder: Path) -> None:
    """What another one put there meanwhile stays: it may be in use."""
    try:
        beside.rename(folder)
    except OSError:
        if _is_there(cli, folder):
            return
        shutil.rmtree(folder, ignore_errors=True)
        beside.rename(folder)


def bins(folder: Path) -> tuple[Path, ...]:
    """Where programs are in it."""
    return tuple(place for place in (folder / "node_modules" / ".bin", folder / "bin") if place.is_dir())


def _npm_install(cli: Cli, folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise NotInstalledError("npm is not installed: Node.js 20 or newer brings it")
    exact = f"{cli.package}@{cli.version}"
    _call(npm, "install", "--prefix", str(folder), "--no-audit", "--no-fund", "--loglevel", "error", exact)


def _pip_install(cli: Cli, folder: Path) -> None:
    _call(sys.executable, "-m", "venv", str(folder / "venv"))
    python = str(folder / "venv" / "bin" / "python")
    exact = f"{cli.package}=={cli.version}"
    _call(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", exact, *cli.beside)
    launcher = folder / "bin" / cli.command
    launcher.parent.mkdir()
    launcher.write_text(LAUNCHER.format(command=cli.command))
    launcher.chmod(0o755)


def _call(*argv: str) -> None:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    except subprocess.TimeoutExpired as late:
        raise NotInstalledError(f"{' '.join(argv)} was not done within {PATIENCE_S} s") from late
    if done.returncode:
        raise NotInstalledError(f"{' '.join(argv)} failed:\n{done.stderr[-2_000:]}")


def _is_there(cli: Cli, folder: Path) -> bool:
    program = next((place / cli.command for place in bins(folder) if (place / cli.command).exists()), None)
    if program is None:
        return False
    said = subprocess.run((program, cli.asks_version), capture_output=True, text=True, timeout=120, check=False)
    return cli.version in said.stdout + said.stderr


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(CLIS)}; all of them without")
    parser.add_argument("--folder", type=Path, help=f"instead of {cache()}")
    options = parser.parse_args(argv)
    if strangers := set(options.names) - set(CLIS):
        parser.error(f"not known: {', '.join(sorted(strangers))}; known are {', '.join(CLIS)}")
    try:
        folders = [install(name, options.folder) for name in options.names or CLIS]
    except NotInstalledError as error:
        print(error, file=sys.stderr)
        return 1
    print(":".join(map(str, folders)))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
