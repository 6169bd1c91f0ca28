"""What Alembic runs: the steps, on the connection that was given."""

from __future__ import annotations

from alembic import context

from peopleparse.server.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite changes a table by making it anew
    compare_type=True,
)
context.run_migrations()
