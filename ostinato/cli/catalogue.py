"""Every command by name. Light on purpose: help and did-you-mean load nothing else."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Entry:
    name: str
    summary: str
    module: str = ""
    """In ostinato.cli.commands; where it is not the name."""


GROUPS: Final[dict[str, tuple[Entry, ...]]] = {
    "Start work": (
        Entry("run", "start a run and follow it to its end"),
        Entry("start", "start a run and return its id at once"),
        Entry("plan", "show what a run would do; changes nothing"),
        Entry("classify", "what a request is about, and why"),
        Entry("refit", "recalibrate the classifier from the types you stated"),
        Entry("resources", "the modes, skills, servers, commands, agents and context that a run can get"),
        Entry("init", "write a commented .ostinato/config.toml with what was detected"),
        Entry("validate", "check workflow definitions"),
        Entry("templates", "workflow templates: list them, show one, save a finished run as one"),
        Entry("trigger", "schedules that start runs of a definition: apply, list, fire now, remove"),
        Entry("schema", "print the JSON Schema of workflow definitions"),
    ),
    "Follow it": (
        Entry("list", "all runs, newest first"),
        Entry("status", "one run now"),
        Entry("watch", "follow a run live"),
        Entry("why", "what a run waits for or failed on, and what to do"),
        Entry("logs", "the evidence of a run's steps and gates"),
    ),
    "Answer and control": (
        Entry("decisions", "questions that wait for an answer"),
        Entry("decide", "answer a question"),
        Entry("approve", "approve a run's plan"),
        Entry("reject", "reject a run's plan, which ends the run"),
        Entry("pause", "start no further step"),
        Entry("resume", "go on after a pause"),
        Entry("steer", "tell the agent that works on a step something"),
        Entry("cancel", "stop a run in good order"),
        Entry("terminate", "end a run at once, without its clean-up"),
        Entry("steps", "the plan as it runs: list, add, skip, edit or retry steps"),
    ),
    "Go on, or back in time": (
        Entry("retry", "go on with a run that failed, or run a step again"),
        Entry("checkpoints", "the commits that a run can go back to, and whether they are whole"),
        Entry("rollback", "take a run back to a checkpoint, whole or some of its files"),
        Entry("fork", "begin a new run from a checkpoint of another one"),
    ),
    "Take the result": (
        Entry("report", "what a run came to"),
        Entry("diff", "what a run changed"),
        Entry("context", "what a run leaves for others: show, export, merge with another"),
        Entry("merge", "bring a run's branch into the base branch, if its gates passed"),
    ),
    "The local stack": (
        Entry("up", "start the embedded Temporal server and a worker"),
        Entry("down", "stop them"),
        Entry("worker", "run a worker in the foreground"),
        Entry("gc", "clean up what finished runs left; never anything dirty or unmerged"),
        Entry("doctor", "what is here, what is missing, and the cure"),
    ),
}

ENTRIES: Final[dict[str, Entry]] = {entry.name: entry for group in GROUPS.values() for entry in group}


def suggestion(word: str, known: tuple[str, ...]) -> str:
    """The known word that was probably meant; empty when none is near."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(word, known, n=1, cutoff=0.6)), "")


def root_help(version: str) -> str:
    width = max(map(len, ENTRIES))
    lines = [
        f"Ostinato {version}: takes a coding request on a git repository to a branch with passed gates, durably.",
        "",
        "usage: ostinato COMMAND [OPTIONS]        ostinato COMMAND --help shows options, defaults and an example",
    ]
    for title, entries in GROUPS.items():
        lines += ["", f"{title}:", *(f"  {entry.name:<{width}}  {entry.summary}" for entry in entries)]
    lines += [
        "",
        "example:",
        '  ostinato run "fix the lint errors and format the code" --repo ~/projects/shop',
        "",
        "Every command takes --json: one envelope on stdout. Exit codes: ostinato doctor --help.",
    ]
    return "\n".join(lines) + "\n"
