"""What is really there after an agent's turn: facts for domain/agents/proving. Nothing is committed or kept."""

from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from ostinato.adapters.git.collapsing import known_commits, look
from ostinato.adapters.git.command import nul_separated, private_git, readable
from ostinato.adapters.git.index import stage_in, staging, with_own_objects
from ostinato.domain.agents.proving import TreeFacts
from ostinato.domain.agents.said import Said


async def observe(worktree: Path, *, mirror: Path, base: str, folder: Path, said: Said) -> TreeFacts:
    """The secluded worktree against `base`, and against what the agent said. Reads only; no object stays in the mirror."""
    async with staging(mirror, worktree, base) as scratch:
        staged = await stage_in(with_own_objects(scratch, mirror), worktree, base)
    changed = tuple(readable(path) for path in staged.paths)
    known = await known_commits(folder, said.commits)
    return TreeFacts(
        tree=staged.tree,
        changed=changed,
        absent=await _absent(worktree, mirror, base, said.files, changed),
        unknown_commits=tuple(name for name in said.commits if name not in known),
        inner=tuple(readable(path) for path in staged.embedded),
        deeds=await look(worktree, mirror=mirror, base=base, folder=folder),
    )


async def _absent(
    worktree: Path, mirror: Path, base: str, files: Iterable[str], changed: Iterable[str]
) -> tuple[str, ...]:
    """Agents name files by their last parts as well: one that ends so, and is there, is meant."""
    missing = [file for file in files if not _is_there(worktree, file)]
    if not missing:
        return ()
    listed = nul_separated(await private_git(mirror)("ls-tree", "-r", "-z", "--name-only", base))
    there = {path for path in (*listed, *changed) if _is_there(worktree, path)}
    endings = {"/".join(parts[at:]) for parts in (path.split("/") for path in there) for at in range(len(parts))}
    return tuple(file for file in missing if PurePosixPath(file).as_posix().lstrip("./") not in endings)


def _is_there(worktree: Path, file: str) -> bool:
    place = worktree / file
    return place.is_symlink() or place.exists()
