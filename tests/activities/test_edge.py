"""What crosses the edge: errors once mapped, and a heartbeat for as long as an activity works."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from temporalio.api.failure.v1 import Failure
from temporalio.converter import DefaultFailureConverter, DefaultPayloadConverter
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.edge import Desk, Pulse, edge
from ostinato.adapters.artifacts import ArtifactStore
from ostinato.adapters.home import Home
from ostinato.contracts.activities import OPEN_WORKSPACE, STORE_REPORT, OpenWorkspace, StoredReport, StoreReport
from ostinato.domain.errors import ExternalError, InvariantError, Problem, UserError
from ostinato.domain.ids import RunId
from ostinato.domain.redaction import Redactor
from tests.activities.bench import Bench
from tests.builders import a_snapshot

WORD = "development"
TOKEN = "ghp_" + "Zq8" * 12


class Broken:
    """Stands where an activity would, and raises or waits."""

    def __init__(self, error: Exception | None = None, says: str = "halfway", path: str = "kept") -> None:
        self._desk = Desk(Home(Path("nowhere")), ArtifactStore(Path("nowhere")), Redactor([WORD]))
        self._error = error
        self._says, self._path = says, path

    @edge(STORE_REPORT)
    async def store(self, command: StoreReport, pulse: Pulse) -> StoredReport:
        if self._error is not None:
            raise self._error
        pulse.say(self._says)
        await asyncio.sleep(0.05)
        return StoredReport(path=self._path, notes=(self._says,))


async def failure_of(error: Exception) -> ApplicationError:
    with pytest.raises(ApplicationError) as failed:
        await ActivityEnvironment().run(Broken(error).store, StoreReport(snapshot=a_snapshot()))
    return failed.value


@pytest.mark.parametrize(
    "error",
    [ExternalError("The disk is full", code="disk_full"), InvariantError("Two heads", code="two_heads")],
    ids=["external", "invariant"],
)
async def test_our_errors_travel_by_code_and_are_never_retried(error: ExternalError | InvariantError) -> None:
    failure = await failure_of(error)

    assert (failure.type, failure.message, failure.non_retryable) == (error.code, error.message, True)


async def test_every_problem_of_an_input_travels_with_its_cure() -> None:
    problems = [
        Problem(code="first_bad", field="--repo", message="it is no repository", cure="Name another"),
        Problem(code="second_bad", field="--base", message="there is no such branch", cure="Name a branch"),
    ]

    failure = await failure_of(UserError(problems))

    assert (failure.type, failure.non_retryable) == ("first_bad", True)
    assert [item["cure"] for item in failure.details[0]] == ["Name another", "Name a branch"]


async def test_a_bug_is_called_unexpected_and_names_the_activity(caplog: pytest.LogCaptureFixture) -> None:
    failure = await failure_of(KeyError("commit"))

    assert (failure.type, failure.non_retryable) == ("unexpected", True)
    assert failure.message == "report.store failed unexpectedly: KeyError: 'commit'"
    assert "activity failed unexpectedly" in caplog.text


async def test_a_message_too_long_for_a_payload_is_cut() -> None:
    failure = await failure_of(ExternalError("x" * 100_000))

    assert len(failure.message) == 4000


async def test_an_activity_beats_with_what_it_is_doing() -> None:
    beats: list[Any] = []
    environment = ActivityEnvironment()
    environment.on_heartbeat = lambda *details: beats.append(details[0])

    await environment.run(Broken().store, StoreReport(snapshot=a_snapshot()))

    assert beats == ["halfway"]


async def test_a_secret_in_an_answer_or_a_heartbeat_does_not_travel() -> None:
    beats: list[Any] = []
    environment = ActivityEnvironment()
    environment.on_heartbeat = lambda *details: beats.append(details[0])

    said = await environment.run(Broken(says=f"{WORD} {TOKEN}").store, StoreReport(snapshot=a_snapshot()))

    assert said.notes == ("[redacted:known-value] [redacted:github-token]",)
    assert beats == list(said.notes)


async def test_a_password_that_is_a_word_leaves_paths_alone_and_a_token_does_not() -> None:
    broken = Broken(says=TOKEN, path=f"/runs/{WORD}/{TOKEN}")

    said = await ActivityEnvironment().run(broken.store, StoreReport(snapshot=a_snapshot()))

    assert said.path == f"/runs/{WORD}/[redacted:github-token]"


@pytest.mark.parametrize(
    "error",
    [
        KeyError(TOKEN),
        ExternalError(f"remote: {TOKEN}"),
        UserError.of("bad", "--x", TOKEN, TOKEN),
        OSError(28, TOKEN),
    ],
    ids=["bug", "external", "user", "disk"],
)
async def test_a_secret_in_an_error_travels_neither_with_it_nor_with_its_cause(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    failure = await failure_of(error)

    sent = Failure()
    DefaultFailureConverter().to_failure(failure, DefaultPayloadConverter(), sent)
    assert TOKEN not in str(sent)
    assert "[redacted:github-token]" in str(sent)
    assert TOKEN not in str([vars(record) for record in caplog.records])


async def test_a_folder_that_is_no_repository_is_the_users_to_cure(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(ApplicationError) as failed:
        await bench.call(OPEN_WORKSPACE, OpenWorkspace(run_id=RunId("r"), repository=str(tmp_path / "home")))

    assert failed.value.non_retryable
    assert failed.value.details[0][0]["cure"]
