"""One invocation of one command: what it was given and where its answer goes."""

from __future__ import annotations  # the annotated modules are heavy and not needed for help

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ostinato.cli.wire import envelope

if TYPE_CHECKING:
    from argparse import Namespace

    from rich.console import RenderableType

    from ostinato.adapters.home import Home
    from ostinato.cli.terminal import Terminal
    from ostinato.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    command: str
    arguments: Namespace
    settings: Settings
    terminal: Terminal

    @property
    def home(self) -> Home:
        return self.settings.home

    @property
    def wants_json(self) -> bool:
        return bool(self.arguments.json)

    @property
    def may_ask(self) -> bool:
        return self.terminal.is_interactive and not self.wants_json and not self.arguments.no_input

    def answer(self, data: Any, *text: RenderableType) -> None:
        """The answer on stdout: the envelope for programs, the text for people."""
        if self.wants_json:
            self.emit(data)
        else:
            self.terminal.show(*text)

    def emit(self, data: Any) -> None:
        """One envelope, one line."""
        self.terminal.write(envelope(self.command, data) + "\n")
