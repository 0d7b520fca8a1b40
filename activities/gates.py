"""Gates: facts before the run, and what each gate's tools see at a commit."""

import asyncio
import hashlib
import shutil
from dataclasses import replace
from pathlib import Path

from temporalio import activity

from activities.checkouts import check_out
from activities.colleagues import staff_of
from activities.edge import Desk, Pulse, edge
from ostinato import __version__
from ostinato.adapters.agents.colleagues import online_agents
from ostinato.adapters.atomic import read_json_object, write_atomically
from ostinato.adapters.base_configuration import Judged, with_base_configuration
from ostinato.adapters.gatekeepers import GateContext, observe, observe_benchmark, observe_command
from ostinato.adapters.git.command import private_git
from ostinato.adapters.git.commits import changed_paths
from ostinato.adapters.git.repository import inspect_repository
from ostinato.adapters.in_flight import attempt_marker
from ostinato.adapters.integrity import change_between
from ostinato.adapters.needs import look_around
from ostinato.adapters.processes import can_cut_network
from ostinato.adapters.resources import CommitTree, discover
from ostinato.contracts.activities import (
    JUDGE_GATE,
    JUDGE_INTEGRITY,
    MEASURE_PERFORMANCE,
    OBSERVE_GATE,
    PREPARE_GATES,
    RUN_PREFLIGHT,
    Preflight,
    RunPreflight,
)
from ostinato.contracts.gates import (
    JudgedChange,
    JudgeGate,
    JudgeIntegrity,
    MeasurePerformance,
    ObserveGate,
    PrepareGates,
)
from ostinato.domain.agents.leases import expected_of_plan, least_of_plan
from ostinato.domain.budget.judging import budget_gate, limit_of
from ostinato.domain.custom_gates import judge_custom
from ostinato.domain.gates import SHOWN_FINDINGS, Finding, GateResult, Observation, judge
from ostinato.domain.integrity import allowed_configuration, find_weakenings, judge_integrity
from ostinato.domain.performance import judge_performance
from ostinato.domain.permissions import Network, change_gate
from ostinato.domain.preflight import PreflightFacts, preflight_gates
from ostinato.domain.selection import select
from ostinato.domain.workspace import Checkout, Workspace

GATE_TIMEOUT_S = 30 * 60.0


