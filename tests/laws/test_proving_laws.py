"""Laws of proving, whatever an agent leaves turn after turn."""

from hypothesis import given
from hypothesis import strategies as st

from ostinato.domain.agents import AgentEnd, EndKind
from ostinato.domain.agents.deeds import Deeds
from ostinato.domain.agents.proving import MOST_ROUNDS, Accepted, Rejected, Round, SentBack, TreeFacts, follow, prove
from ostinato.domain.agents.said import Said, said_in
from ostinato.domain.gates import Status
from ostinato.domain.plan import AgentAction, Step, is_claimed
from ostinato.domain.recovering.codes import CODES
from tests.builders import a_gate, a_step

PATHS = st.lists(st.sampled_from(["src/a.py", "src/b.py", "ci.yml"]), max_size=3, unique=True).map(tuple)
STEPS = st.builds(
    lambda writes, expects: a_step("build", action=AgentAction(prompt="x", expects_changes=expects), writes=writes),
    st.sampled_from([None, (), ("src/**",)]),
    st.booleans(),
)
DEEDS = st.builds(
    Deeds,
    stashes=st.integers(0, 2),
    aside=PATHS,
    branches=PATHS,
    conflicted=PATHS,
    in_progress=st.lists(st.sampled_from(["merge", "rebase"]), max_size=1).map(tuple),
)
FACTS = st.builds(
    TreeFacts,
    tree=st.sampled_from(["", "t1", "t2"]),
    changed=PATHS,
    absent=PATHS,
    inner=PATHS,
    deeds=DEEDS,
    checks=st.lists(st.builds(a_gate, st.sampled_from(["tests", "lint"]), st.sampled_from(Status)), max_size=2).map(
        tuple
    ),
)
ENDS = st.builds(AgentEnd, kind=st.just(EndKind.DONE), session_id=st.sampled_from(["", "s1"]), denied=PATHS)


@given(STEPS, st.lists(st.tuples(FACTS, ENDS), min_size=MOST_ROUNDS + 1, max_size=MOST_ROUNDS + 1))
def test_it_goes_back_three_times_at_most_and_then_it_is_decided(
    step: Step, turns: list[tuple[TreeFacts, AgentEnd]]
) -> None:
    rounds: list[Round] = []

    made: Accepted | SentBack | Rejected | None = None
    for facts, end in turns:
        made = follow(prove(step, end, Said(), facts), end, rounds)
        if not isinstance(made, SentBack):
            break
        rounds.append(made.round)

    assert isinstance(made, Accepted | Rejected)
    assert not isinstance(made, Rejected) or made.code in CODES


@given(STEPS, FACTS, ENDS)
def test_what_is_accepted_has_its_diff_within_its_paths_and_every_check_passing(
    step: Step, facts: TreeFacts, end: AgentEnd
) -> None:
    made = follow(prove(step, end, Said(), facts), end, [])

    if isinstance(made, Accepted):
        assert all(is_claimed(step, path) for path in facts.changed)
        assert facts.changed or step.writes == () or not getattr(step.action, "expects_changes", True)
        assert all(check.status is not Status.FAIL for check in facts.checks)
        assert not facts.deeds.conflicted


@given(STEPS, FACTS, ENDS)
def test_whatever_goes_back_says_what_to_do(step: Step, facts: TreeFacts, end: AgentEnd) -> None:
    made = follow(prove(step, end, Said(), facts), end, [])

    if isinstance(made, SentBack):
        assert made.items
        assert all(item.text.strip() for item in made.items)


@given(STEPS, FACTS, ENDS)
def test_the_same_left_twice_does_not_go_back_twice(step: Step, facts: TreeFacts, end: AgentEnd) -> None:
    verdict = prove(step, end, Said(), facts)
    first = follow(verdict, end, [])

    if isinstance(first, SentBack):
        assert not isinstance(follow(verdict, end, [first.round]), SentBack)


@given(st.text(max_size=400))
def test_any_answer_can_be_read(answer: str) -> None:
    said = said_in(answer)

    assert all(file and not file.endswith("/") for file in said.files)
