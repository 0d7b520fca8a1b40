"""The tables of the history, as this version knows them. A change here needs a migration and a new HEAD in `schema`."""

from sqlalchemy import BigInteger, Column, DateTime, Float, ForeignKey, Index, Integer, MetaData, String, Table, Text

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

RUNS = Table(
    "runs",
    METADATA,
    Column("id", String(63), primary_key=True),
    Column("repository_id", String(64), nullable=False, index=True),
    Column("repository", Text, nullable=False),
    Column("headline", Text, nullable=False),
    Column("task_type", String(40), nullable=False),
    Column("source", Text, nullable=False),
    Column("outcome", String(40), nullable=False),
    Column("stop_code", String(80), nullable=False),
    Column("started_at", DateTime(timezone=True), nullable=False, index=True),
    Column("ended_at", DateTime(timezone=True)),
    Column("duration_s", Float),
    Column("steps", Integer, nullable=False),
    Column("steps_failed", Integer, nullable=False),
    Column("conflicts", Integer, nullable=False),
    Column("recoveries", Integer, nullable=False),
    Column("decisions", Integer, nullable=False),
)

STEPS = Table(
    "steps",
    METADATA,
    Column("run_id", String(63), ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("step_id", String(63), primary_key=True),
    Column("repository_id", String(64), nullable=False),
    Column("name", Text, nullable=False, comment="the step's id; parts of a group share one"),
    Column("signature", String(120), nullable=False),
    Column("kind", String(100), nullable=False),
    Column("outcome", String(40), nullable=False),
    Column("executions", Integer, nullable=False),
    Column("started_at", DateTime(timezone=True)),
    Column("ended_at", DateTime(timezone=True)),
    Column("duration_s", Float, comment="of the last execution; null where it did not run in this run"),
    Column("commit", String(64), nullable=False),
    Index(None, "repository_id", "signature", "name", "ended_at"),
    Index(None, "kind", "repository_id", "ended_at"),
    Index(None, "kind", "ended_at"),
)

ATTEMPTS = Table(
    "attempts",
    METADATA,
    Column("run_id", String(63), ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    Column("step_id", String(63), primary_key=True),
    Column("execution", Integer, primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("outcome", String(40), nullable=False),
    Column("failure_kind", String(40), nullable=False),
    Column("agent", Text, nullable=False),
    Column("started_at", DateTime(timezone=True)),
    Column("duration_s", Float),
)

SPENDS = Table(
    "spends",
    METADATA,
    Column("lease_id", String(200), primary_key=True),
    Column("stage", String(10), primary_key=True, comment="begun or settled; rows are only ever added"),
    Column("run_id", String(63), nullable=False, index=True),
    Column("what", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("estimated_tokens", BigInteger, nullable=False),
    Column("estimated_micro_usd", BigInteger, nullable=False),
    Column("estimated_requests", BigInteger, nullable=False),
    Column("tokens_in", BigInteger),
    Column("cached_read", BigInteger),
    Column("cache_write", BigInteger),
    Column("tokens_out", BigInteger),
    Column("requests", BigInteger),
    Column("known_micro_usd", BigInteger, comment="null where the price is not known"),
    Column("at", DateTime(timezone=True), nullable=False),
)
