"""What is really there after an agent said that it is done."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from temporalio import activity

from activities.edge import Desk, Pulse
from activities.ending import to_its_end
from activities.secrecy import learn_secrets
from ostinato.adapters.agents.sessions import SessionFolder
from ostinato.adapters.atomic import write_atomically
from ostinato.adapters.git.collapsing import known_commits, look
from ostinato.adapters.git.command import Git, readable
from ostinato.adapters.git.index import keep_objects, stage_in, staging, with_own_objects
from ostinato.adapters.git.putting_back import Undone, put_back
from ostinato.adapters.git.scanning import secrets_in
from ostinato.adapters.in_flight import attempt_marker
from ostinato.adapters.processes import ProcessSpec, clean_environment, offline_where_possible, run_supervised
from ostinato.contracts.activities import ExecuteStep
from ostinato.domain.agents import AgentEnd
from ostinato.domain.agents.proving import TreeFacts, check_timeout_s, checks_left, prove
from ostinato.domain.agents.said import Said
from ostinato.domain.gates import GateResult, Severity, Stage, Status
from ostinato.domain.redaction import Redactor
from ostinato.domain.workspace import Checkout

MOST_ABSENT = 50
MOST_SECRETS = 20


async def facts_of(
    desk: Desk, command: ExecuteStep, checkout: Checkout, folder: SessionFolder, pulse: Pulse, end: AgentEnd, said: Said
) -> TreeFacts:
    """Changes nothing: the session may go on. The step's checks run where nothing else is in the way."""
    tree, mirror = Path(checkout.worktree), Path(command.workspace.mirror)
    redactor = learn_secrets(pulse, command.workspace, tree)
    async with staging(mirror, tree, checkout.commit) as scratch:
        git = with_own_objects(scratch, mirror)
        staged = await stage_in(git, tree, checkout.commit)
        secrets = await _secrets(git, checkout.commit, redactor) if staged.tree else ()
        deeds = await look(tree, mirror=mirror, base=checkout.commit, folder=folder.git)
        named = dict.fromkeys((*said.files, *(path for path in end.touched if not path.startswith("/"))))
        known = await known_commits(folder.git, said.commits)
        facts = TreeFacts(
            tree=staged.tree,
            changed=tuple(map(readable, staged.paths)),
            absent=await asyncio.to_thread(_absent, tree, tuple(named)),
            unknown_commits=tuple(name for name in said.commits if name not in known),
            inner=tuple(map(readable, staged.embedded)),
            secrets=secrets,
            deeds=deeds,
        )
        if not checks_left(prove(command.step, end, said, facts)):
            return facts
        before = facts.tree or checkout.commit
        await asyncio.to_thread(keep_objects, git, mirror)  # they hold no secret: that is proved by now
        write_atomically(folder.checking, before)
        facts = await _checked(desk, command, checkout, pulse, facts, lambda: put_back(git, tree, before))
    folder.checking.unlink(missing_ok=True)
    return facts


async def undo_checks(mirror: Path, tree: Path, base: str, folder: SessionFolder) -> Undone:
    """What checks wrote whose worker died in them; nothing where none did."""
    if not folder.checking.exists():
        return Undone()
    before = folder.checking.read_text().strip()
    async with staging(mirror, tree, base) as scratch:
        git = with_own_objects(scratch, mirror)
        await git("read-tree", "--reset", before)
        undone = await put_back(git, tree, before)
    folder.checking.unlink()
    return undone


async def _secrets(git: Git, base: str, redactor: Redactor) -> tuple[str, ...]:
    """Places in what differs that hold one."""
    found = await secrets_in(git, base, redactor)
    return tuple(f"{each.path}:{each.line} ({each.rule})" for each in found[:MOST_SECRETS])


async def _checked(
    desk: Desk,
    command: ExecuteStep,
    checkout: Checkout,
    pulse: Pulse,
    facts: TreeFacts,
    undo: Callable[[], Coroutine[Any, Any, Undone]],
) -> TreeFacts:
    """What a check writes is none of the agent's work, and not in the way of the next one."""
    checks: list[GateResult] = []
    changed, made = list[str](), list[str]()
    for line in command.step.checks:
        if not command.trusted:
            checks.append(_verdict(line, Status.SKIPPED, "the repository is not trusted, so its checks are not run"))
            continue
        try:
            checks.append(await _check(desk, command, checkout, pulse, line))
        finally:
            undone = await to_its_end(undo())
        changed += [f"{path} (by {line[:80]})" for path in undone.changed]
        made += [f"{path} (by {line[:80]})" for path in undone.made]
    found = {"checks": tuple(checks), "check_changed": tuple(changed), "check_made": tuple(made)}
    return facts.model_copy(update=found)


def _absent(tree: Path, paths: tuple[str, ...]) -> tuple[str, ...]:
    """Where a path is only a file's name, one of that name anywhere will do."""
    missing = [path for path in paths if not (tree / path).exists()]
    return tuple(path for path in missing if "/" in path or not any(tree.rglob(path)))[:MOST_ABSENT]


async def _check(desk: Desk, command: ExecuteStep, checkout: Checkout, pulse: Pulse, line: str) -> GateResult:
    """One of the step's own checks, by its exit code."""
    pulse.say(f"checking: {line}")
    argv = ("/bin/sh", "-c", line)
    env = clean_environment({"OSTINATO_RUN": command.workspace.run_id})
    if checkout.environment.ready:
        env |= {
            "VIRTUAL_ENV": checkout.environment.path,
            "PATH": f"{checkout.environment.path}/bin:{env.get('PATH', '')}",
        }
    spec = ProcessSpec(
        argv=await offline_where_possible(argv) if command.offline else argv,
        cwd=Path(checkout.worktree),
        env=env,
        timeout_s=check_timeout_s(command.step),
        marker=attempt_marker(activity.info()),
        limits=command.step.limits,
    )
    end = await run_supervised(spec, artifacts=desk.artifacts, redactor=pulse.redactor, on_progress=pulse.say)
    if end.ok:
        return _verdict(line, Status.PASS, "passed")
    how = (
        "took too long" if end.timed_out else f"ended with {end.exit_code if end.exit_code is not None else end.signal}"
    )
    return _verdict(line, Status.FAIL, f"`{line}` {how}", details=end.tail[-1_500:])


def _verdict(line: str, status: Status, message: str, *, details: str = "") -> GateResult:
    return GateResult(
        gate=line[:80],
        stage=Stage.POST,
        status=status,
        severity=Severity.MAJOR,
        code=f"check_{status}",
        message=message,
        details=details,
        command=line,
    )
