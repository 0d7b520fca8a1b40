"""`fork`: begin a new run from a checkpoint of another one."""

import argparse
from typing import TYPE_CHECKING

from ostinato.cli.call import Call
from ostinato.cli.exits import Exit, of_run
from ostinato.cli.options import declare_limits, declare_run

if TYPE_CHECKING:
    from ostinato.domain.continuation import Continuation
    from ostinato.domain.ids import RunId
    from ostinato.domain.report import Snapshot
    from ostinato.domain.workspace import Checkpoint

EXAMPLES = (
    "ostinato fork fix-the-lint-errors --from 2-format",
    "ostinato fork add-a-login --from implement --id try-2",
)
VARIABLES = ("OSTINATO_HOME", "TEMPORAL_ADDRESS")


def declare(parser: argparse.ArgumentParser) -> None:
    declare_run(parser)
    parser.add_argument(
        "--from",
        dest="checkpoint",
        metavar="CHECKPOINT",
        required=True,
        help="its id, its step, or the beginning of its commit; see: checkpoints",
    )
    parser.add_argument("--id", metavar="ID", help="the new run's id (default: made from the request)")
    parser.add_argument("--detach", action="store_true", help="start it and return at once")
    declare_limits(parser, "as before")
    parser.add_argument("--trust", action="store_true", help="let the repository's own code run, and remember it")


def execute(call: Call) -> Exit:
    import asyncio

    from ostinato.cli.checkpointing import require_whole
    from ostinato.cli.connecting import ensure_stack, read_run
    from ostinato.cli.continuing import start_and_follow
    from ostinato.cli.reopening import begin_fork, renewed
    from ostinato.domain.continuation import find_checkpoint

    run_id = _new_id(call)
    ensure_stack(call)
    seen = read_run(call)
    point = find_checkpoint(seen, call.arguments.checkpoint)
    continuation = forked(seen, point)
    asyncio.run(require_whole(seen, point))
    new = run_id or _made_id(seen)
    request = renewed(call, seen.request).model_copy(update={"run_id": new})
    ended = start_and_follow(call, new, lambda client: begin_fork(client, request, continuation), "started")
    return Exit.OK if ended is None else of_run(ended.outcome, ended.stop)


def forked(seen: "Snapshot", point: "Checkpoint") -> "Continuation":
    """The run as it was at the checkpoint; the other one is not touched. UserError where it cannot be taken up."""
    from ostinato.cli.follow import current_user
    from ostinato.cli.reopening import without_open_questions
    from ostinato.domain.continuation import Continuation, at_checkpoint, reopened, retry_problem
    from ostinato.domain.errors import UserError

    if (problem := retry_problem(seen, ())) is not None:
        raise UserError([problem])
    snapshot = at_checkpoint(reopened(without_open_questions(seen), ()), point)
    return Continuation(reason="fork", snapshot=snapshot, by=current_user())


def _new_id(call: Call) -> "RunId | None":
    from ostinato.domain.ids import parse_run_id

    return parse_run_id(call.arguments.id) if call.arguments.id is not None else None


def _made_id(seen: "Snapshot") -> "RunId":
    import secrets

    from ostinato.domain.ids import new_run_id

    return new_run_id(seen.request.text, secrets.token_hex(4))
