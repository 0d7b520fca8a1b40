from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ostinato.domain.errors import InvariantError
from ostinato.domain.execution import StepState
from ostinato.domain.gates import Finding, Status, split_findings
from ostinato.domain.pipeline import TRANSITIONS, Outcome, Phase, Trigger, moves_from, transition
from ostinato.domain.report import judge_outcome
from tests.builders import NOON, a_finding, a_gate

FINDINGS = st.lists(
    st.builds(a_finding, st.sampled_from(["F401", "E501"]), line=st.integers(0, 9), path=st.sampled_from(["a", "b"])),
    max_size=12,
)


@pytest.mark.parametrize("phase", [phase for phase in Phase if phase is not Phase.ENDED])
def test_every_phase_can_reach_the_end(phase: Phase) -> None:
    reached, edge = {phase}, [phase]
    while edge:
        news = {target for _, target in moves_from(edge.pop())} - reached
        reached |= news
        edge += news

    assert Phase.ENDED in reached


@given(st.sampled_from(Phase), st.sampled_from(Trigger), st.sampled_from(Phase))
def test_a_move_passes_exactly_when_the_table_has_it(source: Phase, trigger: Trigger, target: Phase) -> None:
    if (source, trigger, target) in TRANSITIONS:
        assert transition(source, trigger, target, at=NOON).target is target
    else:
        with pytest.raises(InvariantError):
            transition(source, trigger, target, at=NOON)


@given(st.data())
def test_a_walk_at_random_only_ever_stops_at_the_end(data: st.DataObject) -> None:
    phase = Phase.ANALYZING
    for _ in range(30):
        if not (moves := moves_from(phase)):
            break
        trigger, target = data.draw(st.sampled_from(moves))
        phase = transition(phase, trigger, target, at=NOON).target

    assert moves_from(phase) or phase is Phase.ENDED


@given(FINDINGS, FINDINGS)
def test_introduced_and_inherited_are_the_findings_of_the_head(head: list[Finding], base: list[Finding]) -> None:
    introduced, inherited = split_findings(head, base)

    assert Counter([*introduced, *inherited]) == Counter(head)
    assert not Counter(f.fingerprint for f in inherited) - Counter(f.fingerprint for f in base)


@given(st.lists(st.sampled_from(StepState)), st.lists(st.tuples(st.sampled_from(Status), st.booleans())))
def test_completed_hides_no_failed_step_and_no_gate_that_did_not_pass(
    states: list[StepState], verdicts: list[tuple[Status, bool]]
) -> None:
    gates = [a_gate(status=status, unproven=unproven) for status, unproven in verdicts]

    if judge_outcome(stop=None, states=states, gates=gates) is Outcome.COMPLETED:
        assert not {StepState.FAILED, StepState.BLOCKED} & set(states)
        assert not any(status is Status.FAIL or unproven for status, unproven in verdicts)
