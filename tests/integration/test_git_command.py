"""Our own git calls: bounded in time, told in words when they fail."""

import asyncio
import time
from pathlib import Path

import psutil
import pytest

from ostinato.adapters.git.command import MINIMUM_VERSION, Git, git_version, private_git, user_git
from ostinato.domain.errors import ExternalError
from tests.repositories import make_repository


def endless(folder: Path) -> tuple[Git, tuple[str, ...]]:
    """A git that waits for ever in a child of its own, which tells its pid."""
    shell = f'!echo $$ > "{folder}/pid"; sleep 300'
    return user_git(folder).with_config({"alias.wait": shell}), ("wait",)


async def until_written(file: Path) -> None:
    while True:
        if file.exists() and file.read_text():
            return
        await asyncio.sleep(0.01)


def is_gone(pid_file: Path, within_s: float = 2.0) -> bool:
    """Ended; its parent may not have noticed yet. A machine that is busy takes a moment to end what was killed."""
    until = time.monotonic() + within_s
    while not has_ended(pid_file):
        if time.monotonic() > until:
            return False
        time.sleep(0.01)
    return True


def has_ended(pid_file: Path) -> bool:
    try:
        return psutil.Process(int(pid_file.read_text())).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


async def test_a_failure_names_command_place_and_reason(tmp_path: Path) -> None:
    with pytest.raises(
        ExternalError, match=r"git cat-file -t nothing failed in .*sample.*Not a valid object"
    ) as caught:
        await user_git(make_repository(tmp_path / "sample"))("cat-file", "-t", "nothing")

    assert caught.value.code == "git_failed"


async def test_a_call_that_takes_too_long_is_ended_with_its_children(tmp_path: Path) -> None:
    git, args = endless(make_repository(tmp_path / "sample"))

    with pytest.raises(ExternalError) as caught:
        await git(*args, timeout_s=1)

    assert caught.value.code == "git_timeout"
    assert is_gone(tmp_path / "sample" / "pid")


async def test_a_cancelled_call_is_ended_with_its_children(tmp_path: Path) -> None:
    git, args = endless(make_repository(tmp_path / "sample"))
    pid = tmp_path / "sample" / "pid"
    call = asyncio.create_task(git(*args))
    await until_written(pid)

    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call

    assert is_gone(pid)


async def test_a_machine_without_git_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(ExternalError) as caught:
        await private_git(tmp_path)("version")

    assert caught.value.code == "git_missing"


async def test_a_folder_that_vanished_is_told_apart_from_a_missing_git(tmp_path: Path) -> None:
    with pytest.raises(ExternalError) as caught:
        await user_git(tmp_path / "gone")("version")

    assert caught.value.code == "folder_missing"


async def test_the_version_is_told_in_numbers() -> None:
    assert await git_version() >= MINIMUM_VERSION
