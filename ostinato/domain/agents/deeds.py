"""What an agent did in git by itself: facts, read from the repository that it had to itself. Names only, no contents."""

from ostinato.domain.base import Fact

MOST_NAMED = 50


class Deeds(Fact):
    """Every list holds at most 50."""

    commits: tuple[str, ...] = ()
    """New ones that HEAD, a branch or a stash leads to, the newest first."""
    commits_count: int = 0
    head: str = ""
    """The branch that it stood on; empty: none."""
    branches: tuple[str, ...] = ()
    aside: tuple[str, ...] = ()
    """Branches with commits that are not in what it stood on: work that may be missing from the files."""
    tags: tuple[str, ...] = ()
    refs: tuple[str, ...] = ()
    """Of other kinds: replacements, notes, remotes."""
    stashes: int = 0
    in_progress: tuple[str, ...] = ()
    """merge, rebase, cherry-pick, revert, bisect, am."""
    conflicted: tuple[str, ...] = ()
    """Files with the marks of a conflict in them."""
    hidden: tuple[str, ...] = ()
    """Files that a sparse checkout had taken away; they are put back."""
    settings: tuple[str, ...] = ()
    """Names of settings of git that it changed."""
    hooks: tuple[str, ...] = ()
    worktrees: tuple[str, ...] = ()
    is_replaced: bool = False
    """It put a repository of its own in the place of the one that it was given."""
    is_broken: bool = False
    """git does not read it any more."""

    @property
    def leftovers(self) -> tuple[str, ...]:
        """What is folded into the step's commit, or dropped; each in a few words."""
        counted = (
            (self.commits_count, "commit", ()),
            (len(self.branches), "branch", self.branches),
            (len(self.tags), "tag", self.tags),
            (self.stashes, "stash", ()),
            (len(self.refs), "ref", self.refs),
            (len(self.worktrees), "worktree", self.worktrees),
        )
        return tuple(_counted(count, noun, names) for count, noun, names in counted if count)


def _counted(count: int, noun: str, names: tuple[str, ...]) -> str:
    plural = noun if count == 1 else f"{noun}es" if noun.endswith(("h",)) else f"{noun}s"
    return f"{count} {plural}" + (f" ({', '.join(names[:3])}{', …' if len(names) > 3 else ''})" if names else "")
