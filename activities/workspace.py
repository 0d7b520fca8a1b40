"""Opening, sealing, publishing and closing a run's workspace."""

import asyncio
import shutil
import time
from pathlib import Path

from activities.edge import Desk, Pulse, edge
from activities.places import keep_place
from activities.rewinding import start_from
from activities.saving import drop_sessions
from activities.secrecy import forget_all, learn_secrets, places_of, quarantine, set_aside_if_secret
from ostinato.adapters.git.forgetting import forget_secrets
from ostinato.adapters.git.mirror import carry_dirty, open_mirror
from ostinato.adapters.git.objects import Author, author_of, commit_tree, record, with_trailers
from ostinato.adapters.git.publish import Ownership, publish
from ostinato.adapters.git.repository import RepositoryState, inspect_repository
from ostinato.adapters.git.scanning import added_secrets
from ostinato.adapters.git.seal import HookEnd, run_commit_hook, sign_commit
from ostinato.adapters.git.seclusion import unseclude
from ostinato.adapters.git.worktrees import remove_worktree
from ostinato.adapters.processes import clean_environment
from ostinato.contracts.activities import (
    CLOSE_WORKSPACE,
    OPEN_WORKSPACE,
    PUBLISH_BRANCH,
    SEAL_BRANCH,
    ClosedWorkspace,
    CloseWorkspace,
    OpenWorkspace,
    PublishBranch,
    SealBranch,
    Sealed,
)
from ostinato.domain.errors import UserError
from ostinato.domain.gates import SHOWN_FINDINGS, GateResult, Severity, Stage, Status
from ostinato.domain.ids import run_ref
from ostinato.domain.workspace import Publication, Workspace

CLOCK_S = 1.0
"""What is made now may bear a time a little earlier."""


class WorkspaceActivities:
    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @edge(OPEN_WORKSPACE)
    async def open(self, command: OpenWorkspace, pulse: Pulse) -> Workspace:
        """A second execution finds the private clone and the run's refs, and gives the same workspace."""
        pulse.say("reading the repository")
        state = await inspect_repository(Path(command.repository), command.base)
        home = self._desk.home
        mirror = await open_mirror(state, home.repository(state.repository_id), command.run_id)
        carried = None
        if command.include_dirty:
            await self._check_dirty(state, mirror)
            carried = await carry_dirty(state, mirror, command.run_id)
        if command.start_from:
            carried = await start_from(state, mirror, command.run_id, command.start_from)
        return Workspace(
            run_id=command.run_id,
            queue=home.queue,
            repository=str(state.root),
            repository_id=state.repository_id,
            mirror=str(mirror),
            root=str(home.run(command.run_id)),
            base_branch=state.base_branch,
            base_commit=state.base_commit,
            head=carried or state.base_commit,
            checkpoint_remote=command.checkpoint_remote,
            dirty_paths=state.dirty_paths,
            notes=state.notes,
        )

    async def _check_dirty(self, state: RepositoryState, mirror: Path) -> None:
        found = await added_secrets(
            mirror, state.root, state.base_commit, self._desk.redactor, config=state.settings.disk
        )
        if found:
            raise UserError.of(
                "secret_found",
                "--include-dirty",
                "uncommitted work holds a secret: " + ", ".join(f"{at.path}:{at.line}" for at in found[:5]),
                "Take it out, or start without --include-dirty",
            )

    @edge(SEAL_BRANCH)
    async def seal(self, command: SealBranch, pulse: Pulse) -> Sealed:
        """The user's pre-commit hook and signature. A second execution runs the hook again on the same head."""
        workspace = command.workspace
        await keep_place(self._desk, workspace, command.head)
        if command.head == workspace.base_commit:
            return Sealed(head=command.head)
        state = await inspect_repository(Path(workspace.repository), workspace.base_commit)
        mirror = Path(workspace.mirror)
        head, gate, notes = command.head, None, list[str]()
        if state.pre_commit_hook is not None and not command.trusted:
            notes.append("the repository's pre-commit hook was not run: it is not trusted (--trust)")
        elif state.pre_commit_hook is not None:
            pulse.say("running the pre-commit hook")
            head, gate = await self._judged_by_hook(workspace, state, head, pulse)
        if command.trusted:
            signed = await sign_commit(state, mirror, head, env=clean_environment())
            head = signed.commit
            notes.extend([signed.note] if signed.note else [])
        elif state.signs_commits:
            notes.append("the commit is not signed: the repository is not trusted (--trust)")
        if gate is not None:
            gate = gate.model_copy(update={"commit": head})
        return Sealed(head=head, gate=gate, notes=tuple(notes))

    async def _judged_by_hook(
        self, workspace: Workspace, state: RepositoryState, head: str, pulse: Pulse
    ) -> tuple[str, GateResult]:
        """The head with what the hook made of it. Nothing that holds a secret comes from it, or stays of it in git."""
        mirror, tree = Path(workspace.mirror), Path(workspace.root) / "seal" / "tree"
        redactor = learn_secrets(pulse, workspace, tree)
        await set_aside_if_secret(self._desk, workspace, tree, redactor)
        began = time.time() - CLOCK_S
        end = await run_commit_hook(
            state,
            mirror,
            tree,
            run_id=workspace.run_id,
            base=workspace.base_commit,
            head=head,
            env=clean_environment(),
            redactor=redactor,
        )
        await forget_secrets(mirror, redactor, since=began, worktree=tree)
        evidence = self._desk.artifacts.put_text(end.output)
        if end.secrets:
            gate = _secret_gate(end, await quarantine(self._desk, workspace, tree))
        else:
            head, gate = await _after_hook(workspace, head, end)
        return head, gate.model_copy(update={"evidence": evidence})

    @edge(PUBLISH_BRANCH)
    async def publish(self, command: PublishBranch, pulse: Pulse) -> Publication:
        """One atomic push; refused where a secret would leave. A second execution with the same head changes nothing."""
        workspace = command.workspace
        await keep_place(self._desk, workspace, command.head)
        mirror = Path(workspace.mirror)
        state = await inspect_repository(Path(workspace.repository), workspace.base_commit)
        for gate in command.passed_gates:
            await record(mirror, run_ref(workspace.run_id, "gates", gate), command.head)
        pulse.say("pushing the branch")
        ownership = Ownership(epoch=workspace.epoch, owner=self._desk.home.queue)
        redactor = learn_secrets(pulse, workspace, mirror)
        return await publish(
            state, mirror, run_id=workspace.run_id, head=command.head, ownership=ownership, redactor=redactor
        )

    @edge(CLOSE_WORKSPACE)
    async def close(self, command: CloseWorkspace, pulse: Pulse) -> ClosedWorkspace:
        """Worktrees and environments go; unfinished work is saved to a ref first. A second execution finds nothing."""
        workspace = command.workspace
        saved = []
        trees = _worktrees(Path(workspace.root))
        for tree in trees:
            learn_secrets(pulse, workspace, tree)
            await unseclude(tree, mirror=Path(workspace.mirror), folder=tree.parent)
        for tree in trees:
            pulse.say(f"closing {tree.parent.name}")
            if place := await set_aside_if_secret(self._desk, workspace, tree, pulse.redactor):
                saved.append(place)
                continue
            ref = await remove_worktree(Path(workspace.mirror), tree, workspace.run_id)
            saved.extend([ref] if ref else [])
        await drop_sessions(self._desk, workspace)
        await forget_all(workspace, pulse.redactor)
        await asyncio.to_thread(shutil.rmtree, workspace.root, ignore_errors=True)
        return ClosedWorkspace(saved_refs=tuple(saved))


