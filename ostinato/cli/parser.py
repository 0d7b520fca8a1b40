"""Argument parsing that explains itself: examples, defaults, environment, did-you-mean."""

import argparse
from collections.abc import Sequence
from typing import NoReturn, Protocol

from ostinato.cli.call import Call
from ostinato.cli.catalogue import ENTRIES, suggestion
from ostinato.cli.exits import Exit
from ostinato.settings import VARIABLES

LOCAL = ("OSTINATO_HOME", "TEMPORAL_ADDRESS")
"""The variables that matter to a command that talks to runs."""


class CommandModule(Protocol):
    """What each module in ostinato.cli.commands offers."""

    EXAMPLES: tuple[str, ...]
    VARIABLES: tuple[str, ...]

    def declare(self, parser: argparse.ArgumentParser) -> None: ...

    def execute(self, call: Call) -> Exit: ...


class Formatter(argparse.RawDescriptionHelpFormatter):
    """Shows a default wherever there is one worth showing."""

    def _get_help_string(self, action: argparse.Action) -> str:
        text = action.help or ""
        is_plain = action.option_strings and action.default not in (None, False, "", argparse.SUPPRESS, [], ())
        return f"{text} (default: %(default)s)" if is_plain and "(default" not in text else text


class Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        from ostinato.domain.errors import UserError

        raise UserError.of("usage", self.prog, message, f"See: {self.prog} --help")

    def parse(self, words: Sequence[str]) -> argparse.Namespace:
        """Like parse_args, with a suggestion for every unknown option."""
        arguments, unknown = self.parse_known_args(words)
        if unknown:
            self._refuse(unknown)
        return arguments

    def _refuse(self, unknown: Sequence[str]) -> NoReturn:
        from ostinato.domain.errors import Problem, UserError

        known = tuple(option for action in self._actions for option in action.option_strings)
        problems = []
        for word in unknown:
            near = suggestion(word.partition("=")[0], known) if word.startswith("-") else ""
            cure = f"Did you mean {near}?" if near else f"See: {self.prog} --help"
            kind = "option" if word.startswith("-") else "argument"
            problems.append(
                Problem(code="usage", field=self.prog, message=f"there is no {kind} {word!r} here", cure=cure)
            )
        raise UserError(problems)


def build_parser(name: str, module: CommandModule) -> Parser:
    parser = Parser(
        prog=f"ostinato {name}",
        description=_sentence(ENTRIES[name].summary),
        epilog=_epilog(module),
        formatter_class=Formatter,
        allow_abbrev=False,
    )
    module.declare(parser)
    parser.add_argument("--json", action="store_true", help="one JSON envelope on stdout, everything else on stderr")
    parser.add_argument("--no-input", action="store_true", help="never ask anything, even on a terminal")
    return parser


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."


def _epilog(module: CommandModule) -> str:
    lines = ["example:" if len(module.EXAMPLES) == 1 else "examples:", *(f"  {line}" for line in module.EXAMPLES)]
    if module.VARIABLES:
        width = max(map(len, module.VARIABLES))
        lines += ["", "environment:", *(f"  {name:<{width}}  {VARIABLES[name]}" for name in module.VARIABLES)]
    return "\n".join(lines)
