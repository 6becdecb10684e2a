"""What several servers of one expert share. A file needs none of it: the system keeps its locks, and tells of changes.

Revision ID: 0008
Revises: 0007
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
_TABLES = (
    "items", "former_items", "history", "syncs", "feedback", "corrections", "actions", "keys", "promotions",
    "answer_counts", "exam_uses", "flow_runs", "flow_steps",
)  # fmt: skip


def upgrade() -> None:
    connection = op.get_bind()
    if connection.dialect.name != "postgresql":
        return
    inspector = sa.inspect(connection)
    for table in _TABLES:
        for column in inspector.get_columns(table):
            if isinstance(column["type"], sa.String):
                op.execute(f'ALTER TABLE {table} ALTER COLUMN "{column["name"]}" TYPE VARCHAR COLLATE "C"')
    text = sa.String(collation="C")
    changes = op.create_table(
        "state_changes",
        sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    )
    op.bulk_insert(changes, [{"number": 1}])
    op.create_table(
        "lock_holders",
        sa.Column("name", text, primary_key=True),
        sa.Column("command", text, nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("host", text, nullable=False),
        sa.Column("since", text, nullable=False),
    )
    op.create_table(
        "rate_limits",
        sa.Column("key", text, primary_key=True),
        sa.Column("full_at", sa.Float, nullable=False),
    )
    op.create_table(
        "session_secrets",
        sa.Column("name", text, primary_key=True),
        sa.Column("secret", text, nullable=False),
    )
    op.create_table(
        "ended_sessions",
        sa.Column("nonce", text, primary_key=True),
        sa.Column("expires", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "learned_files",
        sa.Column("name", text, primary_key=True),
        sa.Column("content", text, nullable=False),
    )
