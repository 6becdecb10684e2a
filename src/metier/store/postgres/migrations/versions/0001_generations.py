"""The indexes of an expert: the one in use, and those that are built beside it. The tables of each are made with it
(`generations.py`).

Revision ID: 0001
Revises:
"""

from __future__ import annotations

from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE store_generations (
            id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
            identity jsonb NOT NULL,
            state text NOT NULL CHECK (state IN ('building', 'current', 'old')),
            numbers integer NOT NULL DEFAULT 0,
            segments integer NOT NULL DEFAULT 0,
            begins timestamptz,
            written timestamptz,
            ann jsonb
        )
        """
    )
    op.execute("CREATE UNIQUE INDEX store_current ON store_generations (state) WHERE state = 'current'")
