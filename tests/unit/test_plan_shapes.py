import pytest

from ostinato.domain.classification import Classification, Intent, TaskType
from ostinato.domain.plan import Shape, Strategy
from ostinato.domain.planning.grounds import Grounds, Place, globs_of, grounds_of
from ostinato.domain.planning.shapes import Branch, Layout, branches_of, choose_layout
from ostinato.domain.project import Member, Survey
from tests.builders import a_project


def places(*paths: str) -> tuple[Place, ...]:
    return tuple(Place(path=path, name=path) for path in paths)


def laid(grounds: Grounds, task_type: TaskType = TaskType.TESTING, strategy: Strategy = Strategy.PHASED) -> Layout:
    return choose_layout(task_type, strategy, grounds, is_divisible=True)


def slugs(branches: tuple[Branch, ...]) -> list[object]:
    return [[branch.slug, *slugs(branch.inner)] if branch.inner else branch.slug for branch in branches]


TWO = Grounds(packages=places("libs/a", "libs/b"))
AREAS = Grounds(files=("src/read/x.py", "src/write/y.py"))


@pytest.mark.parametrize(
    ("grounds", "task_type", "strategy", "shape"),
    [
        (TWO, TaskType.TESTING, Strategy.DIRECT, Shape.SEQUENTIAL),
        (TWO, TaskType.CODE_IMPLEMENTATION, Strategy.PROGRESSIVE, Shape.ADAPTIVE),
        (Grounds(packages=places(*(f"libs/{n}" for n in range(7)))), TaskType.TESTING, Strategy.PHASED, Shape.HIERARCHICAL),
        (AREAS, TaskType.TESTING, Strategy.PHASED, Shape.PARALLEL),
        (AREAS, TaskType.BUG_FIX, Strategy.PHASED, Shape.SEQUENTIAL),
        (Grounds(), TaskType.TESTING, Strategy.SYSTEMATIC, Shape.SEQUENTIAL),
        (Grounds(packages=places("libs/a", "libs/a/inner")), TaskType.TESTING, Strategy.PHASED, Shape.SEQUENTIAL),
        (Grounds(files=("src/a.py", "tests/test_a.py", "docs/a.md")), TaskType.TESTING, Strategy.PHASED, Shape.SEQUENTIAL),
    ],
)  # fmt: skip
def test_the_shape_follows_from_where_the_work_lies(
    grounds: Grounds, task_type: TaskType, strategy: Strategy, shape: Shape
) -> None:
    layout = laid(grounds, task_type, strategy)

    assert layout.shape is shape
    assert layout.because


def test_packages_are_grouped_by_the_folders_they_lie_in() -> None:
    tree = branches_of(places("x/web/shop", "x/web/admin", "x/libs/money", "x/cli"))

    assert slugs(tree) == [["web", "shop", "admin"], "money", "cli"]


def test_groups_nest_no_deeper_than_ids_allow() -> None:
    deep = branches_of(places(*(f"{'/'.join('abcdefg'[:n])}/{name}" for n in range(1, 7) for name in ("x", "y"))))

    def depth(branches: tuple[Branch, ...]) -> int:
        return 1 + max((depth(branch.inner) for branch in branches if branch.inner), default=0)

    assert depth(deep) == 3


def test_places_that_are_called_alike_are_told_apart() -> None:
    assert slugs(laid(Grounds(packages=places("a/api", "b/api", "c/api2"))).branches) == ["api", "api2", "api22"]


def test_grounds_are_the_packages_of_the_files_and_those_that_use_them() -> None:
    def member(name: str, *uses: str) -> Member:
        return Member(path=name, name=name, language="Python", manager="uv", manifest="", depends_on=uses)

    project = a_project(survey=Survey(members=(member("core"), member("api", "core"), member("cli", "api"))))
    kind = Classification(task_type=TaskType.TESTING, confidence=1, intent=Intent.CREATE, paths=("core/x.py",))

    grounds = grounds_of(project, kind)

    assert [place.name for place in grounds.packages] == ["core"]
    assert grounds.used_by == ("api", "cli")


def test_globs_are_of_the_place_or_of_what_is_known() -> None:
    project = a_project(source_roots=("src",), test_paths=("tests", "src/test_one.py"))

    assert globs_of(("sources", "tests"), project, None, Grounds()) == ("src/**", "tests/**", "src/test_one.py")
    assert globs_of(("sources",), project, places("libs/a")[0], Grounds()) == ("libs/a/**",)
