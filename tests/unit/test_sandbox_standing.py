"""What `doctor` says of the sandbox."""

import pytest

from ostinato.domain.agents.standing import LACKS, NOTHING, ROOT, SandboxFacts, sandbox_standing

WORKS = SandboxFacts(platform="linux", bwrap="/usr/bin/bwrap", version="0.8.0", works=True)


def test_where_it_works_it_says_what_holds_and_what_does_not() -> None:
    standing = sandbox_standing(WORKS)

    assert standing.works
    assert standing.message == "bubblewrap 0.8.0"
    assert any("no network" in line for line in standing.holds)
    assert standing.lacks == LACKS


def test_a_worker_that_runs_as_root_is_told_what_that_costs() -> None:
    assert ROOT in sandbox_standing(WORKS.model_copy(update={"is_root": True})).lacks


@pytest.mark.parametrize(
    ("facts", "word", "cure"),
    [
        (SandboxFacts(platform="darwin"), "none on darwin", "Linux"),
        (SandboxFacts(platform="linux"), "not installed", "apt-get install bubblewrap"),
        (("bwrap: No permissions to creating new namespace, likely because…"), "switched off", "max_user_namespaces"),
        (("bwrap: Creating new namespace failed: Operation not permitted"), "switched off", "unshare"),
        (("bwrap: setting up uid map: Permission denied"), "without a profile", "AppArmor"),
        (("bwrap: Can't mount proc on /newroot/proc: Operation not permitted"), "masks", "systempaths"),
        (("bwrap: Unknown option --disable-userns"), "0.8 or newer", "a user of its own"),
        (("bwrap: something new\nand more"), "bwrap: something new", "bwrap --unshare-all"),
        ((""), "it said nothing", "bwrap --unshare-all"),
    ],
)
def test_where_it_does_not_it_says_why_and_the_cure(facts: SandboxFacts | str, word: str, cure: str) -> None:
    if isinstance(facts, str):
        facts = SandboxFacts(platform="linux", bwrap="/usr/bin/bwrap", complaint=facts)

    standing = sandbox_standing(facts)

    assert not standing.works
    assert word in standing.message
    assert cure in standing.cure
    assert (standing.holds, standing.lacks) == ((), NOTHING)
