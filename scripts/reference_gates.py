"""The page on gates: when each fails or warns, and every code that one can end with."""

from collections.abc import Iterator, Mapping

from ostinato.domain.gate_codes import CODES as POST_CODES
from ostinato.domain.gate_codes import MID_CODES, PRE_CODES, Code
from ostinato.domain.integrity import CODES, Weight
from ostinato.domain.plan import GateName


def gates_page() -> Iterator[str]:
    judged = {
        GateName.TESTS: "A test that fails now and did not at the base fails it. Flaky tests, fewer than before, or coverage under 80 %, warn.",
        GateName.LINT: "The repository's own linter where one is configured, else ruff for Python.",
        GateName.TYPES: "The repository's own checker where one is configured, else mypy for Python.",
        GateName.SECURITY: "bandit for insecure code, detect-secrets for secrets in any file.",
        GateName.PERFORMANCE: "The project's benchmark at the base and at the head, in turns, as a ratio of medians; where there is one.",
    }
    yield from ("# Gates", "", "Why they are as they are: [Gates](../explanation/gates.md).", "")
    yield from ("## Before anything runs", "", "| gate | fails or warns when |", "|---|---|")
    yield "| `git` | warns: uncommitted files stay out of the run |"
    yield "| `dependencies` | fails: under 200 MB free, or the plan has commands and the repository is not trusted; warns: something that the plan needs is not here (programs, a Python that fits, agents, servers), a lock file does not fit |"
    yield "| `budget` | fails: the plan may take more than the run's limit or the day's has left; warns: it leaves less than a quarter |"
    yield "| `risk` | warns: a person approves the plan first |"
    yield "| `permissions` | fails: the plan writes or starts what the `[policy]` forbids; warns: that is not known before, or a denied network cannot be kept away |"
    yield from _codes(PRE_CODES)
    yield from ("", "## While it runs", "", "| gate | fails or warns when |", "|---|---|")
    yield "| `token_usage` | warns: from 75 % of a limit or of a part of the session; fails: above 85 %, and then the budget decides |"
    yield "| `progress` | a step fails again and again in the same way: [Recovery](../explanation/recovery.md) |"
    yield "| `error_rate` | too many of the steps fail |"
    yield "| `resources` | what a step's processes use comes near its `limits`, or over them |"
    yield ""
    yield "A verdict of the last three is there once something failed, or a limit was stated; it steers the run and does not fail it."
    yield from (
        "",
        "## After the last step",
        "",
        "On the exact final commit, in a fresh checkout, compared with the base commit.",
    )
    yield from ("", "| gate | what it judges |", "|---|---|")
    yield from (f"| `{gate}` | {judged[gate]} |" for gate in GateName)
    yield "| `hook` | The repository's own pre-commit hook on the final commit, where it has one and is trusted. |"
    yield "| `integrity` | What the change did to its own judges: tests, suppressions, limits, configuration. |"
    yield "| `permissions` | What was written, against the `[policy]`. |"
    yield from _post_codes()
    yield from (
        "",
        "## What `integrity` names",
        "",
        "Why, and what it does not see: [Integrity](../explanation/integrity.md).",
    )
    yield from ("", "| code | meaning | unless the request is about it |", "|---|---|---|")
    leads = {Weight.FAIL: "fails", Weight.ASK: "a person is asked", Weight.NOTE: "noted"}
    yield from (f"| `{name}` | {code.means} | {leads[code.weight]} |" for name, code in CODES.items())
    yield from ("", "Status is `pass`, `warn`, `fail` or `skipped`. A gate that had something to judge and could not")
    yield "(`environment_missing`, `not_trusted`, `timed_out`, `tool_failed`) leaves the run degraded and unmergeable; `nothing_to_check` does not."


def _post_codes() -> Iterator[str]:
    yield from (
        "",
        "## Codes",
        "",
        "Which reports are read, and how flaky tests are told: [Test reports](../explanation/test-reports.md).",
    )
    yield from _codes({**POST_CODES, **MID_CODES})


def _codes(codes: Mapping[str, Code]) -> Iterator[str]:
    for name, code in codes.items():
        yield from ("", f"### `{name}`", "", f"{code.status}. {code.means}" + (f" {code.cure}" if code.cure else ""))
