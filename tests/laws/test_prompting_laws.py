"""Laws of prompts, whatever texts come in."""

from hypothesis import given
from hypothesis import strategies as st

from ostinato.domain.prompting import Item, PartName, Prompt, Shares, compose
from ostinato.domain.prompting.fences import cleaned, mark_for
from ostinato.domain.prompting.shares import WHOLE, beginning
from ostinato.domain.tokens import estimated_tokens

TEXTS = st.text(max_size=300) | st.lists(
    st.sampled_from(["word", "\n", ">>>", "<<<", "$mark", "x" * 90, "é", "漢"])
).map(" ".join)
ITEMS = st.builds(Item, part=st.sampled_from(PartName), source=st.text(max_size=30), text=TEXTS)
SHARES = st.builds(
    Shares,
    parts=st.dictionaries(st.sampled_from(PartName), st.integers(0, 400)),
    total=st.integers(0, 900),
)


def mark_of(made: Prompt) -> str:
    return made.text.partition("line that begins with <<<")[2][:16]


@given(st.lists(ITEMS, max_size=8))
def test_every_opened_fence_is_closed_once_and_none_lies_in_another(items: list[Item]) -> None:
    made = compose(items)

    mark = mark_of(made)
    sections = made.text.partition("ends such a block.")[2]
    marks = [line.startswith(f"<<<{mark}") for line in sections.splitlines() if mark in line]
    assert marks == [True, False] * made.record.included_count


@given(st.lists(TEXTS, max_size=8))
def test_no_text_holds_its_mark(texts: list[str]) -> None:
    mark = mark_for(texts)

    assert not any(mark in text.casefold() for text in texts)


@given(st.lists(ITEMS, max_size=10), SHARES)
def test_a_part_keeps_to_its_share_unless_it_is_the_task(items: list[Item], shares: Shares) -> None:
    record = compose(items, shares=shares).record

    optional = [each for each in record.included if each.part not in WHOLE]
    for part in PartName:
        assert sum(each.tokens for each in optional if each.part is part) <= shares.parts.get(part, 0)
    assert sum(each.tokens for each in optional) <= shares.total


@given(st.lists(ITEMS, max_size=10), SHARES)
def test_whatever_was_given_is_included_or_named(items: list[Item], shares: Shares) -> None:
    record = compose(items, shares=shares).record

    said = [item for item in items if cleaned(item.text).strip()]
    assert record.included_count + record.left_out_count == len(said)


@given(st.lists(ITEMS, max_size=6), SHARES)
def test_the_same_items_give_the_same_prompt(items: list[Item], shares: Shares) -> None:
    assert compose(items, shares=shares) == compose(items, shares=shares)


@given(TEXTS, st.integers(0, 300))
def test_a_beginning_is_one_and_fits(text: str, most: int) -> None:
    kept = beginning(text, most)

    assert text.startswith(kept)
    assert estimated_tokens(kept) <= most


@given(st.text())
def test_cleaning_twice_is_cleaning_once_and_gives_text_that_can_be_written(text: str) -> None:
    once = cleaned(text)

    assert cleaned(once) == once
    once.encode()
