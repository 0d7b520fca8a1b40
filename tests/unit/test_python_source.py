"""Parsing: what cannot be parsed is no module, and an interpreter that lost count is asked again."""

import ast
from typing import Any

import pytest

from ostinato.domain.python_source import TRIES, module_of

MISCOUNTED = SystemError("AST constructor recursion depth mismatch (before=18, after=10)")


def miscounting(monkeypatch: pytest.MonkeyPatch, times: int) -> list[str]:
    """ast.parse as an early 3.11 has it while another thread parses too; gives the texts it was asked for."""
    usual, asked = ast.parse, list[str]()

    def parse(text: str) -> Any:
        asked.append(text)
        if len(asked) <= times:
            raise MISCOUNTED
        return usual(text)

    monkeypatch.setattr("ostinato.domain.python_source.ast.parse", parse)
    return asked


def test_text_is_parsed_again_where_the_interpreter_lost_count(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = miscounting(monkeypatch, times=2)

    module = module_of("answer = 42")

    assert module is not None
    assert ast.unparse(module) == "answer = 42"
    assert len(asked) == 3


def test_an_interpreter_that_never_counts_right_is_not_asked_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = miscounting(monkeypatch, times=100)

    with pytest.raises(SystemError, match="recursion depth mismatch"):
        module_of("answer = 42")

    assert len(asked) == TRIES


@pytest.mark.parametrize("text", ["def f(", "answer = \0", "x" + "(" * 5000, "-" * 200_000 + "1"])
def test_what_cannot_be_parsed_is_no_module(text: str) -> None:
    assert module_of(text) is None


def test_what_the_project_is_warned_of_is_not_ours_to_say(recwarn: pytest.WarningsRecorder) -> None:
    assert module_of(r"pattern = '\d'") is not None
    assert list(recwarn) == []
