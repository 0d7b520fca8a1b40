"""What reports say of steps that coding agents did."""

import pytest

from ostinato.domain.by_agents import ByAgent, agent_lines, by_agents, turn_line
from ostinato.domain.explanation import why
from ostinato.domain.failure_report import failure_lines, failure_report
from ostinato.domain.staff import GivenNote
from ostinato.domain.summary import markdown_report
from ostinato.domain.turns import LOST, Turn
from ostinato.domain.wire import report_json
from tests.unit.agent_runs import (
    WHY,
    a_note,
    a_parked_run,
    a_run_at_work,
    a_run_by_agent,
    a_turn,
    killed_turns,
)
from tests.unit.cli_runs import an_ended_run


def only(*turns: Turn, given: tuple[GivenNote, ...] = ()) -> ByAgent:
    (found,) = by_agents(a_run_by_agent(*turns, given=given))
    return found


def test_a_step_by_an_agent_tells_who_and_why() -> None:
    lines = list(agent_lines(only(a_turn(model="claude-opus-5-5"))))

    assert lines[0] == "by claude 2.1.329 claude-opus-5-5"
    assert lines[1] == "chosen for 0.800 = capability 1.00 × 0.40"


def test_a_step_that_no_agent_did_tells_nothing() -> None:
    assert by_agents(an_ended_run()) == ()


def test_a_killed_turn_costs_its_tokens_and_the_session_went_on() -> None:
    found = only(*killed_turns())

    assert (found.lost_tokens, found.went_on, found.tokens) == (8_320, "resumed", 9_320)
    assert "its worker died after some 8,320 tokens of a turn; the same session went on" in list(agent_lines(found))


@pytest.mark.parametrize(("session", "resumed"), [("s2", False), ("s1", False), ("s2", True)])
def test_another_session_after_a_killed_turn_is_work_done_again(session: str, resumed: bool) -> None:
    found = only(*killed_turns(session_after=session, resumed=resumed))

    assert found.went_on == "redone"
    assert any("its session could not be gone on with" in line for line in agent_lines(found))


def test_a_session_that_is_begun_anew_tells_what_was_for_nothing() -> None:
    before = (a_turn("limit"), a_turn(LOST, tokens=500))

    found = only(*before, a_turn(session="s2"), a_turn(session="s2", resumed=True))

    assert found.redone_tokens == 1_500
    assert "the work was begun anew: 1,500 tokens before that were for nothing" in list(agent_lines(found))


def test_a_session_that_goes_on_has_nothing_redone() -> None:
    assert only(*killed_turns()).redone_tokens == 0


def test_a_killed_turn_that_nothing_followed_is_neither() -> None:
    found = only(killed_turns()[0])

    assert found.went_on == ""


def test_money_is_told_only_where_every_turn_says_it() -> None:
    assert only(a_turn(micro_usd=10), a_turn(micro_usd=5)).micro_usd == 15
    assert only(a_turn(micro_usd=10), a_turn()).micro_usd is None


@pytest.mark.parametrize(
    ("turn", "told"),
    [
        (a_turn(proved="src/b.py is not there"), "not proved: src/b.py is not there"),
        (a_turn("rate_limit", message="resets at noon"), "the account's limit was reached"),
        (a_turn("interrupted", message="it was interrupted"), "interrupted for a note"),
        (a_turn(denied=("Bash: curl",)), "not allowed: Bash: curl"),
        (a_turn(resumed=True, notes=("n1",)), "the session went on, 1,000 tokens, with 1 note of people"),
        (a_turn(micro_usd=17_400), "$0.0174 as it says"),
    ],
)
def test_a_turn_is_told_in_a_line(turn: Turn, told: str) -> None:
    line = turn_line(turn, 2)

    assert line.startswith("turn 2: ")
    assert told in line
    assert "\n" not in line


def test_notes_of_people_are_told() -> None:
    assert "ada told it: Keep the old route" in list(agent_lines(only(a_turn(), given=(a_note(),))))


def test_the_json_holds_turns_sessions_and_references() -> None:
    run = a_run_by_agent(a_turn(prompt="sha256:1", evidence="sha256:2"), given=(a_note(),))

    data = report_json(run)

    (step,) = data["steps"]
    assert step["by_agent"]["because"] == WHY
    assert step["by_agent"]["sessions"] == ["s1"]
    assert step["by_agent"]["notes"][0]["note"] == "Keep the old route"
    assert data["artifacts"] == {"prompt:fix-lint:1": "sha256:1", "transcript:fix-lint:1": "sha256:2"}


def test_the_json_of_a_step_by_a_tool_has_no_agent() -> None:
    assert report_json(an_ended_run())["steps"][0]["by_agent"] is None


def test_markdown_tells_agents_and_how_to_read_them() -> None:
    text = markdown_report(a_run_by_agent(*killed_turns()))

    assert "## Agents" in text
    assert "`ostinato logs fix-the-lint-errors-1a2b3c4d fix-lint`" in text
    assert "  - turn 1: its worker died in it, 8,320 tokens" in text


def test_a_failure_report_tells_what_the_agent_did() -> None:
    report = failure_report(a_run_by_agent(a_turn(proved="nothing was changed"), failed=True))

    assert report is not None
    assert any("not proved: nothing was changed" in line for line in failure_lines(report))


def test_why_tells_what_an_agent_is_doing() -> None:
    found = why(a_run_at_work(doing="claude: Edit src/x.py"))

    assert found.details == ("Fixing lint findings: claude: Edit src/x.py",)


def test_why_tells_the_account_that_is_waited_for_and_until_when() -> None:
    found = why(a_parked_run())

    assert found.code == "waiting_for_account"
    assert "anthropic-1 waits until 2026-01-05 10:00:00 UTC: the limit of five hours" in found.because
