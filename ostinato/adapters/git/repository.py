"""What the user's repository is and whether a run can start from it. Reads, and changes not a byte."""

import difflib
import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ostinato.adapters.git.command import Git, disabled_filters, failure, nul_separated, readable, user_git
from ostinato.adapters.git.settings import GitSettings, read_settings
from ostinato.domain.errors import Problem, UserError

MAX_DIRTY_PATHS = 50
_FIELD = "--repo"


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryState:
    root: Path
    """Top of the working tree that was named."""
    git_dir: Path
    common_dir: Path
    """Differs from git_dir in a linked worktree."""
    repository_id: str
    head_commit: str | None
    head_branch: str | None
    base_commit: str
    base_branch: str | None
    dirty_paths: tuple[str, ...]
    dirty_count: int
    notes: tuple[str, ...]
    settings: GitSettings
    pre_commit_hook: Path | None

    @property
    def user_name(self) -> str:
        return self.settings.user_name

    @property
    def user_email(self) -> str:
        return self.settings.user_email

    @property
    def signs_commits(self) -> bool:
        return self.settings.is_on("commit.gpgsign")

    @property
    def signing(self) -> Mapping[str, str]:
        return self.settings.signing

    def git(self) -> Git:
        """git in the user's tree with every program of their configuration switched off."""
        return user_git(self.root, filters=self.settings.filters)


async def inspect_repository(path: Path, base: str | None = None) -> RepositoryState:
    """UserError with every problem found and its cure, when no run can start here."""
    root, git_dir, common_dir = await _locate(path)
    settings = await read_settings(root)
    git = user_git(root).with_config(disabled_filters(settings.filters))
    head_commit = await resolve_commit(git, "HEAD")
    head_branch = (await git.attempt("symbolic-ref", "-q", "--short", "HEAD")).stdout.strip() or None
    if head_branch and not _is_text(head_branch):
        head_branch = None  # as if HEAD were detached: no message can carry that name
    base_commit, problems = await _find_base(git, base, head_commit)
    problems += await _obstacles(git, settings, root)
    if problems:
        raise UserError(problems)
    dirty = await dirty_paths(git)
    return RepositoryState(
        root=root,
        git_dir=git_dir,
        common_dir=common_dir,
        repository_id=hashlib.sha256(os.fsencode(common_dir)).hexdigest()[:16],
        head_commit=head_commit,
        head_branch=head_branch,
        base_commit=base_commit,
        base_branch=head_branch if base is None else await _branch_named(git, base),
        dirty_paths=tuple(readable(name) for name in dirty[:MAX_DIRTY_PATHS]),
        dirty_count=len(dirty),
        notes=tuple(await _notes(git, settings, git_dir, base_commit)),
        settings=settings,
        pre_commit_hook=_pre_commit_hook(settings.hooks_folder(root, common_dir)),
    )


async def resolve_commit(git: Git, name: str) -> str | None:
    if not name or name.startswith("-"):
        return None
    done = await git.attempt("rev-parse", "-q", "--verify", f"{name}^{{commit}}")
    return done.stdout.strip() if done.exit_code == 0 else None


async def dirty_paths(git: Git, *, untracked: bool = True) -> list[str]:
    """Paths that differ from HEAD; never refreshes the index, never looks inside submodules."""
    listed = await git(
        "status", "--porcelain", "-z", "--no-renames", "--ignore-submodules=dirty",
        "--untracked-files=normal" if untracked else "--untracked-files=no",
    )  # fmt: skip
    return [entry[3:] for entry in nul_separated(listed)]


async def _locate(path: Path) -> tuple[Path, Path, Path]:
    """(root, git dir, common git dir), all resolved."""
    if not _exists(path):
        raise UserError.of(
            "repository_missing",
            _FIELD,
            f"{path} does not exist or cannot be read",
            "Name the folder of a git repository",
        )
    folder = path if path.is_dir() else path.parent
    git = user_git(folder.resolve())
    done = await git.attempt("rev-parse", "--is-inside-work-tree", "--is-bare-repository", "--absolute-git-dir")
    if done.exit_code != 0:
        raise _not_usable(path, done.stderr, failure(("rev-parse",), folder, done).message)
    inside, _, git_dir = done.stdout.splitlines()[:3]
    if inside != "true":
        raise UserError.of(
            "bare_repository",
            _FIELD,
            f"{path} is a bare repository, or lies inside a .git folder: it has no working tree",
            "Clone it (git clone) and name the clone",
        )
    root = Path((await git("rev-parse", "--show-toplevel")).rstrip("\n"))
    if not _is_text(str(root.resolve())):
        raise UserError.of(
            "path_not_utf8",
            _FIELD,
            f"the path {readable(str(root))} is not UTF-8, so it cannot be passed on",
            "Rename the folder, or move the repository",
        )
    common = Path((await user_git(root)("rev-parse", "--git-common-dir")).rstrip("\n"))
    return root.resolve(), Path(git_dir).resolve(), (root / common).resolve()


