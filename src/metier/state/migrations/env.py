"""Run by Alembic: the revisions in `versions/`, in the transaction that who calls it has begun."""

from __future__ import annotations

from alembic import context

from metier.state.tables import metadata

given = context.config.attributes
context.configure(connection=given["connection"], target_metadata=metadata, version_table=given["versions"])
context.run_migrations()
