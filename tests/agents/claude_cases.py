"""What Claude Code is put through, for the tests that run it and for those that read what it said then."""

from dataclasses import dataclass, field
from typing import Any

from ostinato.adapters.agents.port import Allowed
from ostinato.domain.agents import AgentLimits

PROMPT = "Write hello.py and run it."
RESET = "2031-05-06T07:08:09Z"
WRITES = {"text": "I write it.", "actions": [{"write": "hello.py", "content": "print('hello')\n"}]}
WAITS = {"text": "I wait.", "actions": [{"run": "python3 -c 'import time; time.sleep(90)'"}]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    turns: tuple[dict[str, Any], ...]
    limits: AgentLimits = field(default_factory=AgentLimits)
    allowed: Allowed = field(default_factory=Allowed)
    interrupted: bool = False
    """While a tool runs."""
    again: bool = False
    """The session is resumed once; its second part is what counts."""

    @property
    def script(self) -> dict[str, Any]:
        return {"turns": list(self.turns)}


def _fails(status: int, message: str, **more: Any) -> tuple[dict[str, Any], ...]:
    return ({"text": "", "fault": {"kind": "status", "status": status, "message": message, **more}},)


CASES = {
    "edit": Case(
        turns=(
            {"thinking": "I think of it.", **WRITES, "usage": {"cache_read": 900, "cache_write": 70}},
            {"text": "I run it.", "actions": [{"run": "python3 hello.py"}]},
            {"text": "Done: hello.py prints hello."},
        )
    ),
    "resumed": Case(turns=(WRITES, {"text": "Written."}, {"text": "There is nothing left to do."}), again=True),
    "rate_limit": Case(turns=_fails(429, "This request would exceed your account's rate limit.")),
    "rate_limit_reset": Case(turns=_fails(429, f"Account limit reached; resets at {RESET}", after_s=3600)),
    "recovered": Case(turns=({"text": "Done.", "fault": {"kind": "status", "status": 529, "times": 2}},)),
    "auth": Case(turns=_fails(401, "invalid x-api-key")),
    "billing": Case(turns=_fails(400, "Your credit balance is too low to access the Anthropic API.")),
    "overflow": Case(turns=_fails(400, "prompt is too long: 250000 tokens > 200000 maximum")),
    "overloaded": Case(turns=_fails(529, "Overloaded")),
    "model": Case(turns=_fails(404, "model: scripted")),
    "malformed": Case(turns=({"text": "x", "fault": {"kind": "malformed"}},)),
    "refusal": Case(turns=({"text": "I cannot help with that.", "stop": "refusal"},)),
    "turns": Case(turns=({"text": "Again.", "actions": [{"run": "date +%N"}]},), limits=AgentLimits(turns=2)),
    "budget": Case(
        turns=({**WRITES, "usage": {"input": 1_000_000, "output": 50_000}},), limits=AgentLimits(micro_usd=1_500_000)
    ),
    "denied": Case(
        turns=({"text": "I fetch it.", "actions": [{"run": "curl -s localhost"}]}, {"text": "I was not allowed."}),
        allowed=Allowed(commands=("git *",)),
    ),
    "interrupted": Case(turns=(WAITS, {"text": "Done."}), interrupted=True),
}
