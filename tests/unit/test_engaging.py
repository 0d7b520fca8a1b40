"""Who is engaged for a step, and what is left of that when it is stopped."""

import asyncio
from typing import Any

import pytest

from ostinato.domain.report import Quota
from ostinato.domain.schedule import Schedule
from ostinato.domain.staff import Colleague
from ostinato.durable import engaging
from ostinato.durable.record import RunRecord
from ostinato.durable.stepping import Engine
from tests.builders import NOON, a_run, at
from tests.workflows.agents import ACCOUNT, a_colleague, agent_step, by_agents


async def test_a_step_that_is_stopped_after_it_moved_leaves_its_room_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    step, left = agent_step("one"), list[str]()
    plan = by_agents(step, agents=("claude", "codex"))
    record = RunRecord(request=a_run(), started_at=NOON, schedule=Schedule.of(plan))
    looked_for = iter([a_colleague("claude")])
    quota = Quota(account=ACCOUNT, until=at(60), step="one")

    async def colleague(*_: Any) -> Colleague:
        for each in looked_for:
            return each
        raise asyncio.CancelledError

    async def limited(*_: Any) -> Quota:
        return quota

    async def leave(_: Any, account: str, waiter: str) -> None:
        left.append(f"{account} {waiter}")

    monkeypatch.setattr("ostinato.durable.carrying.terms_of", lambda _: None)
    monkeypatch.setattr(engaging, "colleague_for", colleague)
    monkeypatch.setattr(engaging, "may_start", limited)
    monkeypatch.setattr(engaging, "leave_account", leave)
    monkeypatch.setattr(engaging, "elsewhere", lambda *_: "codex")
    monkeypatch.setattr(engaging, "waiter_of", lambda *_: "run/one/1")

    with pytest.raises(asyncio.CancelledError):
        await engaging.by_agent(Engine.of(record), step)

    assert record.engaged == {}
    assert left[0] == f"{ACCOUNT} run/one/1"
