"""Plans of any shape, for laws."""

from hypothesis import strategies as st

from ostinato.domain.plan import Plan
from tests.builders import a_plan, a_step


@st.composite
def plans(draw: st.DrawFn, most: int = 12) -> Plan:
    """A sound plan: steps depend on any of those before them, and stand in any order."""
    count = draw(st.integers(1, most))
    steps = []
    for index in range(count):
        after = draw(st.sets(st.integers(0, index - 1), max_size=3)) if index else set()
        expected = draw(st.floats(0, 100))
        steps.append(a_step(f"s{index}", *(f"s{n}" for n in sorted(after)), expected_s=expected))
    return a_plan(*draw(st.permutations(steps)), max_parallel=draw(st.integers(1, 5)))
