"""Definitions of MCP servers as an agent is given them: with this machine's values, and only those to be believed."""

import json
from pathlib import Path

from ostinato.adapters.resources import FolderTree, discover
from ostinato.adapters.resources.definitions import Served, served
from ostinato.domain.resources import Activated, Kind

SECRET = "word-of-the-day-77"
ECHO = {"command": "python3", "args": ["echo.py", "--at", "${PLACE:-here}"], "env": {"WORD": "${ECHO_WORD}"}}


async def given(folder: Path, *names: str, trusted: bool = True, digest: str = "", **environ: str) -> Served:
    (folder / ".mcp.json").write_text(json.dumps({"mcpServers": {"echo": ECHO}}))
    tree = FolderTree(folder)
    believed = (await discover(tree)).believed(trusted=trusted)
    wanted = [Activated(name=name, tokens=1, fit=1, because="", digest=digest) for name in names]
    return await served(wanted, believed.of(Kind.SERVER), repository=tree, user=None, environ=environ)


async def test_variables_have_the_values_of_the_worker_and_are_kept_secret(tmp_path: Path) -> None:
    found = await given(tmp_path, "echo", ECHO_WORD=SECRET)

    assert found.servers == {
        "echo": {"command": "python3", "args": ["echo.py", "--at", "here"], "env": {"WORD": SECRET}}
    }
    assert SECRET in found.secrets


async def test_a_server_whose_variable_is_not_set_here_is_left_out(tmp_path: Path) -> None:
    found = await given(tmp_path, "echo")

    assert found.servers == {}
    assert found.left_out == ("the MCP server echo was not started: ECHO_WORD is not set here",)


async def test_servers_of_a_repository_that_is_not_trusted_are_not_started(tmp_path: Path) -> None:
    found = await given(tmp_path, "echo", trusted=False, ECHO_WORD=SECRET)

    assert (found.servers, found.secrets) == ({}, ())


async def test_a_server_that_was_changed_since_it_was_chosen_is_left_out(tmp_path: Path) -> None:
    found = await given(tmp_path, "echo", "other", digest="of another", ECHO_WORD=SECRET)

    assert found.servers == {}
    assert len(found.left_out) == 2
