"""How many questions were answered and refused, and how often the exam was used to decide.

Revision ID: 0004
Revises: 0003
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "answer_counts",
        sa.Column("day", sa.String, primary_key=True),
        sa.Column("mode", sa.String, primary_key=True),
        sa.Column("adapter", sa.String, primary_key=True),
        sa.Column("answered", sa.Integer, nullable=False),
        sa.Column("refused", sa.Integer, nullable=False),
    )
    op.create_table(
        "exam_uses",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("key", sa.String, nullable=False, unique=True),
        sa.Column("what", sa.String, nullable=False),
        sa.Column("adapter", sa.String, nullable=False),
        sa.Column("questions", sa.JSON, nullable=False),
        sa.Column("at", sa.String, nullable=False),
    )
