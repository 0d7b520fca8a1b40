import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from rich.cells import cell_len

from ostinato.cli.folding import fold, some
from ostinato.cli.mermaid import label, mermaid_text
from ostinato.cli.plandata import foresight_data
from ostinato.cli.plantree import tree_lines
from ostinato.cli.planview import foresight_lines
from ostinato.cli.prospects import Asking, asks_of, lacks_of, machine_s, risks_of
from ostinato.domain.approval import Approval
from ostinato.domain.claims import with_implied
from ostinato.domain.classification import Lowering, Risk
from ostinato.domain.classifying.escalation import escalation
from ostinato.domain.rules import classify
from tests.builders import NOON, a_plan, a_project, a_step
from tests.unit.plan_views import a_foresight, a_mixed_plan, shown

DRAWINGS = Path(__file__).parent / "drawings"
REQUESTS = (
    "fix the lint errors",
    "the login page crashes on an empty password",
    "migrate the payments database of all services to multi-tenant, zero downtime, SOC2 compliance",
)
NODE = re.compile(r'^(n[0-9_]+)(\["|\{"|\{\{"|\(\["|\[\[")(?P<label>[^"\n]*)("\]|"\}|"\}\}|"\]\)|"\]\])$')
ARROW = re.compile(r'^(n[0-9_]+) (-->|-\.->)(\|"[^"]*"\|)? (n[0-9_]+)$')
SUBGRAPH = re.compile(r'^subgraph (n[0-9_]+)\["[^"]*"\]$')
CLASS = re.compile(r"^class (n[0-9_]+) (critical|person)$")


def structure(text: str) -> tuple[dict[str, str], list[tuple[str, str]], dict[str, str]]:
    """Nodes with the subgraph they stand in, arrows, subgraphs; AssertionError for a line that is none of these."""
    first, *lines = text.splitlines()
    nodes, arrows, subgraphs, open_ = {}, [], {}, [""]
    for line in map(str.strip, lines):
        if found := NODE.match(line):
            nodes[found[1]] = open_[-1]
        elif found := ARROW.match(line):
            arrows.append((found[1], found[4]))
        elif found := SUBGRAPH.match(line):
            subgraphs[found[1]] = open_[-1]
            open_.append(found[1])
        elif line == "end":
            open_.pop()
        else:
            assert CLASS.match(line) or line.startswith("classDef "), line
    assert (first, open_) == ("flowchart TD", [""])
    return nodes, arrows, subgraphs


@pytest.mark.parametrize("width", [80, 120])
def test_a_plan_is_drawn_as_it_was_reviewed(width: int) -> None:
    drawn = shown(*tree_lines(a_mixed_plan(), {}, width))

    assert drawn == (DRAWINGS / f"mixed-{width}.txt").read_text("utf-8")


def test_the_whole_answer_is_as_it_was_reviewed() -> None:
    drawn = shown(foresight_lines(a_foresight(REQUESTS[1]), 80))

    assert re.sub(r"\d+ ?%", "", drawn) == re.sub(r"\d+ ?%", "", (DRAWINGS / "bug_fix.txt").read_text("utf-8"))


@pytest.mark.parametrize("width", [80, 100, 140])
@pytest.mark.parametrize("text", REQUESTS)
def test_no_line_is_wider_than_the_terminal(text: str, width: int) -> None:
    plans = [None, a_mixed_plan()]

    drawn = [shown(foresight_lines(a_foresight(text, plan), width)) for plan in plans]

    assert max(cell_len(line) for page in drawn for line in page.splitlines()) <= width


def test_five_seconds_are_enough_for_what_matters() -> None:
    lines = shown(foresight_lines(a_foresight(REQUESTS[1]), 80)).splitlines()

    labels = [line[2:12].strip() for line in lines[3:14] if line[2:12].strip()]
    assert labels[:6] == ["does", "takes", "asks you", "risk", "missing", "costs"]


