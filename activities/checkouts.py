"""A worktree at a commit with its environment: the ground steps and gates stand on."""

import asyncio
from pathlib import Path

from activities.edge import Desk, Pulse
from activities.secrecy import learn_secrets, set_aside_if_secret
from ostinato.adapters.environments import prepare_environment
from ostinato.adapters.git.command import nul_separated, private_git
from ostinato.adapters.git.seclusion import unseclude
from ostinato.adapters.git.worktrees import copy_worktreeinclude, prepare_worktree
from ostinato.adapters.known_secrets import note_personal
from ostinato.adapters.projects import inspect_project
from ostinato.domain.project import ProjectFacts
from ostinato.domain.workspace import Checkout, Workspace


async def check_out(
    desk: Desk, workspace: Workspace, *, name: str, commit: str, trusted: bool, pulse: Pulse, personal: bool = False
) -> Checkout:
    """Spotless at `commit`; leftovers are saved to a ref first. `personal` copies what .worktreeinclude names.

    The pulse knows the secrets of the environment and of what was copied from then on.
    """
    tree = Path(workspace.root) / name / "tree"
    pulse.say("checking out")
    is_clean = tree in desk.clean
    desk.clean.discard(tree)
    if not is_clean:
        await unseclude(tree, mirror=Path(workspace.mirror), folder=tree.parent)
        await set_aside_if_secret(desk, workspace, tree, learn_secrets(pulse, workspace, tree))
    await prepare_worktree(Path(workspace.mirror), tree, commit, workspace.run_id, is_clean=is_clean)
    if personal:
        note_personal(tree, await copy_worktreeinclude(Path(workspace.repository), tree))
        learn_secrets(pulse, workspace, tree)
    return await ground(desk, workspace, tree, commit, trusted=trusted, pulse=pulse)


async def ground(desk: Desk, workspace: Workspace, tree: Path, commit: str, *, trusted: bool, pulse: Pulse) -> Checkout:
    """A worktree as it is, with an environment for the commit that it was made from."""
    learn_secrets(pulse, workspace, tree)
    project = desk.projects.get((workspace.repository_id, commit)) or await project_of(workspace, tree, commit)
    desk.projects[workspace.repository_id, commit] = project
    pulse.say("preparing the environment")
    environment = await prepare_environment(
        tree, tree.parent / "environment", project=project, trusted=trusted, home=desk.home
    )
    return Checkout(worktree=str(tree), commit=commit, environment=environment)


async def project_of(workspace: Workspace, tree: Path, commit: str) -> ProjectFacts:
    listed = await private_git(Path(workspace.mirror))("ls-tree", "-r", "-z", "--name-only", commit)
    return await asyncio.to_thread(inspect_project, tree, commit, nul_separated(listed))
