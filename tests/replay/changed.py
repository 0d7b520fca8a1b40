"""The run workflow as a careless change would leave it: one command more than the histories hold."""

from datetime import timedelta

from temporalio import workflow

from ostinato.contracts.workflows import RUN_WORKFLOW
from ostinato.domain.continuation import RunInput
from ostinato.domain.errors import OstinatoError
from ostinato.domain.report import Snapshot
from workflows.run import RunWorkflow


@workflow.defn(name=RUN_WORKFLOW, sandboxed=False, failure_exception_types=[OstinatoError])
class CarelesslyChanged(RunWorkflow):
    """Waits a second before it begins. Outside the sandbox, which lets no workflow import another."""

    @workflow.init
    def __init__(self, start: RunInput) -> None:
        super().__init__(start)

    @workflow.run
    async def run(self, start: RunInput) -> Snapshot:
        await workflow.sleep(timedelta(seconds=1))
        return await super().run(start)
