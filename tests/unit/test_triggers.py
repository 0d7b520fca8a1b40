"""A start of a schedule is a run of its own: its id and its workflow's are told from each other."""

import pytest

from ostinato.domain.ids import ID_PATTERN, RunId, fired_run_id, run_id_of, workflow_id
from ostinato.domain.request import RunRequest, named_by

FIRED = "ostinato-nightly-1-2026-11-21T03:00:00Z"


@pytest.mark.parametrize("name", ["nightly", "x-20261121t030000z", "fix-2026-11-21", "a-12345678"])
def test_a_run_and_its_workflow_are_found_from_each_other(name: str) -> None:
    assert run_id_of(workflow_id(RunId(name))) == name


def test_a_start_of_a_schedule_has_the_time_in_its_id() -> None:
    import re

    run_id = fired_run_id(RunId("nightly-1"), FIRED)

    assert run_id == "nightly-1-20261121t030000z"
    assert workflow_id(run_id) == FIRED
    assert re.match(ID_PATTERN, run_id)


@pytest.mark.parametrize(
    ("stated", "name"),
    [
        ("nightly-1", "ostinato-nightly-1"),
        ("nightly-1-20261121t030000z", FIRED),
        ("nightly-1", "any-name-of-a-test"),
        ("other", FIRED),
    ],
)
def test_any_other_run_keeps_its_id(stated: str, name: str) -> None:
    request = RunRequest(run_id=RunId(stated), text="x", repository="/r", requested_by="me")

    assert named_by(request, name) is request
