"""When an item was deleted, so that who asks what changed is told of it.

Revision ID: 0007
Revises: 0006
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("former_items", sa.Column("deleted_at", sa.String, nullable=False, server_default=""))
