"""Gates: facts before the run, and what each gate's tools see at a commit."""

import asyncio
import hashlib
import shutil
from pathlib import Path

from temporalio import activity

from activities.checkouts import check_out
from activities.edge import Desk, Pulse, edge
from ostinato import __version__
from ostinato.adapters.atomic import read_json_object, write_atomically
from ostinato.adapters.gatekeepers import GateContext, observe
from ostinato.adapters.git.command import private_git
from ostinato.adapters.git.repository import inspect_repository
from ostinato.adapters.in_flight import attempt_marker
from ostinato.adapters.integrity import change_between
from ostinato.contracts.activities import (
    JUDGE_GATE,
    JUDGE_INTEGRITY,
    OBSERVE_GATE,
    PREPARE_GATES,
    RUN_PREFLIGHT,
    JudgeGate,
    JudgeIntegrity,
    ObserveGate,
    Preflight,
    PrepareGates,
    RunPreflight,
)
from ostinato.domain.budget.amounts import NOTHING
from ostinato.domain.budget.judging import budget_gate, limit_of
from ostinato.domain.gates import SHOWN_FINDINGS, Finding, GateResult, Observation, judge
from ostinato.domain.integrity import find_weakenings, judge_integrity
from ostinato.domain.preflight import PreflightFacts, preflight_gates
from ostinato.domain.workspace import Checkout

GATE_TIMEOUT_S = 30 * 60.0


class GateActivities:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @edge(RUN_PREFLIGHT)
    async def preflight(self, command: RunPreflight, pulse: Pulse) -> Preflight:
        """Reads only; a second execution reads again."""
        state = await inspect_repository(Path(command.workspace.repository), command.workspace.base_commit)
        usage = await asyncio.to_thread(shutil.disk_usage, self._desk.home.root)
        facts = PreflightFacts(
            dirty_paths=state.dirty_paths,
            dirty_count=state.dirty_count,
            free_bytes=usage.free,
        )
        gates = preflight_gates(
            command.request.options, command.draft.classification, command.draft.plan, command.draft.project, facts
        )
        spent, limit = command.spent, command.spent.limit if command.spent else limit_of(command.request.options)
        return Preflight(gates=(*gates, budget_gate(limit, NOTHING, spent=spent)))  # no step bills anything as yet

    @edge(PREPARE_GATES)
    async def prepare(self, command: PrepareGates, pulse: Pulse) -> Checkout:
        """A fresh checkout of exactly this commit. A second execution makes it fresh again."""
        return await check_out(
            self._desk,
            command.workspace,
            name=f"gates-{command.label}",
            commit=command.commit,
            trusted=command.trusted,
            pulse=pulse,
        )

    @edge(OBSERVE_GATE)
    async def observe(self, command: ObserveGate, pulse: Pulse) -> Observation:
        """What the tools say. Kept by commit: a second execution, or another run, finds it."""
        kept = self._kept_file(command)
        if (before := await asyncio.to_thread(self._read_kept, kept)) is not None:
            return before
        seen = await observe(
            command.gate,
            GateContext(
                tree=Path(command.checkout.worktree),
                commit=command.checkout.commit,
                environment=command.checkout.environment,
                project=command.project,
                trusted=command.trusted,
                artifacts=self._desk.artifacts,
                redactor=self._desk.redactor,
                marker=attempt_marker(activity.info()),
                timeout_s=GATE_TIMEOUT_S,
                progress=pulse.say,
            ),
        )
        tree = (await private_git(Path(command.workspace.mirror))("rev-parse", f"{seen.commit}^{{tree}}")).strip()
        everything = [finding.model_dump(mode="json") for finding in seen.findings]
        travelling = seen.model_copy(
            update={
                "tree": tree,
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
        return judge(await asyncio.to_thread(self._whole, command.head), base)

    @edge(JUDGE_INTEGRITY)
    async def integrity(self, command: JudgeIntegrity, pulse: Pulse) -> GateResult:
        """Pure over two commits: a second execution says the same."""
        place = command.workspace
        mirror = Path(place.mirror)
        change = await change_between(mirror, place.head, command.head, source_roots=command.source_roots)
        tree = (await private_git(mirror)("rev-parse", f"{command.head}^{{tree}}")).strip()
        found = await asyncio.to_thread(find_weakenings, change)
        return judge_integrity(
            found,
            command.classification,
            command.request,
            paths=command.classification.paths,
            commit=command.head,
            tree=tree,
        )

    def _whole(self, seen: Observation) -> Observation:
        if not seen.findings_ref:
            return seen
        listed = self._desk.artifacts.read_json(seen.findings_ref)
        return seen.model_copy(update={"findings": tuple(Finding.model_validate(item) for item in listed)})

    def _kept_file(self, command: ObserveGate) -> Path:
        """One file for each thing that decides what is seen: commit, gate, commands, trust, our version."""
        deciding = f"{__version__}|{command.gate}|{command.trusted}|{command.project.model_dump_json()}"
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
