"""The history in real files, with what happens to files: locks, damage, loss, other writers."""

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine

from ostinato.adapters.history import History
from ostinato.adapters.history import schema as schema_module
from ostinato.adapters.history.schema import HEAD, MIGRATIONS
from ostinato.adapters.history.tables import METADATA
from ostinato.adapters.home import Home
from ostinato.cli.checking import check_history
from ostinato.domain.durations import Samples, identity_of, with_expectations
from ostinato.domain.execution import FailureKind, StepOutcome, StepState
from ostinato.domain.pipeline import Outcome
from ostinato.domain.report import Snapshot
from ostinato.domain.rules import classify
from ostinato.domain.staff import PastWork
from ostinato.domain.workspace import Workspace
from scripts.sample import make_sample
from tests.builders import a_plan, a_result, a_run, a_snapshot, a_step, a_todo, at

ROOT = Path(__file__).parents[2]
PLAN = a_plan(a_step("lint"), a_step("tests", "lint", action={"kind": "tool", "tool": "tests.run"}))


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def history(home: Home) -> History:
    return History(home, patience_s=0.3)


def a_workspace(repository_id: str = "r1") -> Workspace:
    return Workspace.model_validate(
        {"run_id": "run-1", "queue": "q", "repository": "/r", "repository_id": repository_id, "mirror": "m",
         "root": "w", "base_commit": "c", "head": "c"}
    )  # fmt: skip


def an_end(run_id: str = "run-1", took: float = 7, *, repository: str = "r1", **fields: Any) -> Snapshot:
    """A run that ended: both steps succeeded, each in `took` seconds."""
    results = tuple(a_result(step.id, started_at=at(1), ended_at=at(1 + took), commit="c1") for step in PLAN.steps)
    given = {
        "run_id": run_id,
        "plan": PLAN,
        "todos": tuple(a_todo(step.id, 0, took + 2) for step in PLAN.steps),
        "results": results,
        "workspace": a_workspace(repository),
        "outcome": Outcome.COMPLETED,
        "ended_at": at(60),
    }
    return a_snapshot(**{**given, **fields})


