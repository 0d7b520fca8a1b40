"""Every code that a post gate can end with, and what it asks of a person: the table behind the reference."""

from collections.abc import Mapping
from typing import NamedTuple

from ostinato.domain.gates import NOTHING_TO_CHECK, Status
from ostinato.domain.test_reports.flaky import TESTS_FLAKY
from ostinato.domain.test_reports.model import REPORT_UNREADABLE
from ostinato.domain.test_reports.runners import BY_EXIT, BY_WORDS


class Code(NamedTuple):
    status: Status
    means: str
    cure: str


CODES: Mapping[str, Code] = {
    "tests_passed": Code(Status.PASS, "No test fails that did not fail at the base.", ""),
    "tests_introduced": Code(
        Status.FAIL,
        "Tests fail now, also when run once more alone, that did not fail at the base; or the runner failed without naming one.",
        "Correct the code or the tests; the findings name them.",
    ),
    TESTS_FLAKY: Code(
        Status.WARN,
        "At most ten tests failed, and those that are named passed when each was run once more, alone.",
        "Make them independent of chance, time and their neighbours.",
    ),
    "tests_fewer": Code(
        Status.WARN, "Fewer tests ran than at the base.", "Check that none was removed, hidden or not found any more."
    ),
    "coverage_low": Code(Status.WARN, "Coverage of lines is under 80 %.", "Ask for tests of what is not covered."),
    BY_WORDS: Code(
        Status.WARN,
        "The command succeeded; counts come from what it printed (unittest, tox, nox, or a command that only starts a runner).",
        "Let `[commands] test` start the runner itself, so that it writes a report.",
    ),
    BY_EXIT: Code(
        Status.WARN,
        "The command succeeded; what it ran is not known, as it is no runner that writes a report.",
        "Let `[commands] test` start the runner itself.",
    ),
    REPORT_UNREADABLE: Code(
        Status.SKIPPED,
        "The runner's report is missing, cut off, contradicts itself or is hostile; it is never read as zero failures. "
        "One unreadable report of several is a finding of this name.",
        "Run the tests by hand in the worktree; a runner that was killed writes half a report.",
    ),
    "gate_stopped": Code(
        Status.SKIPPED,
        "Another gate failed critically, so this one was not begun or was stopped.",
        "Repair what the other gate found; then this one judges, too.",
    ),
    "foreign_code": Code(
        Status.FAIL,
        "The tests imported the project from elsewhere than the checkout.",
        "Remove the other installation from the environment.",
    ),
    "lint_introduced": Code(Status.FAIL, "The linter finds what it did not find at the base.", "See the findings."),
    "lint_passed": Code(Status.PASS, "The linter finds nothing new.", ""),
    "types_introduced": Code(
        Status.FAIL, "The type checker finds what it did not find at the base.", "See the findings."
    ),
    "types_passed": Code(Status.PASS, "The type checker finds nothing new.", ""),
    "security_introduced": Code(
        Status.FAIL, "Insecure code or a possible secret that was not there at the base.", "See the findings."
    ),
    "security_passed": Code(Status.PASS, "Nothing new is insecure.", ""),
    "performance_passed": Code(Status.PASS, "No benchmark is slower by more than a tenth.", ""),
    "performance_slower": Code(
        Status.WARN, "A benchmark's median is slower by more than 10 %, and by more than its spread.", "See the ratios."
    ),
    "performance_worse": Code(
        Status.FAIL,
        "A benchmark's median is slower by more than 30 %, and by more than its spread.",
        "Find what the change made slow.",
    ),
    "performance_noisy": Code(
        Status.WARN,
        "A benchmark looks slower by more than 10 %, but the same code differs by as much from round to round.",
        "Measure on a quieter machine, or make the benchmark longer.",
    ),
    "gate_command_passed": Code(
        Status.PASS, "The command of a gate of your own succeeded, or failed at the base too.", ""
    ),
    "gate_command_failed": Code(
        Status.FAIL,
        "The command of a gate of your own failed and did not at the base. With severity minor it warns, with informational it only tells.",
        "See its output.",
    ),
    NOTHING_TO_CHECK: Code(Status.SKIPPED, "There is nothing of the kind; not held against the run.", ""),
    "not_trusted": Code(
        Status.SKIPPED, "It would run the repository's own code, which needs your word.", "`--trust`, if you trust it."
    ),
    "environment_missing": Code(
        Status.SKIPPED,
        "The interpreter's environment, a command or the installed packages (`node_modules`) are missing.",
        "Install them where the worker runs, or state a command that does.",
    ),
    "timed_out": Code(Status.SKIPPED, "It did not end in time.", "Give it longer, or make it shorter."),
    "tool_failed": Code(
        Status.SKIPPED, "The tool broke down or was configured wrongly.", "Its own words are kept as evidence."
    ),
}

