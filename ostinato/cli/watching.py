"""What `run` and `watch` share: who is asked, how it ends, how one detaches."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ostinato.cli.call import Call
from ostinato.cli.follow import Follower
from ostinato.cli.rendering import question, spaced
from ostinato.cli.reporting import answer_report
from ostinato.domain.ids import RunId
from ostinato.domain.report import Snapshot

if TYPE_CHECKING:
    from temporalio.client import Client


def watcher(
    call: Call,
    client: "Client",
    run_id: RunId,
    on_change: Callable[[Snapshot], None] | None = None,
    *,
    asks: str = "",
) -> Follower:
    """With --no-input, nobody is waited for."""
    return Follower(
        call=call,
        client=client,
        run_id=run_id,
        stop_for_people=call.arguments.no_input,
        on_change=on_change,
        asks=asks,
    )


@contextmanager
def attended(call: Call, run_id: str) -> Iterator[None]:
    """Ctrl-C leaves the run alone and says how to come back."""
    try:
        yield
    except KeyboardInterrupt:
        call.terminal.say(
            f"detached: the run goes on. Come back: ostinato watch {run_id}   Stop it: ostinato cancel {run_id}"
        )
        raise


def finish(call: Call, seen: Snapshot) -> None:
    """The report; for a run that waits for a person, its questions as well."""
    answer_report(call, seen)
    if seen.outcome is None and call.wants_json:
        call.terminal.say(spaced([question(seen, decision) for decision in seen.pending_decisions]))
