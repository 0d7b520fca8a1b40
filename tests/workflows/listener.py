"""A workflow that stands for a run and keeps what an account tells it."""

from temporalio import workflow

from ostinato.contracts.account import GO_AHEAD, GoAhead


@workflow.defn(name="Listener", sandboxed=False)
class Listener:
    def __init__(self) -> None:
        self._told: list[str] = []

    @workflow.signal(name=GO_AHEAD)
    def go_ahead(self, word: GoAhead) -> None:
        self._told.append(word.waiter)

    @workflow.query(name="told")
    def told(self) -> list[str]:
        return self._told

    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: False)