MID_CODES: Mapping[str, Code] = {
    "progress_passed": Code(Status.PASS, "Steps failed, none twice in the same way.", ""),
    "progress_slow": Code(Status.WARN, "A step failed twice in the same way.", ""),
    "no_progress": Code(
        Status.FAIL,
        "A step failed three times in the same way: it is not run once more, only otherwise.",
        "Change the step, or what it works on.",
    ),
    "loop": Code(
        Status.FAIL,
        "A step goes back and forth between two failures.",
        "The cure of one brings back the other: change the step.",
    ),
    "error_rate_passed": Code(Status.PASS, "At most 30 % of the steps that ended failed, or under five ended.", ""),
    "error_rate_raised": Code(Status.WARN, "Over 30 % of at least five steps that ended failed for good.", ""),
    "error_rate_high": Code(
        Status.FAIL,
        "Over 60 % of at least five steps that ended failed for good: nothing more starts. A person is asked, or the "
        "run ends where it asks as little as it can.",
        "See what the failures share.",
    ),
    "resources_passed": Code(Status.PASS, "What steps with `limits` used stayed well under them.", ""),
    "limit_near": Code(Status.WARN, "A step used 80 % of one of its limits.", "Raise it before it fails."),
    "limit_memory": Code(
        Status.FAIL, "A step's processes were ended over `limits.memory`.", "Raise it, or split the step."
    ),
    "limit_processes": Code(Status.FAIL, "The same over `limits.processes`.", "Raise it, or split the step."),
    "limit_disk": Code(Status.FAIL, "The same over `limits.disk`.", "Raise it, or split the step."),
}
"""Of gates that judge while steps run."""

PRE_CODES: Mapping[str, Code] = {
    "git_clean": Code(Status.PASS, "The working tree has no uncommitted files.", ""),
    "git_carried": Code(Status.PASS, "Uncommitted files are the run's first commit (`--include-dirty`).", ""),
    "git_dirty": Code(
        Status.WARN, "Uncommitted files stay out of the run.", "Commit them, or start with `--include-dirty`."
    ),
    "dependencies_present": Code(Status.PASS, "Nothing that the plan needs is known to be missing.", ""),
    "disk_full": Code(
        Status.FAIL,
        "Less than 200 MB are free where Ostinato keeps its work.",
        "Free some, or set `OSTINATO_HOME` to another disk.",
    ),
    "not_trusted": Code(
        Status.FAIL,
        "The plan runs commands, and the repository is not trusted. A warning where only tools will not run.",
        "`--trust`, if you trust it.",
    ),
    "no_program": Code(
        Status.WARN,
        "A command begins with a program that is not on PATH. What the project declares and `python`, `pip` and `pytest` come with its environment.",
        "Install it where the worker runs.",
    ),
    "no_file": Code(
        Status.WARN,
        "A command begins with a file that the repository does not have.",
        "Add it, unless an earlier step makes it.",
    ),
    "python_missing": Code(
        Status.WARN,
        "No Python on PATH is one that `requires-python` (or `python_requires`) allows.",
        "Install one, so that it is found on PATH.",
    ),
    "lock_stale": Code(
        Status.WARN,
        "A lock file in the root does not have what its manifest asks for, or has no manifest: uv, Poetry, PDM, npm, Yarn, pnpm, Cargo, Go. "
        "Told from the texts of both; versions are compared only where the lock file repeats them (npm, Go).",
        "Make it anew with its package manager.",
    ),
    "agent_missing": Code(
        Status.WARN,
        "A step names an agent that is nobody here; a person is asked.",
        "Connect it, or leave out its name.",
    ),
    "agents_missing": Code(
        Status.FAIL,
        "Of the coding agents that the run was to be given to, none works on this machine.",
        "Install or sign in one of them (`ostinato doctor`), or let people do it: `--agent person`.",
    ),
    "server_missing": Code(
        Status.WARN,
        "A server that the run switches on is started by a command that is not installed.",
        "Install the command; until then its tools are not there.",
    ),
    "language_unsupported": Code(
        Status.WARN,
        "There is no Python here, so the built-in tools have little to say.",
        "Use a definition with the project's own commands.",
    ),
    "risk_accepted": Code(Status.PASS, "Nobody has to approve the plan.", ""),
    "risk_approval": Code(Status.WARN, "A person approves the plan first.", "`ostinato approve RUN`."),
    "permissions_open": Code(Status.PASS, "No policy limits the run.", ""),
    "permissions_kept": Code(Status.PASS, "The plan stays within the policy.", ""),
    "permissions_unsure": Code(
        Status.WARN,
        "What a step writes is not known before it runs; it is checked on the commit.",
        "State its `writes`.",
    ),
    "permission_denied": Code(
        Status.FAIL, "The plan writes or starts what the policy forbids.", "Change the plan or the `[policy]`."
    ),
    "network_not_enforced": Code(
        Status.WARN,
        "The policy denies the network, and nothing here can keep it away.",
        "Run the worker where `unshare --user --net` works, or in a container without a network; "
        "keep agents in a sandbox (`OSTINATO_SANDBOX=on`).",
    ),
}
