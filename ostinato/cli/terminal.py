"""The two streams and the person behind them. Colours, prompts and live views only on a terminal."""

import sys
from functools import cached_property

from rich.console import Console, RenderableType
from rich.text import Text
from rich.theme import Theme

THEME = Theme(
    {
        "good": "green",
        "bad": "bold red",
        "careful": "yellow",
        "quiet": "dim",
        "active": "cyan",
        "title": "bold",
        "command": "bold cyan",
    }
)


class Terminal:
    @cached_property
    def out(self) -> Console:
        return _console(stderr=False)

    @cached_property
    def err(self) -> Console:
        return _console(stderr=True)

    @property
    def is_interactive(self) -> bool:
        """A person can read a prompt and answer it."""
        return sys.stdin.isatty() and sys.stderr.isatty()

    def show(self, *renderables: RenderableType) -> None:
        """To stdout."""
        for renderable in renderables:
            self.out.print(renderable, soft_wrap=not self.out.is_terminal)

    def say(self, *renderables: RenderableType) -> None:
        """To stderr: progress, notes, whatever is not the answer."""
        for renderable in renderables:
            self.err.print(renderable, soft_wrap=not self.err.is_terminal)

    def write(self, text: str) -> None:
        """To stdout as it is."""
        sys.stdout.write(text)
        sys.stdout.flush()

    def confirm(self, question: str) -> bool:
        return self.ask(f"{question} [y/N] ").strip().lower() in ("y", "yes")

    def ask(self, question: str) -> str:
        """Empty at the end of input."""
        self.err.print(Text(question, style="title"), end="")
        return sys.stdin.readline().strip()


def _console(*, stderr: bool) -> Console:
    stream = sys.stderr if stderr else sys.stdout
    return Console(
        file=stream, theme=THEME, force_terminal=stream.isatty(), highlight=False, markup=False, emoji=False, width=None
    )
