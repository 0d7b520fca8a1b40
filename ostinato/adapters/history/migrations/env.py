"""Run by Alembic. The caller gives the connection and owns the transaction."""

from alembic import context

from ostinato.adapters.history.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=True,
    render_as_batch=True,
)
context.run_migrations()
