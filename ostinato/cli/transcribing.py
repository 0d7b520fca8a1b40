"""What a step's coding agent was given, said and did, turn by turn, as `logs` tells it."""

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ostinato.adapters.agents.transcripts import events_of
from ostinato.adapters.artifacts import ArtifactStore
from ostinato.domain.agents.transcripts import readable_lines
from ostinato.domain.by_agents import turn_line
from ostinato.domain.errors import ExternalError
from ostinato.domain.turns import LOST, Turn

if TYPE_CHECKING:
    from ostinato.domain.agents.described import DescribedAgent

SHOWN_SOURCES = 8


class Transcribing:
    """Reads what was kept; what is gone is said to be."""

    def __init__(self, artifacts: ArtifactStore, described: "Mapping[str, DescribedAgent]", *, whole: bool) -> None:
        self._artifacts = artifacts
        self._described = described
        self._whole = whole
        """Prompts word for word, too."""

    def lines(self, turn: Turn, number: int) -> Iterator[str]:
        yield f"── {turn.agent}, {turn_line(turn, number)}"
        yield from self._prompt_lines(turn)
        if turn.evidence:
            yield from self._spoken(turn)
        elif turn.end == LOST:
            yield "  (what it said before its worker died is in the agent's session, and was not kept here)"

    def data(self, turn: Turn, number: int) -> dict[str, Any]:
        prompt, record = self._prompt(turn)
        return {
            **turn.model_dump(mode="json"),
            "number": number,
            "prompt_text": prompt,
            "prompt_record": record,
            "transcript": list(self._spoken(turn)) if turn.evidence else [],
        }

    def _spoken(self, turn: Turn) -> Iterator[str]:
        text = self._read(turn.evidence)
        if text is None:
            yield f"  (its transcript is not here: {turn.evidence})"
            return
        yield from readable_lines(events_of(turn.agent, text, self._described))

    def _prompt_lines(self, turn: Turn) -> Iterator[str]:
        prompt, record = self._prompt(turn)
        if not prompt:
            return
        told = [f"{each['source']} ({each['tokens']:,})" for each in record.get("included", ())]
        more = f" and {len(told) - SHOWN_SOURCES} more" if len(told) > SHOWN_SOURCES else ""
        yield f"  given {turn.prompt_tokens:,} tokens: {'; '.join(told[:SHOWN_SOURCES])}{more}"
        for left in record.get("left_out", ())[:SHOWN_SOURCES]:
            yield f"  not given: {left['source']}: {left['reason']}"
        if self._whole:
            yield from (f"  │ {line}".rstrip() for line in prompt.splitlines())

    def _prompt(self, turn: Turn) -> tuple[str, dict[str, Any]]:
        """Its words, and the record of what they were made from."""
        text = (self._read(turn.prompt) or "") if turn.prompt else ""
        prompt, _, record = text.rpartition("\n---\n")
        try:
            return prompt, json.loads(record) if record else {}
        except ValueError:
            return text, {}

    def _read(self, ref: str) -> str | None:
        try:
            return self._artifacts.read_text(ref)
        except (OSError, ExternalError):
            return None
