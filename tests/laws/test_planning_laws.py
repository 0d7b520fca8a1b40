from hypothesis import given, settings
from hypothesis import strategies as st

from ostinato.domain.classification import Classification, Complexity, Intent, Risk, TaskType
from ostinato.domain.inputs import with_inputs
from ostinato.domain.parts import MAX_ID, expand_group
from ostinato.domain.plan import GroupAction, Plan, Step, Strategy
from ostinato.domain.planning import Grounds, Place, plan_for, review_plan
from ostinato.domain.planning.quality import is_writing
from ostinato.domain.project import ProjectFacts, ToolChoice
from tests.builders import a_project

NAMES = st.sampled_from(["api", "web", "core", "a-very-long-name-of-a-package", "ä ö", "x.y", "{{ odd }}", "tests"])
PATHS = st.lists(NAMES, min_size=1, max_size=5).map("/".join)
LANGUAGES = st.sampled_from(["", "Python", "Go", "TypeScript"])
TEXTS = st.sampled_from(
    [
        "change it",
        "fix {{ steps.x.y }}",
        "why?",
        "upgrade, lint, format, modernise and test it",
        "audit and repair",
        "日本語",
    ]
)
PYTEST = ToolChoice(tool="pytest", argv=("pytest",), source="", own=True)


@st.composite
def classifications(draw: st.DrawFn) -> Classification:
    return Classification(
        task_type=draw(st.sampled_from(TaskType)),
        confidence=draw(st.floats(0, 1)),
        intent=draw(st.sampled_from(Intent)),
        complexity=draw(st.sampled_from(Complexity)),
        risk=draw(st.sampled_from(Risk)),
    )


@st.composite
def projects(draw: st.DrawFn) -> ProjectFacts:
    return a_project(
        languages=dict.fromkeys(draw(st.sets(LANGUAGES)), 3),
        source_roots=draw(st.sampled_from([(), (".",), ("src",)])),
        test_paths=draw(st.sampled_from([(), ("tests",), ("tests/test_a.py",)])),
        tests=draw(st.sampled_from([None, PYTEST])),
    )


@st.composite
def evidence(draw: st.DrawFn) -> Grounds:
    paths = draw(st.lists(PATHS, unique=True, max_size=14))
    places = tuple(Place(path=path, name=path, language=draw(LANGUAGES)) for path in paths)
    files = tuple(f"{path}/x.py" for path in draw(st.lists(PATHS, max_size=6)))
    return Grounds(packages=places, files=files)


@settings(max_examples=80, deadline=None)
@given(classifications(), projects(), evidence(), TEXTS)
def test_every_plan_is_a_good_plan(kind: Classification, project: ProjectFacts, grounds: Grounds, text: str) -> None:
    plan = plan_for(kind, project, text, grounds=grounds)
    review = review_plan(plan)

    assert review.errors == ()
    assert review.critical_path
    assert {name for wave in review.waves for name in wave} == {step.id for step in plan.steps}
    assert plan == plan_for(kind, project, text, grounds=grounds)


@settings(max_examples=50, deadline=None)
@given(classifications(), projects(), evidence(), TEXTS)
def test_groups_can_be_made_and_say_the_request_word_for_word(
    kind: Classification, project: ProjectFacts, grounds: Grounds, text: str
) -> None:
    for step in made(plan_for(kind, project, text, grounds=grounds)):
        assert len(step.id) <= MAX_ID
        if step.action.kind == "agent":
            assert step.action.prompt.startswith(text)


@settings(max_examples=50, deadline=None)
@given(classifications(), projects(), evidence(), TEXTS)
def test_formal_plans_ask_before_they_write(
    kind: Classification, project: ProjectFacts, grounds: Grounds, text: str
) -> None:
    plan = plan_for(kind, project, text, grounds=grounds)
    asks = sum(step.action.kind == "ask" for step in plan.steps)

    assert plan.strategy is not Strategy.SYSTEMATIC or asks > 0 or not any(map(is_writing, plan.steps))
    assert plan.strategy not in (Strategy.DIRECT, Strategy.PROGRESSIVE) or asks == 0


def made(plan: Plan) -> list[Step]:
    """All steps, as they are when their groups have started."""
    found: list[Step] = []
    pending = list(plan.steps)
    for step in pending:  # grows while it is read
        if isinstance(step.action, GroupAction):
            pending += expand_group(with_inputs(step), None)
        else:
            found.append(with_inputs(step))
    return found
