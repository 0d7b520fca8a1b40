"""Artifacts: kept once, found again, redacted and capped on the way."""

import os
import re
import tracemalloc
from pathlib import Path

import pytest

from ostinato.adapters.artifacts import MIB, ArtifactStore
from ostinato.domain.errors import ExternalError
from ostinato.domain.redaction import Redactor


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "artifacts")


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_what_is_put_is_read_again(store: ArtifactStore) -> None:
    ref = store.put_text("grüße\n")

    assert re.fullmatch("sha256:[0-9a-f]{64}", ref)
    assert store.read_text(ref) == "grüße\n"


def test_json_is_read_as_it_was_put(store: ArtifactStore) -> None:
    ref = store.put_json({"b": [1, None], "a": "ü"})

    assert store.read_json(ref) == {"a": "ü", "b": [1, None]}


def test_the_same_content_is_kept_once(store: ArtifactStore, tmp_path: Path) -> None:
    refs = {store.put_bytes(b"same"), store.put_text("same")}

    assert len(refs) == 1
    assert len(files_below(tmp_path)) == 1


def test_reading_stops_at_the_limit_and_replaces_what_is_not_utf8(store: ArtifactStore) -> None:
    ref = store.put_bytes(b"\xffabcdef")

    assert store.read_text(ref, limit=3) == "\ufffdab"


@pytest.mark.parametrize("ref", ["sha256:" + "0" * 64, "sha256:../../etc/passwd", "", "x"])
def test_an_unknown_reference_is_refused(store: ArtifactStore, ref: str) -> None:
    with pytest.raises(ExternalError) as caught:
        store.path(ref)

    assert caught.value.code == "artifact_unknown"


def test_a_writer_gives_the_reference_of_its_content(store: ArtifactStore, tmp_path: Path) -> None:
    writer = store.writer(Redactor())

    for chunk in (b"one\ntw", b"o\n"):
        writer.write(chunk)
    ref = writer.close()

    assert ref == store.put_bytes(b"one\ntwo\n") == writer.close()
    assert len(files_below(tmp_path)) == 1


def test_a_secret_split_over_writes_never_reaches_the_disk(store: ArtifactStore, tmp_path: Path) -> None:
    writer = store.writer(Redactor(["the-known-value"]))
    data = (b"line of output\n" * 700 + b"the-known-value\n") * 40

    for start in range(0, len(data), 997):
        writer.write(data[start : start + 997])
        assert all(b"the-known" not in path.read_bytes() for path in files_below(tmp_path))
    text = store.read_text(writer.close())

    assert text.count("[redacted:known-value]") == 40
    assert "the-known" not in text


@pytest.mark.parametrize("shift", range(0, 16, 3))
def test_of_too_much_output_head_and_tail_are_kept_without_half_a_secret(store: ArtifactStore, shift: int) -> None:
    writer = store.writer(Redactor(["the-known-value"]), cap_bytes=200_000)
    writer.write(b"first line\n" + b"." * shift)

    for _ in range(60):
        writer.write(b" the-known-value" * 625)
    writer.write(b"\nlast line\n")
    text = store.read_text(writer.close())

    assert text.startswith("first line\n")
    assert text.endswith("\nlast line\n")
    assert re.search(r"bytes left out", text)
    assert len(text) < 400_000
    leftovers = re.sub(r"\[redacted:known-value\]|\n\[… about [\d,]+ bytes left out …\]\n", "", text)
    assert not set("kvu") & set(leftovers)


def test_output_just_below_the_cap_is_kept_whole(store: ArtifactStore) -> None:
    writer = store.writer(Redactor(), cap_bytes=200_000)
    data = b"0123456789abcde\n" * 12_500

    for start in range(0, len(data), 30_000):
        writer.write(data[start : start + 30_000])

    assert store.path(writer.close()).read_bytes() == data


def test_what_was_left_out_is_counted(store: ArtifactStore) -> None:
    writer = store.writer(Redactor(), cap_bytes=200_000)
    data = b"0123456789abcde\n" * 100_000

    for start in range(0, len(data), 30_000):
        writer.write(data[start : start + 30_000])
    text = store.read_text(writer.close())

    gap = re.search(r"\n\[… about ([\d,]+) bytes left out …\]\n", text)
    assert gap is not None
    assert len(text) - len(gap[0]) + int(gap[1].replace(",", "")) == len(data)
    assert 160_000 < len(text) < 210_000


@pytest.mark.slow
def test_many_tiny_writes_are_held_in_little_memory(store: ArtifactStore) -> None:
    writer = store.writer(Redactor(), cap_bytes=100_000)
    tracemalloc.start()

    for _ in range(300_000):
        writer.write(b"ab")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    writer.discard()

    assert peak < MIB


def test_the_tail_is_redacted_and_can_be_asked_at_any_time(store: ArtifactStore) -> None:
    writer = store.writer(Redactor(["the-known-value"]))

    writer.write(b"x" * MIB + b"\n\xff the-known-value end")
    tail = writer.tail(28)
    writer.discard()

    assert tail == "redacted:known-value] end"[-28:] or tail.endswith("[redacted:known-value] end")
    assert "the-known" not in tail


def test_a_discarded_writer_leaves_nothing(store: ArtifactStore, tmp_path: Path) -> None:
    writer = store.writer(Redactor())

    writer.write(b"x" * MIB)
    writer.discard()

    assert files_below(tmp_path) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes anywhere")
def test_a_read_only_folder_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)

    with pytest.raises(ExternalError) as caught:
        ArtifactStore(tmp_path / "artifacts").put_text("x")

    assert caught.value.code == "artifact_not_written"
    assert str(tmp_path) in caught.value.message


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(ExternalError) as caught:
        ArtifactStore(tmp_path / "file" / "artifacts").put_text("x")

    assert caught.value.code == "artifact_not_written"
