"""Real agents at the gateway: what they ask is metered, and they end by themselves when they may ask no more."""

import asyncio
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import pytest

from ostinato.adapters.gateway import Pass
from ostinato.domain.agents.wires import Wire
from ostinato.domain.budget.amounts import Limit
from tests.integration.gateways import REAL_KEY, Scene, a_scene, a_turn

pytestmark = [pytest.mark.heavy, pytest.mark.timeout(240)]
FOLDERS: Final = "OSTINATO_AGENT_CLIS"
"""Folders with a node_modules/.bin, separated by colons."""
AGENTS: Final = ("claude", "codex", "gemini")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    exit_code: int
    words: str


@pytest.mark.parametrize("agent", [*AGENTS, "opencode"])
async def test_an_agent_works_through_the_gateway(agent: str, tmp_path: Path) -> None:
    turns = (a_turn(actions=[{"run": "echo hello"}]), a_turn(text="It is done"))
    async with a_scene(tmp_path / "gateway", *turns) as scene:
        given = scene.gateway.open("run/a/1", Limit())

        ended = await _ended(agent, given, tmp_path)
        used = scene.gateway.used(given)

    assert (ended.exit_code, "It is done" in ended.words) == (0, True)
    assert used.use.requests == len(scene.model.requests) >= 2
    assert (used.use.input, used.use.output) == (100 * used.use.requests, 20 * used.use.requests)
    assert used.unknown_count == 0
    _is_secret_nowhere(tmp_path, scene)


@pytest.mark.parametrize("agent", [*AGENTS, "opencode"])
async def test_an_agent_at_its_cap_ends_at_once(agent: str, tmp_path: Path) -> None:
    async with a_scene(tmp_path / "gateway", a_turn(actions=[{"run": "echo hello"}])) as scene:
        given = scene.gateway.open("run/a/1", Limit(requests=1))

        ended = await _ended(agent, given, tmp_path)
        used = scene.gateway.used(given)

    assert ended.exit_code != 0
    assert (used.stopped, used.use.requests, len(scene.model.requests)) == ("requests", 1, 1)
    assert used.refused_count <= 2


@pytest.mark.parametrize("agent", AGENTS)
async def test_an_agent_of_an_account_at_its_limit_ends_its_turn(agent: str, tmp_path: Path) -> None:
    async with a_scene(tmp_path / "gateway") as scene:
        given = scene.gateway.open("run/a/1", Limit(), "the account")
        scene.gateway.limit("the account", datetime.now(UTC) + timedelta(minutes=20))

        ended = await _ended(agent, given, tmp_path)
        used = scene.gateway.used(given)

    assert ended.exit_code != 0
    assert (used.stopped, len(scene.model.requests)) == ("limited", 0)
    assert used.refused_count <= 2


async def _ended(agent: str, given: Pass, folder: Path) -> Ended:
    """Skips, and says so loudly, where the agent is absent."""
    home, tree = folder / "home", folder / "tree"
    home.mkdir()
    tree.mkdir()
    bins = [str(Path(each) / "node_modules" / ".bin") for each in os.environ.get(FOLDERS, "").split(":") if each]
    path = ":".join((*bins, os.environ["PATH"]))
    program = shutil.which(agent, path=path)
    if program is None:
        pytest.skip(f"NOT TRIED: {agent} is not installed; {FOLDERS} may name a folder with node_modules/.bin")
    argv, env = _COMMANDS[agent](given, home, tree)
    process = await asyncio.create_subprocess_exec(
        program,
        *argv,
        cwd=tree,
        env={"PATH": path, "HOME": str(home), "LANG": "C.UTF-8", **env},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(120):
            words, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode is not None
    return Ended(exit_code=process.returncode, words=words.decode())


Command = tuple[list[str], Mapping[str, str]]


def _claude(given: Pass, home: Path, tree: Path) -> Command:
    argv = ["-p", "go", "--output-format", "stream-json", "--verbose", "--model", "claude-sonnet-4-5"]
    env = {"ANTHROPIC_BASE_URL": given.base_urls[Wire.ANTHROPIC], "ANTHROPIC_API_KEY": given.key}
    return [*argv, "--allowedTools", "Bash(echo:*)"], {**env, "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}


def _codex(given: Pass, home: Path, tree: Path) -> Command:
    settings = {
        "model_provider": "gateway",
        "model_providers.gateway.name": "gateway",
        "model_providers.gateway.base_url": given.base_urls[Wire.OPENAI_RESPONSES],
        "model_providers.gateway.env_key": "STEP_KEY",
        "model_providers.gateway.wire_api": "responses",
    }
    said = [part for name, value in settings.items() for part in ("-c", f"{name}={json.dumps(value)}")]
    off = [part for name in ("apps", "plugins", "remote_plugin") for part in ("--disable", name)]
    argv = ["exec", "--json", "--skip-git-repo-check", "-C", str(tree), "-m", "gpt-5.5", *said, *off, "go"]
    (home / "codex").mkdir()
    return argv, {"CODEX_HOME": str(home / "codex"), "STEP_KEY": given.key}


def _opencode(given: Pass, home: Path, tree: Path) -> Command:
    options = {"baseURL": given.base_urls[Wire.OPENAI_CHAT], "apiKey": given.key}
    model = {"name": "m", "limit": {"context": 200_000, "output": 8_000}}
    provider = {"npm": "@ai-sdk/openai-compatible", "options": options, "models": {"m": model}}
    (home / "opencode.json").write_text(json.dumps({"provider": {"gateway": provider}, "share": "disabled"}))
    off = {f"OPENCODE_DISABLE_{name}": "1" for name in ("AUTOUPDATE", "MODELS_FETCH", "LSP_DOWNLOAD")}
    argv = ["run", "--format", "json", "--pure", "--dir", str(tree), "-m", "gateway/m", "go"]
    return argv, {"OPENCODE_CONFIG": str(home / "opencode.json"), **off}


def _gemini(given: Pass, home: Path, tree: Path) -> Command:
    settings = {
        "security": {"auth": {"selectedType": "gemini-api-key"}},
        "privacy": {"usageStatisticsEnabled": False},
        "general": {"disableAutoUpdate": True},
    }
    (home / ".gemini").mkdir()
    (home / ".gemini" / "settings.json").write_text(json.dumps(settings))
    argv = ["-p", "go", "-o", "stream-json", "--approval-mode", "yolo", "--skip-trust", "-m", "gemini-2.5-pro"]
    return argv, {"GOOGLE_GEMINI_BASE_URL": given.base_urls[Wire.GEMINI], "GEMINI_API_KEY": given.key}


_COMMANDS: Final = {"claude": _claude, "codex": _codex, "opencode": _opencode, "gemini": _gemini}


def _is_secret_nowhere(folder: Path, scene: Scene) -> None:
    """The real keys reached the provider, and no file."""
    keys = {request.key for request in scene.model.requests}
    assert keys <= {REAL_KEY, "sk-real-openai", "real-gemini"}
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink():
            assert not any(key.encode() in path.read_bytes() for key in keys), path
