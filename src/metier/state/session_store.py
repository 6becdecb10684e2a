"""What the servers of one expert share of those who signed in on the page: a secret, and which sessions were ended."""

from __future__ import annotations

import secrets
import time

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from metier.state.place import open_database
from metier.state.postgres_state import PostgresState
from metier.state.tables import ended_sessions, session_secrets

_NAME = "page"


class SessionStore:
    """In the state at `place`. Everything raises `StoreError`."""

    def __init__(self, place: PostgresState) -> None:
        self.name = place.namespace
        self._database = open_database(place)

    def secret(self) -> bytes:
        """What sessions are signed with; whoever asks first makes it. Deleting it signs everybody out."""
        made = {"name": _NAME, "secret": secrets.token_hex(32)}
        with self._database.writing(noted=False) as connection:
            connection.execute(insert(session_secrets).values(made).on_conflict_do_nothing())
            kept = connection.execute(sa.select(session_secrets.c.secret).where(session_secrets.c.name == _NAME))
            return bytes.fromhex(kept.scalar_one())

    def end(self, nonce: str, expires: int) -> None:
        """`expires`: seconds since 1970, after which nobody asks for it."""
        with self._database.writing(noted=False) as connection:
            connection.execute(sa.delete(ended_sessions).where(ended_sessions.c.expires < int(time.time())))
            connection.execute(insert(ended_sessions).values(nonce=nonce, expires=expires).on_conflict_do_nothing())

    def is_ended(self, nonce: str) -> bool:
        return bool(self._database.read(sa.select(ended_sessions.c.nonce).where(ended_sessions.c.nonce == nonce)))
