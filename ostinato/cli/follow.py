"""Follow a run: a live view on a terminal, plain lines or JSON lines elsewhere."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from rich.live import Live
from rich.text import Text

from ostinato.cli.call import Call
from ostinato.cli.connecting import ui_link
from ostinato.cli.rendering import changes, question, run_view, spaced
from ostinato.cli.runs import NO_WORKER, glance, has_closed, send, snapshot
from ostinato.contracts.workflows import DECIDE
from ostinato.domain.decisions import Answer, Decision, DecisionKind
from ostinato.domain.errors import ExternalError, UserError
from ostinato.domain.execution import StepState
from ostinato.domain.ids import DecisionId, RunId
from ostinato.domain.pipeline import Phase
from ostinato.domain.report import Snapshot

if TYPE_CHECKING:
    from temporalio.client import Client

POLL_S = 0.3
SILENT = "no worker answers: the run waits and loses nothing. Start one in another terminal: ostinato up"


@dataclass(slots=True, kw_only=True)
class Follower:
    """Polls one run until it has ended, or until only a person can go on and nobody is to be asked."""

    call: Call
    client: "Client"
    run_id: RunId
    stop_for_people: bool
    on_change: Callable[[Snapshot], None] | None = None
    asks: str = ""
    """Besides the approval, decisions whose ids begin so are asked at the terminal."""
    _last: Snapshot | None = None
    _declined: set[DecisionId] = field(default_factory=set)
    _is_silent: bool = False

    async def follow(self) -> Snapshot:
        if self.call.terminal.err.is_terminal and not self.call.wants_json:
            return await self._live()
        return await self._plain()

    async def _plain(self) -> Snapshot:
        while True:
            seen = await self._look()
            if seen is not None and seen != self._last:
                self._tell(seen)
                self._last = seen
            if seen is not None and self._is_over(seen):
                return await self._final(seen)
            await asyncio.sleep(POLL_S)

    def _tell(self, seen: Snapshot) -> None:
        if self.on_change is not None:
            self.on_change(seen)
            return
        clock = datetime.now(UTC).astimezone().strftime("%H:%M:%S")
        for line in changes(self._last, seen):
            self.call.terminal.say(Text(f"{clock} {line}"))

    async def _live(self) -> Snapshot:
        link = await asyncio.to_thread(ui_link, self.call, self.run_id)
        console = self.call.terminal.err
        while True:
            with Live(console=console, auto_refresh=False, transient=True, vertical_overflow="crop") as live:
                seen = await self._until_question(live, link)
            if self._is_over(seen):
                return await self._final(seen)
            await self.put(self._askable(seen)[0], seen)

    async def _until_question(self, live: Live, link: str) -> Snapshot:
        while True:
            seen = await self._look()
            if seen is not None:
                self._last = seen
                if self._is_over(seen) or self._askable(seen):
                    return seen
            self._draw(live, link)
            await asyncio.sleep(POLL_S)

    def _draw(self, live: Live, link: str) -> None:
        if self._last is None:
            live.update(Text(SILENT if self._is_silent else f"{self.run_id}  starting …", style="quiet"), refresh=True)
            return
        view = run_view(self._last, datetime.now(UTC), ui_link=link)
        for line in view.renderables:
            if isinstance(line, Text):
                line.no_wrap, line.overflow = True, "ellipsis"
        silent = [Text(f"  {SILENT}", style="careful")] if self._is_silent else []
        live.update(spaced([[*_texts(view.renderables)], silent]), refresh=True)

    async def _look(self) -> Snapshot | None:
        """None while nobody answers: a worker that restarts must not end the watching."""
        try:
            seen = await glance(self.client, self.run_id)
        except ExternalError as error:
            if error.code != NO_WORKER:
                raise
            if await has_closed(self.client, self.run_id):
                return await snapshot(self.client, self.call.home, self.run_id)
            self._say_silent()
            return None
        self._is_silent = False
        return seen

    def _say_silent(self) -> None:
        if not self._is_silent and not self.call.terminal.err.is_terminal:
            self.call.terminal.say(SILENT)
        self._is_silent = True

    def _is_over(self, seen: Snapshot) -> bool:
        return seen.phase is Phase.ENDED or (self.stop_for_people and waits_for_person(seen))

    async def _final(self, seen: Snapshot) -> Snapshot:
        """The last word: after its end the run closes its workspace, and only then is it over."""
        if seen.phase is not Phase.ENDED:
            return seen
        while True:
            if await has_closed(self.client, self.run_id):
                return await snapshot(self.client, self.call.home, self.run_id)
            await asyncio.sleep(POLL_S)

    def _askable(self, seen: Snapshot) -> list[Decision]:
        if not self.call.may_ask or seen.outcome is not None:
            return []
        return [decision for decision in seen.pending_decisions if self.may_ask(decision)]

    def may_ask(self, decision: Decision) -> bool:
        """A person is here, and has not left this one for later."""
        return self.call.may_ask and self._is_mine(decision) and decision.id not in self._declined

    def _is_mine(self, decision: Decision) -> bool:
        return decision.kind is DecisionKind.APPROVAL or bool(self.asks and decision.id.startswith(self.asks))

    async def put(self, decision: Decision, seen: Snapshot) -> None:
        """Ask it, and send what was answered."""
        self.call.terminal.say(spaced([question(seen, decision)]))
        names = [option.name for option in decision.options]
        reply = await asyncio.to_thread(self.call.terminal.ask, f"  {' / '.join(names)} (Enter: later): ")
        chosen = [name for name in names if reply and name.startswith(reply.lower())]
        if len(chosen) != 1:
            self._declined.add(decision.id)
            return
        try:
            await send(
                self.client, self.run_id, DECIDE, Answer(decision=decision.id, option=chosen[0], by=current_user())
            )
        except UserError as error:
            self.call.terminal.say(Text(str(error), style="careful"))
        self._declined.add(decision.id)


def _texts(renderables: object) -> list[Text]:
    return [line for line in renderables if isinstance(line, Text)] if isinstance(renderables, list) else []


def waits_for_person(seen: Snapshot) -> bool:
    """Nothing moves until somebody answers; a group moves only where one of its parts does."""
    groups = {todo.group for todo in seen.todos}
    moving = any(
        todo.state in (StepState.PREPARING, StepState.RUNNING) and todo.id not in groups for todo in seen.todos
    )
    return bool(seen.pending_decisions) and not moving and seen.outcome is None


def current_user() -> str:
    import getpass

    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return "unknown"
