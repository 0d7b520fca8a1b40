"""Globs, paths and plans with claims, for laws."""

from itertools import product

from hypothesis import strategies as st

from ostinato.domain.plan import Plan
from tests.builders import a_plan, a_step

globs = st.lists(st.sampled_from(["a", "b", "/", "*", "?", "**", "**/"]), min_size=1, max_size=4).map("".join)

PATHS = tuple(
    text
    for length in range(1, 8)
    for text in map("".join, product("ab/", repeat=length))
    if not (text.startswith("/") or text.endswith("/") or "//" in text)
)
"""Every path up to seven characters: more than the shortest that two such globs share."""

claims = st.lists(st.sampled_from(["a/**", "a/b", "a/*", "b/**", "**/b", "*", "c/?", "**"]), max_size=2).map(tuple)


@st.composite
def claiming_plans(draw: st.DrawFn, most: int = 8) -> Plan:
    """A sound plan whose steps state what they read, write and hold, or do not; in any order."""
    steps = []
    for index in range(draw(st.integers(1, most))):
        after = draw(st.sets(st.integers(0, index - 1), max_size=2)) if index else set()
        stated = {
            "reads": draw(claims),
            "writes": draw(st.none() | claims),
            "holds": draw(st.sets(st.sampled_from(["port", "licence"]), max_size=1)),
        }
        steps.append(a_step(f"s{index}", *(f"s{n}" for n in sorted(after)), **stated))
    return a_plan(*draw(st.permutations(steps)))
