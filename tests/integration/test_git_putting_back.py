"""What a check wrote into a worktree is undone, whatever it is."""

import os
from pathlib import Path

from ostinato.adapters.git.index import stage_in, staging, with_own_objects
from ostinato.adapters.git.putting_back import Undone, put_back
from ostinato.adapters.git.worktrees import prepare_worktree
from tests.integration.grounds import a_ground
from tests.repositories import RUN, write


async def test_a_worktree_is_as_it_was_staged(tmp_path: Path) -> None:
    ground = await a_ground(tmp_path)
    await prepare_worktree(ground.mirror, ground.slot, ground.base, RUN)
    write(ground.slot, {"own.txt": "own\n", "run.sh": "#!/bin/sh\n", ".gitignore": "cache/\n"})
    odd = Path(os.fsdecode(os.fsencode(ground.slot) + b"/odd\xff\n.txt"))
    odd.write_text("odd\n")

    async with staging(ground.mirror, ground.slot, ground.base) as scratch:
        git = with_own_objects(scratch, ground.mirror)
        staged = await stage_in(git, ground.slot, ground.base)
        odd.unlink()
        (ground.slot / "run.sh").chmod(0o755)
        (ground.slot / "own.txt").unlink()
        (ground.slot / "own.txt").symlink_to("/etc/hostname")
        write(ground.slot, {"made/by/it.txt": "1\n", "cache/kept": "1\n", ":(top)*": "1\n"})
        undone = await put_back(git, ground.slot, staged.tree)
        again = await put_back(git, ground.slot, staged.tree)

    assert (len(undone.changed), sorted(undone.made)) == (3, [":(top)*", "made/by/it.txt"])
    assert again == Undone()
    assert (odd.read_text(), (ground.slot / "own.txt").read_text()) == ("odd\n", "own\n")
    assert not (ground.slot / "made").exists()
    assert (ground.slot / "cache" / "kept").exists()
