"""The user's repository: full of what must not change."""

import hashlib
import os
from pathlib import Path

from tests.chaos.plan import SHARED_FILE
from tests.repositories import git, make_repository, script, write

HOOKS = (
    "pre-push",
    "post-commit",
    "post-checkout",
    "post-merge",
    "reference-transaction",
    "post-index-change",
    "post-rewrite",
)


def make_subject(path: Path, hook_marker: Path, *, pre_commit_hook: bool) -> Path:
    """Hooks that tell when they run, a stash, a dirty index, dirty and untracked files, refs and configuration."""
    files = {"README.md": "# Sample\n", "src/app.py": "def answer():\n    return 42\n", SHARED_FILE: "shared\n"}
    repository = make_repository(path, files, commits=[{f"docs/{n}.md": f"{n}\n"} for n in range(3)])
    git(repository, "branch", "feature", "HEAD~1")
    git(repository, "tag", "-a", "v1", "-m", "one", "HEAD~2")
    git(repository, "update-ref", "refs/notes/own", "HEAD")
    git(repository, "config", "user.own", "kept")
    git(repository, "pack-refs", "--all")
    write(repository, {"src/app.py": "stashed\n"})
    git(repository, "stash", "push", "-q", "-m", "for later")
    write(repository, {"staged.txt": "staged\n", "docs/1.md": "edited\n", "untracked.txt": "mine\n"})
    git(repository, "add", "staged.txt")
    (repository / "link").symlink_to("README.md")
    _plant_hooks(repository, hook_marker, pre_commit_hook=pre_commit_hook)
    return repository


def _plant_hooks(repository: Path, marker: Path, *, pre_commit_hook: bool) -> None:
    folder = repository / ".git" / "hooks"
    folder.mkdir(exist_ok=True)
    for name in HOOKS:
        script(folder / name, f'echo {name} >> "{marker}"')
    if pre_commit_hook:
        script(folder / "pre-commit", "exit 0")


def fingerprint(repository: Path) -> dict[str, str]:
    """Everything but git's objects and what is ours: content and mode of each file."""
    found = {}
    for folder, _, names in os.walk(repository):
        for name in names:
            file = Path(folder) / name
            relative = file.relative_to(repository).as_posix()
            if not _is_left_out(relative):
                found[relative] = _state(file)
    return found


def refs(repository: Path) -> str:
    listed = git(repository, "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
    ours = ("refs/ostinato/", "refs/heads/ostinato/")
    return "\n".join(line for line in listed if not line.startswith(ours))


def differences(before: dict[str, str], after: dict[str, str]) -> list[str]:
    names = sorted(before.keys() | after.keys())
    return [f"{name}: {_change(before, after, name)}" for name in names if before.get(name) != after.get(name)]


def _change(before: dict[str, str], after: dict[str, str], name: str) -> str:
    if name not in before:
        return "appeared"
    return "disappeared" if name not in after else "changed"


def _is_left_out(path: str) -> bool:
    if not path.startswith(".git/"):
        return False
    return path.startswith(".git/objects/") or any(
        path.startswith(f".git/{place}refs/{ours}")
        for place in ("", "logs/")
        for ours in ("ostinato/", "heads/ostinato/")
    )


def _state(file: Path) -> str:
    content = os.fsencode(file.readlink()) if file.is_symlink() else file.read_bytes()
    return f"{file.lstat().st_mode:o} {hashlib.sha256(content).hexdigest()}"
