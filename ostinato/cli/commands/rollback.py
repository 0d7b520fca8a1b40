"""`rollback`: take a run back to a checkpoint, whole or some of its files."""

import argparse
from typing import TYPE_CHECKING

from ostinato.cli.call import Call
from ostinato.cli.exits import Exit, of_run
from ostinato.cli.options import declare_note, declare_run

if TYPE_CHECKING:
    from temporalio.client import Client

    from ostinato.domain.continuation import Rollback
    from ostinato.domain.report import Snapshot

EXAMPLES = (
    "ostinato rollback fix-the-lint-errors 2-format",
    "ostinato rollback fix-the-lint-errors 0-start --files src/shop.py docs",
    "ostinato rollback fix-the-lint-errors 0-start --progressive",
)
VARIABLES = ("OSTINATO_HOME", "TEMPORAL_ADDRESS")


def declare(parser: argparse.ArgumentParser) -> None:
    declare_run(parser)
    parser.add_argument(
        "checkpoint", metavar="CHECKPOINT", help="its id, its step, or the beginning of its commit; see: checkpoints"
    )
    parser.add_argument(
        "--files", metavar="PATH", nargs="+", default=[], help="only these files and folders, as a commit of its own"
    )
    parser.add_argument("--progressive", action="store_true", help="one checkpoint at a time, asking before each")
    parser.add_argument("--detach", action="store_true", help="for a run that has ended: start it and return at once")
    parser.add_argument("--trust", action="store_true", help="let the repository's own code run, and remember it")
    declare_note(parser)


def execute(call: Call) -> Exit:
    import asyncio

    from ostinato.cli.checkpointing import require_files, require_whole
    from ostinato.cli.connecting import ensure_stack, read_run
    from ostinato.domain.continuation import find_checkpoint

    order = _order(call)
    ensure_stack(call)
    seen = read_run(call)
    point = find_checkpoint(seen, order.checkpoint)

    async def check() -> None:
        await require_whole(seen, point)
        await require_files(seen, point, order.files)

    asyncio.run(check())
    order = order.model_copy(update={"checkpoint": point.id})
    return _in_the_open(call, seen, order) if seen.outcome is None else _after_its_end(call, seen, order)


def _order(call: Call) -> "Rollback":
    from ostinato.cli.follow import current_user
    from ostinato.cli.redacting import redacted
    from ostinato.domain.continuation import Rollback
    from ostinato.domain.errors import UserError

    given = call.arguments
    if given.files and given.progressive:
        cure = "Give --files or --progressive, not both"
        raise UserError.of("usage", "--progressive", "single files go back at once", cure)
    return Rollback(
        checkpoint=given.checkpoint,
        files=tuple(given.files),
        progressive=given.progressive,
        by=current_user(),
        note=redacted(given.note),
    )


def _in_the_open(call: Call, seen: "Snapshot", order: "Rollback") -> Exit:
    """What runs is stopped; then the run is paused."""
    from ostinato.cli.connecting import with_client
    from ostinato.cli.rewinding import settled
    from ostinato.cli.runs import send
    from ostinato.contracts.workflows import ROLL_BACK

    async def session(client: "Client") -> "Snapshot | None":
        told = await send(client, seen.run_id, ROLL_BACK, order)
        call.terminal.say(told.message)
        return await settled(call, client, seen)

    after = with_client(call, session)
    if after is None:
        told = f"{seen.run_id} is still going back. See: ostinato why {seen.run_id}"
        call.answer({"run_id": seen.run_id, "state": "going_back"}, told)
        return Exit.UNREACHABLE
    if after.pending_decisions and order.progressive:
        return _asked(call, after)
    state = after.outcome or "paused"
    data = {"run_id": seen.run_id, "state": state, "head": after.head, "notes": list(after.notes[-3:])}
    ways = f"Go on: ostinato resume {seen.run_id}   See what is left: ostinato steps {seen.run_id}"
    call.answer(data, f"✔ {seen.run_id} is at {after.head[:12]} and {state}. {ways}")
    return Exit.OK if after.outcome is None else of_run(after.outcome, after.stop)


def _asked(call: Call, after: "Snapshot") -> Exit:
    from ostinato.cli.rendering import question, spaced
    from ostinato.cli.reporting import decision_data

    waiting = [decision_data(after, index) for index in range(len(after.pending_decisions))]
    data = {"run_id": after.run_id, "state": "waiting", "pending_decisions": waiting}
    call.answer(data, spaced([question(after, decision) for decision in after.pending_decisions]))
    return Exit.WAITING


def _after_its_end(call: Call, seen: "Snapshot", order: "Rollback") -> Exit:
    """It is opened for this alone and ends rolled back; `retry` then goes on from there."""
    from ostinato.cli.continuing import start_and_follow
    from ostinato.cli.follow import current_user
    from ostinato.cli.reopening import go_on, renewed, without_open_questions
    from ostinato.domain.continuation import Continuation
    from ostinato.domain.pipeline import Outcome

    gates = tuple(gate for gate in seen.gates if gate.stage == "pre")
    snapshot = without_open_questions(seen).model_copy(update={"gates": gates})
    continuation = Continuation(reason="rollback", snapshot=snapshot, rollback=order, by=current_user())
    request = renewed(call, seen.request)
    ended = start_and_follow(
        call,
        seen.run_id,
        lambda client: go_on(client, call.home, request, continuation),
        "going_back",
        asks="rollback-",
    )
    if ended is None or ended.outcome is Outcome.ROLLED_BACK:
        return Exit.OK
    return of_run(ended.outcome, ended.stop)
