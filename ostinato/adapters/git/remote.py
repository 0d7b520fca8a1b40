"""Checkpoints in a shared repository, so that another worker can go on: pushed and taken over under a lease."""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from ostinato.adapters.git.branches import may_move, note_received
from ostinato.adapters.git.command import Completed
from ostinato.adapters.git.delivery import deliver
from ostinato.adapters.git.epochs import Lease, lease_ref, parse_lease
from ostinato.adapters.git.locking import locked
from ostinato.adapters.git.objects import change_refs, list_refs, read_objects, store_blob
from ostinato.adapters.git.outgoing import outgoing_secrets, secret_leaving
from ostinato.adapters.git.rewind import check_checkpoint
from ostinato.adapters.git.transfer import Unreachable, fetch_refs, push, reason_of, refspecs_of, remote_refs
from ostinato.domain.errors import ExternalError
from ostinato.domain.gates import Finding
from ostinato.domain.ids import RunId, run_branch, run_ref
from ostinato.domain.redaction import Redactor

_TRAVELLING = ("base", "start", "carried", "gates")
"""With the head, what the user, a fork and the next owner need of a run's refs."""
_TAKEN_OVER = (*_TRAVELLING, "sessions")
"""What the next owner gets; the user gets nothing of what agents have begun."""
_OF_STEPS = ("steps", "results", "conflicts", "sessions")
"""What an owner has beside the head: the next one does again what is not in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pushed:
    ok: bool
    superseded: bool = False
    """Another owner has taken the run over: this one may not change anything of it any more."""
    message: str = ""
    """Why not, or what was left out."""
    refs: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    ok: bool
    superseded: bool = False
    message: str = ""
    head: str = ""
    """The run's head as its last owner pushed it; empty when it had pushed none."""
    missing: tuple[str, ...] = ()
    """Objects that the head needs and nobody has."""
    set_aside: tuple[str, ...] = ()
    """Refs of an earlier time as owner that differed, moved to refs/ostinato/<run>/superseded/<epoch>/."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _There:
    """The run's refs in the target, as far as they concern us."""

    refs: Mapping[str, str] = field(default_factory=dict)
    lease: Lease | None = None
    is_remembered: bool = False
    """Not looked at, but left so by our last push."""


async def push_checkpoints(
    mirror: Path,
    target: str | Path,
    *,
    run_id: RunId,
    epoch: int,
    owner: str,
    head: str,
    include_branch: bool = False,
    redactor: Redactor | None = None,
) -> Pushed:
    """One atomic push of what the target lacks of the run, under this owner's lease. Says why not; never raises for that.

    The user's branch ostinato/<run> is moved only with `include_branch`, and never over commits that are not the run's.
    Nothing changed since the last push: the target is not asked. A second call does no harm. With a redactor nothing is
    pushed when a secret would leave with it.
    """
    wanted = await _wanted(mirror, run_id, head, include_branch)
    return await _push_under_lease(mirror, target, run_id, Lease(epoch=epoch, owner=owner), wanted, redactor)


async def push_sessions(
    mirror: Path,
    target: str | Path,
    *,
    run_id: RunId,
    epoch: int,
    owner: str,
    refs: Mapping[str, str],
    redactor: Redactor | None = None,
) -> Pushed:
    """As push_checkpoints(), of what agents have begun; a ref that is to be nowhere ("") is deleted there."""
    wanted = {**await list_refs(mirror, run_ref(run_id, "base")), **refs}
    return await _push_under_lease(mirror, target, run_id, Lease(epoch=epoch, owner=owner), wanted, redactor)


async def _push_under_lease(
    mirror: Path, target: str | Path, run_id: RunId, mine: Lease, wanted: dict[str, str], redactor: Redactor | None
) -> Pushed:
    memory = _memory(mirror, target, run_id)
    memory.parent.mkdir(exist_ok=True)
    async with locked(memory.with_suffix(".lock")):
        there = await asyncio.to_thread(_remembered, memory, run_id)
        if redactor and (found := await _leaving(mirror, run_id, wanted, there, redactor)):
            return Pushed(ok=False, message=secret_leaving(found, "no checkpoint went to " + str(target)).message)
        done = await _push(mirror, target, run_id, mine, wanted, there) if there else Unreachable(message="")
        if isinstance(done, Unreachable):
            done = await _push_anew(mirror, target, run_id, mine, wanted)
    if isinstance(done, Unreachable):
        return Pushed(ok=False, message=f"{target} did not accept the checkpoints: {done.message}")
    return done


