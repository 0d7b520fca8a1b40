"""The program `ostinato`. `main` imports only what the command that was typed needs."""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn, cast

from ostinato.cli.exits import Exit, of_error

if TYPE_CHECKING:
    from ostinato.cli.parser import CommandModule


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        return int(_dispatch(words))
    except KeyboardInterrupt:
        return int(Exit.INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return int(Exit.OK)
    except Exception as error:
        return int(_fail(words, error))


def console() -> NoReturn:
    """The process's whole life. Ends without the interpreter's tear-down, in which Temporal's native threads may abort."""
    code = main()
    with suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def _dispatch(words: list[str]) -> Exit:
    words = words[1:] + words[:1] if words[:1] == ["--json"] else words
    if words[:1] == ["help"]:
        words = [*words[1:2], "--help"]
    if not words or words[0] in ("-h", "--help"):
        return _root_help()
    if words[0] in ("-V", "--version"):
        return _version(words)
    return _execute(words[0], words[1:])


def _execute(name: str, rest: Sequence[str]) -> Exit:
    from ostinato.cli.call import Call
    from ostinato.cli.parser import build_parser
    from ostinato.settings import load_settings

    module = _module(name)
    arguments = build_parser(name, module).parse(rest)
    from ostinato.cli.terminal import Terminal

    settings = load_settings(os.environ)
    return module.execute(Call(command=name, arguments=arguments, settings=settings, terminal=Terminal()))


def _module(name: str) -> "CommandModule":
    from ostinato.cli.catalogue import ENTRIES, suggestion

    entry = ENTRIES.get(name)
    if entry is None:
        from ostinato.domain.errors import UserError

        near = suggestion(name, tuple(ENTRIES))
        cure = f"Did you mean: ostinato {near}?" if near else "See: ostinato --help"
        raise UserError.of("command_unknown", "ostinato", f"there is no command {name!r}", cure)
    return cast("CommandModule", import_module(f"ostinato.cli.commands.{entry.module or name}"))


def _root_help() -> Exit:
    from ostinato import __version__
    from ostinato.cli.catalogue import root_help

    sys.stdout.write(root_help(__version__))
    return Exit.OK


def _version(words: Sequence[str]) -> Exit:
    from ostinato import __version__
    from ostinato.cli.wire import envelope

    as_json = envelope("version", {"version": __version__})
    sys.stdout.write((as_json if "--json" in words else f"ostinato {__version__}") + "\n")
    return Exit.OK


def _fail(words: Sequence[str], error: Exception) -> Exit:
    """Say what went wrong: an envelope for programs, problems and cures for people, no traceback for anyone."""
    from ostinato.cli.failing import error_lines, report_bug
    from ostinato.cli.wire import envelope, error_data

    exit_code = of_error(error)
    command = next((word for word in words if not word.startswith("-")), "ostinato")
    lines = error_lines(error) if exit_code is not Exit.BUG else report_bug(command, error)
    if "--json" in words:
        sys.stdout.write(envelope(command, error_data(error)) + "\n")
    sys.stderr.write("\n".join(lines) + "\n")
    return exit_code
