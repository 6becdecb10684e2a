"""All that Métier remembers of an expert beside its passages, as tables. Their history is in `migrations/`."""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

items = sa.Table(
    "items",
    metadata,
    sa.Column("uri", sa.String, primary_key=True),
    sa.Column("source", sa.String, nullable=False),
    sa.Column("version", sa.String, nullable=False),
    sa.Column("signature", sa.String, nullable=False),
    sa.Column("content_hash", sa.String, nullable=False),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("reason", sa.String, nullable=False),
    sa.Column("passages", sa.Integer, nullable=False),
    sa.Column("synced_at", sa.String, nullable=False),
    sa.Column("identity", sa.String, nullable=False, server_default=""),
    sa.Column("groups", sa.JSON, nullable=False, server_default="[]"),
    sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
    sa.Column("next_try", sa.String, nullable=False, server_default=""),
)
former_items = sa.Table(
    "former_items",
    metadata,
    sa.Column("uri", sa.String, primary_key=True),
    sa.Column("source", sa.String, nullable=False),
    sa.Column("identity", sa.String, nullable=False),
    sa.Column("groups", sa.JSON, nullable=False),
    sa.Column("deleted_at", sa.String, nullable=False, server_default=""),
)
history = sa.Table(
    "history",
    metadata,
    sa.Column("uri", sa.String, primary_key=True),
    sa.Column("bytes_hash", sa.String, nullable=False),
    sa.Column("added_at", sa.String, nullable=False),
    sa.Column("changed_at", sa.String, nullable=False),
)
syncs = sa.Table(
    "syncs",
    metadata,
    sa.Column("ended_at", sa.String, primary_key=True),
    sa.Column("added", sa.Integer, nullable=False),
    sa.Column("changed", sa.Integer, nullable=False),
    sa.Column("deleted", sa.Integer, nullable=False),
    sa.Column("unchanged", sa.Integer, nullable=False),
    sa.Column("failed", sa.Integer, nullable=False),
    sa.Column("passages", sa.Integer, nullable=False),
    sa.Column("seconds", sa.Float, nullable=False),
)
feedback = sa.Table(
    "feedback",
    metadata,
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
corrections = sa.Table(
    "corrections",
    metadata,
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
actions = sa.Table(
    "actions",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("correction", sa.String, sa.ForeignKey("corrections.id"), nullable=False, index=True),
    sa.Column("action", sa.String, nullable=False),
    sa.Column("who", sa.String, nullable=False),
    sa.Column("at", sa.String, nullable=False),
    sa.Column("why", sa.String, nullable=False),
    sa.Column("detail", sa.JSON, nullable=False),
)
keys = sa.Table(
    "keys",
    metadata,
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
promotions = sa.Table(
    "promotions",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("action", sa.String, nullable=False),
    sa.Column("adapter", sa.String, nullable=False),
    sa.Column("at", sa.String, nullable=False),
)
answer_counts = sa.Table(
    "answer_counts",
    metadata,
    sa.Column("day", sa.String, primary_key=True),
    sa.Column("mode", sa.String, primary_key=True),
    sa.Column("adapter", sa.String, primary_key=True),
    sa.Column("answered", sa.Integer, nullable=False),
    sa.Column("refused", sa.Integer, nullable=False),
)
exam_uses = sa.Table(
    "exam_uses",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("key", sa.String, nullable=False, unique=True),
    sa.Column("what", sa.String, nullable=False),
    sa.Column("adapter", sa.String, nullable=False),
    sa.Column("questions", sa.JSON, nullable=False),
    sa.Column("at", sa.String, nullable=False),
)
flow_runs = sa.Table(
    "flow_runs",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("state", sa.String, nullable=False),
    sa.Column("outcome", sa.String, nullable=False),
    sa.Column("reason", sa.String, nullable=False),
    sa.Column("production", sa.String, nullable=False),
    sa.Column("candidate", sa.String, nullable=False),
    sa.Column("began", sa.String, nullable=False),
    sa.Column("ended", sa.String, nullable=False),
)
flow_steps = sa.Table(
    "flow_steps",
    metadata,
    sa.Column("run", sa.Integer, sa.ForeignKey("flow_runs.number"), primary_key=True),
    sa.Column("step", sa.String, primary_key=True),
    sa.Column("began", sa.String, nullable=False),
    sa.Column("ended", sa.String, nullable=False),
    sa.Column("result", sa.JSON, nullable=False),
)
