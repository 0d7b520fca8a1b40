"""What a scripted turn looks like on each wire: whole bodies, events of a stream, and errors. No server in here."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

Json = dict[str, Any]

WRITES: Final = ("Write", "write_file", "write", "create_file")
SHELLS: Final = (
    "Bash", "run_shell_command", "bash", "shell", "shell_command", "exec_command", "local_shell", "terminal",
    "execute_bash", "run_command",
)  # fmt: skip
_WORDS: Final = {
    400: "invalid_request_error", 401: "authentication_error", 402: "billing_error", 403: "permission_error",
    429: "rate_limit_error", 529: "overloaded_error",
}  # fmt: skip
_GOOGLE: Final = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 429: "RESOURCE_EXHAUSTED"}
_PIECE: Final = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    name: str
    input: Any
    """Text where the tool takes free text."""
    namespace: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One turn, with the tools that the agent offered already chosen."""

    id: str
    model: str
    text: str = ""
    thinking: str = ""
    calls: tuple[Call, ...] = ()
    stop: str = ""
    usage: Json = field(default_factory=dict)

    def count(self, name: str) -> int:
        return int(self.usage.get(name, 0))

    def call_id(self, number: int) -> str:
        return f"call_{self.id}_{number}"


def error_body(wire: str, status: int, message: str, code: str | None = None) -> Json:
    word = _WORDS.get(status, "api_error")
    if wire == "anthropic":
        return {"type": "error", "error": {"type": word, "message": message}, "request_id": "req_scripted"}
    if wire == "gemini":
        return {"error": {"code": status, "message": message, "status": _GOOGLE.get(status, "INTERNAL")}}
    return {"error": {"message": message, "type": word, "code": code}}


def whole(wire: str, answer: Answer) -> Json:
    return _WHOLE[wire](answer)


def events(wire: str, answer: Answer, body: Json) -> list[Json | str]:
    """In order; text is sent as it is."""
    return list(_EVENTS[wire](answer, body))


def framed(wire: str, event: Json | str) -> bytes:
    if isinstance(event, str):
        return f"data: {event}\n\n".encode()
    name = f"event: {event['type']}\n" if wire in ("anthropic", "openai-responses") else ""
    return f"{name}data: {json.dumps(event)}\n\n".encode()


def _pieces(text: str) -> list[str]:
    return [text[start : start + _PIECE] for start in range(0, len(text), _PIECE)]


def _argument(call: Call) -> str:
    return call.input if isinstance(call.input, str) else json.dumps(call.input)


# Anthropic Messages


def _anthropic_blocks(answer: Answer) -> list[Json]:
    blocks: list[Json] = []
    if answer.thinking:
        blocks.append({"type": "thinking", "thinking": answer.thinking, "signature": "c2NyaXB0ZWQ="})
    if answer.text:
        blocks.append({"type": "text", "text": answer.text})
    for number, call in enumerate(answer.calls):
        blocks.append({"type": "tool_use", "id": f"toolu_{answer.id}{number}", "name": call.name, "input": call.input})
    return blocks


def _anthropic(answer: Answer) -> Json:
    return {
        "id": f"msg_{answer.id}",
        "type": "message",
        "role": "assistant",
        "model": answer.model,
        "content": _anthropic_blocks(answer),
        "stop_reason": answer.stop or ("tool_use" if answer.calls else "end_turn"),
        "stop_sequence": None,
        "usage": {
            "input_tokens": answer.count("input"),
            "cache_creation_input_tokens": answer.count("cache_write"),
            "cache_read_input_tokens": answer.count("cache_read"),
            "output_tokens": answer.count("output"),
            "service_tier": "standard",
        },
    }


def _anthropic_events(answer: Answer, body: Json) -> Iterator[Json | str]:
    message = _anthropic(answer)
    begun = {**message, "content": [], "stop_reason": None, "usage": {**message["usage"], "output_tokens": 1}}
    yield {"type": "message_start", "message": begun}
    for index, block in enumerate(message["content"]):
        yield from ({**event, "index": index} for event in _anthropic_block(block))
    delta = {"stop_reason": message["stop_reason"], "stop_sequence": None}
    yield {"type": "message_delta", "delta": delta, "usage": message["usage"]}
    yield {"type": "message_stop"}


