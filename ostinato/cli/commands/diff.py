"""`diff`: what a run changed."""

import argparse
import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from ostinato.cli.call import Call
from ostinato.cli.exits import Exit
from ostinato.cli.options import declare_run

if TYPE_CHECKING:
    from ostinato.domain.report import Snapshot

EXAMPLES = ("ostinato diff fix-the-lint-errors", "ostinato diff fix-the-lint-errors --stat")
VARIABLES = ("OSTINATO_HOME", "TEMPORAL_ADDRESS")


def declare(parser: argparse.ArgumentParser) -> None:
    declare_run(parser)
    parser.add_argument("--stat", action="store_true", help="only the files and how much of each changed")


def execute(call: Call) -> Exit:
    from ostinato.cli.connecting import read_run
    from ostinato.domain.errors import UserError

    snapshot = read_run(call)
    if snapshot.workspace is None or not snapshot.head:
        raise UserError.of("nothing_changed", "RUN", f"{snapshot.run_id} has no commit yet", "See: ostinato status RUN")
    base, head = snapshot.workspace.base_commit, snapshot.head
    text = asyncio.run(_diff(_folder(snapshot), base, head, "--stat" if call.arguments.stat else "--patch"))
    data = {"run_id": snapshot.run_id, "base_commit": base, "head_commit": head, "diff": text}
    if call.wants_json:
        call.emit(data)
    else:
        _show(call, text)
    return Exit.OK


def _folder(snapshot: "Snapshot") -> Path:
    """The user's repository when the branch is there, else the private mirror."""
    assert snapshot.workspace is not None
    is_there = snapshot.publication is not None and snapshot.publication.pushed
    return Path(snapshot.workspace.repository if is_there else snapshot.workspace.mirror)


async def _diff(folder: Path, base: str, head: str, form: str) -> str:
    from ostinato.adapters.git.command import user_git

    return await user_git(folder)("diff", "--no-ext-diff", "--no-textconv", "--no-color", form, base, head, "--")


def _show(call: Call, text: str) -> None:
    from rich.text import Text

    from ostinato.cli.printable import printable

    if not call.terminal.out.is_terminal:
        call.terminal.write(text)
        return
    for line in printable(text).splitlines():
        call.terminal.show(Text(line, style=_style(line)))


def _style(line: str) -> str:
    if line.startswith(("diff ", "index ", "--- ", "+++ ")):
        return "title"
    return {"+": "good", "-": "red", "@": "active"}.get(line[:1], "")
