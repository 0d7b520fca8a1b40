import pytest

from ostinato.domain.classification import TaskType
from ostinato.domain.errors import UserError
from ostinato.domain.modes import MODES, activate
from ostinato.domain.rules import classify
from ostinato.domain.skills import SKILLS


def test_there_is_a_skill_for_every_type_and_six_modes() -> None:
    assert set(SKILLS) == set(TaskType)
    assert {"implementation", "analysis", "review", "research", "orchestration", "token-efficient"} <= set(MODES)


def test_an_activation_adds_its_tokens_up() -> None:
    activation = activate(classify("fix the crash on empty input"))

    assert activation.mode == "implementation"
    assert activation.tokens == activation.mode_tokens + sum(skill.tokens for skill in activation.skills)


def test_the_second_type_brings_its_skill_along() -> None:
    activation = activate(classify("refactor the parser and write tests for it"))

    assert len(activation.skills) == 2


def test_an_unknown_mode_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UserError, match="token-efficient"):
        activate(classify("fix lint"), "turbo")
