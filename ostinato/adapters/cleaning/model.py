"""What a clean-up would remove, what it leaves, and why."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from ostinato.domain.ids import RunId


class RemovalKind(StrEnum):
    RUN_FOLDER = "run_folder"
    REFS = "refs"
    BRANCH = "branch"
    ARTIFACT = "artifact"
    PAYLOADS = "payloads"
    BASELINE = "baseline"
    CACHE = "cache"
    UNFINISHED = "unfinished"
    MIRROR = "mirror"
    """Not removed but packed: unreachable objects go."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    kind: RemovalKind
    place: str
    """A path; for refs and branches the git folder that they are in."""
    reason: str
    bytes: int = 0
    run_id: RunId | None = None
    refs: tuple[tuple[str, str], ...] = ()
    """Names and the values they must still have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Left on purpose."""

    place: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GcPlan:
    removals: tuple[Removal, ...] = ()
    kept: tuple[Kept, ...] = ()

    @property
    def bytes(self) -> int:
        return sum(removal.bytes for removal in self.removals)


@dataclass(frozen=True, slots=True, kw_only=True)
class Collected:
    removal: Removal
    done: bool
    message: str = ""
    """Why not, or where unfinished work was kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    now: datetime
    keep_days: float
    max_bytes: int | None = None
    """For artifacts; None: no limit."""
    open_runs: Collection[RunId] = field(default_factory=frozenset)
    open_since: datetime | None = None
    """When the oldest open run began."""
    scheduled: Collection[RunId] = field(default_factory=frozenset)
    """Triggers: the input of the runs that they will start is a payload."""

    @property
    def horizon(self) -> datetime:
        return self.now - timedelta(days=self.keep_days)

    def is_old(self, at: datetime | None) -> bool:
        return at is not None and at <= self.horizon

    def may_be_of_open_run(self, at: datetime) -> bool:
        return bool(self.open_runs) and (self.open_since is None or at >= self.open_since)
