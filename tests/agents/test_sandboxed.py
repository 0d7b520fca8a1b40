"""A real agent in the sandbox, its model behind the gateway's socket alone."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from ostinato.adapters.agents.claude import ClaudeCode
from ostinato.adapters.agents.port import Access, AgentTask, Watched
from ostinato.adapters.artifacts import ArtifactStore
from ostinato.adapters.gateway import Used
from ostinato.adapters.git.collapsing import collapse
from ostinato.adapters.processes import clean_environment
from ostinato.domain.agents import AgentEnd, AgentLimits, EndKind
from ostinato.domain.agents.wires import Wire
from ostinato.domain.budget.amounts import Limit
from ostinato.domain.redaction import Redactor
from tests.integration.enclosure import Cell, a_cell
from tests.integration.gateways import a_scene
from tests.model_answers import Json

pytestmark = pytest.mark.heavy
CLIS = "OSTINATO_AGENT_CLIS"


def path_with_clis() -> str:
    bins = [str(Path(folder) / "node_modules" / ".bin") for folder in os.environ.get(CLIS, "").split(":") if folder]
    path = ":".join((*bins, os.environ["PATH"]))
    if shutil.which("claude", path=path) is None:
        pytest.skip(f"NOT PROVED HERE: claude in the sandbox; {CLIS} may name a folder with node_modules/.bin")
    return path


async def run_claude(cell: Cell, *turns: Json) -> tuple[AgentEnd, Used]:
    """And what the gateway counted."""
    socket = cell.folder / "gateway.sock"
    async with a_scene(cell.folder, socket=socket) as scene:
        scene.model.scripts = {"default": {"turns": [*turns, {"text": "Done."}]}}
        given = scene.gateway.open("run/s-1/1", Limit(requests=20))
        access = Access(base_url=given.base_urls[Wire.ANTHROPIC], api_key=given.key, model="claude-opus-4-8")
        cell.private.mkdir()
        task = AgentTask(
            prompt="Write greeting.py, and commit it.",
            tree=cell.tree,
            private=cell.private,
            env=clean_environment({"PATH": path_with_clis()}),
            limits=AgentLimits(idle_s=60, wall_s=120),
            access=access,
            marker=cell.marker,
            sandbox=replace(cell.sandbox, gateway=socket, needs_model=True),
        )
        artifacts = ArtifactStore(cell.folder / "artifacts")
        end = await ClaudeCode().run(
            task, Watched(artifacts=artifacts, redactor=Redactor(), on_event=lambda _event: None)
        )
        return end, scene.gateway.used(given)


async def test_claude_code_edits_and_commits_inside_and_the_gateway_counts_it(tmp_path: Path) -> None:
    cell = await a_cell(tmp_path)

    end, used = await run_claude(
        cell,
        {"actions": [{"write": "greeting.py", "content": "print('hello')\n"}]},
        {"actions": [{"run": "git add greeting.py && git commit -qm Greet"}]},
    )
    deeds = await collapse(cell.tree, mirror=cell.ground.mirror, base=cell.ground.base, folder=cell.own)

    assert (end.kind, end.answer) == (EndKind.DONE, "Done."), end
    assert used.use.requests >= 3
    assert (cell.tree / "greeting.py").read_text() == "print('hello')\n"
    assert deeds.commits_count == 1


async def test_claude_code_cannot_look_around_from_inside(tmp_path: Path) -> None:
    cell = await a_cell(tmp_path)
    secret, beside = tmp_path / "secret", tmp_path / "beside"
    secret.write_text("PRIVATE")

    end, _ = await run_claude(
        cell, {"actions": [{"run": f"cat {secret} > found.txt; echo stolen > {beside}; ls / > seen.txt"}]}
    )

    assert end.kind is EndKind.DONE, end
    assert (cell.tree / "found.txt").read_text() == ""
    assert not beside.exists()
    assert "var" not in (cell.tree / "seen.txt").read_text().split()
