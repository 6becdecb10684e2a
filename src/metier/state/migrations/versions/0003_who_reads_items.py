"""Items know what they really are, and who may read what was indexed of them; the next sync fills it in.

Revision ID: 0003
Revises: 0002
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("items", sa.Column("identity", sa.String, nullable=False, server_default=""))
    op.add_column("items", sa.Column("groups", sa.JSON, nullable=False, server_default="[]"))
