"""What every activity has: its contract's name, a heartbeat from the background, and errors mapped once."""

import asyncio
import errno
import functools
import traceback
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, Protocol, TypeVar

from temporalio import activity
from temporalio.exceptions import ApplicationError

from ostinato.adapters.agents.agency import Agency
from ostinato.adapters.artifacts import ArtifactStore
from ostinato.adapters.git.objects import Author
from ostinato.adapters.history import History
from ostinato.adapters.home import Home
from ostinato.adapters.models import LanguageModel
from ostinato.contracts.activities import ActivityContract
from ostinato.domain.base import Fact
from ostinato.domain.budget.prices import PriceTable
from ostinato.domain.errors import OstinatoError, UserError
from ostinato.domain.ids import RunId
from ostinato.domain.project import ProjectFacts
from ostinato.domain.redacted_facts import redacted_fact
from ostinato.domain.redaction import Redactor

Self_ = TypeVar("Self_", bound="_Seated")
In = TypeVar("In", bound=Fact)
Out = TypeVar("Out", bound=Fact)
Key = TypeVar("Key")
Value = TypeVar("Value")
MAX_PROJECTS = 64

NO_SPACE = "No space left on device"
RETRY_DISK_S = 5
MAX_PROBLEMS = 20
"""That travel with an error; failures are kept in the history whole."""
BEAT_EVERY_S = 1.0
"""Cancellation reaches an activity with a heartbeat's answer: the beat is how fast a cancel is felt."""


class Recent(OrderedDict[Key, Value]):
    """The last so many that were put in."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def __setitem__(self, key: Key, value: Value) -> None:
        super().__setitem__(key, value)
        while len(self) > self._most:
            self.popitem(last=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """Whose activity it is; attempts of one activity are equal."""

    workflow: str
    execution: str
    activity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """An execution of a workflow and those that it continues: what they began may end."""

    lineage: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Desk:
    """What the activities of one worker share."""

    home: Home
    artifacts: ArtifactStore
    redactor: Redactor = field(default_factory=Redactor)
    history: History | None = None
    model: LanguageModel | None = None
    """Asked where one is configured on this worker."""
    prices: PriceTable = field(default_factory=PriceTable)
    agency: Agency | None = None
    """Coding agents, where the worker has any."""
    turns: dict[RunId, asyncio.Lock] = field(default_factory=dict)
    timelines: dict[RunId, Line] = field(default_factory=dict)
    """The workflow executions that were last found to be those that work in a run's files."""
    at_work: dict[RunId, dict["asyncio.Task[Any]", Presence]] = field(default_factory=dict)
    """Activities in a run's files now."""
    authors: dict[RunId, Author] = field(default_factory=dict)
    """Whose name a run's commits bear; it may be no UTF-8, so it cannot travel."""
    clean: set[Path] = field(default_factory=set)
    """Worktrees in which nothing was left since their last commit."""
    projects: Recent[tuple[str, str], ProjectFacts] = field(default_factory=lambda: Recent(MAX_PROJECTS))
    """Facts by repository and commit."""


class _Seated(Protocol):
    """A family of activities."""

    _desk: Desk


class Pulse:
    """What the activity is doing now; travels with its heartbeat. And what it must not say, in no way at all."""

    def __init__(self, redactor: Redactor) -> None:
        self.doing = ""
        self.redactor = redactor
        """Of the worker; an activity that learns of more secrets adds them."""

    def say(self, doing: str) -> None:
        self.doing = self.redactor.text(doing)[:300]


@asynccontextmanager
async def heartbeat(redactor: Redactor) -> AsyncIterator[Pulse]:
    """Beat from a background task for as long as the block runs."""
    pulse = Pulse(redactor)

    async def beat() -> None:
        while True:
            activity.heartbeat(pulse.doing)
            await asyncio.sleep(BEAT_EVERY_S)

    task = asyncio.create_task(beat())
    try:
        yield pulse
    finally:
        task.cancel()


def edge(
    contract: ActivityContract[In, Out],
) -> Callable[[Callable[[Self_, In, Pulse], Awaitable[Out]]], Callable[[Self_, In], Awaitable[Out]]]:
    """Make a method the activity of its contract. Our own errors are never retried: only lost workers are.

    What it answers and what it raises hold no secret. Errors go without their causes, which nobody has redacted.
    """

    def wrap(method: Callable[[Self_, In, Pulse], Awaitable[Out]]) -> Callable[[Self_, In], Awaitable[Out]]:
        async def run(self: Self_, argument: In) -> Out:
            async with heartbeat(self._desk.redactor) as pulse:
                try:
                    answer = await method(self, argument, pulse)
                    text = (
                        answer.model_dump_json()
                    )  # what cannot travel is told now: later it would be retried for ever
                    return redacted_fact(answer, pulse.redactor) if pulse.redactor.secrets(text) else answer
                except OstinatoError as error:
                    raise (_disk_full(error, pulse) or as_application_error(error, pulse.redactor)) from None
                except Exception as error:
                    raise (_disk_full(error, pulse) or _bug(contract.name, error, pulse)) from None

        functools.update_wrapper(run, method)
        run.__annotations__ = {"argument": contract.input, "return": contract.output}
        del run.__wrapped__  # type: ignore[attr-defined]
        return activity.defn(name=contract.name)(run)

    return wrap


def as_application_error(error: OstinatoError, redactor: Redactor) -> ApplicationError:
    details: tuple[Any, ...] = ()
    if isinstance(error, UserError):
        details = ([redactor.value(problem.model_dump()) for problem in error.problems[:MAX_PROBLEMS]],)
    return ApplicationError(redactor.text(str(error))[:4000], *details, type=error.code, non_retryable=True)


def is_disk_full(error: BaseException) -> bool:
    is_full = isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)
    return is_full or NO_SPACE in str(error)


def is_tried_again(error: BaseException) -> bool:
    """Whether another attempt follows on what ended this one: not where nobody wants it any more, or it failed for good."""
    if isinstance(error, asyncio.CancelledError):
        details = activity.cancellation_details()
        return details is None or not (details.cancel_requested or details.not_found)
    return is_disk_full(error)


def _disk_full(error: Exception, pulse: Pulse) -> ApplicationError | None:
    """Tried again until there is room: nothing is lost by waiting. None where it is another error."""
    if not is_disk_full(error):
        return None
    said = pulse.redactor.text(str(error))[:1000]
    message = f"The disk is full; this is tried again until there is room: {said}"
    return ApplicationError(message, type="disk_full", next_retry_delay=timedelta(seconds=RETRY_DISK_S))


def _bug(name: str, error: Exception, pulse: Pulse) -> ApplicationError:
    told = {"activity_name": name, "exception": pulse.redactor.text("".join(traceback.format_exception(error)))}
    activity.logger.error("activity failed unexpectedly", extra=told)
    message = f"{name} failed unexpectedly: {type(error).__name__}: {pulse.redactor.text(str(error))[:2000]}"
    return ApplicationError(message[:4000], type="unexpected", non_retryable=True)
