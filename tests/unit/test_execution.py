import pytest

from ostinato.domain.execution import STATE_OF, StepOutcome, StepState


@pytest.mark.parametrize("outcome", StepOutcome)
def test_every_outcome_ends_its_step(outcome: StepOutcome) -> None:
    assert STATE_OF[outcome].is_over


@pytest.mark.parametrize("state", StepState)
def test_a_state_is_pending_active_or_over(state: StepState) -> None:
    assert [state is StepState.PENDING, state.is_active, state.is_over].count(True) == 1
