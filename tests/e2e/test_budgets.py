"""Budgets from the setting to the exit code: a scripted model server, a day that runs share, workers and runs that die."""

import asyncio
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ostinato.adapters.git.repository import inspect_repository
from ostinato.adapters.home import Home
from ostinato.adapters.temporal.connection import connect
from ostinato.contracts.ledger import BALANCE, LEDGER_WORKFLOW, OpenLedger, ledger_workflow_id
from ostinato.contracts.workflows import TASK_QUEUE
from ostinato.domain.budget.ledger import Balance
from tests.e2e.conftest import Stack
from tests.e2e.test_language_model import DRAFT, asked, is_planned, until_asked
from tests.fakes.language_model import Hangs, Line, Says, provider

pytestmark = [pytest.mark.e2e, pytest.mark.server]

ESTIMATE = 78_000
"""Tokens that a draft may take, and at the price below the micro-dollars."""
PRICES = '[openai.models]\n"scripted" = { input = 1.0, output = 1.0 }\n'
REQUEST = "fix the lint errors"


@pytest.fixture(scope="module")
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        found: int = free.getsockname()[1]
        return found


@pytest.fixture(scope="module")
def metered(port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack whose model has a price, and whose user lets a repository spend what one and a half drafts may take."""
    config = tmp_path_factory.mktemp("config")
    (config / "ostinato").mkdir()
    (config / "ostinato" / "prices.toml").write_text(PRICES)
    (config / "ostinato" / "config.toml").write_text("[budget]\ndaily_usd = 0.12\n")
    env = {
        "OSTINATO_LLM": "openai:scripted",
        "OPENAI_BASE_URL": f"http://127.0.0.1:{port}/v1",
        "OPENAI_API_KEY": "a-key",
        "NO_PROXY": "127.0.0.1",
        "XDG_CONFIG_HOME": str(config),
    }
    stack = Stack(home=tmp_path_factory.mktemp("metered"), env=env)
    stack.ok("up")
    yield stack
    stack.call("down", timeout=60)


async def open_day(stack: Stack, repository: Path) -> None:
    """The day's ledger, as runs start it, that looks after leases every half second."""
    found = await inspect_repository(repository)
    day = datetime.now(UTC).date()
    client = await connect(Home(stack.home))
    opened = OpenLedger(repository_id=found.repository_id, day=day, check_every_s=0.5)
    await client.start_workflow(
        LEDGER_WORKFLOW, opened, id=ledger_workflow_id(found.repository_id, day), task_queue=TASK_QUEUE
    )


async def day_of(stack: Stack, repository: Path, holds: Callable[[Balance], bool]) -> Balance:
    found = await inspect_repository(repository)
    name = ledger_workflow_id(found.repository_id, datetime.now(UTC).date())
    handle = (await connect(Home(stack.home))).get_workflow_handle(name)
    for _ in range(200):
        balance: Balance = await handle.query(BALANCE, result_type=Balance)
        if holds(balance):
            return balance
        await asyncio.sleep(0.1)
    raise AssertionError(f"it never came to that: {balance}")


def ended(stack: Stack, run_id: str) -> dict[str, Any]:
    stack.until(run_id, is_planned)
    stack.call("cancel", run_id)
    return stack.report(run_id)


def test_a_draft_that_the_limit_does_not_allow_is_never_asked_for(metered: Stack, sample: Path, port: int) -> None:
    preview = metered.ok("plan", REQUEST, "--repo", str(sample), "--max-usd", "0.05")["cost"]

    with provider([], port) as model:
        run = metered.call("run", REQUEST, "--repo", str(sample), "--trust", "--max-usd", "0.05", "--json")

    assert (preview["usd"], preview["usd_limit"], preview["fits"]) == (ESTIMATE / 1_000_000, 0.05, False)
    assert (run.code, asked(model)) == (0, [])
    assert (run.data["budget"]["usd_limit"], run.data["budget"]["usd_used"]) == (0.05, 0.0)
    assert any("plan: left out by the budget: $0.05 are the limit" in note for note in run.data["notes"])


def test_a_run_that_is_red_ends_with_exit_code_6(metered: Stack, sample: Path, port: int) -> None:
    (sample / ".ostinato").mkdir()
    (sample / ".ostinato" / "config.toml").write_text('[budget]\nmax_tokens = "80k"\non_red = "stop"\n')

    with provider([Says(DRAFT.text, tokens_in=70_000, tokens_out=1_000)], port):
        run = metered.call("run", REQUEST, "--repo", str(sample), "--trust", "--json")

    assert (run.code, run.data["stop"]["code"]) == (6, "budget")
    budget = run.data["budget"]
    assert (budget["tokens_used"], budget["usd_used"], budget["zone"]) == (71_000, 0.071, "red")
    assert [(part["what"], part["usd"]) for part in budget["parts"]] == [("plan", 0.071)]


def test_two_runs_share_a_day_and_what_a_killed_worker_may_have_spent_counts_besides(
    metered: Stack, sample: Path, port: int
) -> None:
    asyncio.run(open_day(metered, sample))
    script: list[Line] = [Hangs(), Says(DRAFT.text, tokens_in=900, tokens_out=80), Hangs()]
    with provider(script, port) as model:
        first = metered.start(REQUEST, sample, "--trust")
        until_asked(model, "draft")
        second = ended(metered, metered.start(REQUEST, sample, "--trust"))
        metered.kill_worker()
        model.released.set()
        metered.call("up")
        report = ended(metered, first)
        told = asyncio.run(day_of(metered, sample, lambda it: it.open_count == 0))
        third = ended(metered, metered.start(REQUEST, sample, "--trust"))

    assert any("plan: left out by the budget" in note for note in second["notes"])
    assert report["budget"]["tokens_used"] == ESTIMATE + 980
    assert report["budget"]["usd_is_estimated"]
    assert (told.spent.tokens, told.is_balanced) == (ESTIMATE + 980, True)
    assert any("plan: left out by the budget" in note for note in third["notes"])


def test_the_lease_of_a_terminated_run_counts_as_what_its_call_may_have_come_to(
    metered: Stack, sample: Path, port: int
) -> None:
    asyncio.run(open_day(metered, sample))
    with provider([Hangs()], port) as model:
        run_id = metered.start(REQUEST, sample, "--trust")
        until_asked(model, "draft")
        leased = metered.status(run_id)["budget"]
        metered.ok("terminate", run_id)
        day = asyncio.run(day_of(metered, sample, lambda it: it.open_count == 0))
        model.released.set()

    assert (leased["tokens_leased"], leased["usd_leased"]) == (ESTIMATE, 0.078)
    assert (day.spent.tokens, day.expired.tokens, day.is_balanced) == (ESTIMATE, ESTIMATE, True)
