"""Facts without secrets: their prose loses every one, and what programs go by keeps words that are passwords as well."""

import time

import pytest
from pydantic import ValidationError

from ostinato.cli.redacting import fit_to_send
from ostinato.domain.decisions import Answer
from ostinato.domain.errors import UserError
from ostinato.domain.execution import StepOutcome, StepResult
from ostinato.domain.ids import DecisionId, StepId
from ostinato.domain.plan import CommandAction, Step
from ostinato.domain.redacted_facts import exact_secrets, redacted_fact
from ostinato.domain.redaction import Redactor
from ostinato.domain.surgery import PlanChange, StepEdit
from tests.builders import a_snapshot

TOKEN = "ghp_" + "Zq8" * 12
WORD, VALUE = "development", "tr0ub4dor-3"
REDACTOR = Redactor([WORD, VALUE])


def a_result(**fields: object) -> StepResult:
    return StepResult.model_validate({"step_id": WORD, "outcome": StepOutcome.FAILED, **fields})


def test_prose_loses_words_values_and_tokens() -> None:
    said = redacted_fact(a_result(summary=f"{WORD} {VALUE} {TOKEN}", output={"a": [WORD]}), REDACTOR)

    assert said.summary == "[redacted:known-value] [redacted:known-value] [redacted:github-token]"
    assert said.output == {"a": ["[redacted:known-value]"]}


def test_what_programs_go_by_keeps_words_and_loses_values_and_tokens() -> None:
    said = redacted_fact(a_result(commit=WORD, outside_claim=(WORD, VALUE, TOKEN), summary=WORD), REDACTOR)

    assert (said.step_id, said.commit, said.outcome) == (WORD, WORD, StepOutcome.FAILED)
    assert said.outside_claim == (WORD, "[redacted:known-value]", "[redacted:github-token]")


def test_what_holds_no_secret_is_the_same_object() -> None:
    snapshot = a_snapshot()

    assert redacted_fact(snapshot, REDACTOR) is snapshot


def test_what_nobody_could_read_any_more_is_told() -> None:
    step = Step.model_construct(**{**dict(a_step("true")), "id": StepId(TOKEN)})

    with pytest.raises(ValidationError):
        redacted_fact(step, REDACTOR)


def test_a_secret_in_what_is_to_be_run_is_named_by_its_place() -> None:
    change = PlanChange(kind="add", steps=(a_step(f"curl -u :{VALUE}"), a_step(f"deploy {WORD}")), note=TOKEN)

    assert exact_secrets(change, REDACTOR) == ("steps[build].action.shell",)


def test_what_a_person_says_is_sent_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_TOKEN", VALUE)

    sent = fit_to_send(Answer(decision=DecisionId("x"), option="done", note=f"used {VALUE} and {TOKEN}"))

    assert sent.note == "used [redacted:known-value] and [redacted:github-token]"


def test_a_command_with_a_secret_is_not_sent_at_all() -> None:
    with pytest.raises(UserError) as refused:
        fit_to_send(PlanChange(kind="edit", step="build", edit=StepEdit(run=f"curl -H {TOKEN}")))

    assert [(problem.code, problem.field) for problem in refused.value.problems] == [("secret_found", "edit.run")]
    assert TOKEN not in str(refused.value)


def test_looking_through_a_large_answer_takes_milliseconds() -> None:
    text = a_result(summary="a line of an answer, id 4f2a9c: https://example.org/x " * 1000).model_dump_json()
    began = time.process_time()

    for _ in range(20):
        REDACTOR.secrets(text)

    assert (time.process_time() - began) / 20 < 0.02


def a_step(line: str) -> Step:
    return Step(id=StepId("build"), name="Build", action=CommandAction(shell=line))
