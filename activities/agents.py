"""One execution of a step by a coding agent: turns of its session until its claim is proved, or it has failed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from temporalio import activity

from activities.edge import Desk, Pulse, is_tried_again
from activities.ending import to_its_end
from activities.evidence import facts_of
from activities.prompts import Prompting
from activities.saving import Saver
from activities.serving import servers_for
from activities.turns import Clock, arrival, begun_turn, ended_turn, environment_of
from ostinato.adapters.agents.agency import Agency, access_by, open_pass
from ostinato.adapters.agents.billing import Bill, added, reckoned
from ostinato.adapters.agents.by_wire import by_account, by_wire, is_stopped
from ostinato.adapters.agents.port import Access, AgentTask, Allowed, CodingAgent, Watched
from ostinato.adapters.agents.sandbox import cut_outward_links
from ostinato.adapters.agents.sessions import NOTHING, NoteBox, SessionFolder, SessionRecord
from ostinato.adapters.atomic import make_folder
from ostinato.adapters.gateway import Gateway, Pass, Used
from ostinato.adapters.git.collapsing import collapse
from ostinato.adapters.git.seclusion import REPOSITORY
from ostinato.adapters.in_flight import attempt_marker
from ostinato.adapters.resources.definitions import Served
from ostinato.contracts.activities import ExecuteStep
from ostinato.domain.agents import AgentEnd, AgentEvent, EndKind, EventKind, LimitKind, TokenUse
from ostinato.domain.agents.blaming import Watch, blame
from ostinato.domain.agents.orders import AgentOrder
from ostinato.domain.agents.outcomes import failed_by, failure_of, keeps_session
from ostinato.domain.agents.proving import Accepted, Rejected, SentBack, follow, prove
from ostinato.domain.agents.said import said_in
from ostinato.domain.agents.telling import told
from ostinato.domain.budget.amounts import Limit
from ostinato.domain.budget.metering import Spent
from ostinato.domain.execution import Failure, StepOutcome, StepResult
from ostinato.domain.prompting import Item, PartName, TurnName
from ostinato.domain.recovering.diagnosing import FailureFacts, classify_failure
from ostinato.domain.request import headline
from ostinato.domain.staff import GivenNote
from ostinato.domain.turns import Turn
from ostinato.domain.workspace import Checkout

MOST_TURNS = 30
"""Of one attempt, notes of people included."""
LOST_FILES = (
    "The files are as they were before you began: what you had changed in them is not there any more. Do it again."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """How the agent gets at its model in this execution."""

    access: Access
    gateway: Gateway | None = None
    given: Pass | None = None

    def used(self) -> Used | None:
        return self.gateway.used(self.given) if self.gateway and self.given else None


@dataclass(slots=True, kw_only=True)
class AgentWork:
    """Failures come back as results; nothing here commits. What has to survive is in the session's folder."""

    desk: Desk
    agency: Agency
    command: ExecuteStep
    checkout: Checkout
    pulse: Pulse
    folder: SessionFolder
    notes: NoteBox
    record: SessionRecord
    lost_files: bool = False
    """Its session goes on, and what it had not handed in is gone."""
    warnings: list[str] = field(default_factory=list)
    evidence: str = ""
    model: str = ""
    """As the agent names it."""
    served: Served = field(default_factory=Served)
    watch: Watch = field(default_factory=Watch)
    clock: Clock = field(default_factory=Clock)

    @property
    def order(self) -> AgentOrder:
        assert self.command.order is not None
        return self.command.order

    async def act(self) -> StepResult:
        name, _, model = self.order.agent.partition(":")
        agent = self.agency.agent(name, self.order.described)
        bill = self._bill(model or agent.name)
        await self._begin(agent)
        self.served = await servers_for(self.command, agent, self.agency.environ, self.pulse)
        self.watch = Watch(servers=tuple(self.served.servers))
        self.warnings.extend(self.served.left_out)
        self.warnings.extend(await bill.begin() if bill else ())
        saver = self._saver(agent)
        async with self._reaching(agent, model) as reach:
            try:
                async with saver.at_work():
                    result = await self._until_proved(agent, reach, saver)
            except BaseException as error:
                if not is_tried_again(error):  # of two words on a lease the first one stands
                    self.record = self.record.model_copy(update={"used": added(self.record.used, self.record.running)})
                    await to_its_end(self._billed(bill, reach))
                raise
            spent = await self._billed(bill, reach)
        warnings = (*result.warnings, *saver.problems)[:20]
        return result.model_copy(update={"spent": spent, "warnings": warnings})

    async def _billed(self, bill: Bill | None, reach: Reach) -> Spent:
        use, micro_usd, priced = self._came_to(reach)
        return await bill.end(use, micro_usd, priced=priced) if bill else Spent(amount=None)

    async def leave(self) -> None:
        """What it did in its own repository is told; the worktree is the run's again, with the files as they are."""
        deeds = await collapse(
            Path(self.checkout.worktree),
            mirror=Path(self.command.workspace.mirror),
            base=self.checkout.commit,
            folder=self.folder.git,
        )
        if deeds.is_broken:
            activity.logger.warning("agent_repository_broken", extra={"step": self.command.step.id})

    async def _begin(self, agent: CodingAgent) -> None:
        """What a turn used whose worker died in it counts; a session that is gone is begun anew."""
        make_folder(self.folder.private)
        record, lease = self.record, self.order.metered.lease_id if self.order.metered else ""
        if record.is_on:
            tokens = record.running.tokens
            self.warnings.append(f"its worker died in a turn of {agent.name}, after some {tokens:,} tokens of it")
            update = {"used": added(record.used, record.running), "lost_tokens": record.lost_tokens + tokens}
            record = record.with_lost_turn(datetime.now(UTC))
            record = record.model_copy(update={**update, "cost_tokens": record.cost_tokens + tokens})
        if record.lease_id != lease:
            record = record.model_copy(update={"lease_id": lease, "used": NOTHING, "carried": NOTHING})
        if record.session_id and not await asyncio.to_thread(agent.sessions, self._task("", Access(), record)):
            cost = f"{record.cost_tokens:,} tokens lost"
            self.warnings.append(f"the session {record.session_id} of {agent.name} is gone: begun anew, {cost}")
            record = record.without_session()
        self._keep(record.model_copy(update={"is_on": False, "running": NOTHING, "telling": ()}))

    def _saver(self, agent: CodingAgent) -> Saver:
        return Saver(
            desk=self.desk,
            command=self.command,
            checkout=self.checkout,
            pulse=self.pulse,
            folder=self.folder,
            look=lambda: (self.record, agent.sessions(self._task("", Access(), self.record))),
        )

    async def _until_proved(self, agent: CodingAgent, reach: Reach, saver: Saver) -> StepResult:
        prompting = Prompting(self.desk, self.command, self.pulse.redactor)
        items = (*self.order.findings, *self.record.asked, *arrival(self.record, self.checkout))
        turn = self._first_turn()
        if self.lost_files and self.record.session_id:
            items = (Item(part=PartName.FINDINGS, source="the worktree", text=LOST_FILES), *items)
        for _ in range(MOST_TURNS):
            if self.order.limits.is_late(self.record.worked_s):
                return self._failed(late := self._late(), failure_of(late, now=datetime.now(UTC)))
            turn = turn if self.record.session_id else TurnName.FIRST
            notes = self._waiting() if self.record.session_id else self._given()
            prompt = await prompting.compose(turn, items, notes)
            begun = begun_turn(self.command, self.order, turn, prompt=await prompting.keep(prompt), notes=notes)
            begun = begun.model_copy(update={"prompt_tokens": prompt.record.tokens})
            end = await self._turn(agent, reach, prompt.text, begun)
            saver.is_due = True
            if (used := reach.used()) and used.stopped == "replay":
                return self._failed(end, _failure("replay_mismatch", used.message))
            if end.kind in (EndKind.DONE, EndKind.INTERRUPTED) and self._waiting():
                turn, items = TurnName.NOTE, ()
                continue
            if end.kind is not EndKind.DONE:
                return self._failed(end, failure_of(end, now=datetime.now(UTC)))
            said = said_in(end.answer, tree=self.checkout.worktree)
            facts = await facts_of(self.desk, self.command, self.checkout, self.folder, self.pulse, end, said)
            following = follow(verdict := prove(self.command.step, end, said, facts), end, self.record.rounds)
            self._keep(self.record.with_proof("; ".join(map(str, verdict.objections))[:500]))
            match following:
                case Accepted(warnings=warnings):
                    return self._succeeded(end, warnings)
                case Rejected(code=code, message=message, round=found, warnings=warnings):
                    self.warnings.extend(warnings)
                    self._keep(self.record.with_round(found))
                    return self._failed(end, _failure(code, message))
                case SentBack(items=items, round=found):
                    turn = TurnName.OBJECTIONS
                    self._keep(self.record.with_round(found, items))
        return self._failed(end, _failure("turns_used_up", f"it was not done after {MOST_TURNS} turns"))

    def _first_turn(self) -> TurnName:
        if not self.record.session_id:
            return TurnName.FIRST
        return TurnName.RESUMED if self.record.lost_tokens and not self.order.findings else self.order.turn

    async def _turn(self, agent: CodingAgent, reach: Reach, prompt: str, begun: Turn) -> AgentEnd:
        """What it is given is on the disk before it begins."""
        now = {"turns": self.record.turns + 1, "is_on": True, "is_done": False, "running": NOTHING, "was_in": ""}
        self._keep(self.record.model_copy(update={**now, "begun": begun, "telling": begun.notes}))
        watched = Watched(
            artifacts=self.desk.artifacts,
            redactor=self.pulse.redactor,
            on_event=self._hear,
            interrupted=lambda: self._is_wanted(reach),
        )
        if self.agency.is_sandboxed:
            await asyncio.to_thread(cut_outward_links, self.folder.private, Path(self.checkout.worktree))
        self.clock = Clock(before_s=self.record.worked_s)
        try:
            end = await agent.run(self._task(prompt, reach.access, self.record), watched)
        finally:
            self._keep(self.record.model_copy(update={"worked_s": self.clock.worked_s}))
        end = by_account(by_wire(end, reach.used()), self.notes.limit())
        end = self._late(end) if end.limit is LimitKind.WALL else end
        used = {
            "is_on": False,
            "running": NOTHING,
            "asked": (),
            "used": added(self.record.used, end.use),
            **self.record.after_telling,
        }
        cost = self.record.cost_tokens + end.use.tokens
        left = self.record.model_copy(update={**used, "cost_tokens": cost, "session_id": end.session_id})
        left = left if keeps_session(end) else left.without_session()
        self._keep(left.with_turn(ended_turn(begun, end, model=self.model, turn_s=self.clock.turn_s)))
        self.evidence = end.evidence or self.evidence
        return end

    def _task(self, prompt: str, access: Access, record: SessionRecord) -> AgentTask:
        command, policy = self.command, self.order.allowed
        return AgentTask(
            prompt=prompt,
            tree=Path(self.checkout.worktree),
            private=self.folder.private,
            env=environment_of(command, self.checkout),
            limits=self.order.limits.after(reckoned(record.used, self.order.terms), record.worked_s),
            access=access,
            allowed=Allowed.by(
                policy, write=command.step.writes != (), trusted=command.trusted, offline=command.offline
            ),
            session_id=record.session_id,
            servers=self.served.servers,
            marker=attempt_marker(activity.info()),
            memory_bytes=command.step.limits.memory_bytes,
            terms=None if access.base_url else self.order.terms,
            sandbox=self.agency.sandbox(
                self.folder.path / "sandbox",
                repository=self.folder.git / REPOSITORY,
                mirror=Path(command.workspace.mirror),
                environment=self.checkout.environment.path if self.checkout.environment.ready else "",
            ),
        )

    @asynccontextmanager
    async def _reaching(self, agent: CodingAgent, model: str) -> AsyncIterator[Reach]:
        """Through the gateway where there is one, on a pass of this lease; its key opens nothing afterwards."""
        gateway, metered = self.agency.through_gateway(agent), self.order.metered
        if gateway is None or metered is None:
            yield Reach(access=Access(model=model))
            return
        run, tree, step = Path(self.command.workspace.root), Path(self.checkout.worktree), self.command.step.id
        tape = self.agency.tape(step, self.pulse.redactor, run=run, tree=tree, private=self.folder.private)
        given = open_pass(gateway, agent, metered.lease_id, self._caps(), self.order.account, tape)
        self.pulse.redactor = self.pulse.redactor.knowing((given.key,))
        try:
            yield Reach(access=access_by(given, agent, model), gateway=gateway, given=given)
        finally:
            await to_its_end(gateway.close(given))

    def _caps(self) -> Limit:
        limits = self.order.limits.after(self.record.carried)
        return Limit(tokens=limits.tokens, micro_usd=limits.micro_usd, requests=limits.requests)

    def _came_to(self, reach: Reach) -> tuple[TokenUse | None, int | None, bool]:
        """What was counted on the wire; else what the agent says, where it says anything. And whether its money is known."""
        used, before = reach.used(), self.record.carried
        if used is not None:
            priced = used.is_priced and before.micro_usd is not None
            return added(used.counted, before), used.committed.micro_usd + (before.micro_usd or 0), priced
        said = self.record.used
        money = reckoned(said, self.order.terms).micro_usd
        return (said, money, said.micro_usd is not None) if said.tokens else (None, None, False)

    def _is_wanted(self, reach: Reach) -> bool:
        """Whether the turn is to end; looked at all the while, so that its time is known where its worker dies."""
        if self.clock.is_due():
            self._keep(self.record.model_copy(update={"worked_s": self.clock.worked_s}))
        return bool(self._waiting() or self.notes.limit() or is_stopped(reach.used()))

    def _late(self, end: AgentEnd | None = None) -> AgentEnd:
        """All its turns together took the time that the execution has."""
        found = end or AgentEnd(kind=EndKind.LIMIT, limit=LimitKind.WALL, session_id=self.record.session_id)
        return found.model_copy(update={"message": f"it was not done within {self.order.limits.wall_s:g} s"})

    def _hear(self, event: AgentEvent) -> None:
        """The session's id is on the disk before anything else of it is told."""
        if event.kind is EventKind.STARTED and event.session_id:
            self.model = event.text or self.model
            self._keep(self.record.model_copy(update={"session_id": event.session_id}))
        self.watch.hear(event)
        if event.use is not None:
            self._keep(self.record.model_copy(update={"running": event.use}))
        if said := told(event):
            turn = f", turn {self.record.turns}" if self.record.turns > 1 else ""
            self.pulse.say(f"{self.order.agent}{turn}: {said}")

    def _waiting(self) -> tuple[GivenNote, ...]:
        """Notes that the agent was not given yet."""
        known = {*self.record.told, *self.record.telling}
        return tuple(note for note in self._given() if note.id not in known)

    def _given(self) -> tuple[GivenNote, ...]:
        """All that people said: whoever begins anew knows of none."""
        return tuple({note.id: note for note in (*self.order.notes, *self.notes.read())}.values())

    def _keep(self, record: SessionRecord) -> None:
        self.record = record
        self.folder.write(record)

    def _bill(self, model: str) -> Bill | None:
        metered = self.order.metered
        return Bill(history=self.desk.history, metered=metered, model=model) if metered else None

    def _succeeded(self, end: AgentEnd, warnings: tuple[str, ...]) -> StepResult:
        self.warnings.extend(warnings)
        self._keep(self.record.model_copy(update={"is_done": True, "rounds": ()}))
        return self._result(
            StepOutcome.SUCCEEDED, headline(end.answer or "done", 200), output={"answer": end.answer[-4_000:]}
        )

    def _failed(self, end: AgentEnd, failure: Failure | None) -> StepResult:
        said = failure or _failure("agent_failed", end.message or "it was interrupted, and nobody had a note for it")
        skills = tuple(each.name for each in self.order.activation.skills) if self.order.activation else ()
        if cause := blame(end, self.watch, skills):
            blamed = _failure(cause.code, f"{cause.message}; {said.message}"[:600])
            said = blamed.model_copy(update={"server": cause.server, "skill": cause.skill})
        if said.skill:  # what it said of itself is in the session
            self._keep(self.record.without_session())
        return self._result(StepOutcome.FAILED, headline(said.message, 300), failure=said)

    def _result(self, outcome: StepOutcome, summary: str, **fields: object) -> StepResult:
        return StepResult.model_validate(
            {
                "step_id": self.command.step.id,
                "execution": self.command.execution,
                "outcome": outcome,
                "summary": summary,
                "agent": self.order.agent,
                "evidence": self.evidence,
                "turns": self.folder.turns(self.command.step.id),
                "warnings": tuple(dict.fromkeys(self.warnings))[:20],
                **fields,
            }
        )


def _failure(code: str, message: str) -> Failure:
    return failed_by(classify_failure(FailureFacts(code=code, message=message), now=datetime.now(UTC)))
