"""A step by the real Claude Code, recorded with the limit it met, and replayed where no model is."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ostinato.adapters.agents.claude import ClaudeCode
from ostinato.adapters.gateway import TapeMode
from ostinato.domain.execution import StepResult
from tests.activities.bench import Bench, shown
from tests.activities.wired import a_desk, next_execution
from tests.agents.driven import need, path_with_clis
from tests.integration.gateways import a_turn, until
from tests.repositories import make_repository

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(240)]
LIMITED = {"kind": "status", "status": 429, "after_s": 8, "times": 1, "message": "Account limit reached"}


async def test_a_step_that_was_limited_and_went_on_is_replayed_without_a_provider(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need("claude")
    monkeypatch.setenv("PATH", path_with_clis())
    repository = make_repository(tmp_path / "repository", {"README.md": "# Sample\n"})
    bench = Bench(repository=repository, home=tmp_path / "home")

    recorded, asked = await _both(bench, TapeMode.RECORD, tmp_path / "tape")
    shutil.rmtree(bench.home)
    replayed, asked_again = await _both(bench, TapeMode.REPLAY, tmp_path / "tape")

    assert [result.summary for result in recorded] == ["Account limit reached", "one.txt is written."]
    assert [result.summary for result in replayed] == [result.summary for result in recorded]
    assert [result.spent for result in replayed] == [result.spent for result in recorded]
    assert (asked, asked_again) == (3, 0)


async def _both(bench: Bench, mode: TapeMode, tape: Path) -> tuple[list[StepResult], int]:
    """The execution that met the limit, and the one after it."""
    bench.home.mkdir()
    write = a_turn(text="I write it.", actions=[{"write": "one.txt", "content": "one\n"}])
    done = a_turn(text="one.txt is written.", fault=LIMITED)
    async with a_desk(bench, ClaudeCode(), write, done, taping=(mode, tape)) as (made, model):
        first = await made.execute(command := await made.asked())
        assert first.failure
        assert first.failure.diagnosis
        lifted = first.failure.diagnosis.reset_at
        await until(lambda: lifted is not None and datetime.now(UTC) > lifted)
        second = await made.execute(next_execution(command))
        if second.commit:
            assert shown(command.workspace, second.commit, "one.txt") == "one"
        return [first, second], len(model.requests)
