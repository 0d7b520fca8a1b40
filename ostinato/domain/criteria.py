"""When a request is fulfilled: sentences that somebody could check, made concrete by what the repository has."""

from collections.abc import Mapping

from ostinato.domain.classification import TaskType
from ostinato.domain.evidence import Evidence
from ostinato.domain.evidence.places import is_prose, package_of

_T = TaskType
BY_TYPE: Mapping[TaskType, tuple[str, ...]] = {
    _T.CODE_IMPLEMENTATION: ("A new test fails without the change and passes with it", "All earlier tests still pass"),
    _T.BUG_FIX: ("A test that fails without the fix passes with it", "All earlier tests still pass"),
    _T.REFACTORING: ("Behaviour is unchanged: all tests pass, none was edited", "Complexity has not grown"),
    _T.TESTING: ("Coverage has grown", "Every new test passes three times in a row"),
    _T.DOCUMENTATION: ("What was missing is described", "No link is broken"),
    _T.CODE_REVIEW: ("Every finding names its place", "No file was changed"),
    _T.SECURITY_AUDIT: ("Every finding names its place and rule", "No file was changed without being asked"),
    _T.PERFORMANCE_OPTIMIZATION: ("The cost is measured before and after, the same way", "All tests still pass"),
    _T.DEPLOYMENT: ("The checks of delivery files find nothing", "Tests pass on what is delivered"),
    _T.RESEARCH: ("The question is answered with evidence", "No file was changed"),
    _T.UI_DESIGN: ("The interface checks find nothing new", "All tests still pass"),
    _T.MAINTENANCE: ("The tools find less than before", "All tests still pass"),
}
_CHANGES_CODE = frozenset(
    (_T.CODE_IMPLEMENTATION, _T.BUG_FIX, _T.REFACTORING, _T.PERFORMANCE_OPTIMIZATION, _T.UI_DESIGN, _T.MAINTENANCE)
)
_LOOKS_ON = frozenset((_T.CODE_REVIEW, _T.SECURITY_AUDIT, _T.RESEARCH))
_MOST = 6


def criteria_for(task_type: TaskType, evidence: Evidence | None = None) -> tuple[str, ...]:
    """At most six, the general ones of the type first."""
    if evidence is None or not evidence.matches:
        return BY_TYPE[task_type]
    return (*BY_TYPE[task_type], *_concrete(task_type, evidence))[:_MOST]


def _concrete(task_type: TaskType, evidence: Evidence) -> list[str]:
    named = [match.path for match in evidence.sources if match.score >= evidence.matches[0].score / 2]
    code = [path for path in named if not is_prose(path)]
    found = []
    if task_type in _CHANGES_CODE and evidence.tests:
        found.append(f"The tests under {_places(evidence.tests)} pass")
    if task_type in _CHANGES_CODE and code and not evidence.tests:
        found.append(f"{code[0]} is covered by a test; none stands near it today")
    if task_type in _CHANGES_CODE and evidence.dependents:
        found.append(
            f"{evidence.dependents[0]}{_others(evidence.dependents_count - 1)} still works: it uses what changes"
        )
    if task_type is _T.TESTING and code:
        found.append(f"Lines of {_listed(code)} that no test reached are reached")
    if task_type is _T.DOCUMENTATION and named:
        found.append(f"What is said agrees with {_listed(named)}")
    if task_type in _LOOKS_ON and named:
        found.append(f"{_listed(named)} was looked at")
    if task_type is _T.PERFORMANCE_OPTIMIZATION and code:
        found.append(f"The measurement exercises {_listed(code)}")
    return found


def _places(paths: tuple[str, ...]) -> str:
    """The one file, or the folders."""
    if len(paths) == 1:
        return paths[0]
    return _listed(list(dict.fromkeys(path.rpartition("/")[0] or package_of(path) for path in paths)))


def _listed(paths: list[str]) -> str:
    shown = ", ".join(paths[:2])
    return f"{shown}{_others(len(paths) - 2)}"


def _others(count: int) -> str:
    return f" and {count} more" if count > 0 else ""
