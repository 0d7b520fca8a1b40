"""A mirror with a worktree in it, for tests of what happens to a run's commits and refs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ostinato.adapters.git.commits import snapshot
from ostinato.adapters.git.objects import StepKey, record_step
from ostinato.adapters.git.repository import RepositoryState
from ostinato.adapters.git.worktrees import prepare_worktree
from ostinato.domain.ids import run_branch
from tests.repositories import AUTHOR, RUN, a_key, an_open_mirror, git, make_repository, write

BRANCH = f"refs/heads/{run_branch(RUN)}"
LINES = "".join(f"line {n}\n" for n in range(20))
FILES: Mapping[str, str] = {"a.txt": LINES, "b.txt": "1\n", "docs/c.txt": "c\n"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    state: RepositoryState
    mirror: Path
    slot: Path

    @property
    def base(self) -> str:
        return self.state.base_commit

    async def commit(self, key: StepKey, files: Mapping[str, str], parent: str | None = None) -> str:
        """A step's commit on `parent`, from a spotless worktree; recorded nowhere."""
        await prepare_worktree(self.mirror, self.slot, parent or self.base, RUN)
        write(self.slot, files)
        taken = await snapshot(
            self.slot,
            mirror=self.mirror,
            parent=parent or self.base,
            message=f"Do {key.step_id}",
            author=AUTHOR,
            trailers=key.trailers,
        )
        assert taken is not None
        return taken.commit

    async def step(self, key: StepKey, files: Mapping[str, str], parent: str | None = None) -> str:
        """A step's commit, recorded with a result."""
        made = await self.commit(key, files, parent)
        return (await record_step(self.mirror, key, commit=made, result=f'{{"commit": "{made}"}}')).commit

    async def chain(self, *names: str) -> list[str]:
        """One step after the other on the run's branch."""
        made = [self.base]
        for name in names:
            made.append(await self.step(a_key(name), {f"{name}.txt": name}, made[-1]))
            git(self.mirror, "update-ref", BRANCH, made[-1])
        return made[1:]

    def at(self, ref: str) -> str:
        """Where a ref of the mirror is; empty when there is none."""
        return git(self.mirror, "for-each-ref", "--format=%(objectname)", ref)

    def refs(self, prefix: str = "") -> list[str]:
        """Names below refs/ostinato/<run>/, without that part."""
        whole = f"refs/ostinato/{RUN}/"
        return [
            name[len(whole) :]
            for name in git(self.mirror, "for-each-ref", "--format=%(refname)", whole + prefix).split()
        ]


async def a_ground(folder: Path, files: Mapping[str, str] = FILES, *, repository: Path | None = None) -> Ground:
    user = repository or make_repository(folder / "sample", files)
    state, mirror = await an_open_mirror(user, folder)
    return Ground(state=state, mirror=mirror, slot=folder / "slot-1")
