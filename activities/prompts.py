"""Prompts of a step's agent: what the run knows, and what stands in files, put together and kept on record."""

import json
from pathlib import Path

from activities.edge import Desk
from ostinato.adapters.resources import CommitTree, discover
from ostinato.contracts.activities import ExecuteStep
from ostinato.domain.agents.orders import AgentOrder
from ostinato.domain.prompting import Item, NotIncluded, PartName, Prompt, TurnName, compose, shares_for
from ostinato.domain.prompting.gathering import (
    house_rules,
    note_item,
    project_items,
    resource_items,
    result_items,
    task_items,
)
from ostinato.domain.redaction import Redactor
from ostinato.domain.resources import Kind
from ostinato.domain.staff import GivenNote


class Prompting:
    """Of one execution."""

    def __init__(self, desk: Desk, command: ExecuteStep, redactor: Redactor) -> None:
        self._desk = desk
        self._command = command
        self._redactor = redactor

    async def compose(self, turn: TurnName, findings: tuple[Item, ...], notes: tuple[GivenNote, ...]) -> Prompt:
        """The first turn of a session brings everything along; a later one only what is new."""
        items, left_out = [*findings, *(note_item(note.by, note.note) for note in notes)], list[NotIncluded]()
        if turn is TurnName.FIRST:
            items += await self._everything(left_out)
        elif turn is TurnName.RESUMED or self._is_fix:
            items += list(task_items(self._command.step, self._order.criteria))
        return compose(
            items, turn=turn, shares=shares_for(self._order.level), redactor=self._redactor, left_out=left_out
        )

    async def keep(self, prompt: Prompt) -> str:
        """Artifact reference: its text, redacted, and the record of what was included."""
        record = prompt.record.model_dump(mode="json")
        return self._desk.artifacts.put_text(
            self._redactor.text(f"{prompt.text}\n---\n{json.dumps(record, indent=1)}\n")
        )

    @property
    def _order(self) -> AgentOrder:
        assert self._command.order is not None
        return self._command.order

    @property
    def _is_fix(self) -> bool:
        """Another step's session goes on with this one's task."""
        return self._order.session != self._command.step.id

    async def _everything(self, left_out: list[NotIncluded]) -> list[Item]:
        command, order = self._command, self._order
        tree = CommitTree(Path(command.workspace.mirror), command.workspace.base_commit)
        found = (await discover(tree, Path.home())).believed(trusted=command.trusted)
        results, without = result_items(order.received)
        rules, unread = house_rules(found.of(Kind.CONTEXT), command.step, trusted=command.trusted)
        left_out.extend((*without, *unread))
        request = Item(
            part=PartName.STEP, source="the whole request, of which this step is a part", text=command.request
        )
        items = [
            request,
            *task_items(command.step, order.criteria),
            *order.lifted,
            *results,
            *rules,
            *project_items(command.project),
        ]
        if order.activation is not None:
            items += resource_items(order.activation, found.resources, left_out=left_out)
        return items
