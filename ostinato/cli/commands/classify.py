"""`classify`: what a request is about, and why."""

import argparse
import sys
from typing import TYPE_CHECKING, Any

from ostinato.cli.call import Call
from ostinato.cli.exits import Exit
from ostinato.cli.options import TASK_TYPES

if TYPE_CHECKING:
    from rich.text import Text

    from ostinato.domain.classification import Classification

EXAMPLES = ('ostinato classify "the login page crashes on an empty password"',)
VARIABLES = ()


def declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("request", metavar="REQUEST", help="what you want, in any language; - reads stdin")
    parser.add_argument("--type", choices=TASK_TYPES, metavar="TYPE", help="say the task type yourself")


def execute(call: Call) -> Exit:
    from ostinato.domain.classification import TaskType
    from ostinato.domain.request import clean_request
    from ostinato.domain.rules import classify

    given = call.arguments.request
    text = clean_request(sys.stdin.read(200_000) if given == "-" else given)
    stated = TaskType(call.arguments.type) if call.arguments.type else None
    found = classify(text, stated=stated)
    call.answer(found.model_dump(mode="json"), *classification_lines(found))
    return Exit.OK


def classification_lines(found: "Classification") -> "list[Text]":
    from rich.text import Text

    from ostinato.cli.printable import printable

    sure = "as you said" if found.stated else f"{found.confidence:.0%} sure"
    rows: list[tuple[str, Any]] = [
        ("type", f"{found.task_type} ({sure})"),
        ("intent", found.intent),
        ("complexity", f"{found.complexity} ({found.complexity_score:.2f})"),
        (
            "risk",
            f"{found.risk}"
            + (
                f": {'; '.join(r.removeprefix(f'{found.risk}: ') for r in found.risk_reasons)}"
                if found.risk_reasons
                else ""
            ),
        ),
        ("domains", ", ".join(found.domains)),
        ("because", "; ".join(found.because)),
    ]
    return [Text.assemble("  ", (f"{name:<11}", "quiet"), printable(str(value))) for name, value in rows if value]
