"""Bring a run's branch into its base: only a commit that passed, by compare-and-swap."""

from temporalio import workflow

from ostinato.contracts.activities import (
    CLOSE_WORKSPACE,
    LAND_MERGE,
    PREPARE_MERGE,
    CloseWorkspace,
    LandMerge,
    MergePlan,
    PrepareMerge,
)
from ostinato.contracts.gates import Standard
from ostinato.contracts.workflows import MERGE_WORKFLOW, MergeResult, MergeRun
from ostinato.domain.errors import OstinatoError
from ostinato.domain.gates import GateResult, failed_gates, unproven_gates
from ostinato.durable.calls import call, stop_where_told
from ostinato.durable.proving import Bench, Observations, observe_base, prove

MAX_TRIES = 3
"""The base may move while the gates judge; then they judge again."""


@workflow.defn(name=MERGE_WORKFLOW, failure_exception_types=[OstinatoError])
class MergeWorkflow:
    @workflow.run
    async def run(self, request: MergeRun) -> MergeResult:
        for _ in range(MAX_TRIES):
            plan = await self._plan(request)
            try:
                result = await self._try_to_land(request, plan)
            finally:
                await call(
                    CLOSE_WORKSPACE,
                    CloseWorkspace(workspace=plan.workspace),
                    queue=plan.workspace.queue,
                    summary="remove the merge's worktrees",
                )
            if result is not None:
                return result
        return MergeResult(
            merged=False,
            code="base_keeps_moving",
            message=f"{request.base_branch} moved {MAX_TRIES} times while the gates judged; try again when it rests",
        )

    async def _plan(self, request: MergeRun) -> MergePlan:
        return await call(
            PREPARE_MERGE,
            PrepareMerge(
                run_id=request.run_id,
                repository=request.repository,
                head=request.head,
                base_branch=request.base_branch,
                force=request.force,
            ),
            summary=f"merge {request.head[:10]} into {request.base_branch}",
            counts=True,
        )

    async def _try_to_land(self, request: MergeRun, plan: MergePlan) -> MergeResult | None:
        """None when the base moved meanwhile."""
        stop_where_told()
        if plan.already_merged:
            return MergeResult(
                merged=True,
                code="already_merged",
                message=f"{request.base_branch} already has it",
                commit=plan.base_now,
            )
        if plan.conflicts:
            return MergeResult(
                merged=False,
                code="merge_conflict",
                message=f"{request.base_branch} moved and conflicts in {', '.join(plan.conflicts[:5])}; "
                f"merge ostinato/{request.run_id} by hand, or start the run again on the new base",
            )
        gates = () if plan.fast_forward or request.force else await self._judge(request, plan)
        if failed := failed_gates(gates) or unproven_gates(gates):
            return MergeResult(
                merged=False,
                code="gates_failed",
                message="the merged result did not pass: "
                + "; ".join(f"{gate.gate}: {gate.message}" for gate in failed),
                gates=gates,
            )
        landed = await call(
            LAND_MERGE,
            LandMerge(
                workspace=plan.workspace,
                base_branch=request.base_branch,
                expected=plan.base_now,
                target=plan.target,
            ),
            queue=plan.workspace.queue,
            summary=f"move {request.base_branch} to {plan.target[:10]}",
            counts=True,
        )
        if not landed.moved:
            return None
        how = "fast-forward" if plan.fast_forward else "merged and judged again"
        return MergeResult(
            merged=True,
            code="merged",
            message=f"{request.base_branch} is at {plan.target[:10]} ({how}{', forced' if request.force else ''})",
            commit=plan.target,
            gates=gates,
        )

    async def _judge(self, request: MergeRun, plan: MergePlan) -> tuple[GateResult, ...]:
        """The base moved: the merged commit is a new one and is judged against the new base."""
        bench = Bench(
            project=plan.project,
            trusted=request.trusted,
            gates=request.gates,
            custom=request.custom_gates,
            offline=request.offline,
            workspace=plan.workspace,
        )
        seen = await observe_base(bench, plan.base_now)

        async def base() -> Observations:
            return seen

        standard = Standard(
            base=plan.base_now,
            classification=request.classification,
            request=request.request,
            source_roots=plan.project.source_roots,
        )
        return await prove(bench, commit=plan.target, label="merged", standard=standard, base=base)
