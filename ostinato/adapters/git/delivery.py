"""The short way into a repository on this machine: the new objects, and one transaction for the refs."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from ostinato.adapters.git.command import Completed, private_git, user_git

_UNPACKED_BELOW = 100
"""Objects; as git's own receive.unpackLimit."""


async def deliver(
    mirror: Path, target: Path, refs: Mapping[str, str], *, there: Mapping[str, str], since: str
) -> Completed:
    """All refs or none, each only if it is still where it was `there`; `since` is a ref of these that the target has whole.

    As push(), but nothing is asked and of the target only these refs are read, however many others it has.
    """
    known = there[since]
    place = target.resolve()
    git = user_git(place).with_env(GIT_CEILING_DIRECTORIES=place.parent)
    with tempfile.TemporaryFile(dir=mirror, buffering=0) as pack:
        packed = await private_git(mirror).attempt(
            "pack-objects", "-q", "--revs", "--stdout", "--threads=1", "--no-use-bitmap-index",
            stdin="".join(f"{name}\n" for name in (*refs.values(), f"^{known}")), stdout=pack,
        )  # fmt: skip
        if packed.exit_code != 0:
            return packed
        unpacked = await git.attempt(*_unpacking(pack), stdin=pack)
    if unpacked.exit_code != 0:
        return unpacked
    expected = {since: known, **{ref: there.get(ref, "0" * len(known)) for ref in refs}}
    lines = (f"update {ref} {refs.get(ref, known)} {old}\n" for ref, old in expected.items())
    return await git.attempt("update-ref", "--stdin", stdin="".join(lines))


def _unpacking(pack: IO[bytes]) -> tuple[str, ...]:
    """A few objects become files, many stay a pack."""
    pack.seek(8)
    count = int.from_bytes(pack.read(4), "big")
    pack.seek(0)
    return ("unpack-objects", "-q") if count < _UNPACKED_BELOW else ("index-pack", "--stdin")
