"""Many blobs of a repository from one process, up to a size."""

from collections.abc import Sequence

from ostinato.adapters.git.command import Git
from ostinato.domain.errors import ExternalError


async def read_blobs(git: Git, names: Sequence[str], *, limit_s: float, most_bytes: int) -> dict[str, str]:
    """Texts by the names that were asked for ("<commit>:<path>"); what is missing, no file or too much is left out."""
    wanted = [name for name in names if "\n" not in name]
    if not wanted:
        return {}
    try:
        told = await git("cat-file", "--batch", stdin="".join(f"{name}\n" for name in wanted), timeout_s=limit_s)
    except ExternalError:
        return {}
    raw, at, found = told.encode("utf-8", "surrogateescape"), 0, dict[str, str]()
    for name in wanted:
        end = raw.index(b"\n", at)
        header = raw[at:end].split(b" ")
        at = end + 1
        if raw[:end].endswith(b" missing") or not header[-1].isdigit():
            continue
        size = int(header[-1])
        if header[-2] == b"blob" and at + size <= most_bytes:
            found[name] = raw[at : at + size].decode("utf-8", "replace")
        at += size + 1
    return found