def _anthropic_block(block: Json) -> Iterator[Json]:
    forms: dict[str, tuple[Json, str, str]] = {
        "text": ({"text": ""}, "text", block.get("text", "")),
        "thinking": ({"thinking": "", "signature": ""}, "thinking", block.get("thinking", "")),
        "tool_use": ({"input": {}}, "partial_json", json.dumps(block.get("input"))),
    }
    empty, name, whole_text = forms[block["type"]]
    kind = "input_json_delta" if block["type"] == "tool_use" else f"{block['type']}_delta"
    yield {"type": "content_block_start", "content_block": {**block, **empty}}
    for piece in _pieces(whole_text):
        yield {"type": "content_block_delta", "delta": {"type": kind, name: piece}}
    if block["type"] == "thinking":
        signature = {"type": "signature_delta", "signature": block["signature"]}
        yield {"type": "content_block_delta", "delta": signature}
    yield {"type": "content_block_stop"}


# OpenAI Chat Completions


def _openai_usage(answer: Answer, prompt: str, completion: str) -> Json:
    read, tokens_in, tokens_out = answer.count("cache_read"), answer.count("input"), answer.count("output")
    return {
        f"{prompt}_tokens": tokens_in + read,
        f"{prompt}_tokens_details": {"cached_tokens": read},
        f"{completion}_tokens": tokens_out,
        f"{completion}_tokens_details": {"reasoning_tokens": answer.count("reasoning")},
        "total_tokens": tokens_in + read + tokens_out,
    }


def _chat_calls(answer: Answer) -> list[Json]:
    return [
        {
            "id": answer.call_id(number),
            "type": "function",
            "function": {"name": call.name, "arguments": _argument(call)},
        }
        for number, call in enumerate(answer.calls)
    ]


def _chat_finish(answer: Answer) -> str:
    said = {"max_tokens": "length", "refusal": "content_filter"}.get(answer.stop, answer.stop)
    return said or ("tool_calls" if answer.calls else "stop")


def _chat_frame(answer: Answer, kind: str) -> Json:
    return {"id": f"chatcmpl-{answer.id}", "object": kind, "created": 1_700_000_000, "model": answer.model}


def _chat(answer: Answer) -> Json:
    message: Json = {"role": "assistant", "content": answer.text or None}
    if answer.calls:
        message["tool_calls"] = _chat_calls(answer)
    choice = {"index": 0, "finish_reason": _chat_finish(answer), "message": message}
    usage = _openai_usage(answer, "prompt", "completion")
    return {**_chat_frame(answer, "chat.completion"), "choices": [choice], "usage": usage}


def _chat_events(answer: Answer, body: Json) -> Iterator[Json | str]:
    frame = _chat_frame(answer, "chat.completion.chunk")

    def chunk(delta: Json, finish: str | None = None) -> Json:
        return {**frame, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}

    yield chunk({"role": "assistant", "content": ""})
    for piece in _pieces(answer.text):
        yield chunk({"content": piece})
    for number, call in enumerate(_chat_calls(answer)):
        name = {"name": call["function"]["name"], "arguments": ""}
        yield chunk({"tool_calls": [{"index": number, "id": call["id"], "type": "function", "function": name}]})
        for piece in _pieces(call["function"]["arguments"]):
            yield chunk({"tool_calls": [{"index": number, "function": {"arguments": piece}}]})
    yield chunk({}, _chat_finish(answer))
    if (body.get("stream_options") or {}).get("include_usage"):
        yield {**frame, "choices": [], "usage": _openai_usage(answer, "prompt", "completion")}
    yield "[DONE]"


# OpenAI Responses


def _responses_items(answer: Answer) -> list[Json]:
    items: list[Json] = []
    if answer.text:
        part = {"type": "output_text", "text": answer.text, "annotations": []}
        message = {"type": "message", "id": f"msg_{answer.id}", "status": "completed", "role": "assistant"}
        items.append({**message, "content": [part]})
    for number, call in enumerate(answer.calls):
        item: Json = {"call_id": answer.call_id(number), "name": call.name, "status": "completed"}
        if isinstance(call.input, str):
            items.append({"type": "custom_tool_call", "id": f"ctc_{answer.id}{number}", "input": call.input, **item})
            continue
        named = {"namespace": call.namespace} if call.namespace else {}
        text = json.dumps(call.input)
        items.append({"type": "function_call", "id": f"fc_{answer.id}{number}", "arguments": text, **item, **named})
    return items


