"""Updates sent to a run, and what it answered."""

from typing import TYPE_CHECKING

from ostinato.cli.call import Call
from ostinato.cli.exits import Exit
from ostinato.domain.base import Fact

if TYPE_CHECKING:
    from temporalio.client import Client

    from ostinato.domain.ids import RunId


def send_update(call: Call, update: str, message: Fact) -> Exit:
    """Says what the run acknowledged; a refusal is raised as UserError."""
    from ostinato.cli.connecting import with_run
    from ostinato.cli.runs import send

    async def session(client: "Client", run_id: "RunId") -> tuple[str, str]:
        return run_id, (await send(client, run_id, update, message)).message

    run_id, text = with_run(call, session)
    call.answer({"run_id": run_id, "message": text}, f"✔ {run_id}: {text}")
    return Exit.OK
