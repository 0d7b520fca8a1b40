"""What was spent, lease by lease."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "spends",
        sa.Column("lease_id", sa.String(200), nullable=False),
        sa.Column("stage", sa.String(10), nullable=False, comment="begun or settled; rows are only ever added"),
        sa.Column("run_id", sa.String(63), nullable=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("estimated_tokens", sa.BigInteger, nullable=False),
        sa.Column("estimated_micro_usd", sa.BigInteger, nullable=False),
        sa.Column("estimated_requests", sa.BigInteger, nullable=False),
        sa.Column("tokens_in", sa.BigInteger),
        sa.Column("cached_read", sa.BigInteger),
        sa.Column("cache_write", sa.BigInteger),
        sa.Column("tokens_out", sa.BigInteger),
        sa.Column("requests", sa.BigInteger),
        sa.Column("known_micro_usd", sa.BigInteger, comment="null where the price is not known"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("lease_id", "stage", name="pk_spends"),
    )
    op.create_index("ix_spends_run_id", "spends", ["run_id"])
