"""Values that must never be kept: what a step's environment held, and what the user's personal files hold."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from ostinato.adapters.processes import environment_secrets

MAX_FILE_BYTES = 64 * 1024
LISTED = "personal"
"""Beside a worktree: the paths of what copy_worktreeinclude() put into it, one a line."""


def step_secrets(env: Mapping[str, str], tree: Path, personal: Sequence[str] = ()) -> tuple[str, ...]:
    """For Redactor.knowing(): of variables named like a secret, in the environment and in copied files like .env.

    `personal` are the paths that copy_worktreeinclude() put into the tree.
    """
    files = (tree / path for path in personal if _is_settings(Path(path).name))
    held = [environment_secrets(dict(_assignments(file))) for file in files]
    return tuple(sorted({*environment_secrets(env), *(value for values in held for value in values)}))


def note_personal(tree: Path, paths: Sequence[str]) -> None:
    """For secrets_of(), in whichever process it is called; twice leaves the newer list."""
    listed = [path for path in paths if _is_settings(Path(path).name) and "\n" not in path]
    (tree.parent / LISTED).write_text(
        "".join(f"{path}\n" for path in listed), encoding="utf-8", errors="surrogateescape"
    )


def secrets_of(env: Mapping[str, str], tree: Path, repository: Path) -> tuple[str, ...]:
    """step_secrets() of a worktree, and of the user's own files where the step has changed or deleted its copies."""
    try:
        personal = (tree.parent / LISTED).read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        personal = []
    return tuple(sorted({*step_secrets(env, tree, personal), *step_secrets({}, repository, personal)}))


def _is_settings(name: str) -> bool:
    return (
        name.startswith(".env")
        or name.endswith((".env", ".envrc"))
        or name in ("credentials", ".netrc", "secrets.toml")
    )


def _assignments(file: Path) -> Iterator[tuple[str, str]]:
    """`NAME = "value"`, with or without `export`; what else there may be says nothing."""
    try:
        if not file.is_file():  # a pipe, say, which would be waited for
            return
        text = file.read_bytes()[:MAX_FILE_BYTES].decode("utf-8", "replace")
    except OSError:
        return
    for line in text.splitlines():
        name, separator, value = line.strip().removeprefix("export ").partition("=")
        if separator and name.strip().replace("_", "").isalnum():
            yield name.strip(), value.strip().strip("\"'")
