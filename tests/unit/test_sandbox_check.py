"""What the doctor says of the sandbox: only those who want one have to have it."""

import pytest

from ostinato.cli.sandbox_check import told
from ostinato.domain.agents.standing import LACKS, NOTHING, SandboxFacts

WORKS = SandboxFacts(platform="linux", bwrap="/usr/bin/bwrap", version="0.8.0", works=True)
ABSENT = SandboxFacts(platform="linux")


@pytest.mark.parametrize(
    ("facts", "wanted", "verdict", "message"),
    [
        (WORKS, True, "ok", "bubblewrap 0.8.0. enforced: no network"),
        (WORKS, False, "ok", "off for coding agents (bubblewrap 0.8.0 works)"),
        (ABSENT, True, "fail", "bubblewrap is not installed"),
        (ABSENT, False, "ok", "off for coding agents (bubblewrap is not installed)"),
    ],
)
def test_what_is_wrong_with_it_counts_for_those_who_want_it(
    facts: SandboxFacts, wanted: bool, verdict: str, message: str
) -> None:
    check = told(facts, wanted=wanted)

    assert check.verdict == verdict
    assert check.message.startswith(message)
    assert bool(check.cure) is (verdict == "fail")


@pytest.mark.parametrize(("facts", "lacks"), [(WORKS, LACKS), (ABSENT, NOTHING)])
def test_those_who_want_it_are_told_what_is_not_enforced(facts: SandboxFacts, lacks: tuple[str, ...]) -> None:
    message = told(facts, wanted=True).message

    assert all(line in message for line in lacks)
