"""`classify`: what a request is about, and why."""

import argparse
import json
import sys
from typing import TYPE_CHECKING, Any

from ostinato.cli.call import Call
from ostinato.cli.exits import Exit
from ostinato.cli.options import TASK_TYPES

if TYPE_CHECKING:
    from rich.text import Text

    from ostinato.domain.classification import Classification

EXAMPLES = (
    'ostinato classify "the login page crashes on an empty password"',
    "ostinato classify --batch < requests.jsonl",
)
VARIABLES = ("OSTINATO_HOME",)


def declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("request", metavar="REQUEST", nargs="?", help="what you want, in any language; - reads stdin")
    parser.add_argument(
        "--type", choices=TASK_TYPES, metavar="TYPE", help="say the task type yourself; it is kept for refit"
    )
    parser.add_argument(
        "--batch", action="store_true", help='read JSON lines {"text": …} from stdin, write one result a line'
    )


def execute(call: Call) -> Exit:
    from ostinato.adapters.corrections import load_calibration
    from ostinato.cli.correcting import note_statement
    from ostinato.domain.classification import TaskType
    from ostinato.domain.request import clean_request
    from ostinato.domain.rules import classify

    if call.arguments.batch:
        return _batch(call)
    given = call.arguments.request
    text = clean_request(sys.stdin.read(200_000) if given == "-" else given or "")
    stated = TaskType(call.arguments.type) if call.arguments.type else None
    found = classify(text, stated=stated, calibration=load_calibration(call.home))
    call.answer(found.model_dump(mode="json"), *classification_lines(found))
    if note_statement(call, text):
        call.terminal.say("note: kept as a correction; see: ostinato refit --help")
    return Exit.OK


def _batch(call: Call) -> Exit:
    """Exit 2 when a line was refused; the others are answered all the same."""
    from ostinato.adapters.corrections import load_calibration
    from ostinato.cli.batch import answers
    from ostinato.domain.errors import UserError

    if call.arguments.request is not None or call.arguments.type:
        message = "--batch reads its requests from stdin; it takes neither REQUEST nor --type"
        raise UserError.of("usage", "ostinato classify", message, "See: ostinato classify --help")
    refused = 0
    for answer in answers(sys.stdin.buffer, load_calibration(call.home)):
        refused += "error" in answer
        call.terminal.write(json.dumps(answer, ensure_ascii=False) + "\n")
    return Exit.USAGE if refused else Exit.OK


def _complexity(found: "Classification") -> str:
    return (
        f"{found.complexity} ({found.complexity_score:.2f}), by the {found.complexity_basis} alone"
        if found.complexity_basis == "text"
        else f"{found.complexity} ({found.complexity_score:.2f}), by the {found.complexity_basis}"
    ) + f", {found.complexity_confidence:.0%} sure"


def classification_lines(found: "Classification") -> "list[Text]":
    from rich.text import Text

    from ostinato.cli.printable import printable
    from ostinato.cli.prospects import risks_of

    sure = "as you said" if found.stated else f"{found.confidence:.0%} sure"
    rows: list[tuple[str, Any]] = [
        ("type", f"{found.task_type} ({sure})"),
        ("likely", ", ".join(f"{each.task_type} {each.p:.0%}" for each in found.top)),
        ("also", ", ".join(found.also)),
        ("intent", found.intent),
        ("complexity", _complexity(found)),
        ("risk", ": ".join(filter(None, (found.risk, "; ".join(risks_of(found)))))),
        ("domains", ", ".join(found.domains)),
        ("because", "; ".join(found.because)),
        ("model", f"{found.model}, refitted from corrections" if found.refitted else ""),
    ]
    return [Text.assemble("  ", (f"{name:<11}", "quiet"), printable(str(value))) for name, value in rows if value]
