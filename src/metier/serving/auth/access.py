"""Who calls, what they may do, and which documents they may see.

    Authorization: Bearer mtr_…                          ─▶ the key's groups and scopes
    the page's session cookie                            ─▶ those of the key, or the owner, that signed in
    Authorization: Bearer own_…, from this machine       ─▶ the owner: all documents, all scopes
    neither, from this machine, with `open_loopback`     ─▶ the owner

Whoever can open the expert's folder needs no server to read it, so nobody has to make a key to try their own expert: a
file in it holds the owner's token (`owner_token`), and the address that `metier serve` prints has it as well. Four
things must not pass for the owner:

- Another account of this machine, which can connect but not read that file.
- A reverse proxy on this machine, whose connections come from loopback whoever is behind it. A request that was
  forwarded says so in its headers, or asks for a host that is not loopback, and needs a key, token or not. A proxy that
  adds no header and rewrites Host to 127.0.0.1 (nginx with a bare `proxy_pass`) has no token to show.
- A web site that the owner visits, whose scripts and forms the browser sends from loopback, too. What a browser says
  came from another site is refused, for the owner and for session cookies alike.
- A name that its owner points at 127.0.0.1 (DNS rebinding): the host asked for must be loopback by name.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import Response

from metier.core.errors import InputError, MetierError
from metier.core.groups import may_read, required_by
from metier.serving.auth.keys import SCOPES, Key, Keys
from metier.serving.auth.limits import RateLimiter
from metier.serving.auth.sessions import Session, Sessions
from metier.serving.http import hosts
from metier.serving.http.path_prefix import cookie_of
from metier.store.base import Filter

FORM_TOKEN = "csrf_token"  # noqa: S105 - the field of a form
FORM_TOKEN_HEADER = "X-CSRF-Token"  # noqa: S105 - or this header, from a script of the page
_SAFE = ("GET", "HEAD", "OPTIONS")
_PORTS = {"http": ":80", "https": ":443"}
_OWNER_SESSION = "owner"  # in place of a key's id, which is hexadecimal
# What proxies, load balancers and networks that deliver content add, and no browser and no library of ours does.
_FORWARDED = re.compile(
    r"""forwarded(-.*)? | via | .*-(ip|addr|address|ipaddress)
    | x-(forward|origin|real|remote|proxy|cluster|backend|upstream|host|scheme|ssl|coming-from|waf|edge|cdn|varnish
        |nginx|haproxy|traefik|envoy|amzn|amz-cf|azure|arr|appgw|appengine|cloud|google|gfe|akamai|fastly|sucuri|incap
        |tailscale|vercel|nf|fly|render|railway).*
    | (proxy|wl-proxy|cdn|cf|cloudfront|true-client|client|remote|front-end|fastly|fly|akamai|ali|incap
        |tailscale)-.*""",
    re.VERBOSE,
)


class Denied(MetierError):
    """A request that is turned away. `status`: of HTTP; `headers`: to send along."""

    status: ClassVar[int] = 403

    @property
    def headers(self) -> dict[str, str]:
        return {}


class Unauthorized(Denied):
    """Nobody knows who calls. Does not say whether the id or the secret was wrong, or the key has ended."""

    status = 401

    def __init__(self) -> None:
        super().__init__(
            "no valid key came with the request",
            hint="Send `Authorization: Bearer mtr_…`, sign in, or, on your own machine, open the address that "
            "`metier serve` prints.",
        )

    @property
    def headers(self) -> dict[str, str]:
        return {"WWW-Authenticate": 'Bearer realm="metier"'}


class Forbidden(Denied):
    """It is known who calls, and they may not do this."""


class TooManyRequests(Denied):
    """The key has spent its minute. `retry_after`: seconds."""

    status = 429

    def __init__(self, rate: int, retry_after: int) -> None:
        super().__init__(f"this key may ask {rate} times a minute", hint=f"Come again in {retry_after} s.")
        self.rate, self.retry_after = rate, retry_after

    def __reduce__(self) -> tuple[type[Self], tuple[int, int]]:
        return type(self), (self.rate, self.retry_after)

    @property
    def headers(self) -> dict[str, str]:
        return {"Retry-After": str(self.retry_after)}


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls. `groups`: documents without groups and with one of these are seen, None = all documents.
    `key_id`: None for the owner. `rate`: requests per minute, None = as many as come."""

    name: str
    groups: tuple[str, ...] | None
    scopes: frozenset[str]
    key_id: str | None
    rate: int | None = None

    @property
    def share(self) -> str:
        """Whose the places are that this caller's requests take."""
        return self.key_id or self.name

    def document_filter(self) -> Filter | None:
        """What every search, question and document view of this caller must be given."""
        return None if self.groups is None else Filter(groups=self.groups)

    def may(self, scope: str) -> bool:
        return scope in self.scopes

    def may_read(self, groups: Sequence[str]) -> bool:
        """Whether a document with these groups may be shown: the rule of `document_filter`, for one that is at hand."""
        return may_read(self.groups, required_by([groups]))


