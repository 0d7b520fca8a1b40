"""`merge`: bring a run's branch into the base branch, if its gates passed on that commit."""

import argparse
from typing import TYPE_CHECKING

from ostinato.cli.call import Call
from ostinato.cli.exits import Exit
from ostinato.cli.options import declare_run

if TYPE_CHECKING:
    from ostinato.contracts.workflows import MergeRun
    from ostinato.domain.report import Snapshot

EXAMPLES = ("ostinato merge fix-the-lint-errors", "ostinato merge fix-the-lint-errors --into develop")
VARIABLES = ("OSTINATO_HOME", "TEMPORAL_ADDRESS")


def declare(parser: argparse.ArgumentParser) -> None:
    declare_run(parser)
    parser.add_argument("--into", metavar="BRANCH", help="the branch to move (default: the one the run started from)")
    parser.add_argument("--force", action="store_true", help="although its gates did not pass; this is recorded")


def execute(call: Call) -> Exit:
    from ostinato.cli.connecting import ensure_stack, read_run, with_client
    from ostinato.cli.merging import merge_run
    from ostinato.cli.rendering import gate_line

    message = merge_message(read_run(call), into=call.arguments.into, force=call.arguments.force)
    ensure_stack(call)
    call.terminal.say(f"merging {message.run_id} into {message.base_branch} …")
    result = with_client(call, lambda client: merge_run(client, message))
    data = {"run_id": message.run_id, "base_branch": message.base_branch, **result.model_dump(mode="json")}
    mark = "✔" if result.merged else "✘"
    call.answer(data, *map(gate_line, result.gates), f"{mark} {result.message}")
    return Exit.OK if result.merged else Exit.FAILED


def merge_message(snapshot: "Snapshot", *, into: str | None, force: bool) -> "MergeRun":
    """Raises UserError where there is nothing to merge, or it is not proven and nobody insists."""
    from ostinato.cli.follow import current_user
    from ostinato.contracts.workflows import MergeRun
    from ostinato.domain.errors import UserError
    from ostinato.domain.permissions import Network
    from ostinato.domain.report import is_proven

    run_id, workspace = snapshot.run_id, snapshot.workspace
    if snapshot.outcome is None:
        raise UserError.of("run_open", "RUN", f"{run_id} has not ended", f"Wait for it: ostinato watch {run_id}")
    if workspace is None or snapshot.head in ("", workspace.base_commit):
        raise UserError.of("nothing_to_merge", "RUN", f"{run_id} changed nothing", f"See: ostinato report {run_id}")
    assert snapshot.plan is not None
    if (obstacle := is_proven(snapshot)) and not force:
        cure = f"See: ostinato why {run_id}; --force merges all the same and is recorded"
        raise UserError.of("not_proven", "RUN", f"{run_id} may not be merged: {obstacle}", cure)
    branch = into or workspace.base_branch
    if branch is None:
        cure = "Name the branch to move: --into BRANCH"
        raise UserError.of("base_unknown", "--into", f"{run_id} started from a detached HEAD", cure)
    return MergeRun(
        run_id=run_id, repository=workspace.repository, head=snapshot.head, base_branch=branch,
        requested_by=current_user(), trusted=snapshot.request.options.trusted, force=force,
        gates=snapshot.plan.post_gates, custom_gates=snapshot.plan.custom_gates,
        classification=snapshot.classification, request=snapshot.request.text,
        offline=snapshot.request.options.policy.network is Network.DENY,
    )  # fmt: skip
