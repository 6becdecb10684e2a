"""Run by Alembic: the revisions in `versions/`, in the transaction that `opening.py` has begun."""

from __future__ import annotations

from alembic import context

given = context.config.attributes
context.configure(connection=given["connection"], version_table=given["version_table"])
context.run_migrations()
