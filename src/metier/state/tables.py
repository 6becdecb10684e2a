"""All that Métier remembers of an expert beside its passages, as tables. Their history is in `migrations/`.

`metadata`: those of every state; `of_server`: what several servers share beside them, in a PostgreSQL alone.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa


class StateText(sa.TypeDecorator[str]):
    """Compared by code points in every database. PostgreSQL keeps no NUL in a text: another sign stands for it."""

    impl = sa.String
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        return dialect.type_descriptor(sa.String(collation="C") if dialect.name == "postgresql" else sa.String())

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        return value.replace("\0", "\ufffd") if value and dialect.name == "postgresql" else value


metadata = sa.MetaData()

items = sa.Table(
    "items",
    metadata,
    sa.Column("uri", StateText, primary_key=True),
    sa.Column("source", StateText, nullable=False),
    sa.Column("version", StateText, nullable=False),
    sa.Column("signature", StateText, nullable=False),
    sa.Column("content_hash", StateText, nullable=False),
    sa.Column("state", StateText, nullable=False),
    sa.Column("reason", StateText, nullable=False),
    sa.Column("passages", sa.Integer, nullable=False),
    sa.Column("synced_at", StateText, nullable=False),
    sa.Column("identity", StateText, nullable=False, server_default=""),
    sa.Column("groups", sa.JSON, nullable=False, server_default="[]"),
    sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
    sa.Column("next_try", StateText, nullable=False, server_default=""),
)
former_items = sa.Table(
    "former_items",
    metadata,
    sa.Column("uri", StateText, primary_key=True),
    sa.Column("source", StateText, nullable=False),
    sa.Column("identity", StateText, nullable=False),
    sa.Column("groups", sa.JSON, nullable=False),
    sa.Column("deleted_at", StateText, nullable=False, server_default=""),
)
history = sa.Table(
    "history",
    metadata,
    sa.Column("uri", StateText, primary_key=True),
    sa.Column("bytes_hash", StateText, nullable=False),
    sa.Column("added_at", StateText, nullable=False),
    sa.Column("changed_at", StateText, nullable=False),
)
syncs = sa.Table(
    "syncs",
    metadata,
    sa.Column("ended_at", StateText, primary_key=True),
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
    sa.Column("thumb", StateText, nullable=False),
    sa.Column("reason", StateText, nullable=False),
    sa.Column("question", StateText, nullable=False),
    sa.Column("answer", StateText, nullable=False),
    sa.Column("mode", StateText, nullable=False),
    sa.Column("adapter", StateText),
    sa.Column("citations", sa.JSON, nullable=False),
    sa.Column("who", StateText, nullable=False),
    sa.Column("at", StateText, nullable=False),
)
corrections = sa.Table(
    "corrections",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("id", StateText, nullable=False, unique=True),
    sa.Column("question", StateText, nullable=False),
    sa.Column("answer", StateText, nullable=False),
    sa.Column("change", StateText, nullable=False),
    sa.Column("passage", sa.JSON, nullable=False),
    sa.Column("source", sa.JSON, nullable=False),
    sa.Column("text", StateText, nullable=False),
    sa.Column("groups", sa.JSON, nullable=False),
    sa.Column("why", StateText, nullable=False),
    sa.Column("who", StateText, nullable=False),
    sa.Column("at", StateText, nullable=False),
)
actions = sa.Table(
    "actions",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("correction", StateText, sa.ForeignKey("corrections.id"), nullable=False, index=True),
    sa.Column("action", StateText, nullable=False),
    sa.Column("who", StateText, nullable=False),
    sa.Column("at", StateText, nullable=False),
    sa.Column("why", StateText, nullable=False),
    sa.Column("detail", sa.JSON, nullable=False),
)
keys = sa.Table(
    "keys",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("id", StateText, nullable=False, unique=True),
    sa.Column("hash", StateText, nullable=False),
    sa.Column("name", StateText, nullable=False),
    sa.Column("groups", sa.JSON),
    sa.Column("scopes", sa.JSON, nullable=False),
    sa.Column("created", StateText, nullable=False),
    sa.Column("expires", StateText),
    sa.Column("revoked", StateText),
    sa.Column("last_used", StateText),
    sa.Column("rate", sa.Integer),
)
promotions = sa.Table(
    "promotions",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("action", StateText, nullable=False),
    sa.Column("adapter", StateText, nullable=False),
    sa.Column("at", StateText, nullable=False),
)
answer_counts = sa.Table(
    "answer_counts",
    metadata,
    sa.Column("day", StateText, primary_key=True),
    sa.Column("mode", StateText, primary_key=True),
    sa.Column("adapter", StateText, primary_key=True),
    sa.Column("answered", sa.Integer, nullable=False),
    sa.Column("refused", sa.Integer, nullable=False),
)
exam_uses = sa.Table(
    "exam_uses",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("key", StateText, nullable=False, unique=True),
    sa.Column("what", StateText, nullable=False),
    sa.Column("adapter", StateText, nullable=False),
    sa.Column("questions", sa.JSON, nullable=False),
    sa.Column("at", StateText, nullable=False),
)
flow_runs = sa.Table(
    "flow_runs",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("state", StateText, nullable=False),
    sa.Column("outcome", StateText, nullable=False),
    sa.Column("reason", StateText, nullable=False),
    sa.Column("production", StateText, nullable=False),
    sa.Column("candidate", StateText, nullable=False),
    sa.Column("began", StateText, nullable=False),
    sa.Column("ended", StateText, nullable=False),
)
flow_steps = sa.Table(
    "flow_steps",
    metadata,
    sa.Column("run", sa.Integer, sa.ForeignKey("flow_runs.number"), primary_key=True),
    sa.Column("step", StateText, primary_key=True),
    sa.Column("began", StateText, nullable=False),
    sa.Column("ended", StateText, nullable=False),
    sa.Column("result", sa.JSON, nullable=False),
)

of_server = sa.MetaData()

state_changes = sa.Table(
    "state_changes",
    of_server,
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
)
lock_holders = sa.Table(
    "lock_holders",
    of_server,
    sa.Column("name", StateText, primary_key=True),
    sa.Column("command", StateText, nullable=False),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("host", StateText, nullable=False),
    sa.Column("since", StateText, nullable=False),
)
rate_limits = sa.Table(
    "rate_limits",
    of_server,
    sa.Column("key", StateText, primary_key=True),
    sa.Column("full_at", sa.Float, nullable=False),
)
session_secrets = sa.Table(
    "session_secrets",
    of_server,
    sa.Column("name", StateText, primary_key=True),
    sa.Column("secret", StateText, nullable=False),
)
ended_sessions = sa.Table(
    "ended_sessions",
    of_server,
    sa.Column("nonce", StateText, primary_key=True),
    sa.Column("expires", sa.BigInteger, nullable=False),
)
learned_files = sa.Table(
    "learned_files",
    of_server,
    sa.Column("name", StateText, primary_key=True),
    sa.Column("content", StateText, nullable=False),
)
