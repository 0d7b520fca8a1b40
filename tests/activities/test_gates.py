"""gates.*: facts before the run, observations kept by commit, verdicts with all findings."""

from pathlib import Path

import pytest

from ostinato.contracts.activities import (
    DRAFT_PLAN,
    JUDGE_GATE,
    OBSERVE_GATE,
    PREPARE_GATES,
    RUN_PREFLIGHT,
    RunPreflight,
)
from ostinato.contracts.gates import JudgeGate, ObserveGate, PrepareGates
from ostinato.contracts.planning import DraftPlan, PlanDraft
from ostinato.domain.gates import SHOWN_FINDINGS, GateResult, Status
from ostinato.domain.plan import GateName
from ostinato.domain.workspace import Checkout, Workspace
from scripts.sample import make_sample
from tests.activities.bench import Bench, shell_step
from tests.builders import a_plan, a_run
from tests.repositories import commit, write


@pytest.fixture
def sample(tmp_path: Path) -> Bench:
    """A bench on a Python project with defects."""
    (tmp_path / "home").mkdir()
    return Bench(repository=make_sample(tmp_path / "tally"), home=tmp_path / "home")


async def test_a_draft_is_the_same_the_second_time(sample: Bench) -> None:
    workspace = await sample.opened()
    command = DraftPlan(request=a_run(repository=str(sample.repository)), workspace=workspace)

    first = await sample.call(DRAFT_PLAN, command)
    second = await sample.call(DRAFT_PLAN, command)

    assert second == first
    assert first.project.is_python
    assert first.plan.steps


async def test_preflight_finds_a_clean_python_project_ready(sample: Bench) -> None:
    gates = await preflight(sample, trusted=True)

    assert {name: gate.status for name, gate in gates.items()} == {
        "git": Status.PASS,
        "dependencies": Status.PASS,
        "risk": Status.PASS,
    }


async def test_preflight_names_uncommitted_work_that_stays_out(sample: Bench) -> None:
    write(sample.repository, {"src/tally/money.py": "broken = \n"})

    gates = await preflight(sample, trusted=True)

    assert (gates["git"].status, gates["git"].code) == (Status.WARN, "git_dirty")
    assert "src/tally/money.py" in gates["git"].message


async def test_preflight_refuses_commands_of_a_repository_that_is_not_trusted(sample: Bench) -> None:
    gates = await preflight(sample, trusted=False, commands=True)

    assert (gates["dependencies"].status, gates["dependencies"].code) == (Status.FAIL, "not_trusted")
    assert "--trust" in gates["dependencies"].recommendation


async def test_an_observation_is_kept_by_commit_and_found_the_second_time(sample: Bench) -> None:
    workspace, checkout, draft = await at_base(sample)
    command = ObserveGate(
        workspace=workspace, gate=GateName.LINT, checkout=checkout, project=draft.project, trusted=False
    )
    first = await sample.call(OBSERVE_GATE, command)
    write(Path(checkout.worktree), {"src/tally/money.py": "import sys, os, re\n"})

    second = await sample.call(OBSERVE_GATE, command)

    assert first.ran
    assert first.findings_count > 0
    assert len(first.findings) <= SHOWN_FINDINGS
    assert second == first


async def test_an_observation_whose_evidence_is_gone_is_made_again(sample: Bench) -> None:
    workspace, checkout, draft = await at_base(sample)
    command = ObserveGate(
        workspace=workspace, gate=GateName.LINT, checkout=checkout, project=draft.project, trusted=False
    )
    first = await sample.call(OBSERVE_GATE, command)
    sample.desk.artifacts.path(first.findings_ref).unlink()

    second = await sample.call(OBSERVE_GATE, command)

    assert second.findings_ref == first.findings_ref
    assert sample.desk.artifacts.path(first.findings_ref).exists()


async def test_a_verdict_counts_only_what_the_run_introduced(sample: Bench) -> None:
    base = await sample.opened()
    commit(sample.repository, {"src/tally/extra.py": "import os\n"}, "Add an unused import")
    head = await sample.opened(base="main")

    verdict = await lint_verdict(sample, base, head.base_commit)

    assert verdict.status is Status.FAIL
    assert [(finding.path, finding.rule) for finding in verdict.introduced] == [("src/tally/extra.py", "F401")]
    assert verdict.inherited_count > 0


async def preflight(sample: Bench, *, trusted: bool, commands: bool = False) -> dict[str, GateResult]:
    workspace = await sample.opened()
    request = a_run(trusted=trusted)
    draft = await sample.call(DRAFT_PLAN, DraftPlan(request=request, workspace=workspace))
    if commands:
        draft = draft.model_copy(update={"plan": a_plan(shell_step("make"))})
    command = RunPreflight(request=request, workspace=workspace, draft=draft)
    found = await sample.call(RUN_PREFLIGHT, command)
    return {gate.gate: gate for gate in found.gates}


async def at_base(sample: Bench) -> tuple[Workspace, Checkout, PlanDraft]:
    workspace = await sample.opened()
    draft = await sample.call(DRAFT_PLAN, DraftPlan(request=a_run(), workspace=workspace))
    return workspace, await checked_out(sample, workspace, workspace.base_commit, "base"), draft


async def checked_out(sample: Bench, workspace: Workspace, commit_id: str, label: str) -> Checkout:
    command = PrepareGates(workspace=workspace, commit=commit_id, label=label, trusted=False)
    return await sample.call(PREPARE_GATES, command)


async def lint_verdict(sample: Bench, workspace: Workspace, head: str) -> GateResult:
    draft = await sample.call(DRAFT_PLAN, DraftPlan(request=a_run(), workspace=workspace))
    seen = []
    for commit_id, label in ((workspace.base_commit, "base"), (head, "head")):
        command = ObserveGate(
            workspace=workspace,
            gate=GateName.LINT,
            checkout=await checked_out(sample, workspace, commit_id, label),
            project=draft.project,
            trusted=False,
        )
        seen.append(await sample.call(OBSERVE_GATE, command))
    return await sample.call(JUDGE_GATE, JudgeGate(base=seen[0], head=seen[1]))
