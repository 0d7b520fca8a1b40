"""Payloads in files: found again, whole or refused, and never outside their folder."""

import asyncio
from pathlib import Path

import pytest
from temporalio.api.common.v1 import Payload
from temporalio.converter import (
    StorageDriverActivityInfo,
    StorageDriverClaim,
    StorageDriverRetrieveContext,
    StorageDriverStoreContext,
    StorageDriverWorkflowInfo,
)

from ostinato.adapters.payloads import PayloadFolder, folder_name, payload_storage
from ostinato.domain.errors import ExternalError

BIG = Payload(metadata={"encoding": b"json/plain", "more": b"x"}, data=b"7" * 100_000)


def of_workflow(workflow_id: str) -> StorageDriverStoreContext:
    return StorageDriverStoreContext(StorageDriverWorkflowInfo(namespace="default", id=workflow_id))


async def stored(root: Path, *payloads: Payload) -> list[StorageDriverClaim]:
    return await PayloadFolder(root).store(of_workflow("run-1"), payloads)


async def read(root: Path, *claims: StorageDriverClaim) -> list[Payload]:
    return await PayloadFolder(root).retrieve(StorageDriverRetrieveContext(), claims)


async def test_payloads_come_back_in_order(tmp_path: Path) -> None:
    small = Payload(data=b"small")

    claims = await stored(tmp_path, BIG, small)

    assert await read(tmp_path, *reversed(claims)) == [small, BIG]


async def test_the_root_may_be_moved(tmp_path: Path) -> None:
    claims = await stored(tmp_path / "old", BIG)

    (tmp_path / "old").rename(tmp_path / "new")

    assert await read(tmp_path / "new", *claims) == [BIG]


async def test_the_same_payload_stored_at_once_by_many_is_one_file(tmp_path: Path) -> None:
    claims = await asyncio.gather(*(stored(tmp_path, BIG) for _ in range(20)))

    assert len({claim.claim_data["sha256"] for (claim,) in claims}) == 1
    assert [path.name for path in (tmp_path / "run-1").iterdir()] == [claims[0][0].claim_data["sha256"]]


async def test_what_belongs_to_no_workflow_is_shared(tmp_path: Path) -> None:
    folder = PayloadFolder(tmp_path)

    for target in (None, StorageDriverActivityInfo(namespace="default", id="x")):
        await folder.store(StorageDriverStoreContext(target), [BIG])

    assert [path.name for path in tmp_path.iterdir()] == ["shared"]


async def test_a_half_written_file_is_written_again(tmp_path: Path) -> None:
    claims = await stored(tmp_path, BIG)
    (tmp_path / "run-1" / claims[0].claim_data["sha256"]).write_bytes(b"half")

    await stored(tmp_path, BIG)

    assert await read(tmp_path, *claims) == [BIG]


async def test_a_missing_payload_is_named_with_what_it_means(tmp_path: Path) -> None:
    claims = await stored(tmp_path, BIG)
    file = tmp_path / "run-1" / claims[0].claim_data["sha256"]
    file.unlink()

    with pytest.raises(ExternalError) as caught:
        await read(tmp_path, *claims)

    assert caught.value.code == "payload_missing"
    assert str(file) in caught.value.message


async def test_a_changed_payload_is_refused(tmp_path: Path) -> None:
    claims = await stored(tmp_path, BIG)
    (tmp_path / "run-1" / claims[0].claim_data["sha256"]).write_bytes(b"8" * 100_000)

    with pytest.raises(ExternalError) as caught:
        await read(tmp_path, *claims)

    assert caught.value.code == "payload_damaged"


@pytest.mark.parametrize("folder", ["..", "../run-1", "/etc", ""])
async def test_a_reference_cannot_leave_the_folder(tmp_path: Path, folder: str) -> None:
    with pytest.raises(ExternalError) as caught:
        await read(tmp_path / "payloads", StorageDriverClaim({"folder": folder, "sha256": "0" * 64}))

    assert caught.value.code == "payload_damaged"


async def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ExternalError) as caught:
        await stored(tmp_path / "file", BIG)

    assert caught.value.code == "payload_not_written"


@pytest.mark.parametrize("workflow_id", ["../../etc", "a/b", ".hidden", "shared", "ü", "", "x" * 300, "a b"])
def test_any_workflow_id_becomes_a_safe_name_of_its_own(workflow_id: str) -> None:
    name = folder_name(workflow_id)

    assert name not in (workflow_id, "shared", ".", "..")
    assert "/" not in name
    assert len(name) <= 100
    assert not name.startswith(".")


def test_an_everyday_workflow_id_is_kept() -> None:
    assert folder_name("ostinato-run-1.shard-3") == "ostinato-run-1.shard-3"


def test_small_payloads_stay_in_the_history(tmp_path: Path) -> None:
    storage = payload_storage(tmp_path)

    assert storage.payload_size_threshold == 40 * 1024
    assert [driver.name() for driver in storage.drivers] == ["ostinato-payloads"]
