"""Run by Alembic: the revisions in `versions/`, in the transaction that `schema.py` has begun."""

from __future__ import annotations

from alembic import context

from metier.state.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
