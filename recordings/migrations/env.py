"""Runs the migrations on the connection that the catalogue hands over. Alembic executes this."""

from alembic import context

from recordings.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
