"""What an agent's last words claim, and what they only mention."""

import time

import pytest

from ostinato.domain.agents.said import said_in

TREE = "/runs/one/slot-1"


@pytest.mark.parametrize(
    ("answer", "files"),
    [
        ("I created `src/app.py` and updated tests/test_app.py.", ("src/app.py", "tests/test_app.py")),
        ("Added the flag in [app.py](src/app.py) and `README.md`.", ("src/app.py", "README.md")),
        (f"Updated {TREE}/src/app.py:12 and `./docs/a.md#L3-L9`.", ("docs/a.md", "src/app.py")),
        ("Files changed:\n- `src/a.py`: the flag\n- src/b.py (new)", ("src/a.py", "src/b.py")),
        ("**Changes made**\n\n1. `src/a.py` - parses it", ("src/a.py",)),
        ("### Files modified\n| File | Change |\n|---|---|\n| `src/a.py` | a flag |", ("src/a.py",)),
        ("**`tests/test_cli.py`** (new)\n\nIt runs.", ("tests/test_cli.py",)),
        (
            "I changed `run` so that `None` isn't printed, added a test in `tests/test_a.py::test_none`, and updated `CHANGES.rst`.",
            ("tests/test_a.py", "CHANGES.rst"),
        ),
        ("I did not touch `a.py`, but updated `b.py` and `c.py`.", ("b.py", "c.py")),
        ("Wrote config.toml. Then I read pyproject.toml.", ("config.toml",)),
    ],
)
def test_what_it_says_it_made_is_a_claim(answer: str, files: tuple[str, ...]) -> None:
    assert set(said_in(answer, tree=TREE).files) == set(files)


@pytest.mark.parametrize(
    "answer",
    [
        "You could add `docs/later.md` next.",
        "I did not change `src/app.py`.",
        "I haven't created `src/app.py` yet.",
        "You could also have updated `docs/a.md` and `docs/b.md`.",
        "Removed `src/old.py`, which nobody used.",
        "Renamed `src/old.py` to `src/new.py` and updated the imports.",
        "The bug is in `src/app.py`.",
        "Updated the call of `app.run` and `python -m pytest tests/x.py`.",
        "```\ncreated src/fake.py\n```",
        "See https://example.org/changed/index.html",
        "All tests pass.",
    ],
)
def test_what_it_only_mentions_is_none(answer: str) -> None:
    assert said_in(answer).files == ()


def test_commits_are_claimed_where_it_speaks_of_commits() -> None:
    said = said_in("Committed as 1a2b3c4 on branch `quiet-flag`.\nThe hash deadbeef1 is of a file; 1234567 are lines.")

    assert (said.commits, said.branches) == (("1a2b3c4",), ("quiet-flag",))


@pytest.mark.parametrize("answer", ["I pushed the branch.", "Opened a pull request for it."])
def test_a_push_is_a_claim(answer: str) -> None:
    assert said_in(answer).pushed


def test_a_push_that_did_not_happen_is_none() -> None:
    assert not said_in("I have not pushed anything.").pushed


@pytest.mark.parametrize("piece", ["(", "a.", "changed ", "`", "a/", "[x](", "- ", "created a.py "])
def test_no_answer_takes_long_to_read(piece: str) -> None:
    began = time.perf_counter()

    said_in(piece * (60_000 // len(piece)))

    assert time.perf_counter() - began < 2
