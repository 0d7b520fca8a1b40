"""Records what the real Claude Code says: `OSTINATO_AGENT_CLIS=FOLDER python -m tests.agents.record_claude [CASE ...]`."""

import asyncio
import json
import os
import signal
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from ostinato.adapters.agents.claude_command import command_line, environment, write_settings
from ostinato.adapters.agents.port import Access, AgentTask
from ostinato.adapters.agents.reading import inner
from ostinato.adapters.processes import clean_environment
from tests.agents.claude_cases import CASES, PROMPT, Case
from tests.model_server import ModelServer

DATA = Path(__file__).parents[1] / "data" / "agents" / "claude"
SESSION = "0a1b2c3d-0000-4000-8000-00000000cafe"
DROPPED = (
    "slash_commands", "terminal_slash_commands", "skills", "plugins", "agents", "capabilities", "memory_paths",
    "messaging_socket_path",
)  # fmt: skip


async def record(name: str, case: Case, program: Path) -> dict[str, Any]:
    """How it ended."""
    with tempfile.TemporaryDirectory() as folder:
        (tree := Path(folder) / "tree").mkdir()
        async with ModelServer({name: case.script}) as model:
            task = AgentTask(
                prompt=PROMPT,
                tree=tree,
                private=Path(folder) / "private",
                env=clean_environment(),
                limits=case.limits,
                allowed=case.allowed,
                access=Access(base_url=model.base(name), api_key="scripted", model="claude-opus-4-8"),
            )
            lines, end = await _run(task, case, program)
            if case.again:
                lines, end = await _run(replace(task, session_id=SESSION, prompt="Go on."), case, program)
    text = "".join(f"{_trimmed(line)}\n" for line in lines)
    known = ((str(tree), "/repo"), (folder, "/private"), (model.url.removeprefix("http://"), "model"))
    for found, meant in known:
        text, end["stderr"] = text.replace(found, meant), end["stderr"].replace(found, meant)
    (DATA / f"{name}.jsonl").write_text(text, encoding="utf-8")
    return end


async def _run(task: AgentTask, case: Case, program: Path) -> tuple[list[str], dict[str, Any]]:
    write_settings(task)
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *command_line(str(program), task, SESSION),
        cwd=task.tree, env={**task.env, **environment(task)}, stdin=pipe, stdout=pipe, stderr=pipe, limit=2**24,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdin.write(task.prompt.encode())
    process.stdin.close()
    lines = []
    async for line in process.stdout:
        lines.append(line.decode().rstrip("\n"))
        if case.interrupted and b'"content":[{"type":"tool_use"' in line:
            await asyncio.sleep(1)
            process.send_signal(signal.SIGINT)
    stderr = (await process.stderr.read()).decode()
    return lines, {"exit_code": await process.wait(), "stderr": stderr.strip()}


def _trimmed(line: str) -> str:
    value = json.loads(line)
    if "partial_json" in (delta := inner(value, "event", "delta") or {}):
        delta["partial_json"] = ""  # A path of this machine may be in several.
    kept = {name: each for name, each in value.items() if name not in DROPPED}
    return json.dumps(kept, ensure_ascii=False, separators=(",", ":"))


async def main(names: list[str]) -> None:
    program = Path(os.environ["OSTINATO_AGENT_CLIS"]) / "node_modules" / ".bin" / "claude"
    DATA.mkdir(parents=True, exist_ok=True)
    ends = json.loads(path.read_text("utf-8")) if (path := DATA / "ends.json").exists() else {}
    for name in names or CASES:
        ends[name] = await record(name, CASES[name], program)
        path.write_text(json.dumps(ends, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
