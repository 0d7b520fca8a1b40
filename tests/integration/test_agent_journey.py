"""From a claim to a commit: an agent that lies first, is told, and then does it."""

from pathlib import Path

from ostinato.adapters.git.collapsing import collapse
from ostinato.adapters.git.commits import snapshot
from ostinato.adapters.git.observing import observe
from ostinato.adapters.git.seclusion import seclude
from ostinato.adapters.git.worktrees import prepare_worktree
from ostinato.domain.agents import AgentEnd, EndKind
from ostinato.domain.agents.proving import Accepted, Rejected, Round, SentBack, follow, prove
from ostinato.domain.agents.said import said_in
from ostinato.domain.plan import AgentAction, Step
from ostinato.domain.prompting import TurnName, compose
from tests.builders import a_step
from tests.integration.grounds import Ground, a_ground
from tests.repositories import AUTHOR, RUN, a_key, commit, git, write

STEP = a_step("build", action=AgentAction(prompt="Add a flag"), writes=("src/**",))


async def said(ground: Ground, folder: Path, answer: str, *rounds: Round) -> Accepted | SentBack | Rejected:
    """What follows from an agent's "done"."""
    end = AgentEnd(kind=EndKind.DONE, session_id="s1", answer=answer)
    claims = said_in(answer, tree=str(ground.slot))
    facts = await observe(ground.slot, mirror=ground.mirror, base=ground.base, folder=folder, said=claims)
    return follow(prove(STEP, end, claims, facts), end, rounds)


async def taken(ground: Ground, folder: Path, step: Step) -> tuple[str, ...]:
    """The paths of the step's one commit."""
    await collapse(ground.slot, mirror=ground.mirror, base=ground.base, folder=folder)
    made = await snapshot(
        ground.slot,
        mirror=ground.mirror,
        parent=ground.base,
        message=step.name,
        author=AUTHOR,
        trailers=a_key("build").trailers,
    )
    assert made is not None
    assert git(ground.mirror, "rev-list", "--count", f"{ground.base}..{made.commit}") == "1"
    return made.paths


async def test_an_agent_that_lies_first_is_told_and_its_work_becomes_one_commit(tmp_path: Path) -> None:
    ground, folder = await a_ground(tmp_path), tmp_path / "private"
    await prepare_worktree(ground.mirror, ground.slot, ground.base, RUN)
    await seclude(ground.slot, mirror=ground.mirror, base=ground.base, folder=folder)

    lie = await said(ground, folder, "Done! I created `src/flag.py` and committed it as 0123abc.")
    assert isinstance(lie, SentBack)
    told = compose(lie.items, turn=TurnName.OBJECTIONS).text
    assert all(word in told for word in ("No file in the working directory differs", "- src/flag.py", "- 0123abc"))

    git(ground.slot, "checkout", "-q", "-b", "flag")
    made = commit(ground.slot, {"src/flag.py": "QUIET = True\n", "ci.yml": "skip: true\n"})
    outside = await said(ground, folder, f"I created `src/flag.py` (commit {made[:9]}).", lie.round)
    assert isinstance(outside, SentBack)
    assert outside.round.codes == ("outside_allowed",)

    (ground.slot / "ci.yml").unlink()
    write(ground.slot, {"src/flag.py": "QUIET = False\n"})
    right = await said(ground, folder, "I created `src/flag.py`.", lie.round, outside.round)
    assert right == Accepted(
        warnings=("folded into the step's one commit, or dropped: 1 commit, 1 branch (flag)",)
    )  # fmt: skip

    assert await taken(ground, folder, STEP) == ("src/flag.py",)
