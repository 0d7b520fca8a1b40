"""A real agent in the sandbox, its model behind the gateway's socket alone."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ostinato.adapters.agents.claude import ClaudeCode
from ostinato.adapters.agents.port import Access, AgentTask, Watched
from ostinato.adapters.artifacts import ArtifactStore
from ostinato.adapters.git.collapsing import collapse
from ostinato.adapters.processes import clean_environment
from ostinato.domain.agents import AgentEnd, AgentEvent, AgentLimits, EndKind
from ostinato.domain.redaction import Redactor
from tests.integration.enclosure import Cell, a_cell
from tests.model_answers import Json
from tests.model_server import ModelServer

pytestmark = pytest.mark.heavy
CLIS = "OSTINATO_AGENT_CLIS"
SCRIPTS: Mapping[str, Json] = {
    "edits": {
        "turns": [
            {"actions": [{"write": "greeting.py", "content": "print('hello')\n"}]},
            {"actions": [{"run": "git add greeting.py && git commit -qm Greet && git log --oneline | wc -l"}]},
            {"text": "Done."},
        ]
    },
}


@asynccontextmanager
async def behind_a_socket(base_url: str, place: Path) -> AsyncIterator[None]:
    """In place of the gateway."""

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", urlsplit(base_url).port)
        await asyncio.gather(carry(reader, back), carry(there, writer), return_exceptions=True)

    async with await asyncio.start_unix_server(connected, place):
        yield


def path_with_clis() -> str:
    bins = [str(Path(folder) / "node_modules" / ".bin") for folder in os.environ.get(CLIS, "").split(":") if folder]
    path = ":".join((*bins, os.environ["PATH"]))
    if shutil.which("claude", path=path) is None:
        pytest.skip(f"NOT PROVED HERE: claude in the sandbox; {CLIS} may name a folder with node_modules/.bin")
    return path


async def run_claude(cell: Cell, scripts: Mapping[str, Json], name: str) -> AgentEnd:
    events: list[AgentEvent] = []
    env = clean_environment({"PATH": path_with_clis()})
    async with ModelServer(scripts) as model:
        base_url = model.base(name)
        async with behind_a_socket(base_url, cell.folder / "gateway.sock"):
            task = AgentTask(
                prompt="Write greeting.py, and commit it.",
                tree=cell.tree,
                private=cell.private,
                env=env,
                limits=AgentLimits(idle_s=60, wall_s=120),
                access=Access(base_url=base_url, api_key="key-of-this-step", model="claude-opus-4-8"),
                marker=cell.marker,
                sandbox=replace(cell.sandbox, gateway=cell.folder / "gateway.sock", needs_model=True),
            )
            cell.private.mkdir()
            watched = Watched(
                artifacts=ArtifactStore(cell.folder / "artifacts"), redactor=Redactor(), on_event=events.append
            )
            return await ClaudeCode().run(task, watched)


async def test_claude_code_edits_and_commits_inside(tmp_path: Path) -> None:
    cell = await a_cell(tmp_path)

    end = await run_claude(cell, SCRIPTS, "edits")
    deeds = await collapse(cell.tree, mirror=cell.ground.mirror, base=cell.ground.base, folder=cell.own)

    assert (end.kind, end.answer) == (EndKind.DONE, "Done."), end
    assert end.use.requests >= 3
    assert (cell.tree / "greeting.py").read_text() == "print('hello')\n"
    assert deeds.commits_count == 1


async def test_claude_code_cannot_look_around_from_inside(tmp_path: Path) -> None:
    cell = await a_cell(tmp_path)
    secret, beside = tmp_path / "secret", tmp_path / "beside"
    secret.write_text("PRIVATE")
    run = f"cat {secret} > found.txt; echo stolen > {beside}; ls / > seen.txt"
    scripts: Mapping[str, Json] = {"snoops": {"turns": [{"actions": [{"run": run}]}, {"text": "Done."}]}}

    end = await run_claude(cell, scripts, "snoops")

    assert end.kind is EndKind.DONE, end
    assert (cell.tree / "found.txt").read_text() == ""
    assert not beside.exists()
    assert "var" not in (cell.tree / "seen.txt").read_text().split()
