"""Which of a test's parameters are run where time is short."""

from collections.abc import Collection, Iterable

import pytest
from _pytest.mark.structures import ParameterSet


def each_of(names: Iterable[str], usual: Collection[str]) -> list[ParameterSet]:
    """As parameters; those beside the usual ones are left to where there is time for them."""
    return [pytest.param(name, marks=() if name in usual else pytest.mark.heavy) for name in names]


def selected(request: pytest.FixtureRequest, parameter: str) -> list[str]:
    """What is really run of a module's tests, by their parameter."""
    mine = [item for item in request.session.items if item.path == request.path and hasattr(item, "callspec")]
    return list(
        dict.fromkeys(str(item.callspec.params[parameter]) for item in mine if parameter in item.callspec.params)
    )
