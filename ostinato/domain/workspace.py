"""The run's private place to work: facts about it, as activities report them."""

from datetime import datetime

from ostinato.domain.base import Fact
from ostinato.domain.ids import RunId, StepId


class Workspace(Fact):
    run_id: RunId
    queue: str
    """Task queue of the worker that owns the files."""
    repository: str
    repository_id: str
    mirror: str
    """Private bare clone, worktrees hang from it."""
    root: str
    """The run's folder: worktrees and environments."""
    base_branch: str | None = None
    """The branch the user had checked out or named; None when HEAD was detached."""
    base_commit: str
    head: str
    """base_commit, or the commit that carries uncommitted work along."""
    checkpoint_remote: str = ""
    """Where refs are pushed after each step; empty: the user's repository."""
    epoch: int = 1
    """Raised by each takeover: whoever works under an older one is refused."""
    timeline: str = ""
    """The workflow execution that works here; another one that does not follow it was reset to an earlier point."""
    follows: str = ""
    """The executions that this one continues, in order, separated by spaces."""
    dirty_paths: tuple[str, ...] = ()
    """Uncommitted in the user's tree at the start (at most 50)."""
    notes: tuple[str, ...] = ()
    """What a person should know: submodules, LFS pointers, filters, hooks."""


class Environment(Fact):
    """A worktree's prepared environment."""

    ready: bool
    python: str = ""
    """Absolute path of the interpreter in it."""
    path: str = ""
    message: str = ""
    cure: str = ""
    prepared_s: float = 0.0
    reused: bool = False


class Checkout(Fact):
    """A worktree at a known commit, with its environment."""

    worktree: str
    commit: str
    environment: Environment
    stands_for: str = ""
    """The commit that is judged by it, where that one's files stand here with the base's configuration of the gates."""
    restored: tuple[str, ...] = ()
    """The files that differ from that commit's for this reason (at most 20)."""

    @property
    def judged(self) -> str:
        return self.stands_for or self.commit


class Checkpoint(Fact):
    id: str
    step_id: StepId | None = None
    commit: str
    at: datetime


class Integration(Fact):
    """What became of a step's commit on the run's branch."""

    head: str
    commit: str = ""
    """The commit on the run's branch; differs from the step's own where it was merged onto a newer head."""
    conflicts: tuple[str, ...] = ()
    """Paths; when there are any, nothing was integrated and both sides are kept under refs."""
    missing: bool = False
    """The step's commit is not here: it stayed on a disk that another worker owns."""


class Publication(Fact):
    """What the user's repository received."""

    branch: str
    commit: str
    pushed: bool
    message: str = ""
