"""`retry`: go on with a run that failed, or run a step of a going one again."""

import argparse
from typing import TYPE_CHECKING

from ostinato.cli.call import Call
from ostinato.cli.exits import Exit, of_run
from ostinato.cli.options import declare_limits, declare_run

if TYPE_CHECKING:
    from temporalio.client import Client

    from ostinato.domain.continuation import Continuation
    from ostinato.domain.ids import RunId
    from ostinato.domain.report import Snapshot

EXAMPLES = ("ostinato retry fix-the-lint-errors", "ostinato retry fix-the-lint-errors generate-tests --detach")
VARIABLES = ("OSTINATO_HOME", "TEMPORAL_ADDRESS")
MAX_NAMED = 200
"""Steps that the run's list of changes names."""


def declare(parser: argparse.ArgumentParser) -> None:
    declare_run(parser)
    parser.add_argument(
        "steps",
        metavar="STEP",
        nargs="*",
        help="run these again, with all that needs them (default: whatever did not succeed)",
    )
    parser.add_argument("--detach", action="store_true", help="start it and return at once")
    declare_limits(parser, "as before")
    parser.add_argument("--trust", action="store_true", help="let the repository's own code run, and remember it")


def execute(call: Call) -> Exit:
    from ostinato.cli.connecting import ensure_stack, with_run

    ensure_stack(call)
    run_id, is_open = with_run(call, _is_open)
    call.arguments.run = run_id
    return _retry_steps(call, run_id) if is_open else _go_on(call)


async def _is_open(client: "Client", run_id: "RunId") -> "tuple[RunId, bool]":
    from ostinato.cli.runs import has_closed
    from ostinato.domain.errors import UserError

    try:
        return run_id, not await has_closed(client, run_id)
    except UserError:  # stored here, and forgotten by the server
        return run_id, False


def _retry_steps(call: Call, run_id: "RunId") -> Exit:
    from ostinato.cli.answering import send_update
    from ostinato.cli.follow import current_user
    from ostinato.contracts.workflows import CHANGE_PLAN
    from ostinato.domain.errors import UserError
    from ostinato.domain.surgery import PlanChange

    steps = call.arguments.steps
    if len(steps) != 1:
        cure = f"Name one step: ostinato steps {run_id} lists them. A run goes on as a whole once it has ended"
        raise UserError.of("run_open", "RUN", f"run {run_id} has not ended", cure)
    return send_update(call, CHANGE_PLAN, PlanChange(kind="retry", step=steps[0], by=current_user()))


def _go_on(call: Call) -> Exit:
    from ostinato.cli.connecting import read_run
    from ostinato.cli.continuing import start_and_follow
    from ostinato.cli.reopening import go_on, renewed

    seen = read_run(call)
    continuation = _continuation(seen, call.arguments.steps)
    request = renewed(call, seen.request)
    again = ", ".join(todo.id for todo in continuation.snapshot.todos if not todo.state.is_over)
    call.terminal.say(f"goes on with: {again[:300] or 'the gates'}")
    ended = start_and_follow(
        call, request.run_id, lambda client: go_on(client, call.home, request, continuation), "retrying"
    )
    return Exit.OK if ended is None else of_run(ended.outcome, ended.stop)


def _continuation(seen: "Snapshot", named: list[str]) -> "Continuation":
    """Raises UserError where the run cannot go on."""
    from ostinato.cli.follow import current_user
    from ostinato.cli.reopening import without_open_questions
    from ostinato.domain.continuation import Continuation, reopened, retry_problem
    from ostinato.domain.errors import UserError
    from ostinato.domain.execution import StepState
    from ostinato.domain.ids import StepId
    from ostinato.domain.pipeline import Outcome

    chosen = tuple(StepId(name) for name in named)
    if (problem := retry_problem(seen, chosen)) is not None:
        raise UserError([problem])
    if seen.outcome is Outcome.COMPLETED and not chosen:
        cure = "Name the steps that are to run again, or start another run"
        raise UserError.of("nothing_to_retry", "RUN", f"run {seen.run_id} completed: nothing is left to do", cure)
    again = reopened(without_open_questions(seen), chosen)
    waited = {todo.id for todo in seen.todos if todo.state is StepState.PENDING}
    retried = [todo.id for todo in again.todos if not todo.state.is_over and todo.id not in waited]
    return Continuation(reason="retry", snapshot=again, retried=tuple(retried[:MAX_NAMED]), by=current_user())
