"""gates.*: facts before the run, observations kept by commit, verdicts with all findings."""

from pathlib import Path

import pytest

from ostinato.contracts.activities import (
    DRAFT_PLAN,
    JUDGE_GATE,
    JUDGE_INTEGRITY,
    MEASURE_PERFORMANCE,
    OBSERVE_GATE,
    PREPARE_GATES,
    RUN_PREFLIGHT,
    RunPreflight,
)
from ostinato.contracts.gates import (
    JudgeGate,
    JudgeIntegrity,
    MeasurePerformance,
    ObserveGate,
    PrepareGates,
    Standard,
)
from ostinato.contracts.planning import DraftPlan, PlanDraft
from ostinato.domain.classification import Classification, Intent, TaskType
from ostinato.domain.custom_gates import CustomGate
from ostinato.domain.gates import SHOWN_FINDINGS, GateResult, Observation, Severity, Status
from ostinato.domain.permissions import Policy
from ostinato.domain.plan import GateName
from ostinato.domain.project import ProjectFacts
from ostinato.domain.workspace import Checkout, Workspace
from scripts.sample import make_sample
from tests.activities.bench import Bench, shell_step
from tests.builders import a_plan, a_run
from tests.repositories import commit, git, make_repository, write


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
        "budget": Status.PASS,
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


BUG = Classification(task_type=TaskType.BUG_FIX, confidence=1.0, intent=Intent.FIX)
OPEN = Policy()
POLICY = Policy(deny_write=("vault/**",))


async def test_a_policy_sees_every_file_that_was_written_of_whatever_kind(bench: Bench) -> None:
    base = await bench.opened()
    head = commit(bench.repository, {"vault/key": "mine\n", "vault/pic.bin": "\0", "notes.txt": "two\n"})
    await bench.opened(base="main")

    judged = await bench.call(JUDGE_INTEGRITY, judging(base, head, policy=POLICY))

    found = [(each.path, each.rule) for each in judged.permissions.introduced]
    assert (judged.permissions.status, judged.permissions.commit) == (Status.FAIL, head)
    assert found == [("vault/key", "write_denied"), ("vault/pic.bin", "write_denied")]


async def test_a_change_that_weakens_its_judges_fails_on_its_commit_and_tree(bench: Bench) -> None:
    base = await bench.opened()
    head = commit(bench.repository, {"sitecustomize.py": "import os\n"})
    await bench.opened(base="main")

    verdict = (await bench.call(JUDGE_INTEGRITY, judging(base, head))).integrity

    assert (verdict.status, verdict.code, verdict.commit) == (Status.FAIL, "integrity_weakened", head)
    assert verdict.tree == git(bench.repository, "rev-parse", f"{head}^{{tree}}")


async def test_a_checkout_has_the_bases_configuration_and_stands_for_the_head(bench: Bench) -> None:
    base = await bench.opened()
    head = commit(bench.repository, {"ruff.toml": "lint.select = []\n", "notes.txt": "two\n"})
    workspace = await bench.opened(base="main")

    checkout = await bench.call(PREPARE_GATES, preparing(workspace, head, base.base_commit, "fix the bug"))

    assert (checkout.restored, checkout.stands_for, checkout.judged) == (("ruff.toml",), head, head)
    assert sorted(path.name for path in Path(checkout.worktree).iterdir()) == [".git", "README.md", "notes.txt"]


async def test_a_checkout_has_the_configuration_that_the_request_is_about(bench: Bench) -> None:
    base = await bench.opened()
    head = commit(bench.repository, {"ruff.toml": "lint.select = []\n"})
    workspace = await bench.opened(base="main")

    checkout = await bench.call(PREPARE_GATES, preparing(workspace, head, base.base_commit, "add a ruff configuration"))

    assert (checkout.restored, checkout.commit, checkout.stands_for) == ((), head, "")


@pytest.mark.parametrize(
    ("severity", "status", "code"),
    [
        (Severity.MAJOR, Status.FAIL, "gate_command_failed"),
        (Severity.MINOR, Status.WARN, "gate_command_failed"),
        (Severity.INFORMATIONAL, Status.PASS, "gate_command_failed"),
    ],
)
async def test_a_gate_of_ones_own_says_what_its_severity_makes_of_it(
    bench: Bench, severity: Severity, status: Status, code: str
) -> None:
    gate = CustomGate(name="one-line", run="test $(wc -l < notes.txt) -eq 1", severity=severity)
    base = await bench.opened()
    head = commit(bench.repository, {"notes.txt": "one\ntwo\n"})
    workspace = await bench.opened(base="main")

    seen = [await own_gate(bench, workspace, gate, each) for each in (base.base_commit, head)]
    verdict = await bench.call(JUDGE_GATE, JudgeGate(base=seen[0], head=seen[1], custom=gate))

    assert [each.findings_count for each in seen] == [0, 1]
    assert (verdict.status, verdict.code, verdict.severity) == (status, code, severity)


async def test_a_gate_of_ones_own_is_not_run_without_trust(bench: Bench) -> None:
    gate = CustomGate(name="touching", run="touch here")
    workspace = await bench.opened()

    seen = await own_gate(bench, workspace, gate, workspace.base_commit, trusted=False)
    verdict = await bench.call(JUDGE_GATE, JudgeGate(head=seen, custom=gate))

    assert (verdict.status, verdict.code, verdict.unproven) == (Status.SKIPPED, "not_trusted", True)


async def test_a_benchmark_that_became_slow_fails_on_the_head(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    files = {".ostinato/config.toml": '[commands]\nbenchmark = "sleep $(cat length)"\n', "length": "0.1\n"}
    bench = Bench(repository=make_repository(tmp_path / "repository", files), home=tmp_path / "home")
    base = await bench.opened()
    head = commit(bench.repository, {"length": "1\n"})
    workspace = await bench.opened(base="main")
    checkouts = [
        await checked_out(bench, workspace, each, label) for each, label in ((base.base_commit, "base"), (head, "head"))
    ]

    verdict = await bench.call(
        MEASURE_PERFORMANCE,
        MeasurePerformance(
            workspace=workspace,
            base=checkouts[0],
            head=checkouts[1],
            project=ProjectFacts(commit=base.base_commit),
            trusted=True,
        ),
    )

    assert (verdict.status, verdict.code, verdict.commit) == (Status.FAIL, "performance_worse", head)


async def own_gate(
    bench: Bench, workspace: Workspace, gate: CustomGate, at: str, *, trusted: bool = True
) -> Observation:
    command = ObserveGate(
        workspace=workspace,
        custom=gate,
        checkout=await checked_out(bench, workspace, at, "here"),
        project=ProjectFacts(commit=at),
        trusted=trusted,
    )
    return await bench.call(OBSERVE_GATE, command)


def judging(base: Workspace, head: str, *, policy: Policy = OPEN) -> JudgeIntegrity:
    return JudgeIntegrity(workspace=base, head=head, classification=BUG, request="fix the bug", policy=policy)


def preparing(workspace: Workspace, head: str, base: str, request: str) -> PrepareGates:
    standard = Standard(base=base, classification=BUG, request=request)
    return PrepareGates(workspace=workspace, commit=head, label="head", trusted=False, standard=standard)


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