OWNER = Caller("owner", None, frozenset(SCOPES), None)


@dataclass(frozen=True, slots=True)
class _Shown:
    """Who calls, and by what: a browser sends the session, and what makes the owner, without being asked."""

    caller: Caller
    session: Session | None
    by_itself: bool


class Access:
    """Decides about every request. Reads one row of `keys` each time, so call it in a thread where that may not wait.

    `owner_token`: what makes a request from this machine the owner's; `open_loopback`: whether none is needed for that.
    Give None and False where the server listens on any other address, because what comes from loopback there is as a
    rule a proxy.
    """

    def __init__(
        self,
        keys: Keys,
        sessions: Sessions | None = None,
        limits: RateLimiter | None = None,
        *,
        owner_token: str | None = None,
        open_loopback: bool = False,
    ) -> None:
        self._keys = keys
        self._sessions = Sessions() if sessions is None else sessions
        self._limits = RateLimiter() if limits is None else limits
        self._owner_token, self._open_loopback = owner_token, open_loopback

    def caller(self, connection: HTTPConnection) -> Caller:
        """Who calls. Raises `Unauthorized`, and `Forbidden` for what another site made the browser send."""
        caller = connection.state.caller = self._shown(connection).caller
        return caller

    def admit(self, connection: HTTPConnection, scope: str) -> Caller:
        """Who calls, when they may do this; it counts against the key's rate. Raises as `caller`, `TooManyRequests`,
        and `Forbidden` without the scope."""
        caller = self.caller(connection)
        if caller.key_id is not None and caller.rate is not None:
            wait = self._limits.take(caller.key_id, caller.rate)
            if wait:
                raise TooManyRequests(caller.rate, wait)
        if not caller.may(scope):
            raise Forbidden(
                f"the key {caller.name!r} may not do this",
                hint=f"It takes a key made with `metier keys create … --scopes {scope}`.",
            )
        return caller

    def sign_in(self, connection: HTTPConnection, response: Response, secret: str) -> Caller:
        """Give the browser a session of the key with this secret, or of the owner whose token it is. Raises as
        `caller`."""
        if self._is_owners(secret.strip()):
            return self.sign_owner_in(connection, response, secret)
        _refuse_foreign(connection, strictly=False)
        key = self._keys.check(secret.strip())
        if key is None:
            raise Unauthorized
        self._begin(connection, response, key.id)
        return _caller(key)

    def sign_owner_in(self, connection: HTTPConnection, response: Response, token: str) -> Caller:
        """Give the browser the owner's session for their token, and for nothing else: it may come in an address, where
        no key belongs. Raises as `caller`."""
        _refuse_foreign(connection, strictly=False)
        if not self._is_owners(token.strip()) or not _is_here(connection):
            raise Unauthorized
        self._begin(connection, response, _OWNER_SESSION)
        return OWNER

    def sign_out(self, connection: HTTPConnection, response: Response) -> None:
        """End the session, if there is one. Raises `Forbidden` as `caller` does."""
        _refuse_foreign(connection, strictly=False)
        session = self._session(connection)
        if session is not None:
            self._sessions.end(session)
        name, path = self._cookie(connection), connection.base_url.path
        self._sessions.remove(response, name, path=path, secure=_is_https(connection))

    def form_token(self, connection: HTTPConnection) -> str:
        """For the forms of a page that is about to be sent. Raises as `caller`."""
        shown = self._shown(connection)
        return self._sessions.form_token(shown.session) if shown.by_itself else ""

    def check_form(self, connection: HTTPConnection, token: str | None) -> None:
        """Raises `Forbidden` unless `token`, a form's field or header, was given out to this very session. A request
        with a key of its own needs none: no other site can make a browser send that. Raises as `caller`, too."""
        shown = self._shown(connection)
        if shown.by_itself and not _same(token or "", self._sessions.form_token(shown.session)):
            raise Forbidden("this form is from another session", hint="Load the page again and send it once more.")

    def _shown(self, connection: HTTPConnection) -> _Shown:
        secret, session = _bearer(connection), self._session(connection)
        if secret is not None:
            if self._is_owners(secret) and _is_here(connection):
                return _Shown(OWNER, None, by_itself=False)
            if key := self._keys.check(secret):
                return _Shown(_caller(key), None, by_itself=False)
            # A client that cannot be without a key sends any, to an expert that has none.
            if not self.is_open(connection) or self._keys.exist():
                raise Unauthorized
        elif session is not None:
            caller = self._signed_in(connection, session)
            _refuse_foreign(connection, strictly=True)
            return _Shown(caller, session, by_itself=True)
        if not self.is_open(connection):
            raise Unauthorized
        _refuse_foreign(connection, strictly=False)
        return _Shown(OWNER, None, by_itself=True)

    def _signed_in(self, connection: HTTPConnection, session: Session) -> Caller:
        if not self._sessions.is_over(session):
            if session.key_id == _OWNER_SESSION:
                if _is_here(connection):
                    return OWNER
            elif key := self._keys.active(session.key_id):
                return _caller(key)
        raise Unauthorized

    def _begin(self, connection: HTTPConnection, response: Response, key_id: str) -> None:
        name, path = self._cookie(connection), connection.base_url.path
        cookie = self._sessions.begin(key_id)
        self._sessions.put(response, name, cookie, path=path, secure=_is_https(connection))

    def _session(self, connection: HTTPConnection) -> Session | None:
        cookie = cookie_of(connection, self._cookie(connection))
        return self._sessions.read(cookie) if cookie else None

    def _cookie(self, connection: HTTPConnection) -> str:
        server = connection.scope.get("server")
        return self._sessions.cookie_name(server[1] if server else None)

    def _is_owners(self, secret: str) -> bool:
        return self._owner_token is not None and _same(secret, self._owner_token)

    def is_open(self, connection: HTTPConnection) -> bool:
        """Whether a request is the owner's without anything to show for it."""
        return self._open_loopback and _is_here(connection)


