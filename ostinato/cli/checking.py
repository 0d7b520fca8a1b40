"""The doctor's checks: each a fact, a verdict and, where it is not ok, the cure."""

import asyncio
import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ostinato.cli.call import Call
from ostinato.contracts.workflows import RUN_WORKFLOW, SEARCH_ATTRIBUTES, TASK_QUEUE
from ostinato.domain.base import Fact
from ostinato.domain.errors import OstinatoError

if TYPE_CHECKING:
    from temporalio.client import Client

    from ostinato.adapters.home import Home
    from ostinato.cli.agent_check import Viewed
    from ostinato.domain.project import ProjectFacts

MIN_GIT = (2, 38)
MIN_FREE_GB = 2.0
TOOLS = ("uv", "ruff", "mypy", "bandit", "detect-secrets", "vulture", "radon", "pytest", "coverage")
STUCK_ATTEMPTS = 2


class Check(Fact):
    name: str
    verdict: Literal["ok", "warn", "fail"]
    message: str
    cure: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examination:
    checks: list[Check]
    project: "ProjectFacts | None"
    """Of the repository that was asked for."""


def check_everything(call: Call) -> Examination:
    from ostinato.cli.agent_check import examine_agents
    from ostinato.cli.model_check import check_model
    from ostinato.cli.sandbox_check import check_sandbox

    local = [check_python(sys.version_info[:3]), check_git(_version_of("git")), *_tools(), *_files(call)]
    model = check_model(call.settings.llm, os.environ, online=call.arguments.online)
    sandbox = check_sandbox(wanted=call.settings.sandbox)
    agents = examine_agents(_view_of(call), call.settings.use_agents)
    repository, project = _repository(call)
    return Examination(checks=[*local, model, *agents, sandbox, *_temporal(call), *repository], project=project)


def check_python(version: tuple[int, ...]) -> Check:
    text = ".".join(map(str, version))
    if version >= (3, 11):
        return Check(name="python", verdict="ok", message=f"{text} on {platform.system()}")
    return Check(name="python", verdict="fail", message=text, cure="Install Python 3.11 or newer")


def check_git(answer: str) -> Check:
    """From what `git --version` says; empty when there is no git."""
    words = [word for word in answer.split() if word[:1].isdigit()]
    if not words:
        return Check(name="git", verdict="fail", message="not found", cure="Install git 2.38 or newer")
    numbers = tuple(int(part) for part in words[0].split(".")[:2] if part.isdigit())
    if numbers >= MIN_GIT:
        return Check(name="git", verdict="ok", message=words[0])
    return Check(name="git", verdict="fail", message=f"{words[0]} is too old", cure="Install git 2.38 or newer")


def _version_of(program: str) -> str:
    try:
        return subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ""


def _tools() -> list[Check]:
    return [_tool(name) for name in ("temporal", *TOOLS)]


def _tool(name: str) -> Check:
    folder = str(Path(sys.executable).parent)
    found = shutil.which(name, path=folder) or shutil.which(name)
    if found:
        return Check(name=name, verdict="ok", message=found)
    cure = "Install Ostinato again: its dependencies bring it along"
    return Check(name=name, verdict="fail" if name in ("temporal", "uv") else "warn", message="not found", cure=cure)


def _files(call: Call) -> list[Check]:
    return [_home(call), *check_history(call.home), _disk(call)]


def _home(call: Call) -> Check:
    from ostinato.domain.errors import UserError
    from ostinato.settings import ensure_home

    try:
        ensure_home(call.home)
    except UserError as error:
        return Check(name="home", verdict="fail", message=error.problems[0].message, cure=error.problems[0].cure)
    return Check(name="home", verdict="ok", message=f"{call.home.root} is writable")


def check_history(home: "Home") -> list[Check]:
    """Looks only. Nothing here stops a run, so nothing here fails."""
    from ostinato.adapters.history import History

    state = History(home).state()
    cure = "Delete them when nothing in them is missed; sqlite3's .recover saves what can be read"
    names = ", ".join(str(path) for path in state.kept_aside)
    aside = [Check(name="history", verdict="warn", message=f"corrupt, kept aside: {names}", cure=cure)] if names else []
    if state.problem:
        return [Check(name="history", verdict="warn", message=state.problem.message, cure=state.problem.cure), *aside]
    runs = "1 run" if state.runs == 1 else f"{state.runs} runs"
    known = f"{runs} in {state.place}" if state.version else "none yet; the first run that ends begins it"
    return [Check(name="history", verdict="ok", message=known), *aside]


def _disk(call: Call) -> Check:
    place = next((path for path in (call.home.root, *call.home.root.parents) if path.exists()), Path("/"))
    free = shutil.disk_usage(place).free / 1e9
    if free >= MIN_FREE_GB:
        return Check(name="disk", verdict="ok", message=f"{free:.0f} GB free")
    return Check(name="disk", verdict="warn", message=f"{free:.1f} GB free", cure="Make room: worktrees need space")


