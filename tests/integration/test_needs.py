"""What a plan needs, looked up in a real commit and on this machine's PATH."""

import json
from pathlib import Path

from ostinato.adapters.needs import look_around
from ostinato.adapters.resources import CommitTree, discover
from ostinato.domain.classification import Classification, Intent, TaskType
from ostinato.domain.needs import Need, needs_of
from ostinato.domain.plan import Plan
from ostinato.domain.selection import select
from tests.builders import a_plan, a_step
from tests.repositories import git, make_repository

FOUND = Classification(task_type=TaskType.BUG_FIX, confidence=1.0, intent=Intent.FIX)
SERVERS = {"mcpServers": {"frobber": {"command": "no-such-frobber", "args": ["-y"]}, "near": {"command": "git"}}}
AGENT = "---\nname: reviewer\ndescription: Reviews.\n---\nReview it.\n"


def running(*lines: str) -> Plan:
    steps = (a_step(f"s{n}", action={"kind": "command", "shell": line}) for n, line in enumerate(lines))
    return a_plan(*steps)


async def needs(folder: Path, plan: Plan, files: dict[str, str], request: str = "fix it") -> list[Need]:
    repository = make_repository(folder / "repository", files)
    tree = CommitTree(repository / ".git", git(repository, "rev-parse", "HEAD"))
    found = await discover(tree, None)
    activation = select(FOUND, found, request=request, trusted=True)
    return list(needs_of(plan, await look_around(plan, tree, found, activation), is_python=True))


async def test_nothing_is_missing_where_everything_is_here(tmp_path: Path) -> None:
    files = {"bin/go": "", "pyproject.toml": '[project]\nname = "a"\nrequires-python = ">=3.8"\n'}

    assert await needs(tmp_path, running("git status", "bin/go", "./bin/go", "pytest"), files) == []


async def test_programs_and_files_that_are_absent_are_found_out(tmp_path: Path) -> None:
    found = await needs(tmp_path, running("no-such-tool", "./go"), {"a": ""})

    assert [need.code for need in found] == ["no_program", "no_file"]


async def test_a_python_that_nobody_has_is_missing(tmp_path: Path) -> None:
    for name, text in (
        ("pyproject.toml", '[project]\nname = "a"\nrequires-python = ">=3.99"\n'),
        ("setup.cfg", "[options]\npython_requires = >=3.99\n"),
    ):
        found = await needs(tmp_path / name, running("true"), {name: text})

        assert [need.code for need in found] == ["python_missing"]
        assert "asks for Python >=3.99, and here is 3." in found[0].what


async def test_a_server_that_is_switched_on_and_cannot_start_is_named(tmp_path: Path) -> None:
    files = {".mcp.json": json.dumps(SERVERS)}

    found = await needs(tmp_path, running("true"), files, "fix it with the servers frobber and near")

    assert [(need.code, "frobber is started by no-such-frobber" in need.what) for need in found] == [
        ("server_missing", True)
    ]


async def test_an_agent_is_here_where_the_repository_defines_it(tmp_path: Path) -> None:
    action = {"kind": "agent", "prompt": "Review it."}
    plan = a_plan(
        a_step("a", action={**action, "agent": "reviewer"}), a_step("b", action={**action, "agent": "stranger"})
    )

    found = await needs(tmp_path, plan, {".claude/agents/reviewer.md": AGENT})

    assert [need.what for need in found] == ["stranger, whom b names, is nobody here"]
