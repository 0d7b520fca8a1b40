"""What may speak against a "done": the codes as a table, what each weighs, and what the agent is told of it."""

from collections.abc import Mapping, Sequence
from enum import StrEnum

from ostinato.domain.base import Fact

MOST_NAMES = 20


class Weight(StrEnum):
    BLOCKS = "blocks"
    """The step is not done."""
    DOUBTS = "doubts"
    """The agent is asked once; then it stands in the report as a warning."""
    NOTED = "noted"


class ObjectionCode(StrEnum):
    NOTHING_DONE = "nothing_done"
    WORK_ASIDE = "work_aside"
    WORK_STASHED = "work_stashed"
    OUTSIDE_ALLOWED = "outside_allowed"
    CHANGED_UNASKED = "changed_unasked"
    CONFLICT_MARKS = "conflict_marks"
    UNFINISHED = "unfinished"
    CHECK_FAILED = "check_failed"
    CHECK_CHANGED = "check_changed"
    CHECK_MADE = "check_made"
    FILES_ABSENT = "files_absent"
    COMMITS_UNKNOWN = "commits_unknown"
    BRANCHES_UNKNOWN = "branches_unknown"
    INNER_REPOSITORY = "inner_repository"
    SECRET_WRITTEN = "secret_written"
    DENIED = "denied"
    PUSHED_NOWHERE = "pushed_nowhere"
    REPOSITORY_REPLACED = "repository_replaced"
    SETTINGS_CHANGED = "settings_changed"
    LEFTOVERS = "leftovers"


class ObjectionPolicy(Fact):
    weight: Weight
    means: str
    """For the report and the docs; the names follow it."""
    asks: str = ""
    """Of the agent; the names follow it. Empty: it is not told."""
    failure: str = ""
    """Code of the failure, where the step ends with it."""


_B, _D, _N = Weight.BLOCKS, Weight.DOUBTS, Weight.NOTED

