"""Runs, steps and attempts."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    _create_runs()
    _create_steps()
    _create_attempts()


def _create_runs() -> None:
    op.create_table(
        "runs",
        sa.Column("id", sa.String(63), nullable=False),
        sa.Column("repository_id", sa.String(64), nullable=False),
        sa.Column("repository", sa.Text, nullable=False),
        sa.Column("headline", sa.Text, nullable=False),
        sa.Column("task_type", sa.String(40), nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("outcome", sa.String(40), nullable=False),
        sa.Column("stop_code", sa.String(80), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("duration_s", sa.Float),
        sa.Column("steps", sa.Integer, nullable=False),
        sa.Column("steps_failed", sa.Integer, nullable=False),
        sa.Column("conflicts", sa.Integer, nullable=False),
        sa.Column("recoveries", sa.Integer, nullable=False),
        sa.Column("decisions", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_runs"),
    )
    op.create_index("ix_runs_repository_id", "runs", ["repository_id"])
    op.create_index("ix_runs_started_at", "runs", ["started_at"])


def _create_steps() -> None:
    op.create_table(
        "steps",
        sa.Column("run_id", sa.String(63), nullable=False),
        sa.Column("step_id", sa.String(63), nullable=False),
        sa.Column("repository_id", sa.String(64), nullable=False),
        sa.Column("name", sa.Text, nullable=False, comment="the step's id; parts of a group share one"),
        sa.Column("signature", sa.String(120), nullable=False),
        sa.Column("kind", sa.String(100), nullable=False),
        sa.Column("outcome", sa.String(40), nullable=False),
        sa.Column("executions", sa.Integer, nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True)),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("duration_s", sa.Float, comment="of the last execution; null where it did not run in this run"),
        sa.Column("commit", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("run_id", "step_id", name="pk_steps"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_steps_runs", ondelete="CASCADE"),
    )
    for columns in (
        ["repository_id", "signature", "name", "ended_at"],
        ["kind", "repository_id", "ended_at"],
        ["kind", "ended_at"],
    ):
        op.create_index(f"ix_steps_{'_'.join(columns)}", "steps", columns)


def _create_attempts() -> None:
    op.create_table(
        "attempts",
        sa.Column("run_id", sa.String(63), nullable=False),
        sa.Column("step_id", sa.String(63), nullable=False),
        sa.Column("execution", sa.Integer, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("outcome", sa.String(40), nullable=False),
        sa.Column("failure_kind", sa.String(40), nullable=False),
        sa.Column("agent", sa.Text, nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True)),
        sa.Column("duration_s", sa.Float),
        sa.PrimaryKeyConstraint("run_id", "step_id", "execution", "attempt", name="pk_attempts"),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name="fk_attempts_runs", ondelete="CASCADE"),
    )
