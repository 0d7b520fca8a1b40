"""Workflows that must not be allowed to run."""

from temporalio import workflow

from ostinato.adapters.home import Home


@workflow.defn
class ReachesOutside:
    """Imports an adapter, so it could touch files from inside a workflow."""

    @workflow.run
    async def run(self) -> str:
        return Home.__name__
