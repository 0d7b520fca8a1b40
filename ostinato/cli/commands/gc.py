"""`gc`: clean up what finished runs left; never anything dirty or unmerged."""

import argparse
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ostinato.cli.call import Call
from ostinato.cli.exits import Exit
from ostinato.settings import KEEP_DAYS

if TYPE_CHECKING:
    from rich.text import Text
    from temporalio.client import Client

    from ostinato.adapters.cleaning import Collected, GcPlan
    from ostinato.domain.ids import RunId

EXAMPLES = ("ostinato gc --dry-run", "ostinato gc --keep-days 7 --max-size 5G")
VARIABLES = ("OSTINATO_HOME", "OSTINATO_PAYLOADS", "TEMPORAL_ADDRESS")
SHOWN = 40
MOST_ASKED = 200
"""Open runs that are asked when they began."""


def declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dry-run", action="store_true", help="only show what would go, and what stays and why")
    parser.add_argument(
        "--keep-days", metavar="N", type=float, help=f"keep what is younger (default: gc.keep_days, else {KEEP_DAYS})"
    )
    parser.add_argument(
        "--max-size", metavar="SIZE", help="the most that artifacts may take, such as 500M or 5G (default: gc.max_size)"
    )


def execute(call: Call) -> Exit:
    import asyncio

    from ostinato.adapters.cleaning import collect

    keep_days, max_bytes = _limits(call)
    plan = asyncio.run(_plan(call, keep_days, max_bytes))
    if call.arguments.dry_run:
        call.answer(_data(plan, ()), *_plan_lines(plan))
        return Exit.OK
    done = asyncio.run(collect(call.home, plan.removals))
    call.answer(_data(plan, done), *_done_lines(plan, done))
    return Exit.OK if all(each.done for each in done) else Exit.FAILED


def _limits(call: Call) -> tuple[float, int | None]:
    from ostinato.domain.errors import UserError
    from ostinato.reading import MAX_DAYS, parse_size

    given, settings = call.arguments, call.settings
    if given.keep_days is not None and not 0 <= given.keep_days <= MAX_DAYS:
        message = f"{given.keep_days} is not allowed"
        raise UserError.of("setting_invalid", "--keep-days", message, f"Use 0 to {MAX_DAYS:,}")
    size = parse_size(given.max_size) if given.max_size is not None else settings.max_bytes
    if given.max_size is not None and size is None:
        raise UserError.of("setting_invalid", "--max-size", f"{given.max_size!r} is no size", "Write 500M or 5G")
    days = given.keep_days if given.keep_days is not None else settings.keep_days
    return (KEEP_DAYS if days is None else days), size


async def _plan(call: Call, keep_days: float, max_bytes: int | None) -> "GcPlan":
    from ostinato.adapters.cleaning import plan_gc
    from ostinato.settings import ensure_home

    ensure_home(call.home)
    open_runs, since, scheduled = await _open(call)
    return await plan_gc(
        call.home,
        now=datetime.now(UTC),
        keep_days=keep_days,
        max_bytes=max_bytes,
        open_runs=open_runs,
        open_since=since,
        scheduled=scheduled,
    )


async def _open(call: Call) -> "tuple[tuple[RunId, ...], datetime | None, tuple[RunId, ...]]":
    """All runs that the server knows as open, the start of the oldest, and all triggers. Needs a server."""
    from ostinato.adapters.temporal.connection import connect, is_address_configured
    from ostinato.adapters.temporal.embedded import server_status
    from ostinato.domain.errors import UserError

    if not is_address_configured() and server_status(call.home) is None:
        cure = "Start it, so that it can tell which runs are open: ostinato up"
        raise UserError.of("server_missing", "gc", "no Temporal server is running", cure)
    from ostinato.adapters.temporal.schedules import list_schedules
    from ostinato.domain.ids import RunId

    client = await connect(call.home)
    triggers = tuple(RunId(one.id) for one in await list_schedules(client))
    return *await _ask(client), triggers


async def _ask(client: "Client") -> "tuple[tuple[RunId, ...], datetime | None]":
    """None for the start where somebody's is not known: artifacts stay then."""
    from ostinato.cli.runs import glance, open_runs
    from ostinato.domain.errors import ExternalError, UserError

    runs = await open_runs(client, limit=None)
    if len(runs) > MOST_ASKED:
        return runs, None
    try:
        starts = [(await glance(client, run_id)).started_at for run_id in runs]
    except (ExternalError, UserError):
        return runs, None
    return runs, min(starts, default=None)


def _data(plan: "GcPlan", done: "tuple[Collected, ...]") -> dict[str, Any]:
    outcome = {id(each.removal): each for each in done}

    def told(removal: Any) -> dict[str, Any]:
        found = outcome.get(id(removal))
        state = {"done": found.done, "message": found.message} if found else {"done": False, "message": ""}
        refs = [name for name, _ in removal.refs]
        kept = {"kind": removal.kind.value, "place": removal.place, "reason": removal.reason, "bytes": removal.bytes}
        return {**kept, "run_id": removal.run_id, "refs": refs, **state}

    return {
        "dry_run": not done and bool(plan.removals),
        "bytes": plan.bytes,
        "removals": [told(removal) for removal in plan.removals],
        "kept": [{"place": kept.place, "reason": kept.reason} for kept in plan.kept],
    }


def _plan_lines(plan: "GcPlan") -> "list[Text]":
    from rich.text import Text

    lines = [
        Text.assemble(("  - ", "careful"), f"{removal.kind.value:<11} {size_text(removal.bytes):>8}  ", removal.place)
        .append(f"  {removal.reason}", "quiet")
        for removal in plan.removals[:SHOWN]
    ]  # fmt: skip
    first = f"{len(plan.removals)} things would go, {size_text(plan.bytes)}" if lines else "nothing is to be cleaned up"
    return [Text(first, style="title"), *lines, *_more(len(plan.removals)), *_kept_lines(plan)]


def _done_lines(plan: "GcPlan", done: "tuple[Collected, ...]") -> "list[Text]":
    from rich.text import Text

    good = [each for each in done if each.done]
    freed = size_text(sum(each.removal.bytes for each in good))
    first = Text(f"✔ {len(good)} things are gone, {freed}" if done else "nothing is to be cleaned up", style="title")
    failed = [Text(f"  ✘ {each.removal.place}: {each.message}", style="bad") for each in done if not each.done]
    kept = [Text(f"  · {each.removal.place}: {each.message}", style="quiet") for each in good if each.message]
    return [first, *failed, *kept[:SHOWN], *_kept_lines(plan)]


def _kept_lines(plan: "GcPlan") -> "list[Text]":
    from rich.text import Text

    lines = [Text(f"  stays: {kept.place}  {kept.reason}", style="quiet") for kept in plan.kept[:SHOWN]]
    return [*lines, *_more(len(plan.kept))]


def _more(total: int) -> "list[Text]":
    from rich.text import Text

    return [Text(f"  … {total - SHOWN} more: --json has them all", style="quiet")] if total > SHOWN else []


def size_text(size: float) -> str:
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1024:
            return f"{size:.0f} {unit}"
        size /= 1024
    return f"{size:.1f} TB"
