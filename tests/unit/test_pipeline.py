import pytest

from ostinato.domain.errors import InvariantError
from ostinato.domain.pipeline import Phase, Trigger, moves_from, transition
from tests.builders import NOON


def test_a_legal_move_is_recorded() -> None:
    move = transition(Phase.ANALYZING, Trigger.CLASSIFIED, Phase.PLANNING, at=NOON, note="testing")

    assert (move.source, move.target, move.note) == (Phase.ANALYZING, Phase.PLANNING, "testing")


def test_an_illegal_move_is_our_bug() -> None:
    with pytest.raises(InvariantError, match="no transition from ended"):
        transition(Phase.ENDED, Trigger.CLASSIFIED, Phase.PLANNING, at=NOON)


def test_nothing_follows_the_end() -> None:
    assert moves_from(Phase.ENDED) == ()