async def _leaving(
    mirror: Path, run_id: RunId, wanted: Mapping[str, str], there: _There | None, redactor: Redactor
) -> tuple[Finding, ...]:
    """The secrets in what the target was not given yet."""
    given = there.refs if there else {}
    changed = {ref: oid for ref, oid in wanted.items() if oid and given.get(ref) != oid}
    if not changed:
        return ()
    head, base = run_ref(run_id, "head"), run_ref(run_id, "base")
    since = [oid for oid in (wanted.get(base), given.get(head)) if oid]
    return await outgoing_secrets(mirror, changed, since=since, redactor=redactor)


async def _push_anew(
    mirror: Path, target: str | Path, run_id: RunId, mine: Lease, wanted: dict[str, str]
) -> Pushed | Unreachable:
    """After a look at what is there. A branch that the target does not want does not keep the checkpoints away."""
    there = await _look(mirror, target, run_id)
    if isinstance(there, Unreachable):
        return Pushed(ok=False, message=f"{target} cannot be reached: {there.message}")
    done = await _push(mirror, target, run_id, mine, wanted, there)
    branch = f"refs/heads/{run_branch(run_id)}"
    if isinstance(done, Pushed) or branch not in wanted:
        return done
    without = {ref: oid for ref, oid in wanted.items() if ref != branch}
    now = await _look(mirror, target, run_id)
    again = done if isinstance(now, Unreachable) else await _push(mirror, target, run_id, mine, without, now)
    if isinstance(again, Pushed) and again.ok:
        return replace(again, message=f"{run_branch(run_id)} was not moved there: {done.message}")
    return again


async def take_over(mirror: Path, target: str | Path, *, run_id: RunId, epoch: int, owner: str) -> Taken:
    """Raises the lease to `epoch`, which bars the owner before, and brings the run's refs into the mirror.

    The mirror's branch ostinato/<run> then is at `head`. A second call of the same owner does no harm.
    """
    mine = Lease(epoch=epoch, owner=owner)
    there = await _look(mirror, target, run_id)
    if isinstance(there, Unreachable):
        return Taken(ok=False, message=f"{target} cannot be reached: {there.message}")
    if mine.is_barred_by(there.lease):
        return Taken(ok=False, superseded=True, message=_barred(mine, there.lease))
    memory = _memory(mirror, target, run_id)
    known = await asyncio.to_thread(_remembered, memory, run_id)
    if not (mine.is_same(there.lease) and known and mine.is_same(known.lease)):  # a second call leaves new work alone
        raised = await _raise(mirror, target, run_id, mine, there)
        if isinstance(raised, Taken):
            return raised
        aside = await _set_aside(mirror, run_id, epoch, there)
        refspecs = [f"+{ref}:{ref}" for ref in there.refs if _travels(run_id, ref)]
        refspecs += [ref for ref in there.refs if ref == run_ref(run_id, "head")]
        lost = await fetch_refs(mirror, target, refspecs, run_id=run_id)
        if lost is not None:
            return Taken(ok=False, message=f"{target} cannot be reached: {lost.message}")
        return await _taken(mirror, run_id, memory, raised, aside)
    return await _taken(mirror, run_id, memory, there, ())


async def _taken(mirror: Path, run_id: RunId, memory: Path, there: _There, aside: tuple[str, ...]) -> Taken:
    head = there.refs.get(run_ref(run_id, "head"), "")
    missing = await check_checkpoint(mirror, head, since=there.refs.get(run_ref(run_id, "base"), "")) if head else ()
    branch = f"refs/heads/{run_branch(run_id)}"
    if head and not missing and branch not in await list_refs(mirror, branch):
        await change_refs(mirror, [f"create {branch} {head}"])
    await asyncio.to_thread(_remember, memory, there)
    return Taken(ok=True, head=head, missing=missing, set_aside=aside)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """For a push of another kind: with these it fails when the run has another owner by then."""

    refspecs: tuple[str, ...]
    leases: Mapping[str, str]


