"""An agent claims, and its tree proves: what is accepted, what goes back, and what ends the attempt."""

import pytest

from ostinato.domain.agents import AgentEnd, EndKind
from ostinato.domain.agents.deeds import Deeds
from ostinato.domain.agents.objections import OBJECTIONS, ObjectionCode, Weight
from ostinato.domain.agents.proving import (
    MOST_ROUNDS,
    Accepted,
    Rejected,
    Round,
    SentBack,
    TreeFacts,
    follow,
    prove,
)
from ostinato.domain.agents.said import Said
from ostinato.domain.gates import Status
from ostinato.domain.plan import AgentAction, Step
from ostinato.domain.prompting import TurnName, compose
from ostinato.domain.recovering.codes import CODES
from tests.builders import a_finding, a_gate, a_step

DONE = AgentEnd(kind=EndKind.DONE, session_id="s1")
CHANGED = TreeFacts(tree="t1", changed=("src/app.py",))
C = ObjectionCode


def an_agent_step(writes: tuple[str, ...] | None = ("src/**",), *, expects_changes: bool = True) -> Step:
    action = AgentAction(prompt="Add a flag", expects_changes=expects_changes)
    return a_step("build", action=action, writes=writes)


def codes(facts: TreeFacts, *, step: Step | None = None, end: AgentEnd = DONE, said: Said | None = None) -> list[str]:
    verdict = prove(step or an_agent_step(), end, said or Said(), facts)
    return [each.code.value for each in verdict.objections]


def outcome(
    facts: TreeFacts, *rounds: Round, end: AgentEnd = DONE, step: Step | None = None, said: Said | None = None
) -> Accepted | SentBack | Rejected:
    return follow(prove(step or an_agent_step(), end, said or Said(), facts), end, rounds)


def test_every_objection_has_a_policy_and_every_failure_a_code() -> None:
    assert set(OBJECTIONS) == set(ObjectionCode)
    assert {policy.failure for policy in OBJECTIONS.values() if policy.failure} <= set(CODES)


def test_a_real_diff_within_its_paths_is_accepted() -> None:
    assert outcome(CHANGED) == Accepted()


def test_a_done_without_a_diff_goes_back() -> None:
    made = outcome(TreeFacts())

    assert isinstance(made, SentBack)
    assert made.round.codes == ("nothing_done",)
    assert "No file in the working directory differs" in made.items[0].text


@pytest.mark.parametrize("step", [an_agent_step(()), an_agent_step(None, expects_changes=False)])
def test_a_step_that_need_not_write_may_leave_everything(step: Step) -> None:
    assert outcome(TreeFacts(), step=step) == Accepted()


def test_a_change_outside_the_allowed_paths_goes_back_by_name() -> None:
    made = outcome(TreeFacts(tree="t", changed=("src/app.py", "ci.yml")))

    assert isinstance(made, SentBack)
    assert made.items[0].text.endswith("- ci.yml")


def test_a_change_in_a_step_that_only_looks_goes_back() -> None:
    assert codes(CHANGED, step=an_agent_step(())) == ["changed_unasked"]


def test_a_failing_check_goes_back_with_what_it_found() -> None:
    gate = a_gate("tests", Status.FAIL, message="1 failed", introduced=(a_finding("test_quiet"),), command="pytest -q")

    made = outcome(CHANGED.model_copy(update={"checks": (gate,)}))

    assert isinstance(made, SentBack)
    (item,) = made.items
    assert item.source == "check tests"
    assert "test_quiet" in item.text
    assert item.text.endswith("It is shown by: pytest -q")


def test_a_claimed_file_that_is_not_there_is_asked_for_once_and_then_a_warning() -> None:
    facts = CHANGED.model_copy(update={"absent": ("docs/a.md",)})

    first = outcome(facts)
    assert isinstance(first, SentBack)
    second = outcome(facts, first.round)

    assert isinstance(second, Accepted)
    assert second.warnings == ("files that it says it made, and that are not there: docs/a.md",)


def test_a_claimed_commit_that_does_not_exist_is_asked_for() -> None:
    assert codes(CHANGED.model_copy(update={"unknown_commits": ("1a2b3c4",)})) == ["commits_unknown"]


