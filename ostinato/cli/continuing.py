"""What `retry`, `rollback` and `fork` share: begin another execution, and follow it as `run` does."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from ostinato.cli.call import Call
from ostinato.cli.runs import Started

if TYPE_CHECKING:
    from temporalio.client import Client

    from ostinato.domain.ids import RunId
    from ostinato.domain.report import Snapshot


def start_and_follow(
    call: Call,
    run_id: "RunId",
    start: "Callable[[Client], Awaitable[Started]]",
    state: str,
    *,
    asks: str = "",
) -> "Snapshot | None":
    """The ended run, reported; with --detach None, and its id as the answer. `asks`: as in Follower."""
    from ostinato.cli.connecting import ui_link, with_client
    from ostinato.cli.watching import attended, finish, watcher

    async def session(client: "Client") -> "Snapshot | None":
        started = await start(client)
        call.terminal.say(f"run {started.run_id}")
        return None if call.arguments.detach else await watcher(call, client, started.run_id, asks=asks).follow()

    with attended(call, run_id):
        ended = with_client(call, session)
    if ended is None:
        data = {"run_id": run_id, "state": state, "web_ui": ui_link(call, run_id)}
        call.answer(data, run_id)
    else:
        finish(call, ended)
    return ended
