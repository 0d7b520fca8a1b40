"""One execution of a step whose agent reaches its model through the gateway: what the wire counts, and what it keeps."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from ostinato.adapters.agents.port import AgentTask, Watched
from ostinato.adapters.gateway import TapeMode
from ostinato.domain.agents import AgentEnd, EndKind
from ostinato.domain.budget.amounts import Amount
from ostinato.domain.execution import StepOutcome, StepResult
from tests.activities.bench import Bench, shown
from tests.activities.wired import a_desk, next_execution
from tests.fakes.coding_agent import Act, ScriptedAgent, done
from tests.integration.gateways import ASK, a_turn


def scripted(*acts: Act) -> ScriptedAgent:
    return ScriptedAgent(acts=list(acts), wire="anthropic")


def asks(*texts: str, ending: EndKind = EndKind.DONE, **said: Any) -> Act:
    """Its model, one after the other; writes its answers into notes.txt."""

    async def act(task: AgentTask, watched: Watched) -> AgentEnd:
        answers = []
        async with httpx.AsyncClient(trust_env=False, headers={"x-api-key": task.access.api_key}) as client:
            for text in texts:
                body = {**ASK, "messages": [{"role": "user", "content": text}], **said}
                try:
                    answer = await client.post(f"{task.access.base_url}/v1/messages", json=body)
                    answers.append(f"{text}: {answer.status_code}")
                except httpx.HTTPError:
                    answers.append(f"{text}: cut")
        (task.tree / "notes.txt").write_text("\n".join(answers))
        return done("I changed notes.txt.") if ending is EndKind.DONE else AgentEnd(kind=ending, message="it broke")

    return act


def counted(result: StepResult) -> Amount:
    assert result.spent is not None
    assert result.spent.amount is not None
    return result.spent.amount


async def test_an_answer_that_was_cut_counts_in_the_run_s_budget_as_in_the_gateway(bench: Bench) -> None:
    cut = a_turn(text="x" * 200, fault={"kind": "cut", "after": 4})
    async with a_desk(bench, scripted(asks("one", stream=True)), cut) as (made, _):
        result = await made.execute(await made.asked())

    assert result.outcome is StepOutcome.SUCCEEDED
    assert counted(result).tokens == 100 + 1_000 + 8_000
    assert counted(result).requests == 1
    assert result.spent is not None
    assert not result.spent.priced


async def test_a_recording_of_two_executions_is_replayed_by_two(bench: Bench, tmp_path: Path) -> None:
    async def both(home: Path, mode: TapeMode, *turns: dict[str, Any]) -> tuple[list[str], int]:
        agent = scripted(asks("one", "two", ending=EndKind.CRASH), asks("three", "four"))
        its_own = replace(bench, home=home)
        async with a_desk(its_own, agent, *turns, taping=(mode, tmp_path / "tape")) as (made, model):
            first = await made.execute(command := await made.asked())
            second = await made.execute(next_execution(command))
            written = [shown(command.workspace, second.commit, "notes.txt")] if second.commit else []
            failures = [each.failure.message for each in (first, second) if each.failure]
            return [*failures, *written], len(model.requests)

    recorded = await both(tmp_path / "one", TapeMode.RECORD, a_turn(fault={"kind": "disconnect", "times": 1}))
    replayed = await both(tmp_path / "two", TapeMode.REPLAY)

    assert recorded == (["it broke", "three: 200\nfour: 200"], 4)
    assert replayed == (recorded[0], 0)