OBJECTIONS: Mapping[ObjectionCode, ObjectionPolicy] = {
    ObjectionCode.NOTHING_DONE: ObjectionPolicy(
        weight=_B, failure="false_done", means="it said that it was done, and no file differs",
        asks="No file in the working directory differs from before, although this step has to change some. Make the change, "
        "or say plainly that it cannot be made, and why.",
    ),
    ObjectionCode.WORK_ASIDE: ObjectionPolicy(
        weight=_D, failure="false_done", means="commits on branches that it left again",
        asks="Commits lie on branches that the working directory does not contain. Bring what belongs to the step into the "
        "working directory (git merge or git checkout -- paths), or say that it is not needed:",
    ),
    ObjectionCode.WORK_STASHED: ObjectionPolicy(
        weight=_D, failure="false_done", means="work that it stashed and did not take back",
        asks="There is work in the stash. Take back what belongs to the step (git stash pop), or say that it is not needed.",
    ),
    ObjectionCode.OUTSIDE_ALLOWED: ObjectionPolicy(
        weight=_B, failure="outside_claim", means="files changed outside the paths that the step may write",
        asks="These files may not be changed in this step. Put them back as they were, and do the work within the allowed paths:",
    ),
    ObjectionCode.CHANGED_UNASKED: ObjectionPolicy(
        weight=_B, failure="outside_claim", means="files changed in a step that is to leave them alone",
        asks="This step is to change no file. Put these back as they were, and give what you found out as your answer:",
    ),
    ObjectionCode.CONFLICT_MARKS: ObjectionPolicy(
        weight=_B, failure="merge_conflict", means="files with the marks of a conflict",
        asks="These files hold the marks of a conflict (<<<<<<<, >>>>>>>). Resolve them:",
    ),
    ObjectionCode.UNFINISHED: ObjectionPolicy(
        weight=_B, failure="partly_done", means="it left git in the middle of something",
        asks="git is in the middle of something here. Finish it, or abort it and do the work without it:",
    ),
    ObjectionCode.CHECK_FAILED: ObjectionPolicy(weight=_B, failure="unproved", means="a check of the step fails"),
    ObjectionCode.CHECK_CHANGED: ObjectionPolicy(
        weight=_D, failure="unproved", means="files that a check changed, and that were put back as the agent had left them",
        asks="A check of this step changes these files; they were put back as you left them. Where what it does to them belongs to "
        "the step, run it yourself and leave its result in the working directory:",
    ),
    ObjectionCode.CHECK_MADE: ObjectionPolicy(
        weight=_N, means="files that a check made, and that were removed again: git does not ignore them"
    ),
    ObjectionCode.FILES_ABSENT: ObjectionPolicy(
        weight=_D, failure="unproved", means="files that it says it made, and that are not there",
        asks="You said that you wrote these files, and they are not in the working directory. Write them, or correct what you said:",
    ),
    ObjectionCode.COMMITS_UNKNOWN: ObjectionPolicy(
        weight=_D, failure="unproved", means="commits that it says it made, and that do not exist",
        asks="You named these commits, and they do not exist. Look at what is really there, and put right what is missing:",
    ),
    ObjectionCode.BRANCHES_UNKNOWN: ObjectionPolicy(weight=_N, means="branches that it named, and that do not exist"),
    ObjectionCode.SECRET_WRITTEN: ObjectionPolicy(
        weight=_B, failure="secret_found", means="places where it wrote a secret",
        asks="These places hold what looks like a secret. Take it out: have it read from the environment, or from a file that "
        "git ignores. Write it nowhere, and do not repeat it:",
    ),
    ObjectionCode.INNER_REPOSITORY: ObjectionPolicy(
        weight=_D, failure="unproved", means="repositories inside the working directory, which stay out of the commit",
        asks="These folders are git repositories of their own, and nothing in them is taken. Remove their .git if their files "
        "belong to the step, else remove the folders:",
    ),
    ObjectionCode.DENIED: ObjectionPolicy(
        weight=_N, failure="not_permitted", means="it asked for what the policy does not allow",
        asks="The policy does not allow these, and nobody will; do without them:",
    ),
    ObjectionCode.PUSHED_NOWHERE: ObjectionPolicy(
        weight=_N, means="it says that it pushed, or opened a pull request; nothing can be pushed from there"
    ),
    ObjectionCode.REPOSITORY_REPLACED: ObjectionPolicy(
        weight=_N, means="it put a repository of its own in place of the one it was given, or broke it"
    ),
    ObjectionCode.SETTINGS_CHANGED: ObjectionPolicy(weight=_N, means="settings or hooks of git that it changed; they are dropped"),
    ObjectionCode.LEFTOVERS: ObjectionPolicy(weight=_N, means="folded into the step's one commit, or dropped"),
}  # fmt: skip


class Objection(Fact):
    code: ObjectionCode
    weight: Weight
    names: tuple[str, ...] = ()
    """At most 20."""
    names_count: int = 0
    detail: str = ""

    def __str__(self) -> str:
        """In one line, for a person."""
        means = OBJECTIONS[self.code].means
        rest = self.names_count - len(self.names[:5])
        shown = ", ".join(self.names[:5]) + (f" and {rest} more" if rest > 0 else "")
        told = ": ".join(part for part in (means, shown or self.detail) if part)
        return told[:500]

    @property
    def request(self) -> str:
        """What the agent is told; empty where it is told nothing by this."""
        asks = OBJECTIONS[self.code].asks
        if not asks:
            return self.detail
        rest = self.names_count - len(self.names)
        lines = [asks, *(f"- {name}" for name in self.names), *([f"- and {rest} more"] if rest > 0 else [])]
        return "\n".join(lines)


def objection(
    code: ObjectionCode, names: Sequence[str] = (), *, weight: Weight | None = None, detail: str = ""
) -> Objection:
    return Objection(
        code=code,
        weight=weight or OBJECTIONS[code].weight,
        names=tuple(names[:MOST_NAMES]),
        names_count=len(names),
        detail=detail,
    )