def asked(home: Home, sql: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(sqlite3.connect(home.root / "history.db")) as connection:
        return connection.execute(sql).fetchall()


def codes(problems: tuple[Any, ...]) -> list[str]:
    return [problem.code for problem in problems]


@contextlib.contextmanager
def held_by_another_process(path: Path) -> Iterator[None]:
    script = (
        "import sqlite3, sys\n"
        "connection = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "connection.execute('BEGIN EXCLUSIVE')\n"
        "print('held', flush=True)\n"
        "sys.stdin.read()\n"
        "connection.close()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        yield
        holder.communicate("")


def test_a_run_that_ended_is_kept_with_its_steps_and_attempts(history: History, home: Home) -> None:
    problems = history.record(an_end())

    assert problems == ()
    assert asked(home, "SELECT id, outcome, duration_s, steps FROM runs") == [("run-1", "completed", 60.0, 2)]
    steps = asked(home, 'SELECT step_id, kind, outcome, executions, duration_s, "commit" FROM steps ORDER BY step_id')
    assert steps[0] == ("lint", "tool:lint.check", "succeeded", 1, 7.0, "c1")
    assert asked(home, "SELECT step_id, attempt, outcome FROM attempts ORDER BY 1")[1] == ("tests", 1, "succeeded")


def test_what_became_of_an_agents_attempts_in_this_repository_is_known(history: History) -> None:
    done = [a_result("lint", agent="claude", started_at=at(1)), a_result("tests", agent="claude", started_at=at(2))]
    failed = [a_result("lint", agent="claude", started_at=at(3), outcome=StepOutcome.FAILED)]
    history.record(an_end("run-1", results=tuple(done), classification=classify("fix the crash")))
    history.record(an_end("run-2", results=tuple(failed)))
    history.record(an_end("run-3", repository="r2", results=tuple(done)))

    tracks, problems = history.tracks("r1", ["claude", "codex"])

    assert problems == ()
    assert tracks == {"claude": PastWork(by_type={"bug_fix": (2, 0), "": (0, 1)}), "codex": PastWork()}


def test_recording_a_run_again_replaces_it(history: History, home: Home) -> None:
    history.record(an_end(took=7))

    history.record(an_end(took=9))

    assert asked(home, "SELECT count(*) FROM runs") == [(1,)]
    assert asked(home, "SELECT duration_s FROM steps") == [(9.0,), (9.0,)]
    assert asked(home, "SELECT count(*) FROM attempts") == [(2,)]


def test_a_run_that_ended_before_it_had_a_plan_is_kept_too(history: History, home: Home) -> None:
    ended = a_snapshot(outcome=Outcome.FAILED, ended_at=at(2))

    assert history.record(ended) == ()
    assert asked(home, "SELECT outcome, steps, repository_id FROM runs") == [("failed", 0, "")]


def test_a_secret_in_the_request_does_not_reach_the_history(history: History, home: Home) -> None:
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"

    history.record(an_end(request=a_run(f"use {secret} to push")))

    assert secret not in asked(home, "SELECT headline FROM runs")[0][0]


def test_expectations_come_from_earlier_runs_of_the_repository(history: History) -> None:
    for number, took in enumerate((7, 8, 9)):
        history.record(an_end(f"run-{number}", took))

    samples, problems = history.samples("r1", PLAN)
    plan, found = with_expectations(PLAN, samples)

    assert problems == ()
    assert [step.expected_s for step in plan.steps] == [8.0, 8.0]
    assert found[PLAN.steps[0].id].because == "history of this repository (3 runs)"


def test_another_repository_learns_by_the_kind_of_step_only(history: History) -> None:
    history.record(an_end(repository="other"))

    samples, _ = history.samples("r1", PLAN)

    assert samples.steps == {}
    assert samples.kinds_here["tool:lint.check"] == ()
    assert samples.kinds["tool:lint.check"] == (7.0,)


def test_only_successes_are_learned_from(history: History) -> None:
    failed = tuple(a_todo(step.id, state=StepState.FAILED) for step in PLAN.steps)

    history.record(an_end(todos=failed))

    assert history.samples("r1", PLAN)[0].steps == {}


def test_a_result_taken_over_from_an_earlier_run_is_not_counted_again(history: History) -> None:
    history.record(an_end("run-1"))

    history.record(an_end("run-2", started_at=at(30)))

    assert history.samples("r1", PLAN)[0].steps[identity_of(PLAN.steps[0])] == (7.0,)


def test_every_attempt_says_how_it_failed(history: History, home: Home) -> None:
    failure = {"kind": FailureKind.TIMEOUT, "message": "too slow"}
    results = (a_result("lint", StepOutcome.FAILED, failure=failure), a_result("lint", execution=2))

    history.record(an_end(results=results))

    kept = asked(home, "SELECT execution, outcome, failure_kind FROM attempts ORDER BY execution")
    assert kept == [(1, "failed", "timeout"), (2, "succeeded", "")]


def test_asking_creates_no_file(history: History, home: Home) -> None:
    samples, problems = history.samples("r1", PLAN)

    assert (samples, problems) == (Samples(), ())
    assert not home.root.exists()


def test_an_empty_file_gets_the_tables_and_is_written_ahead(history: History, home: Home) -> None:
    home.root.mkdir()
    (home.root / "history.db").touch()

    problems = history.record(an_end())

    assert problems == ()
    assert asked(home, "SELECT version_num FROM alembic_version") == [(HEAD,)]
    assert asked(home, "PRAGMA journal_mode") == [("wal",)]


def test_the_migrations_lead_to_the_tables_that_the_code_knows(history: History, home: Home) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from alembic.script import ScriptDirectory

    history.record(an_end())

    with create_engine(f"sqlite:///{home.root / 'history.db'}").connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []
    assert ScriptDirectory(str(MIGRATIONS)).get_current_head() == HEAD


def test_a_current_history_is_used_without_the_migration_tool(history: History, home: Home) -> None:
    history.record(an_end())
    script = (
        "import sys; from pathlib import Path; from ostinato.adapters.home import Home\n"
        "from ostinato.adapters.history import History; history = History(Home(Path(sys.argv[1])))\n"
        "assert 'sqlalchemy' not in sys.modules; print(history.state().runs, 'alembic' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", script, home.root], cwd=ROOT, capture_output=True, text=True)

    assert done.stdout.split() == ["1", "False"], done.stderr


def test_a_locked_history_is_given_up_after_the_patience(history: History, home: Home) -> None:
    history.record(an_end("run-1"))

    with held_by_another_process(home.root / "history.db"):
        problems = history.record(an_end("run-2"))

    assert codes(problems) == ["history_locked"]
    assert "0.3 s" in str(problems[0])
    assert history.record(an_end("run-2")) == ()


def test_a_file_that_is_locked_before_it_has_tables_is_given_up_too(history: History, home: Home) -> None:
    home.root.mkdir()
    (home.root / "history.db").touch()

    with held_by_another_process(home.root / "history.db"):
        problems = history.record(an_end())

    assert codes(problems) == ["history_locked"]


def test_a_file_that_is_no_database_is_kept_aside_and_a_new_one_begun(history: History, home: Home) -> None:
    home.root.mkdir()
    (home.root / "history.db").write_text("not a database at all\n" * 100)

    problems = history.record(an_end())

    assert codes(problems) == ["history_moved"]
    assert (home.root / "history.db.corrupt-1").read_text().startswith("not a database")
    assert asked(home, "SELECT id FROM runs") == [("run-1",)]


def test_a_truncated_file_is_kept_aside_under_the_next_free_name(history: History, home: Home) -> None:
    home.root.mkdir()
    (home.root / "history.db.corrupt-1").write_text("an earlier one")
    history.record(an_end("run-1"))
    path = home.root / "history.db"
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    problems = history.record(an_end("run-2"))

    assert codes(problems) == ["history_moved"]
    assert "history.db.corrupt-2" in str(problems[0])
    assert asked(home, "SELECT id FROM runs") == [("run-2",)]


def test_pages_overwritten_with_noise_do_no_harm_to_planning(history: History, home: Home) -> None:
    for number in range(30):
        history.record(an_end(f"run-{number}"))
    path = home.root / "history.db"
    path.write_bytes(path.read_bytes()[:4096] + b"\xa5" * (path.stat().st_size - 4096))

    samples, problems = history.samples("r1", PLAN)

    assert codes(problems) == ["history_moved"]
    assert samples.steps == {}


def test_a_history_deleted_between_runs_is_begun_anew_and_told(history: History, home: Home) -> None:
    history.record(an_end("run-1"))
    (home.root / "history.db").unlink()

    problems = history.record(an_end("run-2"))

    assert codes(problems) == ["history_lost"]
    assert asked(home, "SELECT id FROM runs") == [("run-2",)]


def test_a_restarted_worker_sees_a_lost_history_by_the_results_that_are_kept(home: Home) -> None:
    home.results.mkdir(parents=True)
    (home.results / "earlier.json").touch()

    problems = History(home).record(an_end())

    assert codes(problems) == ["history_lost"]
    assert History(home).record(an_end("run-2")) == ()


def test_the_first_run_of_a_home_has_lost_nothing(home: Home) -> None:
    home.results.mkdir(parents=True)
    (home.results / "run-1.json").touch()

    assert History(home).record(an_end("run-1")) == ()


def test_a_file_that_cannot_be_opened_is_told(history: History, home: Home) -> None:
    (home.root / "history.db").mkdir(parents=True)

    assert codes(history.record(an_end())) == ["history_unwritable"]
    assert codes(history.samples("r1", PLAN)[1]) == ["history_unwritable"]


def test_a_home_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    problems = History(Home(tmp_path / "file" / "home")).record(an_end())

    assert codes(problems) == ["history_unwritable"]


def test_a_place_that_cannot_even_be_looked_at_is_told(tmp_path: Path) -> None:
    history = History(Home(tmp_path / ("long" * 100)))

    assert codes(history.record(an_end())) == ["history_unwritable"]
    assert codes(history.samples("r1", PLAN)[1]) == ["history_unwritable"]
    assert codes((history.state().problem,)) == ["history_unwritable"]


def test_a_history_on_a_read_only_file_system_is_told(home: Home) -> None:
    History(home).record(an_end("run-1"))
    read_only = f"sqlite:///file:{home.root / 'history.db'}?mode=ro&uri=true"

    problems = History(home, url=read_only).record(an_end("run-2"))

    assert codes(problems) == ["history_unwritable"]


def test_a_history_of_a_newer_version_is_left_alone(history: History, home: Home) -> None:
    history.record(an_end("run-1"))
    with contextlib.closing(sqlite3.connect(home.root / "history.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")

    problems = history.record(an_end("run-2"))

    assert codes(problems) == ["history_migration"]
    assert asked(home, "SELECT id FROM runs") == [("run-1",)]


def test_a_migration_that_fails_changes_nothing(
    history: History, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    versions = tmp_path / "migrations" / "versions"
    versions.mkdir(parents=True)
    (versions.parent / "env.py").write_text((MIGRATIONS / "env.py").read_text())
    first = (MIGRATIONS / "versions" / "v0001_runs_steps_attempts.py").read_text()
    broken = first.replace("    _create_attempts()\n", "    raise RuntimeError('half way')\n", 1)
    (versions / "v0001.py").write_text(broken)
    monkeypatch.setattr(schema_module, "MIGRATIONS", versions.parent)

    problems = history.record(an_end())

    assert codes(problems) == ["history_migration"]
    assert "half way" in str(problems[0])
    assert asked(home, "SELECT name FROM sqlite_master") == []


def test_processes_that_begin_and_write_at_once_lose_nothing(home: Home, tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from ostinato.adapters.history import History\n"
        "from ostinato.adapters.home import Home\n"
        "from ostinato.domain.report import Snapshot\n"
        "ended = Snapshot.model_validate_json(Path(sys.argv[2]).read_text())\n"
        "history = History(Home(Path(sys.argv[1])), patience_s=20)\n"
        "sys.stdin.read()\n"
        "for number in range(20):\n"
        "    run_id = f'{sys.argv[3]}-{number}'\n"
        "    problems = history.record(ended.model_copy(update={'run_id': run_id}))\n"
        "    assert not problems, problems\n"
    )
    kept = tmp_path / "ended.json"
    kept.write_text(an_end().model_dump_json())
    writers = [
        subprocess.Popen([sys.executable, "-c", script, home.root, kept, name], stdin=subprocess.PIPE, cwd=ROOT)
        for name in ("one", "two")
    ]

    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.close()

    assert [writer.wait(60) for writer in writers] == [0, 0]
    assert asked(home, "SELECT count(*), count(DISTINCT id) FROM runs") == [(40, 40)]
    assert asked(home, "SELECT count(*) FROM steps") == [(80,)]


def test_the_doctor_counts_the_runs_and_names_what_was_kept_aside(history: History, home: Home) -> None:
    home.root.mkdir()
    (home.root / "history.db").write_text("not a database at all\n" * 100)
    before = check_history(home)
    history.record(an_end())

    after = check_history(home)

    assert [check.verdict for check in before] == ["warn"]
    assert "The next run that ends moves it aside" in before[0].cure
    assert [check.verdict for check in after] == ["ok", "warn"]
    assert "1 run in" in after[0].message
    assert "history.db.corrupt-1" in after[1].message


def test_the_doctor_says_when_the_history_is_missing(home: Home) -> None:
    fresh = check_history(home)
    home.results.mkdir(parents=True)
    (home.results / "earlier.json").touch()

    missing = check_history(home)

    assert (fresh[0].verdict, missing[0].verdict) == ("ok", "warn")
    assert not (home.root / "history.db").exists()


def test_plan_shows_what_its_expectations_were_learned_from(history: History, home: Home, tmp_path: Path) -> None:
    fixing = a_plan(a_step("fix", action={"kind": "tool", "tool": "lint.fix"}))
    history.record(an_end(plan=fixing, todos=(a_todo("fix", 0, 9),), results=()))
    repository = make_sample(tmp_path / "tally")

    words = ("plan", "fix lint errors", "--repo", str(repository), "--json")
    environment = {**os.environ, "OSTINATO_HOME": str(home.root)}
    done = subprocess.run(
        [sys.executable, ROOT / "client.py", *words], cwd=ROOT, env=environment, capture_output=True, text=True
    )

    learned = json.loads(done.stdout)["data"]["expectations"].values()
    assert {"seconds": 5.0, "because": "same tool in any repository (1 run)"} in learned
