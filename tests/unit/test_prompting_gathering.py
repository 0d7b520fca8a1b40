"""What a step's prompt is made of, from what the run knows."""

from ostinato.domain.plan import AgentAction, Step
from ostinato.domain.project import ProjectFacts, ToolChoice
from ostinato.domain.prompting import NotIncluded, PartName
from ostinato.domain.prompting.gathering import (
    ELSEWHERE,
    GONE,
    NOT_TRUSTED,
    READS_ITSELF,
    finding_items,
    house_rules,
    note_item,
    project_items,
    resource_items,
    result_items,
    task_items,
)
from ostinato.domain.recovering.refining import Complaint
from ostinato.domain.relevance import LeftOut, StepContext
from ostinato.domain.resources import Activated, Activation, Detail, Kind, Origin, Resource
from ostinato.domain.run_context import ContextItem
from tests.builders import a_finding, a_step


def an_agent_step(writes: tuple[str, ...] | None = None) -> Step:
    return a_step("build", action=AgentAction(prompt="Add a flag"), writes=writes)


def a_rule(path: str) -> Resource:
    return Resource(kind=Kind.CONTEXT, name=path, path=path, origin=Origin.REPOSITORY, text=f"rules of {path}")


def test_a_task_says_what_is_asked_where_it_may_write_and_what_done_means() -> None:
    items = list(task_items(an_agent_step(("src/**",)), ["All tests pass", "A test is added"]))

    assert [(item.part, item.text.splitlines()[-1]) for item in items] == [
        (PartName.STEP, "Add a flag"),
        (PartName.PATHS, "src/**"),
        (PartName.CRITERIA, "- A test is added"),
    ]


def test_a_step_that_claims_no_path_is_told_to_leave_every_file() -> None:
    _, paths = task_items(an_agent_step(()))

    assert paths.text.startswith("Nowhere")


def test_mode_and_skills_come_as_far_as_they_were_switched_on() -> None:
    skills = tuple(
        Activated(name=level.value, tokens=1, fit=1, because="", level=level, path=f"{level}.md") for level in Detail
    )
    activation = Activation(mode="review", mode_tokens=1, skills=skills, tokens=1)
    found = [
        Resource(kind=Kind.MODE, name="review", path="review.md", origin=Origin.BUILT_IN, text="Look twice."),
        *(
            Resource(
                kind=Kind.SKILL, name=level, path=f"{level}.md", origin=Origin.USER, text="All", description="Some"
            )
            for level in Detail
        ),
    ]

    texts = [item.text for item in resource_items(activation, found)]

    assert texts == ["Look twice.", "name, in name.md", "description: Some\nIts full text is in description.md", "All"]


def test_a_skill_that_is_gone_is_named_among_what_is_left_out() -> None:
    gone = Activated(name="testing", tokens=1, fit=1, because="")
    left_out: list[NotIncluded] = []

    items = list(resource_items(Activation(mode="x", mode_tokens=0, skills=(gone,), tokens=0), (), left_out=left_out))

    assert (items, left_out) == ([], [NotIncluded(part=PartName.SKILLS, source="skill testing", reason=GONE)])


def test_house_rules_come_the_widest_first() -> None:
    items, _ = house_rules(
        [a_rule("src/api/AGENTS.md"), a_rule("AGENTS.md"), a_rule("src/AGENTS.md")], an_agent_step(), trusted=True
    )

    assert [item.source for item in items] == ["AGENTS.md", "src/AGENTS.md", "src/api/AGENTS.md"]


def test_rules_of_a_folder_that_the_step_does_not_touch_stay_away() -> None:
    items, left_out = house_rules(
        [a_rule("web/AGENTS.md"), a_rule("src/AGENTS.md")], an_agent_step(("src/*.py",)), trusted=True
    )

    assert [item.source for item in items] == ["src/AGENTS.md"]
    assert [each.reason for each in left_out] == [ELSEWHERE]


def test_rules_that_the_agent_loads_by_itself_are_not_said_twice() -> None:
    _, left_out = house_rules([a_rule("CLAUDE.md")], an_agent_step(), trusted=True, read_by_agent=("CLAUDE.md",))

    assert [(each.source, each.reason) for each in left_out] == [("CLAUDE.md", READS_ITSELF)]


def test_an_untrusted_repository_gives_no_rules() -> None:
    items, left_out = house_rules([a_rule("AGENTS.md")], an_agent_step(), trusted=False)

    assert (items, [each.reason for each in left_out]) == ((), [NOT_TRUSTED])


def test_a_project_says_how_it_is_tested_and_by_what_file() -> None:
    tests = ToolChoice(tool="pytest", argv=("python", "-m", "pytest"), source="pyproject.toml", own=True)

    (item,) = project_items(ProjectFacts(commit="c", languages={"Python": 3}, tests=tests))

    assert item.text == "Languages: Python\nTests: python -m pytest (by pyproject.toml)"


def test_results_keep_their_names_and_what_was_left_out_before() -> None:
    context = StepContext(
        items=(ContextItem(name="steps.look", value={"count": 3}, source="step look"),),
        left_out=(LeftOut(name="steps.far", reason="not relevant"),),
    )

    items, left_out = result_items(context)

    assert [(item.source, item.text) for item in items] == [("steps.look, from step look", '{\n "count": 3\n}')]
    assert [(each.source, each.reason) for each in left_out] == [("steps.far", "not relevant")]


def test_findings_name_places_and_the_command_that_shows_them() -> None:
    complaint = Complaint(
        source="lint", message="1 new", findings=(a_finding(),), command="ruff check", details="noise"
    )

    (item,) = finding_items([complaint])

    assert item.text.splitlines()[0] == "1 new"
    assert item.text.splitlines()[-1] == "It is shown by: ruff check"
    assert "F401" in item.text
    assert "noise" not in item.text


def test_a_note_says_who_wrote_it() -> None:
    assert note_item("ada", "Use the old parser").source == "ada writes"
