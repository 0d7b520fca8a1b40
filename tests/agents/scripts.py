"""What the model says in place of which agents are tried: by name, one for each thing that may happen."""

from typing import Any

WRITE: dict[str, Any] = {
    "text": "I write.",
    "actions": [{"write": "greeting.py", "content": "print('hello')\n"}],
    "usage": {"input": 1000, "output": 50, "cache_read": 400},
}
RUN: dict[str, Any] = {
    "text": "I run it.",
    "actions": [{"run": "python3 greeting.py"}],
    "usage": {"input": 1200, "output": 30},
}
DONE: dict[str, Any] = {"text": "greeting.py prints hello.", "usage": {"input": 1300, "output": 20, "reasoning": 5}}
MORE: dict[str, Any] = {
    "text": "I add.",
    "actions": [{"write": "other.py", "content": "print('other')\n"}],
    "usage": {"input": 2000, "output": 40},
}
CONNECT = 'import socket; socket.create_connection(("127.0.0.1", 1)); print("OPEN")'


def failing(status: int, **fault: object) -> dict[str, Any]:
    return {"turns": [WRITE, {"text": "never", "fault": {"kind": "status", "status": status, **fault}}]}


SCRIPTS: dict[str, dict[str, Any]] = {
    "happy": {"turns": [WRITE, RUN, DONE]},
    "resumed": {"turns": [WRITE, RUN, DONE, MORE, DONE]},
    "limited": failing(429, after_s=5400),
    "capped": failing(
        400, message="Ostinato stopped this step: it may use 20,000 tokens, has used 19,000 tokens. Do not ask again."
    ),
    "overloaded": failing(529, message="Overloaded"),
    "unauthorized": failing(401, message="Incorrect API key provided."),
    "forbidden": failing(403, message="Forbidden"),
    "overflow": failing(400, code="context_length_exceeded", message="Your input exceeds the context window."),
    "too_long": failing(400, message="prompt is too long: 250000 tokens > 200000 maximum"),
    "failing": failing(500),
    "refused": {"turns": [{"text": "I cannot help.", "stop": "refusal"}]},
    "cut": {"turns": [WRITE, {"text": "never", "fault": {"kind": "cut", "after": 3}}]},
    "waiting": {"turns": [WRITE, {"text": "I wait.", "actions": [{"run": "sleep 300"}]}, DONE]},
    "silent": {"turns": [WRITE, {"text": "never", "fault": {"kind": "hang"}}]},
    "circles": {"turns": [{"text": "Again.", "actions": [{"run": "echo again"}]}]},
    "denied": {"turns": [{"text": "I look.", "actions": [{"run": "git status --short && touch gone"}]}, RUN, DONE]},
    "outside": {"turns": [{"text": "I look.", "actions": [{"run": "env"}]}, DONE]},
    "readonly": {"turns": [WRITE, {"text": "I try.", "actions": [{"run": "echo x > shell.py"}]}, DONE]},
    "network": {"turns": [{"text": "I look.", "actions": [{"run": f"python3 -c '{CONNECT}'"}]}, DONE]},
}
