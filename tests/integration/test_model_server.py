"""The scripted model that agents are tested against."""

import json
from typing import Any

import httpx
import pytest

from tests.model_server import ModelServer

ANTHROPIC_TOOLS = [{"name": "Write", "input_schema": {"type": "object"}}]
SCRIPTS: dict[str, dict[str, Any]] = {
    "edit": {
        "turns": [
            {"text": "I write.", "actions": [{"write": "a.py", "content": "x\n"}], "usage": {"input": 7, "output": 3}},
            {"text": "Done.", "fault": {"kind": "status", "status": 429, "after_s": 30, "times": 1}},
        ]
    }
}


async def posted(url: str, body: dict[str, Any], **headers: str) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.post(url, json=body, headers=headers)


async def test_the_turn_is_the_number_of_answers_in_the_request() -> None:
    ask = {"role": "user", "content": "go. Working directory: /repo"}
    async with ModelServer(SCRIPTS) as model:
        url = f"{model.base('edit')}/v1/messages"
        first = (await posted(url, {"messages": [ask], "tools": ANTHROPIC_TOOLS})).json()
        history = [ask, {"role": "assistant", "content": first["content"]}, {"role": "user", "content": "ok"}]
        limited = await posted(url, {"messages": history, "tools": ANTHROPIC_TOOLS})
        last = (await posted(url, {"messages": history, "tools": ANTHROPIC_TOOLS})).json()

    assert first["content"][1]["input"] == {"file_path": "/repo/a.py", "content": "x\n"}
    assert (limited.status_code, limited.headers["retry-after"]) == (429, "30")
    assert last["stop_reason"] == "end_turn"


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("v1/messages", {"messages": [], "stream": True}, "message_stop"),
        ("v1/chat/completions", {"messages": [], "stream": True}, "[DONE]"),
        ("v1/responses", {"input": "x", "stream": True}, "response.completed"),
        ("v1beta/models/g:streamGenerateContent", {"contents": []}, "usageMetadata"),
    ],
)
async def test_every_wire_streams_to_its_end(path: str, body: dict[str, Any], expected: str) -> None:
    async with ModelServer({"edit": {**SCRIPTS["edit"], "no_tools": True}}) as model:
        answer = await posted(f"{model.url}/{path}", body)

    assert answer.headers["content-type"] == "text/event-stream"
    assert expected in answer.text
    assert "a.py" in json.dumps(answer.text)


@pytest.mark.parametrize("stream", [True, False])
async def test_a_cut_answer_ends_in_the_middle(stream: bool) -> None:
    scripts = {"a": {"turns": [{"text": "long " * 40, "fault": {"kind": "cut", "after": 4}}], "no_tools": True}}

    async with ModelServer(scripts) as model:
        with pytest.raises(httpx.RemoteProtocolError):
            await posted(f"{model.url}/v1/messages", {"messages": [], "stream": stream})


async def test_a_script_is_chosen_by_the_key_or_by_what_is_asked() -> None:
    scripts = {name: {"turns": [{"text": name}], "when": f"step {name}", "no_tools": True} for name in ("one", "two")}

    async with ModelServer(scripts) as model:
        url = f"{model.url}/v1/messages"
        by_key = await posted(url, {"messages": []}, **{"x-api-key": "two"})
        by_text = await posted(url, {"messages": [{"role": "user", "content": "do step two"}]})
        told = [request.key for request in model.requests]

    assert [by_key.json()["content"][0]["text"], by_text.json()["content"][0]["text"]] == ["two", "two"]
    assert told == ["two", ""]
