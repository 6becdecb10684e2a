"""The catalog as it was before revisions were kept: nothing to do but to make what is missing of it.

Revision ID: 0001
Revises:
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "items",
        sa.Column("uri", sa.String, primary_key=True),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("version", sa.String, nullable=False),
        sa.Column("signature", sa.String, nullable=False),
        sa.Column("content_hash", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("passages", sa.Integer, nullable=False),
        sa.Column("synced_at", sa.String, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "history",
        sa.Column("uri", sa.String, primary_key=True),
        sa.Column("bytes_hash", sa.String, nullable=False),
        sa.Column("added_at", sa.String, nullable=False),
        sa.Column("changed_at", sa.String, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "syncs",
        sa.Column("ended_at", sa.String, primary_key=True),
        sa.Column("added", sa.Integer, nullable=False),
        sa.Column("changed", sa.Integer, nullable=False),
        sa.Column("deleted", sa.Integer, nullable=False),
        sa.Column("unchanged", sa.Integer, nullable=False),
        sa.Column("failed", sa.Integer, nullable=False),
        sa.Column("passages", sa.Integer, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
        if_not_exists=True,
    )