def test_a_name_in_wide_letters_stays_in_its_column() -> None:
    plan = a_plan(a_step("one", name="修正する " * 20), a_step("two", "one", name="ok"))

    lines = shown(*tree_lines(plan, {}, 80)).splitlines()

    assert all(cell_len(line) <= 80 for line in lines)
    assert "".join(lines).count("修正する") == 20


def test_an_escape_sequence_in_a_name_does_not_reach_the_terminal() -> None:
    plan = a_plan(a_step("one", name="\x1b[31mred\x1b]0;evil\x07", writes=["a\x1b[2Jb"]))

    assert "\x1b" not in shown(*tree_lines(plan, {}, 80))
    assert "\x1b" not in mermaid_text(plan)


def test_a_plan_of_many_steps_is_not_drawn_to_its_end() -> None:
    chain = [a_step(f"s{n}", *([f"s{n - 1}"] if n else [])) for n in range(150)]

    lines = shown(*tree_lines(a_plan(*chain), {}, 80)).splitlines()

    assert lines[-1].strip() == "… 50 more steps: --json lists them"


def test_waiting_for_several_writers_is_explained_once() -> None:
    writers = [a_step(f"write-{name}", writes=[f"{name}/**"]) for name in ("a", "b")]
    plan = with_implied(a_plan(*writers, a_step("read", reads=["**/*.py"])))

    drawn = " ".join(shown(*tree_lines(plan, {}, 80)).split())

    assert "waits for write-a, write-b: reads **/*.py, which they write" in drawn


def test_people_are_told_each_thing_that_they_would_be_asked_and_why() -> None:
    seen = a_foresight("ship it", a_mixed_plan(), interaction="checkpoint")

    assert [(ask.kind, ask.step, ask.only_if) for ask in seen.asks] == [
        (Asking.APPROVAL, "", ""),
        (Asking.QUESTION, "ask", "enough"),
        (Asking.HAND_OFF, "fix", "not enough"),
    ]
    assert seen.asks[0].why == "--interaction checkpoint asks before executing"


def test_an_unsure_type_is_asked_for_with_the_answers_that_a_run_takes() -> None:
    found = classify("stuff is weird")
    wanted = escalation(found, has_model=False, can_ask=True)

    (ask,) = asks_of(a_plan(), found, Approval(needed=False), wanted)

    assert (ask.kind, ask.options) == (Asking.TYPE, (*(each.task_type for each in found.top), "any"))
    assert f"this plan is for {found.task_type}" in ask.why


def test_work_of_people_inside_a_group_is_counted_for_each_part() -> None:
    by_hand = {"kind": "agent", "prompt": "Look."}
    group = {"kind": "group", "items": "{}", "body": [a_step("look", action=by_hand)]}

    def asked(items: str) -> Sequence[int | None]:
        plan = a_plan(a_step("all", action={**group, "items": items}), inputs={"views": ["a", "b", "c"]})
        return [ask.times for ask in a_foresight("look at it", plan).asks]

    assert asked("inputs.views") == [3]
    assert asked("steps.find.parts") == [None]


def test_time_without_people_is_told_apart() -> None:
    plan = a_plan(
        a_step("lint", expected_s=3), a_step("fix", "lint", action={"kind": "agent", "prompt": "Fix."}, expected_s=600)
    )

    assert machine_s(plan) == 3


def test_money_is_said_to_be_unknown_and_never_zero() -> None:
    seen = a_foresight()

    text = shown(foresight_lines(seen, 80))

    assert seen.cost.usd is None
    assert "not known: only what agents and models bill costs money" in " ".join(text.split())


def test_an_untrusted_repository_is_missing_trust_before_anything_else() -> None:
    lacks = a_foresight(project=a_project()).lacks

    assert [lack.code for lack in lacks[:2]] == ["not_trusted", "no_tests"]
    assert lacks[0].cure == "Allow and remember it with --trust"