def test_a_doubt_is_a_warning_where_the_session_cannot_go_on() -> None:
    made = outcome(CHANGED.model_copy(update={"absent": ("docs/a.md",)}), end=AgentEnd(kind=EndKind.DONE))

    assert isinstance(made, Accepted)
    assert len(made.warnings) == 1


def test_work_that_was_left_on_another_branch_is_named_and_asked_for() -> None:
    facts = TreeFacts(deeds=Deeds(commits_count=1, branches=("feature",), aside=("feature",)))

    made = outcome(facts)

    assert isinstance(made, SentBack)
    assert made.round.codes == ("nothing_done", "work_aside")
    assert "- feature" in made.items[1].text


def test_marks_of_a_conflict_go_back() -> None:
    facts = CHANGED.model_copy(update={"deeds": Deeds(in_progress=("merge",), conflicted=("src/app.py",))})

    assert codes(facts) == ["conflict_marks", "unfinished"]


def test_a_merge_whose_files_are_right_is_only_noted() -> None:
    made = outcome(CHANGED.model_copy(update={"deeds": Deeds(in_progress=("merge",))}))

    assert isinstance(made, Accepted)
    assert made.warnings == ("it left git in the middle of something: merge",)


def test_a_rebase_in_the_middle_is_not_done() -> None:
    assert isinstance(outcome(CHANGED.model_copy(update={"deeds": Deeds(in_progress=("rebase",))})), SentBack)


def test_leftovers_and_pushes_to_nowhere_are_noted() -> None:
    facts = CHANGED.model_copy(update={"deeds": Deeds(commits_count=2, branches=("mine",), settings=("core.editor",))})

    made = outcome(facts, said=Said(pushed=True))

    assert isinstance(made, Accepted)
    assert made.warnings == (
        "it says that it pushed, or opened a pull request; nothing can be pushed from there",
        "settings or hooks of git that it changed; they are dropped: core.editor",
        "folded into the step's one commit, or dropped: 2 commits, 1 branch (mine)",
    )


def test_what_was_denied_does_not_matter_where_the_work_is_done() -> None:
    end = DONE.model_copy(update={"denied": ("Bash(curl)",)})

    made = outcome(CHANGED, end=end)

    assert isinstance(made, Accepted)
    assert made.warnings == ("it asked for what the policy does not allow: Bash(curl)",)


def test_nothing_done_for_want_of_permission_is_a_matter_of_policy() -> None:
    end = DONE.model_copy(update={"denied": ("Write",)})

    made = outcome(TreeFacts(), end=end)

    assert isinstance(made, Rejected)
    assert made.code == "not_permitted"


def test_the_same_again_is_no_progress() -> None:
    first = outcome(TreeFacts())
    assert isinstance(first, SentBack)

    second = outcome(TreeFacts(), first.round)

    assert isinstance(second, Rejected)
    assert second.code == "no_progress"


def test_it_goes_back_three_times_at_most() -> None:
    rounds = [Round(signature=str(number), codes=("outside_allowed",)) for number in range(MOST_ROUNDS)]

    made = outcome(TreeFacts(tree="t", changed=("ci.yml",)), *rounds)

    assert isinstance(made, Rejected)
    assert (made.code, "3 rounds" in made.message) == ("outside_claim", True)


def test_without_a_session_nothing_goes_back() -> None:
    made = outcome(TreeFacts(), end=AgentEnd(kind=EndKind.DONE))

    assert isinstance(made, Rejected)
    assert made.code == "false_done"


def test_what_goes_back_is_a_prompt_of_its_own_turn() -> None:
    made = outcome(TreeFacts())
    assert isinstance(made, SentBack)

    prompt = compose(made.items, turn=TurnName.OBJECTIONS)

    assert "is not so yet" in prompt.text
    assert "Make the change" in prompt.text


def test_only_a_done_is_proved() -> None:
    with pytest.raises(ValueError, match="crash"):
        outcome(CHANGED, end=AgentEnd(kind=EndKind.CRASH))


def test_blocking_objections_come_first() -> None:
    facts = TreeFacts(tree="t", changed=("ci.yml",), absent=("a.md",), deeds=Deeds(tags=("v1",)))

    weights = [each.weight for each in prove(an_agent_step(), DONE, Said(), facts).objections]

    assert weights == [Weight.BLOCKS, Weight.DOUBTS, Weight.NOTED]
