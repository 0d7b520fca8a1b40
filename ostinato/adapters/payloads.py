"""Payloads too big for a history: files under the hash of their content, a folder for each workflow."""

import asyncio
import hashlib
import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from google.protobuf.message import DecodeError
from temporalio.api.common.v1 import Payload
from temporalio.converter import (
    ExternalStorage,
    StorageDriver,
    StorageDriverClaim,
    StorageDriverRetrieveContext,
    StorageDriverStoreContext,
    StorageDriverWorkflowInfo,
)

from ostinato.domain.errors import ExternalError

THRESHOLD_BYTES = 40 * 1024
SHARED = "shared"
"""The folder of payloads that belong to no workflow."""

_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_DIGEST = re.compile(r"[0-9a-f]{64}")


def payload_storage(folder: Path, threshold_bytes: int = THRESHOLD_BYTES) -> ExternalStorage:
    """For a DataConverter's `external_storage`; client and worker must be given the same folder."""
    return ExternalStorage(drivers=[PayloadFolder(folder)], payload_size_threshold=threshold_bytes)


def folder_name(workflow_id: str) -> str:
    """Where the payloads of a workflow lie below the root: its id, made safe where it has to be."""
    if _PLAIN_NAME.fullmatch(workflow_id) and workflow_id != SHARED:
        return workflow_id
    readable = re.sub(r"[^A-Za-z0-9._-]+", "-", workflow_id).strip("-.")[:80]
    return f"{readable or 'workflow'}-{hashlib.sha256(workflow_id.encode()).hexdigest()[:16]}"


class PayloadFolder(StorageDriver):
    """What history keeps is relative to the root, which may be moved. Storing the same payload twice keeps one file."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def name(self) -> str:
        return "ostinato-payloads"

    def type(self) -> str:
        return "ostinato.folder"

    async def store(self, context: StorageDriverStoreContext, payloads: Sequence[Payload]) -> list[StorageDriverClaim]:
        target = context.target
        workflow_id = target.id if isinstance(target, StorageDriverWorkflowInfo) else None
        folder = folder_name(workflow_id) if workflow_id else SHARED
        return await asyncio.to_thread(lambda: [self._keep(folder, payload) for payload in payloads])

    async def retrieve(
        self, context: StorageDriverRetrieveContext, claims: Sequence[StorageDriverClaim]
    ) -> list[Payload]:
        return await asyncio.to_thread(lambda: [self._found(claim) for claim in claims])

    def _keep(self, folder: str, payload: Payload) -> StorageDriverClaim:
        data = payload.SerializeToString(deterministic=True)
        digest = hashlib.sha256(data).hexdigest()
        file = self._root / folder / digest
        if not (file.is_file() and file.stat().st_size == len(data)):
            _write_durably(file, data)
        return StorageDriverClaim({"folder": folder, "sha256": digest})

    def _found(self, claim: StorageDriverClaim) -> Payload:
        folder, digest = claim.claim_data.get("folder", ""), claim.claim_data.get("sha256", "")
        file = self._root / folder / digest
        if not (_PLAIN_NAME.fullmatch(folder) and _DIGEST.fullmatch(digest)):
            raise _damaged(file, "is no name of a payload")
        try:
            data = file.read_bytes()
        except OSError as error:
            raise _unreadable(file, error) from error
        if hashlib.sha256(data).hexdigest() != digest:
            raise _damaged(file, "was changed after it was written")
        return _parsed(data, file)


def _parsed(data: bytes, file: Path) -> Payload:
    try:
        return Payload.FromString(data)
    except DecodeError as error:
        raise _damaged(file, "holds no payload") from error


def _write_durably(file: Path, data: bytes) -> None:
    """The history will outlive a power cut; so must what it refers to."""
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        number, temporary = tempfile.mkstemp(dir=file.parent, prefix=".")
        try:
            with os.fdopen(number, "wb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            Path(temporary).replace(file)
            _sync_folder(file.parent)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ExternalError(
            f"Cannot write the payload {file}: {error.strerror or error}. Free the disk or make it writable; the run waits.",
            code="payload_not_written",
        ) from error


def _sync_folder(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _unreadable(file: Path, error: OSError) -> ExternalError:
    if not isinstance(error, FileNotFoundError):
        return ExternalError(
            f"Cannot read the payload {file}: {error.strerror or error}. Make it readable; the run waits.",
            code="payload_unreadable",
        )
    return ExternalError(
        f"The payload {file} is missing: the server's history was kept longer than this file, or the run belongs to"
        " another OSTINATO_HOME. Put the file back or set OSTINATO_HOME to the home the run was started with; the run"
        " waits for it. Without it the run can only be terminated and started again.",
        code="payload_missing",
    )


def _damaged(file: Path, what: str) -> ExternalError:
    return ExternalError(
        f"The payload {file} {what}. Put it back from a backup of OSTINATO_HOME; the run waits for it. Without it the"
        " run can only be terminated and started again.",
        code="payload_damaged",
    )
