"""Short git calls in a hardened environment: nothing of the repository's configuration gets to run a program."""

import asyncio
import contextlib
import os
import re
import signal
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

from ostinato.domain.errors import ExternalError

_PASSED_ON = ("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "XDG_CONFIG_HOME")
_FIXED = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_NO_LAZY_FETCH": "1", "LC_ALL": "C"}
_ALONE = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_NO_REPLACE_OBJECTS": "1"}
HARDENING: Mapping[str, str] = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.alternateRefsCommand": "true",
    "core.quotePath": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "commit.gpgSign": "false",
    "tag.gpgSign": "false",
    "push.gpgSign": "false",
    "push.recurseSubmodules": "no",
    "fetch.recurseSubmodules": "no",
    "fetch.writeCommitGraph": "false",
    "protocol.version": "2",
    "protocol.file.allow": "always",
    "merge.autoStash": "false",
    "merge.verifySignatures": "false",
    "advice.detachedHead": "false",
}
MINIMUM_VERSION = (2, 38)
"""The first with `merge-tree --write-tree`."""
_TAIL_CHARS = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    exit_code: int
    stdout: str
    stderr: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Git:
    """git, bound to a place, an environment and a configuration; call it with arguments."""

    cwd: Path
    env: Mapping[str, str]
    config: Mapping[str, str] = field(default_factory=lambda: HARDENING)

    def with_env(self, **env: str | Path) -> "Git":
        return replace(self, env={**self.env, **{name: str(value) for name, value in env.items()}})

    def with_config(self, config: Mapping[str, str]) -> "Git":
        return replace(self, config={**self.config, **config})

    async def __call__(self, *args: str, stdin: str | None = None, timeout_s: float = 300) -> str:
        """Standard output; ExternalError git_failed when git does not succeed."""
        done = await self.attempt(*args, stdin=stdin, timeout_s=timeout_s)
        if done.exit_code != 0:
            raise failure(args, self.cwd, done)
        return done.stdout

    async def attempt(
        self,
        *args: str,
        stdin: str | IO[bytes] | None = None,
        stdout: IO[bytes] | None = None,
        timeout_s: float = 300,
    ) -> Completed:
        """The outcome, whatever it is; ExternalError only when git is missing or takes too long."""
        sent = stdin.encode("utf-8", "surrogateescape") if isinstance(stdin, str) else None
        source = PIPE if isinstance(stdin, str) else stdin or DEVNULL
        process = await self._start(args, source, stdout or PIPE)
        try:
            async with asyncio.timeout(timeout_s):
                out, err = await process.communicate(sent)
        except TimeoutError:
            raise ExternalError(f"git {args[0]} took over {timeout_s:g} s in {self.cwd}", code="git_timeout") from None
        finally:
            await _end(process)
        return Completed(exit_code=process.returncode or 0, stdout=_text(out or b""), stderr=_text(err))

    async def _start(
        self, args: tuple[str, ...], stdin: IO[bytes] | int, stdout: IO[bytes] | int
    ) -> asyncio.subprocess.Process:
        try:
            return await asyncio.create_subprocess_exec(
                "git",
                *args,
                cwd=self.cwd,
                env={**self.env, **_config_env(self.config)},
                stdin=stdin,
                stdout=stdout,
                stderr=PIPE,
                start_new_session=True,
            )
        except FileNotFoundError:
            raise _missing(self.cwd) from None


def private_git(mirror: Path) -> Git:
    """For the mirror: deaf to the user's and the system's configuration."""
    return Git(cwd=mirror, env={**_base_environment(), **_ALONE, "GIT_DIR": str(mirror)})


def user_git(root: Path, *, filters: Iterable[str] = ()) -> Git:
    """For the user's repository: their configuration counts, but no hook, monitor or named filter runs."""
    git = Git(cwd=root, env=_base_environment())
    return git.with_config(disabled_filters(filters))


async def git_version() -> tuple[int, ...]:
    """Such as (2, 39, 5); the oldest that serves is MINIMUM_VERSION."""
    told = await user_git(Path.cwd())("version")
    found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", told)
    return tuple(int(part) for part in found.groups(default="0")) if found else ()


def disabled_filters(names: Iterable[str]) -> dict[str, str]:
    return {
        f"filter.{name}.{setting}": value
        for name in names
        for setting, value in (("clean", ""), ("smudge", ""), ("process", ""), ("required", "false"))
    }


def nul_separated(text: str) -> list[str]:
    return [part for part in text.split("\0") if part]


def readable(path: str) -> str:
    """The path as text that any encoder accepts; bytes that are not UTF-8 become \\xNN."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def failure(args: Iterable[str], place: Path, done: Completed) -> ExternalError:
    command = " ".join(("git", *args))[:300]
    said = readable(done.stderr.strip() or done.stdout.strip())[-_TAIL_CHARS:]
    return ExternalError(f"{command} failed in {place} with exit code {done.exit_code}: {said}", code="git_failed")


def _base_environment() -> dict[str, str]:
    return {name: os.environ[name] for name in _PASSED_ON if name in os.environ} | _FIXED


def _config_env(config: Mapping[str, str]) -> dict[str, str]:
    env = {"GIT_CONFIG_COUNT": str(len(config))}
    for number, (key, value) in enumerate(config.items()):
        env[f"GIT_CONFIG_KEY_{number}"] = key
        env[f"GIT_CONFIG_VALUE_{number}"] = value
    return env


def _missing(cwd: Path) -> ExternalError:
    if not cwd.is_dir():
        return ExternalError(f"The folder {cwd} does not exist any more", code="folder_missing")
    return ExternalError("git is not installed, or not on PATH. Install git 2.38 or newer", code="git_missing")


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
