"""Risk only rises: with more text, more paths, and from one judgement to the next."""

from hypothesis import given
from hypothesis import strategies as st

from ostinato.domain.classification import Risk, TaskType
from ostinato.domain.risk import ORDER, assess_risk
from ostinato.domain.risk_policy import POLICY

TYPES = st.sampled_from(TaskType)
LEADS = st.sampled_from(("", "document ", "explain ", "review ", "write tests for ", "implement ", "how does "))
PHRASES = st.sampled_from([phrase for rule in POLICY for phrase in rule.examples])
CLAUSES = st.builds("{}{}".format, LEADS, PHRASES) | st.text(max_size=40)
PATHS = st.lists(
    st.sampled_from(("src/auth.py", "docs/auth.md", "a.py", "db/migrations/1.py", ".github/workflows/ci.yml", "x.sql"))
)


@given(text=CLAUSES, before=CLAUSES, after=CLAUSES, task_type=TYPES)
def test_more_text_never_lowers_the_risk(text: str, before: str, after: str, task_type: TaskType) -> None:
    less = assess_risk(text, task_type).risk
    more = assess_risk("\n".join((before, text, after)), task_type).risk

    assert ORDER.index(more) >= ORDER.index(less)


@given(text=CLAUSES, paths=PATHS, more=PATHS, task_type=TYPES)
def test_more_paths_never_lower_the_risk(text: str, paths: list[str], more: list[str], task_type: TaskType) -> None:
    less = assess_risk(text, task_type, paths=paths).risk
    most = assess_risk(text, task_type, paths=[*paths, *more]).risk

    assert ORDER.index(most) >= ORDER.index(less)


@given(lead=LEADS, phrase=PHRASES, rest=st.text(max_size=40), task_type=TYPES)
def test_a_phrase_of_the_table_is_never_low(lead: str, phrase: str, rest: str, task_type: TaskType) -> None:
    assert assess_risk(f"{lead}{phrase}\n{rest}", task_type).risk is not Risk.LOW
