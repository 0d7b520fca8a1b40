"""No secret becomes an object: worktrees are scanned before they are committed, saved or carried along."""

import secrets
from collections.abc import Mapping
from pathlib import Path

from activities.edge import Desk, Pulse
from ostinato.adapters.git.forgetting import forget_secrets
from ostinato.adapters.git.scanning import leftover_secrets
from ostinato.adapters.git.worktrees import quarantine_worktree
from ostinato.adapters.known_secrets import secrets_of
from ostinato.adapters.processes import clean_environment
from ostinato.domain.execution import Failure, FailureKind
from ostinato.domain.gates import Finding
from ostinato.domain.redaction import Redactor
from ostinato.domain.workspace import Workspace

STARTED = "started"
"""A folder of the run, with a file since each step began."""


def learn_secrets(pulse: Pulse, workspace: Workspace, tree: Path, env: Mapping[str, str] | None = None) -> Redactor:
    """From now on the activity also keeps to itself what a step in this worktree can see; returns its redactor."""
    held = secrets_of(clean_environment() if env is None else env, tree, Path(workspace.repository))
    pulse.redactor = pulse.redactor.knowing(held)
    return pulse.redactor


async def set_aside_if_secret(desk: Desk, workspace: Workspace, tree: Path, redactor: Redactor) -> str:
    """Quarantine a worktree whose leftovers hold a secret; returns where it is now, empty when it was left."""
    if not (tree / ".git").exists():
        return ""
    if not await leftover_secrets(Path(workspace.mirror), tree, workspace.base_commit, redactor):
        return ""
    return await quarantine(desk, workspace, tree)


async def quarantine(desk: Desk, workspace: Workspace, tree: Path) -> str:
    place = desk.home.quarantine / f"{workspace.run_id}-{tree.parent.name}-{secrets.token_hex(3)}"
    await quarantine_worktree(Path(workspace.mirror), tree, place)
    return str(place)


async def forget_all(workspace: Workspace, redactor: Redactor) -> int:
    """Of the whole run, also of steps that were stopped: what git in its worktrees stored; returns how many are gone."""
    began = [file.stat().st_mtime for file in (Path(workspace.root) / STARTED).glob("*")]
    return await forget_secrets(Path(workspace.mirror), redactor, since=min(began)) if began else 0


def secret_failure(found: tuple[Finding, ...]) -> Failure:
    """Why a worktree was not committed."""
    return Failure(
        kind=FailureKind.SECRET,
        message=f"nothing was committed: it would have added a secret at {places_of(found)}",
        details="\n".join(str(finding) for finding in found[:20]),
        recommendation="Take the secret out; read it from the environment or a secret store instead",
    )


def places_of(found: tuple[Finding, ...]) -> str:
    places = [f"{finding.path}:{finding.line}" if finding.line else finding.path for finding in found[:5]]
    return ", ".join(places) + (f" and {len(found) - 5} more" if len(found) > 5 else "")