async def fence(mirror: Path, target: str | Path, *, run_id: RunId, epoch: int, owner: str) -> Fence | Pushed:
    """Pushed says why there is none: another owner has the run, or the target does not answer."""
    mine = Lease(epoch=epoch, owner=owner)
    there = await _look(mirror, target, run_id)
    if isinstance(there, Unreachable):
        return Pushed(ok=False, message=f"{target} cannot be reached: {there.message}")
    if mine.is_barred_by(there.lease):
        return _superseded(mine, there.lease)
    blob = await store_blob(mirror, mine.after(there.lease).text)
    ref = lease_ref(run_id)
    return Fence(refspecs=(f"{blob}:{ref}",), leases={ref: there.refs.get(ref, "")})


async def travelling_refs(mirror: Path, run_id: RunId) -> dict[str, str]:
    return await list_refs(mirror, *(run_ref(run_id, name) for name in _TRAVELLING))


async def _wanted(mirror: Path, run_id: RunId, head: str, include_branch: bool) -> dict[str, str]:
    branch = {f"refs/heads/{run_branch(run_id)}": head} if include_branch else {}
    return {**await travelling_refs(mirror, run_id), run_ref(run_id, "head"): head, **branch}


async def _push(
    mirror: Path, target: str | Path, run_id: RunId, mine: Lease, wanted: dict[str, str], there: _There
) -> Pushed | Unreachable:
    if mine.is_barred_by(there.lease):
        return _superseded(mine, there.lease)
    branch, note = f"refs/heads/{run_branch(run_id)}", ""
    if branch in wanted and not await may_move(mirror, run_id, there=there.refs.get(branch), to=wanted[branch]):
        note = f"{run_branch(run_id)} already exists there with other commits"
        wanted = {ref: oid for ref, oid in wanted.items() if ref != branch}
    changed = {ref: oid for ref, oid in wanted.items() if there.refs.get(ref, "") != oid}
    if not changed and mine.is_same(there.lease):
        return Pushed(ok=True, message=note)
    lease = mine.after(there.lease)
    blob = await store_blob(mirror, lease.text)
    try:
        done = await _send(mirror, target, run_id, {**changed, lease_ref(run_id): blob}, there)
    except ExternalError as error:
        return Unreachable(message=error.message)
    if done.exit_code != 0:
        return Unreachable(message=reason_of(done))
    left = {ref: oid for ref, oid in {**there.refs, **changed, lease_ref(run_id): blob}.items() if oid}
    now = _There(refs=left, lease=lease)
    await asyncio.to_thread(_remember, _memory(mirror, target, run_id), now)
    if branch in changed:
        await note_received(mirror, run_id, changed[branch])
    return Pushed(ok=True, message=note, refs=len(changed))


async def _send(
    mirror: Path, target: str | Path, run_id: RunId, changed: Mapping[str, str], there: _There
) -> Completed:
    """The short way when the target is as we left it; the user's branch goes only through git's own checks."""
    branch, head, lease = f"refs/heads/{run_branch(run_id)}", run_ref(run_id, "head"), lease_ref(run_id)
    if (
        there.is_remembered
        and head in there.refs
        and branch not in changed
        and all(changed.values())
        and _is_path(target)
    ):
        return await deliver(mirror, Path(target), changed, there=there.refs, since=head)
    leases = {ref: there.refs.get(ref, "") for ref in (lease, branch) if ref in changed}
    refspecs = refspecs_of(run_id, {ref: oid for ref, oid in changed.items() if ref != lease})
    return await push(mirror, target, [*refspecs, f"{changed[lease]}:{lease}"], run_id=run_id, leases=leases)


async def _look(mirror: Path, target: str | Path, run_id: RunId) -> _There | Unreachable:
    refs = await remote_refs(mirror, target, run_id=run_id)
    if isinstance(refs, Unreachable) or lease_ref(run_id) not in refs:
        return refs if isinstance(refs, Unreachable) else _There(refs=refs)
    seen = run_ref(run_id, "leases", _digest(target))
    if (lost := await fetch_refs(mirror, target, [f"+{lease_ref(run_id)}:{seen}"], run_id=run_id)) is not None:
        return lost
    found = (await read_objects(mirror, [seen]))[0]
    lease = parse_lease(found.text or "")
    if lease is None:
        return Unreachable(message=f"{lease_ref(run_id)} there is not a lease")
    return _There(refs={**refs, lease_ref(run_id): found.id}, lease=lease)


