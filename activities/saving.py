"""What an agent has begun, saved while it works, so that another worker goes on with it, and brought back there."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError
from temporalio import activity

from activities.edge import Desk, Pulse
from activities.ending import to_its_end
from activities.integration import target_of
from activities.places import author_of_run
from activities.secrecy import places_of
from ostinato.adapters.agents.billing import added
from ostinato.adapters.agents.port import AgentTask, CodingAgent
from ostinato.adapters.agents.sessions import SessionFolder, SessionRecord
from ostinato.adapters.agents.travelling import Packed, pack, redacted, unpack
from ostinato.adapters.git.remote import push_sessions
from ostinato.adapters.git.saved_sessions import (
    SavedSession,
    checkpoint_of,
    forget_sessions,
    point_at,
    refs_of,
    save_talk,
    save_work,
    saved_session,
    session_refs,
)
from ostinato.contracts.activities import ExecuteStep
from ostinato.domain.agents import AgentLimits
from ostinato.domain.agents.orders import AgentOrder
from ostinato.domain.workspace import Checkout, Workspace

LOOK_EVERY_S = 1.0
FIRST_AFTER_S = 2.0
"""A session that has just begun is saved so soon."""
SAVE_EVERY_S = 30.0
AT_MOST_SHARE = 20
"""Saving takes at most one part in so many of the time."""

Look = Callable[[], tuple[SessionRecord, tuple[Path, ...]]]
"""The session as it is now, and its files in the private folder."""


@dataclass(slots=True, kw_only=True)
class Saver:
    """Of one execution. A session that cannot be saved stops nothing: it is said once."""

    desk: Desk
    command: ExecuteStep
    checkout: Checkout
    pulse: Pulse
    folder: SessionFolder
    look: Look
    problems: dict[str, None] = field(default_factory=dict)
    is_due: bool = False
    is_over: bool = False
    """Another worker has the run: nothing of this one's counts any more."""
    is_leaving: asyncio.Event = field(default_factory=asyncio.Event)
    saved: tuple[object, ...] = ()
    next_at: float = 0.0

    @asynccontextmanager
    async def at_work(self) -> AsyncIterator[None]:
        """Saves now and then, and once more at the end, however it comes."""
        self.next_at = time.monotonic() + FIRST_AFTER_S
        task = asyncio.create_task(self._now_and_then())
        try:
            yield
        finally:
            self.is_leaving.set()  # it is not cancelled: what it has begun to save is whole
            await to_its_end(self._last(task))

    async def _last(self, task: "asyncio.Task[None]") -> None:
        await task
        await self._save()

    async def _now_and_then(self) -> None:
        while not self.is_over and not await self._is_leaving():
            if not self.is_due and time.monotonic() < self.next_at:
                continue
            self.is_due = False
            began = time.monotonic()
            if await self._save():
                pause = max(SAVE_EVERY_S, AT_MOST_SHARE * (time.monotonic() - began))
                self.next_at = time.monotonic() + pause

    async def _is_leaving(self) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_EVERY_S):
                await self.is_leaving.wait()
        return self.is_leaving.is_set()

    async def _save(self) -> bool:
        """Whether there was a session to save. The transcript is read first: what it tells of is in the worktree."""
        try:
            record, paths = await asyncio.to_thread(self.look)
            if self.is_over or not record.session_id or not paths:
                return False
            await self._saved(record, paths)
        except Exception as error:  # the step itself must not fail by it
            self._tell(f"its session could not be saved for another worker: {type(error).__name__}: {error}"[:300])
        return True

    async def _saved(self, record: SessionRecord, paths: tuple[Path, ...]) -> None:
        workspace, mirror, redactor = self.command.workspace, Path(self.command.workspace.mirror), self.pulse.redactor
        packed = await asyncio.to_thread(pack, self.folder.private, paths, redactor, is_live=record.is_on)
        if not packed.files:
            self._tell(packed.problem)
            return
        author, base = await author_of_run(self.desk, workspace), self.checkout.commit
        work = await save_work(mirror, Path(self.checkout.worktree), base=base, author=author, redactor=redactor)
        unsaved = f"it holds a secret at {places_of(work.secrets)}" if work.secrets else ""
        unsaved = "it is too big" if work.is_too_big else unsaved
        self._tell(f"its work in progress is not saved for another worker: {unsaved}" if unsaved else "")
        text = redacted(record.model_copy(update={"unsaved": unsaved}).model_dump_json().encode(), redactor) or b""
        same = (
            record if self.is_leaving.is_set() else record.model_copy(update={"worked_s": 0.0})
        )  # that alone is no news
        now = (same, unsaved, _digests(packed), work.tree)
        if now == self.saved:
            return
        talk = await save_talk(mirror, record=text, files=packed.files, author=author)
        assert self.command.order is not None
        refs = refs_of(workspace.run_id, self.command.order.session, work=work.commit, talk=talk)
        await point_at(mirror, refs)
        self.saved = now
        await self._push(refs)

    async def _push(self, refs: dict[str, str]) -> None:
        workspace = self.command.workspace
        pushed = await push_sessions(
            Path(workspace.mirror),
            target_of(workspace),
            run_id=workspace.run_id,
            epoch=workspace.epoch,
            owner=self.desk.home.queue,
            refs=refs,
            redactor=self.pulse.redactor,
        )
        self.is_over = pushed.superseded
        if not pushed.ok and not pushed.superseded:
            self._tell(f"its session stays on this machine: {pushed.message}")

    def _tell(self, problem: str) -> None:
        if problem and problem not in self.problems:
            self.problems[problem] = None
            activity.logger.warning("session_not_saved", extra={"step": self.command.step.id})


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """A session of another worker."""

    record: SessionRecord | None = None
    """None: there is none that could be gone on with."""
    work: str = ""
    warnings: tuple[str, ...] = ()