async def _after_hook(workspace: Workspace, head: str, end: HookEnd) -> tuple[str, GateResult]:
    """What the hook changed becomes a commit; what it refused becomes a failed gate."""
    if end.exit_code not in (0, None) and not end.changed:
        return head, _hook_gate(Status.FAIL, f"the pre-commit hook refused: {_last(end)}", end)
    if end.exit_code is None:
        return head, _hook_gate(Status.FAIL, "the pre-commit hook did not end in time", end)
    if not end.changed:
        return head, _hook_gate(Status.PASS, "the pre-commit hook agreed", end)
    mirror = Path(workspace.mirror)
    author: Author = await author_of(mirror, head)
    message = with_trailers("Apply the pre-commit hook", {"Ostinato-Run": workspace.run_id, "Ostinato-Step": "seal"})
    commit = await commit_tree(mirror, end.tree, [head], message, author=Author(name=author.name, email=author.email))
    return commit, _hook_gate(Status.PASS, "the pre-commit hook rewrote files; they are in the final commit", end)


def _secret_gate(end: HookEnd, place: str) -> GateResult:
    told = _hook_gate(Status.FAIL, f"the pre-commit hook wrote a secret at {places_of(end.secrets)}", end)
    return told.model_copy(
        update={
            "severity": Severity.CRITICAL,
            "code": "hook_secret",
            "details": "\n".join(str(finding) for finding in end.secrets[:SHOWN_FINDINGS]),
            "recommendation": f"Nothing of it was taken; look at {place}, and let the hook write no secrets",
            "introduced": end.secrets[:SHOWN_FINDINGS],
            "introduced_count": len(end.secrets),
        }
    )


def _hook_gate(status: Status, message: str, end: HookEnd) -> GateResult:
    return GateResult(
        gate="hook",
        stage=Stage.POST,
        status=status,
        severity=Severity.MAJOR,
        code="hook_refused" if status is Status.FAIL else "hook_passed",
        message=message,
        details=end.output[-2000:],
        recommendation="Fix what the hook says, or change it on the base branch" if status is Status.FAIL else "",
    )


def _last(end: HookEnd) -> str:
    lines = [line for line in end.output.splitlines() if line.strip()]
    return lines[-1][:200] if lines else f"exit status {end.exit_code}"


def _worktrees(root: Path) -> list[Path]:
    return sorted(path for path in root.glob("*/tree") if path.is_dir())
