"""No secret becomes an object: worktrees are scanned before they are committed, saved or carried along."""

import secrets
from pathlib import Path

from activities.edge import Desk
from ostinato.adapters.git.scanning import leftover_secrets
from ostinato.adapters.git.worktrees import quarantine_worktree
from ostinato.domain.execution import Failure, FailureKind
from ostinato.domain.gates import Finding
from ostinato.domain.workspace import Workspace


async def set_aside_if_secret(desk: Desk, workspace: Workspace, tree: Path) -> str:
    """Quarantine a worktree whose leftovers hold a secret; returns where it is now, empty when it was left."""
    if not (tree / ".git").exists():
        return ""
    if not await leftover_secrets(Path(workspace.mirror), tree, workspace.base_commit, desk.redactor):
        return ""
    return await quarantine(desk, workspace, tree)


async def quarantine(desk: Desk, workspace: Workspace, tree: Path) -> str:
    place = desk.home.quarantine / f"{workspace.run_id}-{tree.parent.name}-{secrets.token_hex(3)}"
    await quarantine_worktree(Path(workspace.mirror), tree, place)
    return str(place)


def secret_failure(found: tuple[Finding, ...]) -> Failure:
    """Why a worktree was not committed."""
    places = ", ".join(f"{finding.path}:{finding.line}" for finding in found[:5])
    return Failure(
        kind=FailureKind.SECRET,
        message=f"nothing was committed: it would have added a secret at {places}",
        details="\n".join(str(finding) for finding in found[:20]),
        recommendation="Take the secret out; read it from the environment or a secret store instead",
    )
