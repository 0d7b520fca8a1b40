"""Every contract has exactly one implementation, with its types; workflows and messages go by their declared names."""

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from temporalio.activity import _Definition as ActivityDefinition
from temporalio.workflow import _Definition as WorkflowDefinition

from activities import activities_of
from activities.edge import Desk
from ostinato.adapters import in_flight
from ostinato.adapters.artifacts import ArtifactStore
from ostinato.adapters.home import Home
from ostinato.contracts import account, ledger
from ostinato.contracts import activities as contracts
from ostinato.contracts import workflows as names
from ostinato.contracts.activities import ActivityContract
from ostinato.domain.base import Fact
from tests.architecture.source import modules, names_in, shown, tree_of
from workflows.ledger import LedgerWorkflow
from workflows.merge import MergeWorkflow
from workflows.run import RunWorkflow
from workflows.shard import ShardWorkflow

NOWHERE = Path("/nonexistent")
IMPLEMENTATIONS = activities_of(Desk(Home(NOWHERE), ArtifactStore(NOWHERE)))


def definition_of(implementation: Callable[..., Any]) -> ActivityDefinition:
    found = ActivityDefinition.from_callable(implementation)
    assert found is not None
    return found


def implementation_of(contract: ActivityContract[Any, Any]) -> Callable[..., Any]:
    return next(found for found in IMPLEMENTATIONS if definition_of(found).name == contract.name)


every_contract = pytest.mark.parametrize("contract", contracts.ALL, ids=lambda contract: str(contract.name))


def test_every_contract_is_implemented_once_and_nothing_else_is() -> None:
    implemented = Counter(definition_of(found).name for found in IMPLEMENTATIONS)

    assert implemented == Counter(contract.name for contract in contracts.ALL)


def test_every_contract_of_the_module_is_in_the_registry() -> None:
    declared = {value.name for value in vars(contracts).values() if isinstance(value, ActivityContract)}

    assert declared == {contract.name for contract in contracts.ALL}


@every_contract
def test_an_implementation_takes_and_gives_what_its_contract_says(contract: ActivityContract[Any, Any]) -> None:
    definition = definition_of(implementation_of(contract))

    assert definition.arg_types == [contract.input]
    assert definition.ret_type is contract.output


@every_contract
def test_an_activity_says_what_a_second_execution_does(contract: ActivityContract[Any, Any]) -> None:
    said = implementation_of(contract).__doc__ or ""

    assert re.search(r"second execution|\bPure\b|Reads only|Changes nothing", said), f"{contract.name}: {said!r}"


@every_contract
def test_a_contract_is_named_capability_dot_verb_and_carries_facts(contract: ActivityContract[Any, Any]) -> None:
    assert re.fullmatch(r"[a-z]+\.[a-z]+(_[a-z]+)*", contract.name)
    assert issubclass(contract.input, Fact)
    assert issubclass(contract.output, Fact)


@every_contract
def test_a_lost_worker_is_noticed_before_the_activity_must_end(contract: ActivityContract[Any, Any]) -> None:
    is_short = contract.start_to_close < contract.heartbeat

    assert is_short or contract.heartbeat * 2 < contract.start_to_close


def test_workflows_answer_to_their_declared_names() -> None:
    run = WorkflowDefinition.must_from_class(RunWorkflow)
    merge = WorkflowDefinition.must_from_class(MergeWorkflow)
    shard = WorkflowDefinition.must_from_class(ShardWorkflow)

    assert (run.name, merge.name, shard.name) == (names.RUN_WORKFLOW, names.MERGE_WORKFLOW, names.SHARD_WORKFLOW)
    assert set(shard.signals) == {names.CARRY}


def test_the_days_ledger_answers_to_its_declared_names() -> None:
    found = WorkflowDefinition.must_from_class(LedgerWorkflow)

    assert found.name == ledger.LEDGER_WORKFLOW
    assert set(found.updates) == {ledger.GRANT, ledger.SETTLE}
    assert set(found.signals) == {ledger.SETTLE}
    assert set(found.queries) >= {ledger.BALANCE}


def test_answers_can_be_told_by_signals_too_and_what_changes_a_plan_only_where_it_can_be_refused() -> None:
    run = WorkflowDefinition.must_from_class(RunWorkflow)

    answers = {names.DECIDE, names.APPROVE, names.REJECT, names.PAUSE, names.RESUME}
    assert set(run.updates) == answers | {names.CHANGE_PLAN, names.ROLL_BACK, names.STEER}
    assert set(run.signals) == answers | {names.CARRIED, account.GO_AHEAD, account.END_TURN}
    assert {name for name in run.queries if name} >= {names.PROGRESS, names.PENDING_DECISIONS}


def test_a_restarted_worker_fails_activities_with_the_type_that_workflows_know() -> None:
    assert in_flight.LOST_WORKER == contracts.LOST_WORKER


def test_activities_are_called_in_one_place_that_forgets_no_cancellation() -> None:
    found = {
        shown(path)
        for path in modules("ostinato/durable", "workflows")
        for name in names_in(tree_of(path))
        if name.startswith("workflow.") and name.endswith("_activity")
    }

    assert found == {"ostinato/durable/calls.py"}
