"""Corrections, thumbs, keys and promotions come to the catalog, from the files that each had of its own.

Revision ID: 0002
Revises: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op

from metier.state.earlier_files import read

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    feedback = op.create_table(
        "feedback",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("thumb", sa.String, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("question", sa.String, nullable=False),
        sa.Column("answer", sa.String, nullable=False),
        sa.Column("mode", sa.String, nullable=False),
        sa.Column("adapter", sa.String),
        sa.Column("citations", sa.JSON, nullable=False),
        sa.Column("who", sa.String, nullable=False),
        sa.Column("at", sa.String, nullable=False),
    )
    corrections = op.create_table(
        "corrections",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("id", sa.String, nullable=False, unique=True),
        sa.Column("question", sa.String, nullable=False),
        sa.Column("answer", sa.String, nullable=False),
        sa.Column("change", sa.String, nullable=False),
        sa.Column("passage", sa.JSON, nullable=False),
        sa.Column("source", sa.JSON, nullable=False),
        sa.Column("text", sa.String, nullable=False),
        sa.Column("groups", sa.JSON, nullable=False),
        sa.Column("why", sa.String, nullable=False),
        sa.Column("who", sa.String, nullable=False),
        sa.Column("at", sa.String, nullable=False),
    )
    actions = op.create_table(
        "actions",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("correction", sa.String, sa.ForeignKey("corrections.id"), nullable=False, index=True),
        sa.Column("action", sa.String, nullable=False),
        sa.Column("who", sa.String, nullable=False),
        sa.Column("at", sa.String, nullable=False),
        sa.Column("why", sa.String, nullable=False),
        sa.Column("detail", sa.JSON, nullable=False),
    )
    keys = op.create_table(
        "keys",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("id", sa.String, nullable=False, unique=True),
        sa.Column("hash", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("groups", sa.JSON),
        sa.Column("scopes", sa.JSON, nullable=False),
        sa.Column("created", sa.String, nullable=False),
        sa.Column("expires", sa.String),
        sa.Column("revoked", sa.String),
        sa.Column("last_used", sa.String),
        sa.Column("rate", sa.Integer),
    )
    promotions = op.create_table(
        "promotions",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("action", sa.String, nullable=False),
        sa.Column("adapter", sa.String, nullable=False),
        sa.Column("at", sa.String, nullable=False),
    )
    folder = context.config.attributes["folder"]
    if folder is None:
        return
    given = read(folder)
    for table in (feedback, corrections, actions, keys, promotions):
        if rows := given[table.name]:
            op.bulk_insert(table, rows)
