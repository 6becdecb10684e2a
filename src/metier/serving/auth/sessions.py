"""Signed in on the page: a cookie that stands for a key, so that the secret itself is typed once and kept nowhere.

    KEY-ID.EXPIRES.NONCE.SIGNATURE        HttpOnly, SameSite=Strict, Secure behind https

Signed with a secret of this process: a restart signs everyone out, and nothing about sessions is on disk. Where several
servers share a state, the secret and the sessions that were ended are in it (`SessionStore`): who signed in at one is
signed in at all. The key is looked up at every request, so a session ends with its key.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import Response

if TYPE_CHECKING:
    from metier.state.session_store import SessionStore

_LASTS = 12 * 3600  # seconds


@dataclass(frozen=True, slots=True)
class Session:
    """`expires`: seconds since 1970."""

    key_id: str
    expires: int
    nonce: str


class Sessions:
    """`name`: of the cookie, its beginning. `clock`: seconds since 1970. `shared`: by all servers of the expert, None =
    this process is alone. Raises `StoreError` where what is shared cannot be read or written."""

    def __init__(
        self,
        name: str = "metier_session",
        clock: Callable[[], float] = time.time,
        shared: SessionStore | None = None,
    ) -> None:
        self.name = name
        self._clock, self._shared = clock, shared
        self._secret = secrets.token_bytes(32) if shared is None else shared.secret()
        self._ended: dict[str, int] = {}  # nonce to expiry of those who signed out; after it the cookie is void anyway

    def begin(self, key_id: str) -> str:
        """The cookie's value for a new session of a key."""
        said = f"{key_id}.{int(self._clock()) + _LASTS}.{secrets.token_urlsafe(16)}"
        return f"{said}.{self._sign('session', said)}"

    def read(self, cookie: str) -> Session | None:
        """The session that a cookie stands for, be it over or not; None for a cookie that this process did not make:
        it is from before a restart, of another server on this host, or forged."""
        said, _, signature = cookie.rpartition(".")
        if not hmac.compare_digest(self._sign("session", said).encode(), signature.encode()):
            return None
        key_id, expires, nonce = said.split(".")
        return Session(key_id, int(expires), nonce)

    def cookie_name(self, port: int | None) -> str:
        """Cookies do not tell ports apart: two experts side by side would sign each other out, while servers of one
        expert may have any. `port`: of this server."""
        told_by = port if self._shared is None else self._shared.name
        return self.name if told_by is None else f"{self.name}_{told_by}"

    def is_over(self, session: Session) -> bool:
        if session.nonce in self._ended or self._clock() >= session.expires:
            return True
        return self._shared is not None and self._shared.is_ended(session.nonce)

    def end(self, session: Session) -> None:
        now = self._clock()
        self._ended = {nonce: expires for nonce, expires in self._ended.items() if expires > now}
        self._ended[session.nonce] = session.expires
        if self._shared is not None:
            self._shared.end(session.nonce, session.expires)

    def form_token(self, session: Session | None) -> str:
        """What a form of the page carries to show that it came from the page, of this session; None = of the owner."""
        return self._sign("form", session.nonce if session else "owner")

    def put(self, response: Response, name: str, cookie: str, *, path: str, secure: bool) -> None:
        """Set the cookie. `path`: below which the browser sends it; `secure`: over https only."""
        response.set_cookie(name, cookie, max_age=_LASTS, path=path, secure=secure, httponly=True, samesite="strict")

    def remove(self, response: Response, name: str, *, path: str, secure: bool) -> None:
        response.delete_cookie(name, path=path, secure=secure, httponly=True, samesite="strict")

    def _sign(self, purpose: str, said: str) -> str:
        return hmac.new(self._secret, f"{purpose}:{said}".encode(), hashlib.sha256).hexdigest()