class GateActivities:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @edge(RUN_PREFLIGHT)
    async def preflight(self, command: RunPreflight, pulse: Pulse) -> Preflight:
        """Reads only; a second execution reads again."""
        state = await inspect_repository(Path(command.workspace.repository), command.workspace.base_commit)
        usage = await asyncio.to_thread(shutil.disk_usage, self._desk.home.root)
        options, draft = command.request.options, command.draft
        tree = CommitTree(Path(command.workspace.mirror), command.workspace.head)
        found = await discover(tree, Path.home())
        switched = select(
            draft.classification,
            found,
            request=command.request.text,
            paths=draft.classification.paths,
            mode=options.mode,
            trusted=options.trusted,
        )
        facts = PreflightFacts(
            dirty_paths=state.dirty_paths,
            dirty_count=state.dirty_count,
            free_bytes=usage.free,
            can_cut_network=options.policy.network is Network.ALLOW or await can_cut_network(),
            here=await look_around(draft.plan, tree, found, switched),
        )
        here, missing = await staff_of(self._desk, draft.plan, command.workspace, trusted=options.trusted)
        facts = replace(facts, here=replace(facts.here, missing_agents=missing))
        if options.policy.network is Network.DENY and self._desk.agency is not None:
            facts = replace(facts, online_agents=online_agents(self._desk.agency, draft.plan.agents))
        gates = preflight_gates(options, draft.classification, draft.plan, draft.project, facts)
        spent, limit = command.spent, command.spent.limit if command.spent else limit_of(options)
        expected = expected_of_plan(draft.plan, here)
        budget = budget_gate(limit, expected, least=least_of_plan(draft.plan, here), spent=spent)
        return Preflight(gates=(*gates, budget), staff=here)

    @edge(PREPARE_GATES)
    async def prepare(self, command: PrepareGates, pulse: Pulse) -> Checkout:
        """A fresh checkout of exactly this commit, by the base's configuration of the gates. A second execution makes it fresh again."""
        judged = await _judged_commit(command)
        checkout = await check_out(
            self._desk,
            command.workspace,
            name=f"gates-{command.label}",
            commit=judged.commit,
            trusted=command.trusted,
            pulse=pulse,
        )
        stands_for = command.commit if judged.commit != command.commit else ""
        return checkout.model_copy(update={"stands_for": stands_for, "restored": judged.restored[:SHOWN_FINDINGS]})

    @edge(OBSERVE_GATE)
    async def observe(self, command: ObserveGate, pulse: Pulse) -> Observation:
        """What the tools say. Kept by commit: a second execution, or another run, finds it."""
        kept = self._kept_file(command)
        if (before := await asyncio.to_thread(self._read_kept, kept)) is not None:
            return before
        context = self._context(command, command.checkout, pulse)
        if command.custom is not None:
            seen = await observe_command(command.custom, context)
        else:
            assert command.gate is not None
            seen = await observe(command.gate, context)
        everything = [finding.model_dump(mode="json") for finding in seen.findings]
        travelling = seen.model_copy(
            update={
                "commit": command.checkout.judged,
                "tree": await _tree_of(command.workspace, command.checkout.judged),
                "findings": seen.findings[:SHOWN_FINDINGS],
                "findings_count": len(seen.findings),
                "findings_ref": await asyncio.to_thread(self._desk.artifacts.put_json, everything),
            }
        )
        if travelling.ran:
            await asyncio.to_thread(write_atomically, kept, travelling.model_dump_json())
        return travelling

    @edge(JUDGE_GATE)
    async def judge(self, command: JudgeGate, pulse: Pulse) -> GateResult:
        """Pure comparison of two observations, with all their findings."""
        base = await asyncio.to_thread(self._whole, command.base) if command.base else None
        head = await asyncio.to_thread(self._whole, command.head)
        return judge_custom(command.custom, head, base) if command.custom else judge(head, base)

    @edge(MEASURE_PERFORMANCE)
    async def measure(self, command: MeasurePerformance, pulse: Pulse) -> GateResult:
        """Changes nothing; a second execution measures again."""
        base, head = (self._context(command, checkout, pulse) for checkout in (command.base, command.head))
        verdict = judge_performance(await observe_benchmark(base, head))
        commit = command.head.judged
        return verdict.model_copy(update={"commit": commit, "tree": await _tree_of(command.workspace, commit)})

    @edge(JUDGE_INTEGRITY)
    async def integrity(self, command: JudgeIntegrity, pulse: Pulse) -> JudgedChange:
        """Pure over two commits: a second execution says the same."""
        place, classification = command.workspace, command.classification
        change = await change_between(Path(place.mirror), place.head, command.head, source_roots=command.source_roots)
        tree = await _tree_of(place, command.head)
        found = await asyncio.to_thread(find_weakenings, change)
        verdict = judge_integrity(
            found, classification, command.request, paths=classification.paths, commit=command.head, tree=tree
        )
        paths = await changed_paths(Path(place.mirror), place.head, command.head)
        return JudgedChange(
            integrity=verdict, permissions=change_gate(command.policy, paths, commit=command.head, tree=tree)
        )

    def _context(self, command: ObserveGate | MeasurePerformance, checkout: Checkout, pulse: Pulse) -> GateContext:
        return GateContext(
            tree=Path(checkout.worktree),
            commit=checkout.commit,
            environment=checkout.environment,
            project=command.project,
            trusted=command.trusted,
            artifacts=self._desk.artifacts,
            redactor=self._desk.redactor,
            marker=attempt_marker(activity.info()),
            timeout_s=GATE_TIMEOUT_S,
            progress=pulse.say,
            offline=command.offline,
        )

    def _whole(self, seen: Observation) -> Observation:
        if not seen.findings_ref:
            return seen
        listed = self._desk.artifacts.read_json(seen.findings_ref)
        return seen.model_copy(update={"findings": tuple(Finding.model_validate(item) for item in listed)})

    def _kept_file(self, command: ObserveGate) -> Path:
        """One file for each thing that decides what is seen: commit, gate, commands, trust, our version."""
        gate = command.custom.model_dump_json() if command.custom else command.gate
        terms = f"{command.trusted}|{command.offline}|{command.checkout.judged}"
        deciding = f"{__version__}|{gate}|{terms}|{command.project.model_dump_json()}"
        digest = hashlib.sha256(deciding.encode()).hexdigest()[:16]
        return self._desk.home.baselines / command.workspace.repository_id / f"{command.checkout.commit}-{digest}.json"

    def _read_kept(self, path: Path) -> Observation | None:
        value = read_json_object(path)
        if not value:
            return None
        seen = Observation.model_validate(value)
        try:
            self._whole(seen)
        except Exception:  # evidence was cleaned up or the file is of another version: observe again
            return None
        return seen


async def _judged_commit(command: PrepareGates) -> Judged:
    """The commit itself, or its files with the base's configuration of the gates."""
    standard = command.standard
    if standard is None or standard.base == command.commit:
        return Judged(commit=command.commit)
    mirror = Path(command.workspace.mirror)
    change = await change_between(mirror, standard.base, command.commit, source_roots=standard.source_roots)
    found = await asyncio.to_thread(find_weakenings, change)
    about = standard.classification
    return await with_base_configuration(
        mirror,
        run_id=command.workspace.run_id,
        base=standard.base,
        head=command.commit,
        allowed=allowed_configuration(found, about, standard.request, about.paths) if about else (),
    )


async def _tree_of(workspace: Workspace, commit: str) -> str:
    return (await private_git(Path(workspace.mirror))("rev-parse", f"{commit}^{{tree}}")).strip()
