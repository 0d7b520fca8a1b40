"""`doctor`: what is here, what is missing, and the cure."""

import argparse
from typing import TYPE_CHECKING, Any

from ostinato.cli.call import Call
from ostinato.cli.exits import MEANING, Exit

if TYPE_CHECKING:
    from rich.text import Text

    from ostinato.cli.checking import Check

EXAMPLES = ("ostinato doctor", "ostinato doctor --repo ~/projects/shop --json", "ostinato doctor --online")
VARIABLES = ("OSTINATO_HOME", "OSTINATO_LLM", "TEMPORAL_ADDRESS")


def declare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--repo", metavar="PATH", help="also look at this repository")
    parser.add_argument("--online", action="store_true", help="also ask the language model, for a few tokens")
    codes = "\n".join(f"  {code.value:>3}  {meaning}" for code, meaning in MEANING.items())
    parser.epilog = f"{parser.epilog}\n\nexit codes of every command:\n{codes}"


def execute(call: Call) -> Exit:
    from ostinato.cli.checking import check_everything
    from ostinato.cli.projects import project_lines

    seen = check_everything(call)
    failed = [check for check in seen.checks if check.verdict == "fail"]
    data: dict[str, Any] = {"healthy": not failed, "checks": [check.model_dump(mode="json") for check in seen.checks]}
    lines = [line for check in seen.checks for line in _lines(check)]
    if seen.project is not None:
        data["project"] = seen.project.model_dump(mode="json")
        lines += project_lines(seen.project)
    call.answer(data, *lines)
    return Exit.FAILED if failed else Exit.OK


def _lines(check: "Check") -> "list[Text]":
    from rich.text import Text

    mark, style = {"ok": ("✔", "good"), "warn": ("⚠", "careful"), "fail": ("✘", "bad")}[check.verdict]
    lines = [Text.assemble("  ", (mark, style), f" {check.name:<17} ", check.message)]
    return [*lines, Text(f"    → {check.cure}", style="command")] if check.cure else lines
