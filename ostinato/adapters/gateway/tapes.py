"""Exchanges with a model on disk, redacted: recorded by step and ordinal, and given back to whoever asks the same again."""

import json
import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final

from pydantic import AwareDatetime, ValidationError

from ostinato.adapters.atomic import read_json_object, write_atomically
from ostinato.domain.agents.fingerprints import Fingerprint, differences, fingerprint
from ostinato.domain.agents.wires import Asked, CallKind, Route
from ostinato.domain.base import Fact
from ostinato.domain.errors import ExternalError
from ostinato.domain.redaction import Redactor


class TapeMode(StrEnum):
    RECORD = "record"
    REPLAY = "replay"


_RESETS_AT: Final = re.compile(r'("resets_at"\s*:\s*)(\d{10})\b')
UNANSWERED: Final = 0
"""Instead of a status: nothing came back. It has its place all the same, so that what follows has its own."""


class Taped(Fact):
    """One exchange."""

    path: str
    status: int = UNANSWERED
    headers: dict[str, str] = {}
    fingerprint: Fingerprint
    body: str = ""
    is_cut: bool = False
    """The provider may have seen it, and no end of its answer was seen."""
    at: AwareDatetime | None = None

    def given_at(self, now: datetime) -> "Taped":
        """A limit lasts as long as it did: what it names as its end is moved to then."""
        if self.status < 400 or self.at is None:
            return self
        by = now - self.at
        headers = {name: _moved(value, by) if "reset" in name else value for name, value in self.headers.items()}
        body = _RESETS_AT.sub(lambda found: found[1] + _moved(found[2], by), self.body)
        return self.model_copy(update={"headers": headers, "body": body})


def _moved(moment: str, by: timedelta) -> str:
    """Seconds since 1970, or an ISO time; a length stays as it is."""
    if re.fullmatch(r"1\d{9}", moment):
        return str(math.ceil(int(moment) + by.total_seconds()))
    try:
        known = datetime.fromisoformat(moment)
    except ValueError:
        return moment
    return (known + by).isoformat(timespec="seconds") if known.tzinfo else moment


class MismatchError(ExternalError):
    """A replay was asked something else than what was recorded."""

    code = "gateway_replay_mismatch"


@dataclass(slots=True, kw_only=True)
class Tape:
    """Of one execution of a step. Requests with tools and those beside them (titles, summaries) are counted apart: they race."""

    folder: Path
    mode: TapeMode
    redactor: Redactor = field(default_factory=Redactor)
    places: Mapping[str, str] = field(default_factory=dict)
    """Paths by the word that stands for each in fingerprints: the worktree, the step's home."""
    position: Path | None = None
    """Where a replay notes how far it is, for the step's next execution; None: it begins anew each time."""
    _ordinals: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        if self.mode is TapeMode.REPLAY and self.position is not None:
            self._ordinals.update(_ordinals_in(self.position))

    def place(self, route: Route, asked: Asked) -> Path:
        """Of the next exchange of this kind; either mode goes on where the execution before ended."""
        lane = ("main" if asked.has_tools else "side") if route.kind is CallKind.ASK else route.kind.value
        if self.mode is TapeMode.RECORD and lane not in self._ordinals:
            self._ordinals[lane] = len(list(self.folder.glob(f"{lane}-*.json")))
        self._ordinals[lane] += 1
        return self.folder / f"{lane}-{self._ordinals[lane]:04}.json"

    def fingerprint(self, document: Mapping[str, Any], asked: Asked) -> Fingerprint:
        return fingerprint(self.redactor.value(dict(document)), model=asked.model, places=self.places)

    def record(self, place: Path, taped: Taped) -> None:
        """Everything in it is redacted before it reaches the disk."""
        clean = taped.model_copy(update={"body": self.redactor.text(taped.body), "at": datetime.now(UTC)})
        write_atomically(place, json.dumps(clean.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n")

    def replayed(self, place: Path, asked: Fingerprint) -> Taped:
        """Raises MismatchError, which names what differs."""
        name = f"{self.folder.name}/{place.stem}"
        try:
            taped = Taped.model_validate_json(place.read_bytes())
        except FileNotFoundError as error:
            raise MismatchError(f"{name} was never recorded: more was asked than in the recording") from error
        except (OSError, ValidationError) as error:
            raise MismatchError(f"{place} cannot be read: {error}") from error
        if different := differences(taped.fingerprint, asked):
            raise MismatchError(f"{name} differs from the recording: {'; '.join(different)}")
        if self.position is not None:
            write_atomically(self.position, json.dumps(self._ordinals))
        return taped.given_at(datetime.now(UTC))


def _ordinals_in(position: Path) -> Mapping[str, int]:
    found = read_json_object(position) or {}
    return {lane: ordinal for lane, ordinal in found.items() if isinstance(ordinal, int)}
