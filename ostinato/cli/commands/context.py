"""`context`: what a run leaves for others; exported to a file, and merged with another."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ostinato.cli.call import Call
from ostinato.cli.exits import Exit

if TYPE_CHECKING:
    from ostinato.domain.run_context import RunContext

EXAMPLES = (
    "ostinato context fix-the-lint-errors",
    "ostinato context fix-the-lint-errors --export lint.json",
    "ostinato context merge lint.json add-tests --output both.json",
)
VARIABLES = ("OSTINATO_HOME", "TEMPORAL_ADDRESS")


def declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN|merge", help="a run's id or a unique prefix of it, or: merge A B")
    parser.add_argument("parts", metavar="A B", nargs="*", help="for merge: two context files or runs")
    parser.add_argument("--export", metavar="FILE", help="write the run's context to a file")
    parser.add_argument("--output", metavar="FILE", help="for merge: the file to write")
    parser.add_argument(
        "--prefer", choices=("newer", "first", "second"), default="newer", help="for merge: what is taken in a conflict"
    )


def execute(call: Call) -> Exit:
    _check(call)
    return _merge(call) if call.arguments.run == "merge" else _show(call)


def _check(call: Call) -> None:
    from ostinato.domain.errors import UserError

    arguments = call.arguments
    is_merge = arguments.run == "merge"
    if len(arguments.parts) != (2 if is_merge else 0):
        message = "merge takes two context files or runs" if is_merge else "only one run can be shown"
        raise UserError.of("usage", "RUN", message, "See: ostinato context --help")
    if is_merge and not arguments.output:
        raise UserError.of("usage", "--output", "where the merged context goes is missing", "Add --output FILE")
    if (is_merge and arguments.export) or (arguments.output and not is_merge):
        wrong, right = ("--export", "--output") if is_merge else ("--output", "--export")
        raise UserError.of("usage", wrong, "it does not belong here", f"Write {right} FILE")


def _show(call: Call) -> Exit:
    from rich.text import Text

    from ostinato.cli.printable import printable
    from ostinato.domain.context import as_text

    context = _of_run(call)
    text = as_text(context)
    if call.arguments.export:
        _write(Path(call.arguments.export), text)
        said = f"{len(context.facts)} facts of {context.from_run} written to {call.arguments.export}"
        call.answer({"file": call.arguments.export, "facts": len(context.facts)}, Text(said))
    else:
        call.answer(context.model_dump(mode="json"), Text(printable(text).rstrip("\n")))
    return Exit.OK


def _merge(call: Call) -> Exit:
    from rich.text import Text

    from ostinato.cli.printable import printable
    from ostinato.domain.context import as_text, merge_contexts

    first, second = (_read(call, part) for part in call.arguments.parts)
    merged, conflicts = merge_contexts(first, second, call.arguments.prefer)
    _write(Path(call.arguments.output), as_text(merged))
    data = {
        "file": call.arguments.output,
        "facts": len(merged.facts),
        "conflicts": [conflict.model_dump(mode="json") for conflict in conflicts],
    }
    lines = [f"{len(merged.facts)} facts written to {call.arguments.output}"]
    lines += [f"conflict: {conflict}" for conflict in conflicts]
    call.answer(data, *(Text(printable(line)) for line in lines))
    return Exit.OK


def _read(call: Call, part: str) -> "RunContext":
    """A file where there is one of that name, else a run."""
    if Path(part).is_file():
        return read_context(Path(part))
    call.arguments.run = part
    return _of_run(call)


def read_context(file: Path) -> "RunContext":
    """A context file as --context takes it; raises UserError with every problem of it."""
    from ostinato.domain.context import parse_context
    from ostinato.domain.errors import UserError

    try:
        return parse_context(file.read_text("utf-8"))
    except OSError as error:
        cure = "Name a file that `ostinato context RUN --export FILE` wrote"
        raise UserError.of("context_unreadable", str(file), error.strerror or str(error), cure) from error
    except UnicodeDecodeError as error:
        raise UserError.of("context_unreadable", str(file), "it is no UTF-8 text", "Save it as UTF-8") from error


def _of_run(call: Call) -> "RunContext":
    import os

    from ostinato.adapters.processes import environment_secrets
    from ostinato.cli.connecting import read_run
    from ostinato.domain.context import context_of
    from ostinato.domain.redaction import Redactor

    return context_of(read_run(call), Redactor(environment_secrets(os.environ)))


def _write(file: Path, text: str) -> None:
    from ostinato.adapters.atomic import write_atomically

    write_atomically(file, text)
