"""`resources`: the modes, skills, MCP servers, commands, agents and context that a run can be given."""

import argparse
import asyncio
from typing import TYPE_CHECKING, Any

from ostinato.cli.call import Call
from ostinato.cli.exits import Exit
from ostinato.cli.options import TASK_TYPES, declare_repository

if TYPE_CHECKING:
    from ostinato.cli.discovering import Seen
    from ostinato.domain.resources import Activation, Resource

EXAMPLES = (
    "ostinato resources --repo ~/projects/shop",
    'ostinato resources --for "fix the crash at the login"',
    "ostinato resources fix-a-defect",
)
VARIABLES = ("OSTINATO_HOME",)
KINDS = ("mode", "skill", "server", "command", "agent", "context")


def declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", nargs="?", help="show this one in full")
    declare_repository(parser)
    parser.add_argument(
        "--base", metavar="REF", help="as they are in this commit (default: the files as they lie there)"
    )
    parser.add_argument("--kind", choices=KINDS, metavar="KIND", help=f"only these: {', '.join(KINDS)}")
    parser.add_argument("--for", dest="request", metavar="REQUEST", help="what a run for this request would be given")
    parser.add_argument("--type", choices=TASK_TYPES, metavar="TYPE", help="with --for: say the task type yourself")
    parser.add_argument("--mode", metavar="M", help="with --for: the behavioural mode")


def execute(call: Call) -> Exit:
    from ostinato.cli.connecting import here
    from ostinato.cli.discovering import active_view, full_view, list_view, look, named

    seen = asyncio.run(look(call.home, here(call.arguments.repo), call.arguments.base))
    kind, request = call.arguments.kind, call.arguments.request
    if call.arguments.name:
        chosen = named(seen.found, call.arguments.name, kind)
        call.answer({"resources": [_data(each, seen, text=True) for each in chosen]}, full_view(chosen))
    elif request is not None:
        activation = _activation(call, seen)
        call.answer(
            {**_all(seen, kind), "activation": activation.model_dump(mode="json")},
            active_view(activation, request, seen),
        )
    else:
        call.answer(_all(seen, kind), list_view(seen, kind))
    return Exit.OK


def _activation(call: Call, seen: "Seen") -> "Activation":
    from ostinato.domain.classification import TaskType
    from ostinato.domain.request import clean_request
    from ostinato.domain.rules import classify
    from ostinato.domain.selection import select

    text = clean_request(call.arguments.request)
    classification = classify(text, stated=TaskType(call.arguments.type) if call.arguments.type else None)
    return select(classification, seen.found, request=text, mode=call.arguments.mode, trusted=seen.trusted)


def _all(seen: "Seen", kind: str | None) -> dict[str, Any]:
    found = seen.found
    return {
        "trusted": seen.trusted,
        "resources": [_data(each, seen) for each in found.resources if kind in (None, each.kind)],
        "shadowed": [each.model_dump(mode="json") for each in found.shadowed if kind in (None, each.kind)],
        "broken": [each.model_dump(mode="json") for each in found.broken],
        "notices": [each.model_dump(mode="json") for each in found.notices],
    }


def _data(resource: "Resource", seen: "Seen", *, text: bool = False) -> dict[str, Any]:
    told = resource.model_dump(mode="json", exclude=None if text else {"text"})
    return {**told, "uncommitted": resource.path in seen.uncommitted}
