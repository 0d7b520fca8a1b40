"""Histories that each release recorded must replay for ever: a run may outlive many versions."""

import json
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from ostinato import __version__
from ostinato.adapters.temporal.plugin import ostinato_plugin
from tests.replay.changed import CarelesslyChanged
from workflows.account import AccountWorkflow
from workflows.merge import MergeWorkflow
from workflows.run import RunWorkflow
from workflows.shard import ShardWorkflow

HISTORIES = sorted((Path(__file__).parent / "histories").glob("*/*.json"))
SMALL_BYTES = 200_000
every_history = pytest.mark.parametrize(
    "path", HISTORIES, ids=[f"{path.parent.name}/{path.stem}" for path in HISTORIES]
)


def history_of(path: Path) -> WorkflowHistory:
    return WorkflowHistory.from_json(f"kept-{path.stem}", path.read_text("utf-8"))


def test_this_release_has_recorded_its_histories() -> None:
    recorded = {path.stem for path in HISTORIES if path.parent.name == __version__}

    assert recorded >= {
        "happy", "failure", "retry", "hand-off", "approval-by-signal", "reject", "conflict", "cancel", "merge",
        "group", "condition", "conflict-decided", "surgery", "rollback", "takeover", "continued", "sharded", "shard", "agent", "account",
    }  # fmt: skip


@every_history
async def test_a_kept_history_replays(path: Path, tmp_path: Path) -> None:
    workflows = [RunWorkflow, MergeWorkflow, ShardWorkflow, AccountWorkflow]
    replayer = Replayer(workflows=workflows, plugins=[ostinato_plugin(tmp_path)])

    await replayer.replay_workflow(history_of(path))


async def test_a_careless_change_would_be_caught(tmp_path: Path) -> None:
    replayer = Replayer(workflows=[CarelesslyChanged], plugins=[ostinato_plugin(tmp_path)])
    happy = next(path for path in HISTORIES if path.stem == "happy")

    with pytest.raises(NondeterminismError):
        await replayer.replay_workflow(history_of(happy))


@every_history
def test_a_kept_history_is_small_and_names_no_machine(path: Path) -> None:
    text = path.read_text("utf-8")

    identities = {identity for event in json.loads(text)["events"] for identity in found(event, "identity")}

    assert len(text) < SMALL_BYTES
    assert identities <= {"recorder", "history-service"}  # the server itself, between a run and its shards


def found(value: object, key: str) -> set[str]:
    """Every text under this key, however deep."""
    if isinstance(value, dict):
        here = {str(value[key])} if isinstance(value.get(key), str) else set[str]()
        return here.union(*(found(item, key) for item in value.values()))
    if isinstance(value, list):
        return set[str]().union(*(found(item, key) for item in value))
    return set()
