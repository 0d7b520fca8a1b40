"""Checkpoints: whether one is whole."""

from pathlib import Path

from ostinato.adapters.git.command import private_git, readable

_MOST_NAMED = 20


async def check_checkpoint(mirror: Path, commit: str, *, since: str = "") -> tuple[str, ...]:
    """What is missing of the commit's files, and of the history from `since` to it; empty when it is whole."""
    git = private_git(mirror)
    ranges = [["--no-walk", commit], *([[commit, f"^{since}"]] if since else [])]
    names: dict[str, None] = {}
    for chosen in ranges:
        done = await git.attempt("rev-list", "--objects", "--missing=print", *chosen, timeout_s=600)
        if done.exit_code != 0:
            return (readable(done.stderr.strip())[:300] or f"{commit} cannot be read",)
        names |= dict.fromkeys(line.split(" ")[0] for line in done.stdout.splitlines())
    missing = [name[1:] for name in names if name.startswith("?")]
    present = [name for name in names if not name.startswith("?")]
    told = await git("cat-file", "--batch-check", "--buffer", stdin="".join(f"{name}\n" for name in present))
    missing += [line.split(" ")[0] for line in told.splitlines() if line.endswith(" missing")]
    return tuple(missing[:_MOST_NAMED])