async def _raise(mirror: Path, target: str | Path, run_id: RunId, mine: Lease, there: _There) -> Taken | _There:
    """The target as it is when the lease is ours; else why it is not."""
    lease = mine.after(there.lease)
    blob = await store_blob(mirror, lease.text)
    expected = {lease_ref(run_id): there.refs.get(lease_ref(run_id), "")}
    try:
        done = await push(mirror, target, [f"{blob}:{lease_ref(run_id)}"], run_id=run_id, leases=expected)
    except ExternalError as error:
        return Taken(ok=False, message=error.message)
    now = await _look(mirror, target, run_id)
    if isinstance(now, Unreachable):
        return Taken(ok=False, message=f"{target} cannot be reached: {now.message}")
    if mine.is_barred_by(now.lease):
        return Taken(ok=False, superseded=True, message=_barred(mine, now.lease))
    if not mine.is_same(now.lease):
        return Taken(ok=False, message=f"{target} did not accept the lease: {reason_of(done)}")
    return now


async def _set_aside(mirror: Path, run_id: RunId, epoch: int, there: _There) -> tuple[str, ...]:
    """What the mirror has of steps, and of the rest what the target has otherwise: of a time that others went past."""
    branch = f"refs/heads/{run_branch(run_id)}"
    ours = await list_refs(mirror, branch, *(run_ref(run_id, name) for name in (*_TRAVELLING, *_OF_STEPS)))
    then = {**there.refs, branch: there.refs.get(run_ref(run_id, "head"), "")}
    settled = run_ref(run_id, "base")
    differing = {ref: oid for ref, oid in ours.items() if ref != settled and then.get(ref) != oid}
    aside = run_ref(run_id, "superseded", str(epoch))
    names = {ref: "branch" if ref == branch else ref.removeprefix(run_ref(run_id, "")) for ref in differing}
    await change_refs(mirror, [f"update {aside}/{names[ref]} {oid}" for ref, oid in differing.items()])
    await change_refs(mirror, [f"delete {ref} {oid}" for ref, oid in differing.items()])
    return tuple(names.values())


def _travels(run_id: RunId, ref: str) -> bool:
    return ref.removeprefix(run_ref(run_id, "")).partition("/")[0] in _TAKEN_OVER


def _superseded(mine: Lease, there: Lease | None) -> Pushed:
    return Pushed(ok=False, superseded=True, message=_barred(mine, there))


def _barred(mine: Lease, there: Lease | None) -> str:
    now = f"epoch {there.epoch} of {there.owner}" if there else "another epoch"
    return f"the run belongs to {now} now: epoch {mine.epoch} of {mine.owner} may not change it"


def _is_path(target: str | Path) -> bool:
    return str(target).startswith("/")


def _digest(target: str | Path) -> str:
    return hashlib.sha256(str(target).encode("utf-8", "surrogateescape")).hexdigest()[:12]


def _memory(mirror: Path, target: str | Path, run_id: RunId) -> Path:
    """What the target had after our last push; the lease in it makes it hold good or the next push fail."""
    return mirror / "ostinato" / f"{run_id}-{_digest(target)}"


def _remembered(memory: Path, run_id: RunId) -> _There | None:
    try:
        lease, _, refs = memory.read_text().partition("\n\n")
        known = dict(line.split(" ") for line in refs.splitlines())
    except (OSError, ValueError):
        return None
    parsed = parse_lease(f"{lease}\n")
    return _There(refs=known, lease=parsed, is_remembered=True) if parsed and lease_ref(run_id) in known else None


def _remember(memory: Path, there: _There) -> None:
    memory.parent.mkdir(exist_ok=True)
    unfinished = memory.with_suffix(".unfinished")
    lines = "".join(f"{ref} {oid}\n" for ref, oid in there.refs.items())
    unfinished.write_text(f"{there.lease.text if there.lease else ''}\n{lines}")
    unfinished.replace(memory)
