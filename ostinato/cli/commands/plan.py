"""`plan`: show what a run would do; changes nothing."""

import argparse
import asyncio

from ostinato.cli.call import Call
from ostinato.cli.exits import Exit
from ostinato.cli.options import declare_work

EXAMPLES = (
    'ostinato plan "fix the lint errors and format the code" --repo ~/projects/shop',
    'ostinato plan "review the last change" --template code_review --format mermaid > plan.mmd',
)
VARIABLES = ("OSTINATO_HOME", "OSTINATO_INTERACTION", "OSTINATO_MAX_PARALLEL")
FORMATS = ("text", "mermaid")


def declare(parser: argparse.ArgumentParser) -> None:
    declare_work(parser)
    parser.add_argument(
        "--format", choices=FORMATS, default="text", metavar="|".join(FORMATS),
        help="mermaid: the plan alone, as a flowchart; with --json it stands there as `mermaid`",
    )  # fmt: skip


def execute(call: Call) -> Exit:
    from ostinato.cli.foreseeing import foresee
    from ostinato.cli.mermaid import mermaid_text
    from ostinato.cli.plandata import foresight_data
    from ostinato.cli.planview import foresight_lines

    seen = asyncio.run(foresee(call))
    for note in seen.notes:
        call.terminal.say(f"note: {note}")
    drawing = mermaid_text(seen.plan) if call.arguments.format == "mermaid" else ""
    if call.wants_json:
        call.emit(foresight_data(seen) | ({"mermaid": drawing} if drawing else {}))
    elif drawing:
        call.terminal.write(drawing)
    else:
        call.terminal.show(foresight_lines(seen, call.terminal.out.width))
    return Exit.OK
