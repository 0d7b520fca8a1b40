"""A run's report and state in every format."""

from datetime import UTC, datetime
from typing import Any

from ostinato.cli.call import Call
from ostinato.cli.rendering import elapsed_s, run_view
from ostinato.domain.explanation import answers
from ostinato.domain.report import Snapshot
from ostinato.domain.waiting import counts
from ostinato.domain.wire import budget_json, report_json


def answer_report(call: Call, snapshot: Snapshot) -> None:
    """The final word of `run`, `watch` and `report`."""
    call.answer(report_json(snapshot), run_view(snapshot, datetime.now(UTC)), *next_steps(snapshot))


def next_steps(snapshot: Snapshot) -> list[Any]:
    from rich.text import Text

    from ostinato.cli.rendering import advice_lines
    from ostinato.domain.explanation import why

    if snapshot.outcome is None:  # the view has the open questions with their answers
        return []
    return [Text(""), *advice_lines(why(snapshot).advice)]


def state_data(snapshot: Snapshot, now: datetime, ui_link: str = "") -> dict[str, Any]:
    """What `status` and `watch` tell programs."""
    dumped = snapshot.model_dump(
        mode="json",
        include={
            "run_id", "phase", "outcome", "paused", "doing", "todos", "gates", "stop", "notes", "head", "conflicts",
            "quotas",
        },
    )  # fmt: skip
    return {
        **dumped,
        "request": snapshot.request.text,
        "repository": snapshot.request.repository,
        "percent": snapshot.percent,
        "budget": budget_json(snapshot),
        "counts": counts(snapshot),
        "is_whole": snapshot.is_whole,
        "changes_count": len(snapshot.changes),
        "epoch": snapshot.workspace.epoch if snapshot.workspace else None,
        "elapsed_s": round(elapsed_s(snapshot, now), 3),
        "expected_s": snapshot.expected_s,
        "branch": snapshot.publication.branch if snapshot.publication else "",
        "started_at": snapshot.started_at.isoformat(),
        "ended_at": snapshot.ended_at.isoformat() if snapshot.ended_at else None,
        "pending_decisions": [decision_data(snapshot, index) for index in range(len(snapshot.pending_decisions))],
        "web_ui": ui_link,
    }


def decision_data(snapshot: Snapshot, index: int) -> dict[str, Any]:
    decision = snapshot.pending_decisions[index]
    commands = [advice.command for advice in answers(snapshot, decision)]
    return {"run_id": snapshot.run_id, **decision.model_dump(mode="json"), "commands": commands}