async def bring(command: ExecuteStep, agent: CodingAgent, folder: SessionFolder, tree: Path) -> Brought:
    """What a worker before this one saved of the session, put where the agent looks for it."""
    order, mirror = command.order, Path(command.workspace.mirror)
    assert order is not None
    saved = await saved_session(mirror, command.workspace.run_id, order.session)
    if saved is None:
        return Brought(warnings=(_unknown(order),) if order.moved else ())
    record = _record_of(saved)
    if record is None:
        return Brought(warnings=(f"what was saved of {order.agent}'s session is broken: begun anew",))
    if record.agent != order.agent:
        return Brought()
    cost = record.cost_tokens + record.running.tokens
    if not agent.abilities.resumes:
        return Brought(warnings=(_lost(order, cost, "it cannot go on with one"),))
    if not await checkpoint_of(mirror, saved.work, record.commit):
        return Brought(warnings=(_lost(order, cost, "its checkpoint is gone"),))
    put = await asyncio.to_thread(unpack, saved.files, folder.private)
    if not put or not await asyncio.to_thread(agent.sessions, _asking(order, folder, tree, record)):
        return Brought(warnings=(_lost(order, cost, "its files are broken"),))
    used = added(record.used, record.running)
    carried = {"worktree": str(tree), "was_in": record.worktree, "carried": used}
    said = [f"its session {record.session_id} goes on from another worker"]
    said += [f"its work in progress there was lost: {record.unsaved}"] if record.unsaved else []
    return Brought(record=record.model_copy(update=carried), work=saved.work, warnings=tuple(said))


async def drop_sessions(desk: Desk, workspace: Workspace) -> None:
    """The run is over: nobody goes on with what its agents have begun. A second call finds nothing."""
    mirror = Path(workspace.mirror)
    refs = await session_refs(mirror, workspace.run_id)
    if not refs:
        return
    await push_sessions(
        mirror,
        target_of(workspace),
        run_id=workspace.run_id,
        epoch=workspace.epoch,
        owner=desk.home.queue,
        refs=dict.fromkeys(refs, ""),
    )
    await forget_sessions(mirror, workspace.run_id)


def _record_of(saved: SavedSession) -> SessionRecord | None:
    try:
        return SessionRecord.model_validate_json(saved.record)
    except ValidationError:
        return None


def _asking(order: AgentOrder, folder: SessionFolder, tree: Path, record: SessionRecord) -> AgentTask:
    return AgentTask(
        prompt="", tree=tree, private=folder.private, env={}, limits=AgentLimits(), session_id=record.session_id
    )


def _lost(order: AgentOrder, tokens: int, because: str) -> str:
    return f"the session of {order.agent} on another worker is lost ({because}): begun anew, {tokens:,} tokens lost"


def _unknown(order: AgentOrder) -> str:
    return f"nothing was saved of what {order.agent} did on another worker: begun anew, its tokens lost are not known"


def _digests(packed: Packed) -> tuple[tuple[str, int], ...]:
    return tuple((name, hash(data)) for name, data in packed.files.items())