def check_binding(host: str, has_keys: bool) -> None:
    """Raises `InputError` where listening on `host` would let others in without a key. `has_keys`: whether there is an
    active one."""
    if has_keys or hosts.is_loopback(host):
        return
    raise InputError(
        f"listening on {host or 'all addresses'} would open the expert to the network, and there is no key",
        hint="Make one with `metier keys create NAME`, or listen on 127.0.0.1.",
    )


def _is_here(connection: HTTPConnection) -> bool:
    """Whether a request was made on this machine, and not forwarded from elsewhere."""
    headers, client = connection.headers, connection.client
    return (
        client is not None
        and hosts.is_loopback_address(client.host)
        and hosts.is_loopback_name(hosts.name_of(headers.get("host", "")))
        and not any(_FORWARDED.fullmatch(name) for name in headers)
    )


def _caller(key: Key) -> Caller:
    return Caller(key.name, key.groups, frozenset(key.scopes), key.id, key.rate)


def _bearer(connection: HTTPConnection) -> str | None:
    scheme, _, secret = connection.headers.get("authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else None


def _refuse_foreign(connection: HTTPConnection, *, strictly: bool) -> None:
    """Raises `Forbidden` for a request that another site made the browser send. Browsers say so in Sec-Fetch-Site
    where the address is https or loopback, and in Origin with every write. `strictly`: a write that says neither is
    refused, too; else it is no browser's."""
    headers, is_safe = connection.headers, connection.scope.get("method", "GET") in _SAFE
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None:
        is_link = is_safe and headers.get("sec-fetch-mode") == "navigate"
        is_ours = site in ("same-origin", "none") or is_link
    elif origin is not None:
        is_ours = _is_own(origin, headers.get("host", ""))
    else:
        is_ours = is_safe or not strictly
    if not is_ours:
        raise Forbidden(
            "another site sent this request", hint="Use the expert's own page. A proxy before it must pass Host on."
        )


def _is_own(origin: str, host: str) -> bool:
    """Whether an origin, `https://name:port`, is the host asked for. The scheme is not compared: a proxy that ends TLS
    is asked by https and asks by http."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return False
    usual = _PORTS.get(parts.scheme)
    return usual is not None and parts.netloc.lower().removesuffix(usual) == host.lower().removesuffix(usual)


def _is_https(connection: HTTPConnection) -> bool:
    return connection.url.scheme == "https"


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(errors="replace"), wanted.encode())
