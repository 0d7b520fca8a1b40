"""The fake and both real adapters are held to the same port; the real ones against a scripted server on loopback."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ostinato.adapters.models import Counted, LanguageModel, ask_type, chosen_model
from ostinato.adapters.models.anthropic import AnthropicModel
from ostinato.adapters.models.openai import OpenAIModel
from ostinato.cli.model_check import check_model
from ostinato.domain.budget.amounts import Usage
from ostinato.domain.classification import Ranked, TaskType
from ostinato.domain.classifying.asking import DEFINITIONS, SCHEMA, read_type
from ostinato.domain.errors import ExternalError, UserError
from tests.fakes.language_model import FakeModel, Garbles, Hangs, Line, Provider, Refuses, Says, provider

KEY = "sk-ant-" + "k" * 40
TOP = (Ranked(task_type=TaskType.TESTING, p=0.4), Ranked(task_type=TaskType.BUG_FIX, p=0.3))
Make = Callable[..., LanguageModel]


@pytest.fixture(params=["fake", "anthropic", "openai"])
def scripted(request: pytest.FixtureRequest) -> Iterator[Make]:
    """A model of each kind that follows a script."""
    script: list[Line] = []

    def make(*lines: Line) -> LanguageModel:
        script.extend(lines)
        return models[request.param]

    with provider(script) as server:
        models: dict[str, LanguageModel] = {
            "fake": FakeModel(script),
            "anthropic": AnthropicModel(model="m", key=KEY, base_url=server.url),
            "openai": OpenAIModel(model="m", key=KEY, base_url=f"{server.url}/v1"),
        }
        yield make


@pytest.fixture
def server() -> Iterator[Provider]:
    with provider([]) as found:
        yield found


async def test_prose_comes_back_with_its_tokens(scripted: Make) -> None:
    found = await scripted(Says("hello", 11, 4)).complete("hi", system="be brief")

    assert (found.text, found.tokens_in, found.tokens_out) == ("hello", 11, 4)


async def test_tokens_read_from_a_cache_are_counted_apart(scripted: Make) -> None:
    found = await scripted(Says("hello", 11, 4, cached_read=100)).complete("hi")

    assert found.usage == Usage(tokens_in=11, cached_read=100, tokens_out=4)


async def test_a_provider_that_counts_nothing_has_no_usage(scripted: Make) -> None:
    assert (await scripted(Says("hello", 0, 0)).complete("hi")).usage is None


@pytest.mark.parametrize(
    ("line", "usage"),
    [
        (Says('{"task_type": "testing"}'), Usage(tokens_in=7, tokens_out=3)),
        (Refuses(429), Usage(requests=1)),
        (Garbles(), None),
    ],
    ids=str,
)
async def test_what_a_question_came_to_is_known_or_said_to_be_unknown(
    scripted: Make, line: Line, usage: Usage | None
) -> None:
    assert (await ask_type(scripted(line), "tidy it", TOP)).usage == usage


async def test_several_questions_are_counted_together_until_one_of_them_is_unknown(scripted: Make) -> None:
    counted = Counted(scripted(Says("a"), Refuses(), Says("b"), Garbles()))

    await counted.complete("p", "s")
    with pytest.raises(ExternalError):
        await counted.complete("p", "s")
    await counted.complete("p", "s")
    before = counted.usage
    with pytest.raises(ExternalError):
        await counted.complete("p", "s")

    assert before == Usage(tokens_in=14, tokens_out=6, requests=3)
    assert counted.usage is None


async def test_with_a_schema_the_answer_is_the_json_of_an_object(scripted: Make) -> None:
    found = await scripted(Says('{"task_type": "testing"}')).complete("hi", schema=SCHEMA)

    assert json.loads(found.text) == {"task_type": "testing"}


@pytest.mark.parametrize(
    ("line", "code"),
    [(Refuses(500), "model_refused"), (Refuses(401), "model_refused"), (Garbles(), "model_answer_invalid")],
    ids=str,
)
async def test_what_goes_wrong_is_an_external_error_with_a_code(scripted: Make, line: Line, code: str) -> None:
    with pytest.raises(ExternalError) as raised:
        await scripted(line).complete("hi")

    assert raised.value.code == code


async def test_a_silent_model_is_waited_for_as_long_as_was_said(scripted: Make) -> None:
    with pytest.raises(ExternalError) as raised:
        await scripted(Hangs()).complete("hi", timeout_s=0.2)

    assert raised.value.code == "model_timeout"


async def test_a_type_is_asked_for_and_read(scripted: Make) -> None:
    found = await ask_type(scripted(Says('{"task_type": "refactoring"}')), "tidy it", TOP)

    assert (found.task_type, found.tokens_in, found.cached) == (TaskType.REFACTORING, 7, False)


@pytest.mark.parametrize("line", [Refuses(), Garbles(), Says('{"task_type": "poetry"}'), Says("{}")], ids=str)
async def test_a_model_that_fails_never_fails_the_caller(scripted: Make, line: Line) -> None:
    found = await ask_type(scripted(line), "tidy it", TOP)

    assert found.task_type is None
    assert found.reason


async def test_the_same_question_is_asked_once(scripted: Make, tmp_path: Path) -> None:
    model = scripted(Says('{"task_type": "testing"}'))

    first = await ask_type(model, "tidy it", TOP, answers=tmp_path)
    again = await ask_type(model, "tidy it", TOP, answers=tmp_path)

    assert (first.task_type, first.cached) == (TaskType.TESTING, False)
    assert (again.task_type, again.cached) == (TaskType.TESTING, True)


async def test_failures_and_broken_files_are_not_remembered(tmp_path: Path) -> None:
    model = FakeModel([Refuses(), Says('{"task_type": "testing"}'), Says('{"task_type": "bug_fix"}')])

    await ask_type(model, "tidy it", TOP, answers=tmp_path)
    await ask_type(model, "tidy it", TOP, answers=tmp_path)
    (kept,) = tmp_path.iterdir()
    kept.write_text("{broken")

    assert (await ask_type(model, "tidy it", TOP, answers=tmp_path)).task_type is TaskType.BUG_FIX


async def test_secrets_in_a_request_are_not_sent() -> None:
    model = FakeModel([Says("{}")])

    await ask_type(model, f"fix the call with {KEY}", TOP)

    assert KEY not in model.asked[0][0]


async def test_the_question_holds_every_definition_and_what_is_likely() -> None:
    model = FakeModel([Says("{}")])

    await ask_type(model, "tidy it", TOP)

    prompt, system = model.asked[0]
    assert set(DEFINITIONS) == set(TaskType)
    assert all(f"- {task_type}: " in system for task_type in TaskType)
    assert "testing (40%), bug_fix (30%)" in prompt


async def test_messages_are_sent_with_key_version_and_temperature(server: Provider) -> None:
    server.script.append(Says("x"))

    await AnthropicModel(model="m", key=KEY, base_url=server.url + "/").complete("hi", system="s", max_tokens=5)

    path, headers, document = server.received[0]
    assert path == "/v1/messages"
    assert (headers["x-api-key"], headers["anthropic-version"]) == (KEY, "2023-06-01")
    assert document == {
        "model": "m", "max_tokens": 5, "temperature": 0, "system": "s", "messages": [{"role": "user", "content": "hi"}],
    }  # fmt: skip


async def test_chat_is_sent_with_key_and_schema(server: Provider) -> None:
    server.script.append(Says("{}"))

    await OpenAIModel(model="m", key=KEY, base_url=server.url).complete("hi", schema=SCHEMA)

    path, headers, document = server.received[0]
    assert path == "/chat/completions"
    assert headers["authorization"] == f"Bearer {KEY}"
    assert document["response_format"]["json_schema"]["schema"] == SCHEMA


async def test_parameters_that_a_reasoning_model_refuses_are_left_out(server: Provider) -> None:
    server.script += [
        Refuses(400, "max_tokens is not supported, use max_completion_tokens"),
        Refuses(400, "temperature does not support 0"),
        Says("done"),
    ]

    found = await OpenAIModel(model="m", base_url=server.url).complete("hi", max_tokens=9)

    assert found.text == "done"
    assert "temperature" not in server.received[2][2]
    assert server.received[2][2]["max_completion_tokens"] == 9


async def test_a_key_is_in_no_message_and_no_representation(server: Provider) -> None:
    server.script.append(Refuses(401, f"the key {KEY} is wrong"))
    model = AnthropicModel(model="m", key=KEY, base_url=server.url)

    with pytest.raises(ExternalError) as raised:
        await model.complete("hi")

    assert KEY not in str(raised.value) + repr(model)


async def test_a_provider_that_is_not_there_is_named() -> None:
    with pytest.raises(ExternalError, match=r"127\.0\.0\.1:9 cannot be reached") as raised:
        await OpenAIModel(model="m", base_url="http://127.0.0.1:9").complete("hi")

    assert raised.value.code == "model_unreachable"


def test_no_setting_means_no_model() -> None:
    assert chosen_model("", {"ANTHROPIC_API_KEY": KEY}) is None


def test_the_setting_chooses_provider_model_and_address() -> None:
    found = chosen_model("openai:big:7b", {"OPENAI_BASE_URL": "http://localhost:1/v1"})

    assert found == OpenAIModel(model="big:7b", key="", base_url="http://localhost:1/v1")


@pytest.mark.parametrize(
    ("setting", "code"),
    [("mystery:m", "setting_invalid"), ("anthropic", "setting_invalid"), ("openai: ", "setting_invalid"),
     ("anthropic:m", "model_key_missing")],
)  # fmt: skip
def test_a_setting_that_cannot_work_is_refused_with_a_cure(setting: str, code: str) -> None:
    with pytest.raises(UserError) as raised:
        chosen_model(setting, {})

    assert raised.value.code == code


@pytest.mark.parametrize(
    ("answer", "found"),
    [('{"task_type": "testing"}', TaskType.TESTING), ('Sure: {"task_type": "testing"}.', TaskType.TESTING),
     ("testing", None), ('{"task_type": ["testing"]}', None), ('["task_type"]', None), ("", None), ("[" * 9999, None)],
)  # fmt: skip
def test_only_an_exact_type_is_read(answer: str, found: TaskType | None) -> None:
    assert read_type(answer) is found


@pytest.mark.parametrize(
    ("setting", "environ", "verdict", "says"),
    [
        ("", {}, "ok", "none"),
        ("openai:m", {}, "fail", "there is no key"),
        ("openai:m", {"OPENAI_API_KEY": KEY}, "ok", "openai:m, OPENAI_API_KEY is set; not asked"),
        ("openai:m", {"OPENAI_BASE_URL": "http://127.0.0.1:9"}, "ok", "no key, OPENAI_BASE_URL is set"),
    ],
)
def test_the_doctor_names_the_model_and_says_whether_its_key_is_there(
    setting: str, environ: dict[str, str], verdict: str, says: str
) -> None:
    found = check_model(setting, environ, online=False)

    assert (found.verdict, says in found.message) == (verdict, True)


@pytest.mark.parametrize(
    ("line", "verdict", "says"),
    [(Says("ok"), "ok", "it answered within"), (Refuses(401, f"no such key: {KEY}"), "fail", "HTTP 401")],
    ids=str,
)
def test_the_doctor_asks_the_model_online_and_never_tells_its_key(
    server: Provider, line: Line, verdict: str, says: str
) -> None:
    server.script.append(line)

    found = check_model("openai:m", {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": f"{server.url}/v1"}, online=True)

    assert (found.verdict, says in found.message) == (verdict, True)
    assert KEY not in found.model_dump_json()