def _exists(path: Path) -> bool:
    """A path that the system refuses outright, such as one that is too long, does not exist either."""
    try:
        return path.exists()
    except OSError:
        return False


def _is_text(name: str) -> bool:
    return readable(name) == name


def _not_usable(path: Path, stderr: str, detail: str) -> UserError:
    if "dubious ownership" in stderr:
        return UserError.of(
            "dubious_ownership",
            _FIELD,
            f"git does not trust {path}, because another user owns it",
            f"If you trust it: git config --global --add safe.directory '{path.resolve()}'",
        )
    if "not a git repository" in stderr:
        return UserError.of(
            "not_a_repository",
            _FIELD,
            f"{path} is not in a git repository",
            "Name one, or make one there: git init && git add -A && git commit -m start",
        )
    return UserError.of("repository_unreadable", _FIELD, readable(detail), "Run git status there to see what is wrong")


async def _find_base(git: Git, base: str | None, head: str | None) -> tuple[str, list[Problem]]:
    if base is None:
        return (head, []) if head else ("", [_no_commits(git.cwd)])
    commit = await resolve_commit(git, base)
    if commit:
        return commit, []
    names = (await git("for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/remotes", "refs/tags")).split()
    return "", [_base_unknown(base, names) if names else _no_commits(git.cwd)]


def _no_commits(root: Path) -> Problem:
    return Problem(
        code="no_commits",
        field=_FIELD,
        message=f"{root} has no commits yet",
        cure="Make the first one: git add -A && git commit -m start",
    )


def _base_unknown(base: str, names: list[str]) -> Problem:
    close = difflib.get_close_matches(base, names, n=3, cutoff=0.5) or names[:5]
    return Problem(
        code="base_unknown",
        field="--base",
        message=f"there is no branch, tag or commit {base!r}",
        cure=f"Name one that exists, for example {', '.join(close)}",
    )


async def _obstacles(git: Git, settings: GitSettings, root: Path) -> list[Problem]:
    problems = []
    if (await git("rev-parse", "--is-shallow-repository")).strip() == "true":
        message = f"{root} is a shallow clone: its history is cut off"
        problems.append(
            Problem(code="shallow_repository", field=_FIELD, message=message, cure="Run git fetch --unshallow there")
        )
    if settings.is_partial_clone:
        message = f"{root} is a partial clone: some of its files are only on the server"
        cure = "Make a full clone (git clone without --filter) and name that"
        problems.append(Problem(code="partial_repository", field=_FIELD, message=message, cure=cure))
    if (await git.attempt("show-ref", "--verify", "-q", "refs/heads/ostinato")).exit_code == 0:
        message = "a branch named 'ostinato' exists, so git cannot make branches ostinato/<run>"
        cure = "Rename it: git branch -m ostinato another-name"
        problems.append(Problem(code="branch_namespace_taken", field=_FIELD, message=message, cure=cure))
    return problems


async def _branch_named(git: Git, name: str) -> str | None:
    short = name.removeprefix("refs/heads/")
    found = await git.attempt("show-ref", "--verify", "-q", f"refs/heads/{short}")
    return short if found.exit_code == 0 else None


async def _notes(git: Git, settings: GitSettings, git_dir: Path, base: str) -> list[str]:
    notes = []
    if (git_dir / "index.lock").exists():
        notes.append(f"{git_dir / 'index.lock'} exists: another git is at work there, or was killed")
    if (await git.attempt("cat-file", "-e", f"{base}:.gitmodules")).exit_code == 0:
        notes.append("The repository has submodules: they stay at their recorded commits and are not checked out")
    in_lfs = nul_separated(await git("ls-files", "-z", "--", ":(top,attr:filter=lfs)"))
    if in_lfs:
        notes.append(f"{len(in_lfs)} files are kept with Git LFS: the run sees their pointers, not their contents")
    if others := [name for name in settings.filters if name != "lfs"]:
        notes.append(f"Content filters are configured ({', '.join(others)}): the run does not apply them")
    if not settings.text("user.name"):
        notes.append(f"git knows no user.name: commits will carry {settings.user_name} <{settings.user_email}>")
    if not os.access(git_dir, os.W_OK):
        notes.append(f"{git_dir} cannot be written: the result stays in the private mirror until you fetch it")
    return notes


def _pre_commit_hook(folder: Path) -> Path | None:
    hook = folder / "pre-commit"
    return hook if hook.is_file() and os.access(hook, os.X_OK) else None
