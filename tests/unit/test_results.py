"""Stored results: whole, found again, newest first, and one broken file hides no other."""

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ostinato.adapters.home import Home
from ostinato.adapters.results import ResultStore
from ostinato.domain.errors import ExternalError, UserError
from ostinato.domain.ids import RunId
from ostinato.domain.pipeline import Phase
from ostinato.domain.report import Snapshot, Stored
from ostinato.domain.request import RunRequest

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def a_result(run_id: str, *, started_at: datetime = NOON, doing: str = "") -> Stored:
    name = RunId(run_id)
    request = RunRequest(run_id=name, text="Fix the lint findings", repository="/r", requested_by="ann")
    return Stored(
        snapshot=Snapshot(run_id=name, request=request, phase=Phase.ENDED, started_at=started_at, doing=doing),
        artifacts={"log": "sha256:00"},
    )


def test_a_saved_result_is_loaded_as_it_was(tmp_path: Path) -> None:
    store = ResultStore(Home(tmp_path))

    store.save(a_result("one"))

    assert store.load(RunId("one")) == a_result("one")


def test_an_unknown_run_has_no_result(tmp_path: Path) -> None:
    assert ResultStore(Home(tmp_path)).load(RunId("none")) is None


def test_saving_again_replaces_and_leaves_no_other_file(tmp_path: Path) -> None:
    store = ResultStore(Home(tmp_path))
    store.save(a_result("one"))

    path = store.save(a_result("one", doing="second"))

    assert [stored.snapshot.doing for stored in store.list()] == ["second"]
    assert list(path.parent.iterdir()) == [path]


def test_results_are_listed_newest_first(tmp_path: Path) -> None:
    store = ResultStore(Home(tmp_path))
    for number, name in enumerate(("old", "newest", "middle")):
        store.save(a_result(name, started_at=NOON + timedelta(hours=(0, 2, 1)[number])))

    assert [stored.snapshot.run_id for stored in store.list()] == ["newest", "middle", "old"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"snapshot": {}}', b"\xff\xfe"])
def test_a_broken_file_is_named_and_hides_no_other(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: bytes
) -> None:
    store = ResultStore(Home(tmp_path))
    broken = store.save(a_result("one")).with_name("two.json")
    broken.write_bytes(content)

    with caplog.at_level(logging.WARNING):
        listed = store.list()

    assert [stored.snapshot.run_id for stored in listed] == ["one"]
    assert str(broken) in caplog.text


def test_loading_a_broken_file_says_where_it_is(tmp_path: Path) -> None:
    store = ResultStore(Home(tmp_path))
    path = store.save(a_result("one"))
    path.write_text("{")

    with pytest.raises(ExternalError, match=str(path)) as caught:
        store.load(RunId("one"))

    assert caught.value.code == "result_unreadable"


def test_a_run_id_cannot_name_a_file_elsewhere(tmp_path: Path) -> None:
    with pytest.raises(UserError):
        ResultStore(Home(tmp_path)).load(RunId("../secret"))
