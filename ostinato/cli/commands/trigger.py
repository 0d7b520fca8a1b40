"""`trigger`: schedules that start runs of a definition: apply, list, fire now, remove."""

import argparse
from typing import TYPE_CHECKING, Any

from ostinato.cli.call import Call
from ostinato.cli.exits import Exit
from ostinato.cli.options import declare_repository
from ostinato.settings import INTERACTIONS

if TYPE_CHECKING:
    from temporalio.client import Client

    from ostinato.adapters.temporal.schedules import Scheduled

EXAMPLES = (
    "ostinato trigger apply nightly-hardening.yaml --repo ~/projects/shop --trust",
    "ostinato trigger apply --template nightly --repo ~/projects/shop --param package=src",
    "ostinato trigger list",
    "ostinato trigger fire nightly-hardening-3f2a91-1",
    "ostinato trigger remove nightly-hardening-3f2a91-1",
)
VARIABLES = ("OSTINATO_HOME", "TEMPORAL_ADDRESS")
_ACTIONS = ("apply", "list", "fire", "remove")


def declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=_ACTIONS, metavar="apply|list|fire|remove", help="what to do")
    parser.add_argument("target", metavar="FILE|ID", nargs="?", help="apply: a definition; fire, remove: a trigger")
    declare_repository(parser)
    parser.add_argument("--template", metavar="T", help="apply: a workflow template instead of a file")
    parser.add_argument("--param", metavar="K=V", action="append", default=[], help="apply: an input of its runs")
    parser.add_argument("--id", metavar="ID", help="apply: what the triggers' ids begin with (default: from the names)")
    parser.add_argument("--base", metavar="REF", help="apply: branch or tag that runs start from (default: HEAD then)")
    parser.add_argument(
        "--interaction", choices=INTERACTIONS,
        help="apply: how often its runs ask: minimal, checkpoint, collaborative (default: minimal)",
    )  # fmt: skip
    parser.add_argument("--max-parallel", metavar="N", type=int, help="apply: steps at the same time (default: 5)")
    parser.add_argument("--yes", action="store_true", help="apply: approve in advance what policy lets be approved")
    parser.add_argument(
        "--trust", action="store_true", help="apply: let the repository's own code run, and remember it"
    )


def execute(call: Call) -> Exit:
    from ostinato.domain.errors import UserError

    action, target = call.arguments.action, call.arguments.target
    if action in ("fire", "remove") and target is None:
        raise UserError.of("usage", "ID", f"{action} needs a trigger", "See them all: ostinato trigger list")
    if action == "list" and target is not None:
        raise UserError.of("usage", "ID", "list takes no name", "Write: ostinato trigger list")
    {"apply": _apply, "list": _list, "fire": _fire, "remove": _remove}[action](call)
    return Exit.OK


def _apply(call: Call) -> None:
    from ostinato.adapters.temporal.schedules import apply_schedule, list_schedules, remove_schedule
    from ostinato.cli.connecting import ensure_stack, with_client
    from ostinato.cli.triggering import NOT_ASKED, base_id, triggers_of

    call.arguments.definition = call.arguments.target
    vars(call.arguments).update(NOT_ASKED)
    triggers, base = triggers_of(call), base_id(call)
    ensure_stack(call)

    async def session(client: "Client") -> list[dict[str, Any]]:
        done: list[tuple[str, str]] = [(one.id, await apply_schedule(client, one)) for one in triggers]
        known = [name for name, _ in done]
        seen = {one.id: one for one in await list_schedules(client, f"{base}-", known=known)}
        for name in seen.keys() - set(known):
            if name.removeprefix(f"{base}-").isdigit():  # the definition had more of them before
                await remove_schedule(client, name)
                done.append((name, "removed"))
        return [{**(_data(seen[name]) if name in seen else {"id": name}), "applied": how} for name, how in done]

    applied = with_client(call, session)
    call.answer(applied, *(f"✔ {one['applied']:<9} {one['id']}  {_when(one)}" for one in applied))


def _list(call: Call) -> None:
    from ostinato.adapters.temporal.schedules import list_schedules
    from ostinato.cli.connecting import with_client

    found = [_data(one) for one in with_client(call, list_schedules)]
    empty = "no triggers. Apply those of a definition: ostinato trigger apply FILE --repo PATH"
    call.answer(found, *([_line(one) for one in found] or [empty]))


def _fire(call: Call) -> None:
    from ostinato.adapters.temporal.schedules import describe_schedule, fire_schedule
    from ostinato.cli.connecting import ensure_stack, with_client

    ensure_stack(call)

    async def session(client: "Client") -> dict[str, Any]:
        before = await describe_schedule(client, call.arguments.target)
        await fire_schedule(client, call.arguments.target)
        return _data(await _started(client, before))

    seen = with_client(call, session)
    call.answer(seen, f"✔ started {next(iter(seen['runs']), 'its run')}")


async def _started(client: "Client", before: "Scheduled") -> "Scheduled":
    """Once the server tells of the new start; after a few seconds as it is."""
    import asyncio

    from ostinato.adapters.temporal.schedules import describe_schedule

    seen = before
    for _ in range(50):
        seen = await describe_schedule(client, before.id)
        if seen.workflow_ids[:1] != before.workflow_ids[:1]:
            break
        await asyncio.sleep(0.1)
    return seen


def _remove(call: Call) -> None:
    from ostinato.adapters.temporal.schedules import remove_schedule
    from ostinato.cli.connecting import with_client

    with_client(call, lambda client: remove_schedule(client, call.arguments.target))
    call.answer({"id": call.arguments.target, "removed": True}, f"✔ removed {call.arguments.target}")


def _data(one: "Scheduled") -> dict[str, Any]:
    from ostinato.contracts.workflows import REPOSITORY
    from ostinato.domain.ids import run_id_of

    return {
        "id": one.id,
        "schedule": one.schedule,
        "source": one.source,
        "repository": one.attributes.get(REPOSITORY.name, ""),
        "paused": one.paused,
        "next": [when.isoformat() for when in one.next_at],
        "runs": [run_id_of(name) for name in one.workflow_ids],
    }


def _line(one: dict[str, Any]) -> str:
    last = f"  last run {one['runs'][0]}" if one["runs"] else ""
    return f"{one['id']:<40} {_when(one)}  {one['source']}  {one['repository']}{last}"


def _when(one: dict[str, Any]) -> str:
    if one.get("paused"):
        return f"{one['schedule']}, paused"
    coming = next(iter(one.get("next", ())), "")
    return f"{one.get('schedule', '')}" + (f", next {coming}" if coming else "")
