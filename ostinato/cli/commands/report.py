"""`report`: what a run came to."""

import argparse

from ostinato.cli.call import Call
from ostinato.cli.exits import Exit
from ostinato.cli.options import declare_run

EXAMPLES = ("ostinato report fix-the-lint-errors", "ostinato report fix-the-lint-errors --format md > report.md")
VARIABLES = ("OSTINATO_HOME", "TEMPORAL_ADDRESS")


def declare(parser: argparse.ArgumentParser) -> None:
    declare_run(parser)
    parser.add_argument("--format", choices=("text", "md", "json"), default="text", help="text, md or json")


def execute(call: Call) -> Exit:
    from ostinato.cli.connecting import read_run
    from ostinato.cli.reporting import answer_report
    from ostinato.domain.summary import markdown_report
    from ostinato.domain.wire import report_json

    snapshot = read_run(call)
    if call.arguments.format == "json":
        call.emit(report_json(snapshot))
    elif call.arguments.format == "md" and not call.wants_json:
        call.terminal.write(markdown_report(snapshot).rstrip("\n") + "\n")
    else:
        answer_report(call, snapshot)
    return Exit.OK
