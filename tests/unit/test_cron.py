"""Cron expressions: what no server could keep is told in words before anything is sent."""

import pytest

from ostinato.domain.definition.cron import NICKNAMES, cron_problems


@pytest.mark.parametrize(
    "text",
    [
        "0 3 * * *", "*/15 * * * *", "0 9-17/2 * * mon-fri", "0 0 1,15 * *", "5 4 29 feb *", "0 0 31 1,3 *",
        "59 23 31 12 6", " 0  3 * * * ", *NICKNAMES,
    ],
)  # fmt: skip
def test_a_schedule_that_can_be_kept_is_taken(text: str) -> None:
    assert list(cron_problems(text, "s")) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("0 3 * *", "has 4"),
        ("0 3 * * * *", "has 6"),
        ("60 3 * * *", "'60' is no minute"),
        ("0 24 * * *", "'24' is no hour"),
        ("0 0 0 * *", "'0' is no day of the month"),
        ("0 0 * 13 *", "'13' is no month"),
        ("0 0 * * 7", "'7' is no day of the week"),
        ("0 0 * * fun", "'fun' is no day of the week"),
        ("0 0 30 feb *", "no month has such a day"),
        ("0 17-9 * * *", "ends before it begins"),
        ("*/0 * * * *", "step of 0"),
        ("*-5 * * * *", "is no minute"),
        (", * * * *", "is no minute"),
        ("@reboot", "is no schedule"),
        ("every night", "has 2"),
    ],
)
def test_a_schedule_that_cannot_be_kept_says_why(text: str, said: str) -> None:
    found = list(cron_problems(text, "s"))

    assert {problem.code for problem in found} == {"schedule_invalid"}
    assert said in found[0].message
    assert found[0].cure
