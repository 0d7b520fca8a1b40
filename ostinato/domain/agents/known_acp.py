"""Agents of the Agent Client Protocol that are known by name: `acp-NAME`. What is not here is described by its user."""

import json
from collections.abc import Mapping
from typing import NamedTuple

from ostinato.domain.agents.described import DescribedAgent

PREFIX = "acp-"


class KnownAcp(NamedTuple):
    agent: DescribedAgent
    install: str
    """For people."""


_OPENCODE_CONFIG = json.dumps(
    {
        "provider": {
            "ostinato": {
                "npm": "@ai-sdk/openai-compatible",
                "options": {"baseURL": "{base_url}", "apiKey": "{env:MODEL_KEY}"},
                "models": {"{model}": {"name": "{model}"}},
            }
        },
        "model": "ostinato/{model}",
        "small_model": "ostinato/{model}",
        "share": "disabled",
        "autoupdate": False,
        "snapshot": False,
    }
)
_OPENCODE_ASKS = json.dumps({"edit": "ask", "bash": "ask", "webfetch": "ask", "websearch": "ask"})
"""Before it changes, runs or fetches anything, so that the step's policy answers: also where it has a login of its own."""

_AGENTS = (
    KnownAcp(
        DescribedAgent(
            name="opencode",
            command=("opencode", "acp", "--pure"),
            speaks="acp",
            home="either",
            wire="openai-chat",
            key="MODEL_KEY",
            set={
                "OPENCODE_CONFIG_CONTENT": _OPENCODE_CONFIG,
                "OPENCODE_PERMISSION": _OPENCODE_ASKS,
                "OPENCODE_DISABLE_AUTOUPDATE": "1",
                "OPENCODE_DISABLE_MODELS_FETCH": "1",
                "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
            },
            version=("--version",),
        ),
        "npm install -g opencode-ai@1.18.33",
    ),
    KnownAcp(
        DescribedAgent(
            name="claude",
            command=("claude-agent-acp",),
            speaks="acp",
            home="either",
            wire="anthropic",
            base_url="ANTHROPIC_BASE_URL",
            key="ANTHROPIC_API_KEY",
            set={
                "ANTHROPIC_MODEL": "{model}",
                "CLAUDE_CODE_MAX_RETRIES": "2",
                "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            },
        ),
        "npm install -g @agentclientprotocol/claude-agent-acp@0.100.0, with Node 22 or newer",
    ),
    KnownAcp(
        DescribedAgent(name="codex", command=("codex-acp",), speaks="acp", home="own"),
        "npm install -g @agentclientprotocol/codex-acp@2.6.0; another package's program has the same name",
    ),
    KnownAcp(
        DescribedAgent(
            name="gemini",
            command=("gemini", "--acp", "--skip-trust"),
            speaks="acp",
            home="either",
            wire="gemini",
            base_url="GOOGLE_GEMINI_BASE_URL",
            key="GEMINI_API_KEY",
            set={"GEMINI_MODEL": "{model}"},
            version=("--version",),
        ),
        "npm install -g @google/gemini-cli@0.61.0",
    ),
)
KNOWN_ACP: Mapping[str, KnownAcp] = {PREFIX + known.agent.name: known for known in _AGENTS}