def _responses(answer: Answer) -> Json:
    return {
        "id": f"resp_{answer.id}",
        "object": "response",
        "created_at": 1_700_000_000,
        "status": "incomplete" if answer.stop else "completed",
        "incomplete_details": {"reason": answer.stop} if answer.stop else None,
        "error": None,
        "instructions": None,
        "metadata": {},
        "model": answer.model,
        "output": _responses_items(answer),
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "temperature": 1,
        "top_p": 1,
        "usage": _openai_usage(answer, "input", "output"),
    }


def _responses_events(answer: Answer, body: Json) -> Iterator[Json | str]:
    whole_answer = _responses(answer)
    begun = {**whole_answer, "status": "in_progress", "output": [], "usage": None}
    found: list[Json] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
    ]
    for index, item in enumerate(whole_answer["output"]):
        found += ({**event, "output_index": index} for event in _responses_item(item))
    found.append({"type": f"response.{whole_answer['status']}", "response": whole_answer})
    yield from ({**event, "sequence_number": number} for number, event in enumerate(found))


def _responses_item(item: Json) -> Iterator[Json]:
    if item["type"] == "message":
        yield from _responses_text(item)
    else:
        custom = item["type"] == "custom_tool_call"
        name = "input" if custom else "arguments"
        event = "response.custom_tool_call_input" if custom else "response.function_call_arguments"
        yield {"type": "response.output_item.added", "item": {**item, "status": "in_progress", name: ""}}
        yield {"type": f"{event}.delta", "item_id": item["id"], "delta": item[name]}
        yield {"type": f"{event}.done", "item_id": item["id"], name: item[name]}
    yield {"type": "response.output_item.done", "item": item}


def _responses_text(item: Json) -> Iterator[Json]:
    part = item["content"][0]
    at = {"item_id": item["id"], "content_index": 0}
    yield {"type": "response.output_item.added", "item": {**item, "status": "in_progress", "content": []}}
    yield {"type": "response.content_part.added", **at, "part": {**part, "text": ""}}
    for piece in _pieces(part["text"]):
        yield {"type": "response.output_text.delta", **at, "delta": piece}
    yield {"type": "response.output_text.done", **at, "text": part["text"]}
    yield {"type": "response.content_part.done", **at, "part": part}


# Gemini


def _gemini_parts(answer: Answer) -> list[Json]:
    parts: list[Json] = [{"text": answer.text}] if answer.text else []
    for call in answer.calls:
        called = {"name": call.name, "args": call.input}
        parts.append({"functionCall": called, "thoughtSignature": "c2NyaXB0ZWQ="})
    return parts or [{"text": ""}]


def _gemini_frame(answer: Answer, parts: list[Json], finish: str | None) -> Json:
    candidate: Json = {"content": {"role": "model", "parts": parts}, "index": 0}
    if finish:
        candidate["finishReason"] = finish
    return {"candidates": [candidate], "modelVersion": answer.model, "responseId": answer.id}


def _gemini(answer: Answer) -> Json:
    finish = {"max_tokens": "MAX_TOKENS", "refusal": "SAFETY"}.get(answer.stop, answer.stop) or "STOP"
    return {**_gemini_frame(answer, _gemini_parts(answer), finish), "usageMetadata": _gemini_usage(answer)}


def _gemini_usage(answer: Answer) -> Json:
    prompt, output = answer.count("input") + answer.count("cache_read"), answer.count("output")
    thoughts = answer.count("reasoning")
    return {
        "promptTokenCount": prompt,
        "cachedContentTokenCount": answer.count("cache_read"),
        "candidatesTokenCount": output - thoughts,
        "thoughtsTokenCount": thoughts,
        "totalTokenCount": prompt + output,
    }


def _gemini_events(answer: Answer, body: Json) -> Iterator[Json | str]:
    for part in _gemini_parts(answer):
        yield _gemini_frame(answer, [part], None)
    last = _gemini(answer)
    last["candidates"][0]["content"]["parts"] = [{"text": ""}]
    yield last


_WHOLE: Final = {
    "anthropic": _anthropic,
    "openai-chat": _chat,
    "openai-responses": _responses,
    "gemini": _gemini,
}
_EVENTS: Final = {
    "anthropic": _anthropic_events,
    "openai-chat": _chat_events,
    "openai-responses": _responses_events,
    "gemini": _gemini_events,
}
