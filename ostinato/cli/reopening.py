"""A run goes on in another execution: retried, rolled back after its end, or forked into a run of its own."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from temporalio.client import Client
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError

from ostinato.adapters.home import Home
from ostinato.adapters.results import ResultStore
from ostinato.cli.runs import Started, describe, raise_rpc
from ostinato.contracts.workflows import MAX_ATTRIBUTE_CHARS, PHASE, REPOSITORY, RUN_WORKFLOW, TASK_QUEUE
from ostinato.domain.continuation import Continuation, with_continuation
from ostinato.domain.errors import UserError
from ostinato.domain.ids import RunId, workflow_id
from ostinato.domain.pipeline import Phase
from ostinato.domain.report import Snapshot
from ostinato.domain.request import RunRequest, headline

if TYPE_CHECKING:
    from ostinato.cli.call import Call


async def go_on(client: Client, home: Home, request: RunRequest, continuation: Continuation) -> Started:
    """The same run in another execution; its stored result is set aside, and put back where nothing began."""
    results = ResultStore(home)
    follows = await last_execution(client, continuation.snapshot)
    was_stored = results.set_aside(request.run_id)
    try:
        return await _start(
            client,
            request,
            continuation.model_copy(update={"follows": follows}),
            reuse=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
        )
    except BaseException:
        if was_stored:
            results.put_back(request.run_id)
        raise


async def begin_fork(client: Client, request: RunRequest, continuation: Continuation) -> Started:
    """A run of its own; UserError run_id_taken where its id was used before."""
    return await _start(client, request, continuation, reuse=WorkflowIDReusePolicy.REJECT_DUPLICATE)


async def last_execution(client: Client, snapshot: Snapshot) -> str:
    """By the server, or as the run itself noted it where the server has forgotten it."""
    noted = snapshot.workspace.timeline if snapshot.workspace else ""
    try:
        return (await describe(client, snapshot.run_id)).run_id or noted
    except UserError:
        return noted


async def _start(
    client: Client, request: RunRequest, continuation: Continuation, *, reuse: WorkflowIDReusePolicy
) -> Started:
    name = workflow_id(request.run_id)
    try:
        await client.start_workflow(
            RUN_WORKFLOW,
            with_continuation(request, continuation),
            id=name,
            task_queue=TASK_QUEUE,
            id_conflict_policy=WorkflowIDConflictPolicy.FAIL,
            id_reuse_policy=reuse,
            static_summary=headline(request.text),
            static_details=f"{request.text[:4_000]}\n\n- {continuation.reason} by {continuation.by}",
            search_attributes=TypedSearchAttributes(
                [
                    SearchAttributePair(REPOSITORY, request.repository[:MAX_ATTRIBUTE_CHARS]),
                    SearchAttributePair(PHASE, Phase.ANALYZING.value),
                ]
            ),
        )
    except WorkflowAlreadyStartedError as error:
        raise _taken(request.run_id, reuse) from error
    except RPCError as error:
        raise_rpc(error, name)
    return Started(run_id=request.run_id, workflow_id=name, existing=False)


def _taken(run_id: RunId, reuse: WorkflowIDReusePolicy) -> UserError:
    if reuse is WorkflowIDReusePolicy.REJECT_DUPLICATE:
        return UserError.of("run_id_taken", "--id", f"there is a run {run_id} already", "Choose another --id")
    return UserError.of("run_open", "RUN", f"run {run_id} is going on", f"Follow it: ostinato watch {run_id}")


def renewed(call: "Call", request: RunRequest) -> RunRequest:
    """The request as it holds now: without a deadline that has passed, with the trust there is today and new limits."""
    from ostinato.cli.trust import settle_trust

    options = request.options
    update: dict[str, object] = {"trusted": options.trusted or settle_trust(call, Path(request.repository))}
    if options.deadline is not None and options.deadline <= datetime.now(UTC):
        call.terminal.say("note: its deadline has passed and does not hold any more")
        update["deadline"] = None
    update |= _limits(call)
    return request.model_copy(update={"options": options.model_copy(update=update)})


def _limits(call: "Call") -> dict[str, object]:
    """Those that are said anew. UserError where they are no amounts."""
    from ostinato.cli.defining import Problems
    from ostinato.cli.limiting import spending_of

    problems = Problems()
    said = spending_of(call.arguments, problems)
    problems.settle()
    named = {"max_tokens": said.max_tokens, "max_micro_usd": said.max_micro_usd}
    return {name: value for name, value in named.items() if value is not None}


def without_open_questions(snapshot: Snapshot) -> Snapshot:
    """Questions that nobody answered belong to the execution that asked them."""
    answered = tuple(decision for decision in snapshot.decisions if not decision.is_open)
    return snapshot.model_copy(update={"decisions": answered})
