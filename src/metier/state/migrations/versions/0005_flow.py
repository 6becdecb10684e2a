"""Runs of the flow, and their steps.

Revision ID: 0005
Revises: 0004
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "flow_runs",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("outcome", sa.String, nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("production", sa.String, nullable=False),
        sa.Column("candidate", sa.String, nullable=False),
        sa.Column("began", sa.String, nullable=False),
        sa.Column("ended", sa.String, nullable=False),
    )
    op.create_table(
        "flow_steps",
        sa.Column("run", sa.Integer, sa.ForeignKey("flow_runs.number"), primary_key=True),
        sa.Column("step", sa.String, primary_key=True),
        sa.Column("began", sa.String, nullable=False),
        sa.Column("ended", sa.String, nullable=False),
        sa.Column("result", sa.JSON, nullable=False),
    )
