"""How often an item was tried in vain and when it is tried again, and who may read old versions of what is gone.

Revision ID: 0006
Revises: 0005
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("items", sa.Column("tries", sa.Integer, nullable=False, server_default="0"))
    op.add_column("items", sa.Column("next_try", sa.String, nullable=False, server_default=""))
    op.create_table(
        "former_items",
        sa.Column("uri", sa.String, primary_key=True),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("identity", sa.String, nullable=False),
        sa.Column("groups", sa.JSON, nullable=False),
    )