def test_a_package_in_a_language_that_no_tool_knows_is_missing_its_tools() -> None:
    web = {"path": "web", "name": "web", "language": "TypeScript", "manager": "npm", "manifest": "web/package.json"}
    known = a_project(survey={"members": [web]})

    def lacking(*paths: str) -> list[str]:
        found = lacks_of((), known, a_foresight().activation, paths=paths, trusted=True)
        return [lack.what for lack in found if lack.code == "language_unsupported"]

    assert lacking("web/src/app.ts") == [
        "the built-in tools and gates know Python, and not what is in web (TypeScript)"
    ]
    assert lacking("src/app.py") == []


def test_commands_without_trust_are_said_to_stop_the_run_at_its_start() -> None:
    plan = a_plan(a_step("go", action={"kind": "command", "shell": "true"}))

    seen = a_foresight("go", plan)

    assert [lack.blocks for lack in seen.lacks] == [True]
    assert "it would not start: trust" in shown(foresight_lines(seen, 80))


def test_who_lowered_a_risk_stands_before_its_reasons() -> None:
    lowering = Lowering(by="ada", at=NOON, before=Risk.HIGH, after=Risk.LOW, why="only comments")
    update = {"risk": Risk.LOW, "risk_reasons": ("high: money is handled (payments)",), "lowered": (lowering,)}
    found = a_foresight().classification.model_copy(update=update)

    assert risks_of(found) == (
        "ada lowered the risk from high to low: only comments",
        "high: money is handled (payments)",
    )


def test_the_data_has_everything_that_the_text_has() -> None:
    data = foresight_data(a_foresight("ship it", a_mixed_plan()))

    assert set(data) == {
        "request", "repository", "base", "trusted", "classification", "risks", "escalation", "activation", "plan", "estimate",
        "expectations", "approval", "asks", "needs_person", "missing", "gates", "cost", "project", "notes",
    }  # fmt: skip
    assert {"waves", "critical_path", "because", "shape", "rollback_points", "success_criteria"} <= set(data["plan"])
    assert {"low_s", "likely_s", "high_s", "because", "machine_s"} == set(data["estimate"])
    assert data["cost"]["usd"] is None
    assert [ask["kind"] for ask in data["asks"]] == ["question", "hand_off"]


def test_a_flowchart_has_every_step_and_dependency_and_groups_as_subgraphs() -> None:
    plan = a_mixed_plan()

    nodes, arrows, subgraphs = structure(mermaid_text(plan))

    place = {step.id: f"n{index}" for index, step in enumerate(plan.steps)}
    assert set(nodes) | set(subgraphs) == {*place.values(), "n1_0"}
    assert (subgraphs, nodes["n1_0"]) == ({"n1": ""}, "n1")
    assert sorted(arrows) == sorted((place[other], place[step.id]) for step in plan.steps for other in step.needs)


def test_a_flowchart_says_which_branch_is_taken_when() -> None:
    text = mermaid_text(a_mixed_plan())

    assert 'n4 -->|"yes"| n5' in text
    assert 'n4 -->|"no"| n6' in text
    assert 'n2 -.->|"reads *.txt which notes writes (notes.txt)"| n3' in text


@pytest.mark.parametrize(
    "name", ['end "x" ]] }} ) -->', "<script>alert(1)</script>", "#35; &amp; `md` %% x", "日本語\nend", "a|b;c\\d$e$"]
)
def test_no_name_breaks_out_of_its_label(name: str) -> None:
    step = a_step("end", name=name, action={"kind": "command", "shell": name})

    nodes, _, _ = structure(mermaid_text(a_plan(step)))

    assert list(nodes) == ["n0"]
    assert not set('"<>`|[]{}&\\') & set(label(name))


def test_text_is_folded_between_words_and_within_long_ones() -> None:
    assert fold("one two three", 7) == ["one two", "three"]
    assert fold("a" * 10, 4) == ["aaaa", "aaaa", "aa"]
    assert fold("", 4) == []
    assert some(["a", "b", "c", "d", "e"]) == "a, b, c and 2 more"