def _temporal(call: Call) -> list[Check]:
    from ostinato.cli.connecting import with_client

    try:
        return with_client(call, _server)
    except OstinatoError as error:
        return [Check(name="server", verdict="warn", message=error.message, cure="ostinato up")]


async def _server(client: "Client") -> list[Check]:
    reached = Check(
        name="server", verdict="ok", message=f"{client.service_client.config.target_host}, {client.namespace}"
    )
    return [reached, *await asyncio.gather(_attributes(client), _pollers(client), _stuck(client))]


async def _attributes(client: "Client") -> Check:
    from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
    from temporalio.service import RPCError

    try:
        listed = await client.operator_service.list_search_attributes(
            ListSearchAttributesRequest(namespace=client.namespace)
        )
    except RPCError as error:
        return Check(name="search attributes", verdict="warn", message=f"cannot be listed: {error.message}")
    missing = [name for name in SEARCH_ATTRIBUTES if name not in listed.custom_attributes]
    if not missing:
        return Check(name="search attributes", verdict="ok", message=f"all {len(SEARCH_ATTRIBUTES)} registered")
    cure = "; ".join(
        f"temporal operator search-attribute create --name {name} --type {SEARCH_ATTRIBUTES[name]}" for name in missing
    )
    return Check(name="search attributes", verdict="fail", message=f"missing: {', '.join(missing)}", cure=cure)


async def _pollers(client: "Client") -> Check:
    from temporalio.api.enums.v1 import TaskQueueType
    from temporalio.api.taskqueue.v1 import TaskQueue
    from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest

    described = await client.workflow_service.describe_task_queue(
        DescribeTaskQueueRequest(
            namespace=client.namespace,
            task_queue=TaskQueue(name=TASK_QUEUE),
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
        )
    )
    if described.pollers:
        names = ", ".join(poller.identity for poller in described.pollers[:3])
        return Check(name="worker", verdict="ok", message=f"polling: {names}")
    return Check(name="worker", verdict="warn", message="none is polling: open runs wait", cure="ostinato up")


async def _stuck(client: "Client") -> Check:
    """A workflow task that is tried again and again is a bug or a wrong worker, and shows nowhere else."""
    query = f"WorkflowType = '{RUN_WORKFLOW}' AND ExecutionStatus = 'Running'"
    stuck = []
    async for item in client.list_workflows(query, limit=50):
        described = await client.get_workflow_handle(item.id).describe()
        if described.raw_description.pending_workflow_task.attempt >= STUCK_ATTEMPTS:
            stuck.append(item.id)
    if not stuck:
        return Check(name="stuck runs", verdict="ok", message="none")
    cure = "See the worker's log (ostinato up names it); a run that cannot go on: ostinato terminate RUN"
    return Check(name="stuck runs", verdict="fail", message=", ".join(stuck[:5]), cure=cure)


def _repository(call: Call) -> "tuple[list[Check], ProjectFacts | None]":
    if call.arguments.repo is None:
        return [], None
    from ostinato.cli.connecting import here
    from ostinato.cli.detecting import detect
    from ostinato.cli.trust import UNTRUSTED, is_trusted
    from ostinato.domain.errors import UserError

    try:
        repository, project = asyncio.run(detect(here(call.arguments.repo)))
    except UserError as error:
        failed = [Check(name="repository", verdict="fail", message=it.message, cure=it.cure) for it in error.problems]
        return failed, None
    trusted = is_trusted(call.home, repository.root)
    tools = (("tests", project.tests), ("lint", project.lint), ("format", project.format), ("types", project.types))
    checks = [
        Check(name="repository", verdict="ok", message=f"{repository.root} at {repository.base_commit[:12]}"),
        Check(name="trust", verdict="ok" if trusted else "warn", message="trusted" if trusted else UNTRUSTED),
        *(Check(name=n, verdict="ok", message=f"{' '.join(c.argv)}  ({c.source})") for n, c in tools if c is not None),
        *(Check(name="note", verdict="warn", message=note) for note in (*repository.notes, *project.notes)),
        *_its_agents(call, repository.root, trusted=trusted),
    ]
    return checks, project


def _view_of(call: Call) -> "Viewed":
    from ostinato.cli.agent_check import Viewed

    settings = call.settings
    return Viewed(home=call.home, described=settings.agents, environ=os.environ, sandboxed=settings.sandbox)


def _its_agents(call: Call, root: Path, *, trusted: bool) -> list[Check]:
    from ostinato.cli.agent_check import examine_repositorys
    from ostinato.domain.errors import UserError
    from ostinato.settings import load_repository_settings

    try:
        theirs = load_repository_settings(root).agents
    except UserError as error:
        return [Check(name="settings", verdict="fail", message=it.message, cure=it.cure) for it in error.problems]
    return examine_repositorys(_view_of(call), theirs, trusted=trusted) if theirs else []
