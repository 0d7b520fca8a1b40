"""Where a run stands in its own time: what an abandoned future made is moved aside when its workflow was reset."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from ostinato.adapters.git.command import private_git
from ostinato.adapters.git.integration import integrated_keys
from ostinato.adapters.git.objects import StepKey, change_refs, list_refs, read_objects, store_blob
from ostinato.domain.errors import ExternalError
from ostinato.domain.ids import RunId, run_ref

_ABANDONED = "-"
"""Before the name of an execution that a reset has replaced."""
_KEYED = ("steps", "results", "conflicts")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewound:
    """What belonged to the abandoned future; it is all kept under refs/ostinato/<run>/abandoned/<number>/."""

    number: int
    branch: str
    """Where the run's branch was; empty when it did not have to move."""
    moved: tuple[str, ...]
    """Refs as they were named, without refs/ostinato/<run>/."""


async def keep_timeline(
    mirror: Path,
    *,
    run_id: RunId,
    token: str,
    previous: str,
    head: str,
    branch_ref: str,
    keep: Collection[StepKey] = (),
) -> Rewound | None:
    """Says that the workflow execution `token` works here now from `head`; `previous` are those before it, in order.

    An execution that a later one follows may still end what it began. When another one worked here before, the workflow
    was reset: what it does not know is moved aside. `keep` are the steps it does know. A second call completes a first
    one that died; ExternalError timeline_left for an execution that a reset has replaced.
    """
    ref = run_ref(run_id, "timeline")
    told = (await read_objects(mirror, [ref]))[0]
    lines = (told.text or "").split()
    lineage = [line for line in lines if not line.startswith(_ABANDONED)]
    if token in lineage:
        return None
    if _ABANDONED + token in lines:
        raise _left(run_id, token, lineage[-1])
    before = previous.split()
    rewound, left = None, list[str]()
    if lineage and lineage[-1] not in before:
        rewound = await _rewind(mirror, run_id, token, head=head, branch_ref=branch_ref, keep=keep)
        left = [each for each in lineage if each not in before]
    gone = [line for line in lines if line.startswith(_ABANDONED)] + [_ABANDONED + each for each in left]
    now = dict.fromkeys((*(each for each in lineage if each not in left), *before, token))
    blob = await store_blob(mirror, "".join(f"{each}\n" for each in (*gone, *now)))
    await change_refs(mirror, [f"update {ref} {blob} {told.id or _nothing(blob)}"])
    return rewound


async def _rewind(
    mirror: Path, run_id: RunId, token: str, *, head: str, branch_ref: str, keep: Collection[StepKey]
) -> Rewound:
    """First copies, then takes away: whenever it dies, the next call finds what is still to be done."""
    refs = await list_refs(mirror, run_ref(run_id))
    branch = (await list_refs(mirror, branch_ref)).get(branch_ref, "")
    number = await _number(mirror, run_id, token, refs)
    aside = run_ref(run_id, "abandoned", str(number))
    known = await _known_keys(mirror, run_id, head, keep)
    lost = [ref for ref in refs if (key := _key_of(run_id, ref)) is not None and key not in known]
    copies = [f"update {aside}/{_short(run_id, ref)} {refs[ref]}" for ref in lost]
    has_moved = bool(branch) and branch != head
    if has_moved:
        copies.append(f"update {aside}/branch {branch}")
    await change_refs(mirror, [f"update {aside}/token {await store_blob(mirror, token)}", *copies])
    gone = [f"delete {ref} {refs[ref]}" for ref in lost]
    await change_refs(mirror, [*([f"update {branch_ref} {head} {branch}"] if has_moved else []), *gone])
    return await _rewound(mirror, aside, number)


async def _number(mirror: Path, run_id: RunId, token: str, refs: Collection[str]) -> int:
    """The one that this token has begun already, or the next."""
    begun = [ref for ref in refs if ref.startswith(run_ref(run_id, "abandoned", "")) and ref.endswith("/token")]
    numbers = {int(ref.split("/")[-2]): ref for ref in begun}
    for number, found in zip(numbers, await read_objects(mirror, list(numbers.values())), strict=True):
        if found.text == token:
            return number
    return max(numbers, default=0) + 1


async def _known_keys(mirror: Path, run_id: RunId, head: str, keep: Collection[StepKey]) -> set[StepKey]:
    """A step merged onto a newer head is known by its trailers, not by its own commit."""
    listed = await private_git(mirror)(
        "for-each-ref", "--format=%(refname)", f"--merged={head}", run_ref(run_id, "steps")
    )
    reached = {key for ref in listed.split() if (key := _key_of(run_id, ref)) is not None}
    return {*keep, *reached, *await integrated_keys(private_git(mirror), run_ref(run_id, "base"), head)}


async def _rewound(mirror: Path, aside: str, number: int) -> Rewound:
    kept = await list_refs(mirror, aside)
    names: Sequence[str] = [ref[len(aside) + 1 :] for ref in kept]
    moved = tuple(name for name in names if name.partition("/")[0] in _KEYED)
    return Rewound(number=number, branch=kept.get(f"{aside}/branch", ""), moved=moved)


def _key_of(run_id: RunId, ref: str) -> StepKey | None:
    parts = _short(run_id, ref).split("/")
    if parts[0] not in _KEYED or len(parts) < 3 or not parts[2].isdigit():
        return None
    return StepKey.of(run_id, parts[1], int(parts[2]))


def _short(run_id: RunId, ref: str) -> str:
    return ref.removeprefix(run_ref(run_id, ""))


def _nothing(like: str) -> str:
    """The id that stands for no object, as long as `like`."""
    return "0" * len(like)


def _left(run_id: RunId, token: str, now: str) -> ExternalError:
    message = f"Run {run_id} goes on in another workflow execution ({now}): {token} may not change it any more"
    return ExternalError(message, code="timeline_left")
