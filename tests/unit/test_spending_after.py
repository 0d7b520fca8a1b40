"""What a run that goes on from another may spend."""

from datetime import UTC, datetime

from ostinato.domain.budget.amounts import Amount
from ostinato.domain.budget.judging import limit_of
from ostinato.domain.budget.ledger import Ledger
from ostinato.domain.continuation import Continuation
from ostinato.domain.ids import RunId
from ostinato.domain.pipeline import Phase
from ostinato.domain.report import Snapshot
from ostinato.domain.request import RunOptions, RunRequest
from ostinato.durable.spending import spending_after

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def a_snapshot(options: RunOptions) -> Snapshot:

    spending, _ = Ledger(limit=limit_of(options)).grant("a", Amount(tokens=300), NOW, holder="w")
    request = RunRequest(run_id=RunId("r"), text="tidy up", repository="/r", requested_by="ada", options=options)
    return Snapshot(run_id=request.run_id, request=request, phase=Phase.ENDED, spending=spending, started_at=NOW)


def test_a_run_that_only_grew_goes_on_with_the_very_ledger() -> None:
    was = a_snapshot(RunOptions(max_tokens=500))

    assert spending_after(was.request, Continuation(reason="size", snapshot=was)) == was.spending


def test_a_fork_has_a_ledger_of_its_own_and_tells_what_was_spent_before() -> None:
    was = a_snapshot(RunOptions(max_tokens=500))
    assert was.spending is not None
    spent = was.model_copy(update={"spending": was.spending.settle("a", Amount(tokens=200), NOW)})

    forked = spending_after(was.request, Continuation(reason="fork", snapshot=spent)).balance()

    assert (forked.spent.tokens, forked.inherited.tokens, forked.limit.tokens) == (0, 200, 500)
