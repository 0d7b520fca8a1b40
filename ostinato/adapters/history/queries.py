"""What is asked of the tables and written to them, inside the caller's transaction."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from sqlalchemy import ColumnElement, Connection, and_, delete, func, insert, select

from ostinato.adapters.history.rows import Rows
from ostinato.adapters.history.tables import ATTEMPTS, RUNS, STEPS
from ostinato.domain.durations import MAX_SAMPLES, Samples, StepIdentity, identified, kind_of
from ostinato.domain.execution import StepOutcome, StepState
from ostinato.domain.plan import Plan
from ostinato.domain.staff import PastWork

MOST_ATTEMPTS = 100
"""Of an agent; what was long ago says little of it."""
_CHUNK = 500
"""Values in one statement; databases allow some thousands."""


def replace_run(connection: Connection, rows: Rows) -> None:
    run_id = rows.run["id"]
    for table, column in ((ATTEMPTS, ATTEMPTS.c.run_id), (STEPS, STEPS.c.run_id), (RUNS, RUNS.c.id)):
        connection.execute(delete(table).where(column == run_id))
    connection.execute(insert(RUNS), [rows.run])
    if rows.steps:
        connection.execute(insert(STEPS), rows.steps)
    if rows.attempts:
        connection.execute(insert(ATTEMPTS), rows.attempts)


def samples_for(connection: Connection, repository_id: str, plan: Plan) -> Samples:
    known = list(identified(plan))
    kinds = sorted({kind_of(step) for step, _ in known})
    here = STEPS.c.repository_id == repository_id
    return Samples(
        steps=_of_steps(connection, repository_id, sorted({identity.signature for _, identity in known})),
        kinds_here={kind: _newest(connection, and_(STEPS.c.kind == kind, here)) for kind in kinds},
        kinds={kind: _newest(connection, STEPS.c.kind == kind) for kind in kinds},
    )


def tracks_of(connection: Connection, repository_id: str, agents: Sequence[str]) -> dict[str, PastWork]:
    """By agent: what became of its last attempts here."""
    found = {}
    for agent in agents:
        newest = (
            select(ATTEMPTS.c.outcome, RUNS.c.task_type)
            .join(RUNS, RUNS.c.id == ATTEMPTS.c.run_id)
            .where(ATTEMPTS.c.agent == agent, RUNS.c.repository_id == repository_id)
            .order_by(ATTEMPTS.c.started_at.desc())
            .limit(MOST_ATTEMPTS)
        )
        counts = Counter((row.task_type, row.outcome) for row in connection.execute(newest))
        found[agent] = PastWork(by_type={name: _done_and_failed(counts, name) for name, _ in counts})
    return found


def _done_and_failed(counts: Mapping[tuple[str, str], int], task_type: str) -> tuple[int, int]:
    return counts[task_type, StepOutcome.SUCCEEDED.value], counts[task_type, StepOutcome.FAILED.value]


def count_runs(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(RUNS)).scalar_one()


def _of_steps(
    connection: Connection, repository_id: str, signatures: Sequence[str]
) -> dict[StepIdentity, tuple[float, ...]]:
    found: defaultdict[StepIdentity, list[float]] = defaultdict(list)
    for chunk in _chunks(signatures):
        recency = func.row_number().over(
            partition_by=(STEPS.c.signature, STEPS.c.name), order_by=STEPS.c.ended_at.desc()
        )
        chosen = (
            select(STEPS.c.name, STEPS.c.signature, STEPS.c.duration_s, recency.label("recency"))
            .where(STEPS.c.repository_id == repository_id, STEPS.c.signature.in_(chunk), _is_sample())
            .subquery()
        )
        newest = select(chosen).where(chosen.c.recency <= MAX_SAMPLES).order_by(chosen.c.recency)
        for row in connection.execute(newest):
            found[StepIdentity(row.name, row.signature)].append(row.duration_s)
    return {identity: tuple(durations) for identity, durations in found.items()}


def _newest(connection: Connection, condition: ColumnElement[bool]) -> tuple[float, ...]:
    newest = select(STEPS.c.duration_s).where(condition, _is_sample()).order_by(STEPS.c.ended_at.desc())
    return tuple(connection.execute(newest.limit(MAX_SAMPLES)).scalars())


def _is_sample() -> ColumnElement[bool]:
    return and_(STEPS.c.outcome == StepState.SUCCEEDED.value, STEPS.c.duration_s.is_not(None))


def _chunks(values: Sequence[str]) -> Iterator[Sequence[str]]:
    return (values[start : start + _CHUNK] for start in range(0, len(values), _CHUNK))
