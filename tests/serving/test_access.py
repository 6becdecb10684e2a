from __future__ import annotations

import itertools
import pickle
from pathlib import Path

import pytest
from starlette.requests import HTTPConnection
from starlette.responses import Response

from metier.serving.auth.access import OWNER, Access, Caller, Forbidden, TooManyRequests, Unauthorized
from metier.serving.auth.limits import RateLimiter
from metier.serving.auth.sessions import Sessions
from metier.store.base import Filter

HERE, THERE = "127.0.0.1", "192.0.2.7"


def asked(method: str = "GET", *, client: str | None = HERE, scheme: str = "http", **headers: str) -> HTTPConnection:
    """A request from `client` for localhost:8000, unless `host` says otherwise; `_` in a header's name is `-`."""
    headers = {"host": "localhost:8000"} | {name.replace("_", "-").lower(): value for name, value in headers.items()}
    return HTTPConnection({
        "type": "http", "method": method, "path": "/", "query_string": b"", "scheme": scheme,
        "server": ("127.0.0.1", 8000), "client": client and (client, 50000),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in headers.items()],
    })  # fmt: skip


def bearer(secret: str) -> dict[str, str]:
    return {"authorization": f"Bearer {secret}"}


@pytest.fixture
def sessions(clock) -> Sessions:
    return Sessions(clock=clock.seconds)


@pytest.fixture
def access(keys, sessions, clock) -> Access:
    return Access(keys, sessions, RateLimiter(clock.seconds), open_loopback=True)


@pytest.fixture
def sign_in(access):
    """The Cookie header of a browser that has signed in."""

    def signing(secret: str, **options) -> dict[str, str]:
        response = Response()
        access.sign_in(asked("POST", origin="http://localhost:8000", **options), response, secret)
        return {"cookie": response.headers["set-cookie"].partition(";")[0]}

    return signing


# --- callers ---------------------------------------------------------------------------------------------------


def test_what_a_caller_may_read_is_what_the_store_would_find():
    owner, public = OWNER, Caller("a", (), frozenset(), "1")
    service = Caller("b", ("service", "নিরাপত্তা"), frozenset(), "2")
    assert owner.document_filter() is None
    assert public.document_filter() == Filter(groups=())
    assert service.document_filter() == Filter(groups=("service", "নিরাপত্তা"))
    for groups, read_by in (
        ((), (owner, public, service)),
        (("service",), (owner, service)),
        (("নিরাপত্তা", "legal"), (owner, service)),
        (("legal",), (owner,)),
        (("Service",), (owner,)),
    ):
        assert [who for who in (owner, public, service) if who.may_read(groups)] == list(read_by), groups


def test_scopes_do_not_imply_each_other():
    admin = Caller("a", (), frozenset({"admin"}), "1")
    assert [scope for scope in ("ask", "feedback", "admin", "") if admin.may(scope)] == ["admin"]
    assert all(OWNER.may(scope) for scope in ("ask", "feedback", "admin"))


# --- who calls -------------------------------------------------------------------------------------------------


def test_everyone_in_every_place(access, keys, clock):
    """The whole table: from where, with what, and whether keys exist."""

    def who(**request) -> str:
        try:
            return access.caller(asked(**request)).name
        except Unauthorized:
            return "nobody"

    none = {"no secret": {}, "any word": bearer("sk-none"), "basic": {"authorization": "Basic YTpi"}}
    assert {name: who(**headers) for name, headers in none.items()} == dict.fromkeys(none, "owner")
    assert {name: who(client=THERE, **headers) for name, headers in none.items()} == dict.fromkeys(none, "nobody")

    _, good = keys.create("good")
    _, expiring = keys.create("expiring", expires=clock.time.replace(hour=13))
    revoked, ended = keys.create("revoked")
    keys.revoke(revoked.id)
    clock.go_on(3600)
    sent = none | {
        "good": bearer(good), "expired": bearer(expiring), "revoked": bearer(ended), "wrong": bearer(good[:-3] + "AAA"),
        "empty": bearer(""), "small letters": {"authorization": f"bearer {good}"},
    }  # fmt: skip
    assert {name: (who(**headers), who(client=THERE, **headers)) for name, headers in sent.items()} == {
        "no secret": ("owner", "nobody"),
        "any word": ("nobody", "nobody"),
        "basic": ("owner", "nobody"),
        "good": ("good", "good"),
        "expired": ("nobody", "nobody"),
        "revoked": ("nobody", "nobody"),
        "wrong": ("nobody", "nobody"),
        "empty": ("nobody", "nobody"),
        "small letters": ("good", "good"),
    }


def test_a_key_on_loopback_is_held_to_its_groups_and_scopes(access, keys):
    key, secret = keys.create("ক", ("খ",), ("ask",), rate=7)
    assert access.caller(asked(**bearer(secret))) == Caller("ক", ("খ",), frozenset({"ask"}), key.id, 7)


def test_revoking_the_last_key_does_not_let_any_word_in_again(access, keys):
    key, secret = keys.create("a")
    keys.revoke(key.id)
    for word in (secret, "sk-none"):
        with pytest.raises(Unauthorized):
            access.caller(asked(**bearer(word)))


# Of nginx, HAProxy, Envoy, Traefik, Apache, IIS, ngrok, Tailscale, Google, Amazon, Azure, Alibaba, Cloudflare, Fastly,
# Akamai, Imperva, Fly, Vercel, Netlify, WebLogic, and what scripts for forging addresses try.
FORWARDING = Path(__file__).with_name("forwarding_headers.txt").read_text(encoding="utf-8").split()
# Of browsers, curl, the clients of OpenAI and of agents, and of what traces them.
USUAL = Path(__file__).with_name("usual_headers.txt").read_text(encoding="utf-8").split()


@pytest.mark.parametrize("header", USUAL)
def test_what_programs_send_of_themselves_comes_from_no_proxy(access, header):
    value = {"Authorization": "Basic YTpi", "Origin": "http://localhost:8000"}.get(header, "1")
    assert access.caller(asked(**{header: value})) is OWNER


@pytest.mark.parametrize("header", FORWARDING)
def test_what_a_proxy_passes_on_is_not_the_owner(access, keys, header):
    for value in ("192.0.2.7", "127.0.0.1", ""):
        with pytest.raises(Unauthorized):
            access.caller(asked(**{header: value}))
        with pytest.raises(Unauthorized):
            access.caller(asked(**{header: value}, **bearer("sk-none")))
    _, secret = keys.create("a")
    assert access.caller(asked(**{header: "192.0.2.7"}, **bearer(secret))).name == "a"


@pytest.mark.parametrize(
    "host", ["expert.example.com", "evil.example:8000", "192.0.2.7:8000", "", "localhost.evil.com"]
)
def test_who_asks_for_another_host_is_not_the_owner(access, host):
    with pytest.raises(Unauthorized):
        access.caller(asked(host=host))


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:9", "[::1]:8000", "127.0.0.2"])
@pytest.mark.parametrize("client", ["127.0.0.1", "::1", "127.3.2.1", "::ffff:127.0.0.1"])
def test_the_owner_by_any_name_of_loopback(access, host, client):
    assert access.caller(asked(host=host, client=client)) is OWNER


@pytest.mark.parametrize("client", [None, "testclient", "localhost", "::ffff:192.0.2.7", "0.0.0.0"])
def test_what_is_no_address_of_loopback_is_not_the_owner(access, client):
    with pytest.raises(Unauthorized):
        access.caller(asked(client=client))


def test_the_owner_can_be_turned_off(keys, sign_in):
    closed = Access(keys, open_loopback=False)
    for headers in ({}, bearer("sk-none")):
        with pytest.raises(Unauthorized):
            closed.caller(asked(**headers))
    _, secret = keys.create("a")
    assert closed.caller(asked(**bearer(secret))).name == "a"


# --- what they may do ------------------------------------------------------------------------------------------


def test_scopes(access, keys):
    _, reader = keys.create("reader", scopes=("ask",))
    _, admin = keys.create("admin", scopes=("ask", "feedback", "admin"))
    assert access.admit(asked(**bearer(reader)), "ask").name == "reader"
    for scope in ("feedback", "admin"):
        assert access.admit(asked(**bearer(admin)), scope).name == "admin"
        assert access.admit(asked(), scope) is OWNER
        with pytest.raises(Forbidden, match=f"--scopes {scope}") as caught:
            access.admit(asked(**bearer(reader)), scope)
        assert (caught.value.status, caught.value.headers) == (403, {})


def test_who_is_unknown_learns_nothing(access, keys):
    key, secret = keys.create("a")
    revoked, ended = keys.create("b")
    keys.revoke(revoked.id)
    wrong = (secret[:-3] + "AAA", secret.replace(key.id, "0" * 12), ended, "nonsense")
    said = set()
    for headers in ({}, *map(bearer, wrong)):
        with pytest.raises(Unauthorized) as caught:
            access.admit(asked(client=THERE, **headers), "ask")
        said.add((str(caught.value), caught.value.status, *caught.value.headers.items()))
    ((text, status, header),) = said
    assert (status, header) == (401, ("WWW-Authenticate", 'Bearer realm="metier"'))
    assert "id" not in text.split()


def test_rates(access, keys, clock):
    _, hasty = keys.create("hasty", rate=2)
    _, other = keys.create("other", rate=2)
    _, free = keys.create("free")
    assert [access.admit(asked(**bearer(hasty)), "ask").name for _ in range(2)] == ["hasty", "hasty"]
    with pytest.raises(TooManyRequests) as caught:
        access.admit(asked(**bearer(hasty)), "ask")
    assert (caught.value.status, caught.value.headers) == (429, {"Retry-After": "30"})
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)
    assert access.caller(asked(**bearer(hasty))).name == "hasty"  # pages and their parts do not count
    assert access.admit(asked(**bearer(other)), "ask").name == "other"
    for _ in range(200):
        access.admit(asked(**bearer(free)), "ask")
        access.admit(asked(), "ask")
    clock.go_on(30)
    access.admit(asked(**bearer(hasty)), "ask")


def test_trying_what_one_may_not_counts_too(access, keys):
    _, secret = keys.create("a", scopes=("ask",), rate=2)
    for _ in range(2):
        with pytest.raises(Forbidden):
            access.admit(asked(**bearer(secret)), "admin")
    with pytest.raises(TooManyRequests):
        access.admit(asked(**bearer(secret)), "admin")


# --- sessions --------------------------------------------------------------------------------------------------


def test_signing_in(access, keys):
    key, secret = keys.create("ক", ("খ",))
    response = Response()
    caller = access.sign_in(asked("POST", client=THERE, origin="http://localhost:8000"), response, f" {secret}\n")
    assert (caller.name, caller.key_id) == ("ক", key.id)
    cookie, *rest = response.headers["set-cookie"].split("; ")
    assert {part.lower() for part in rest} == {"httponly", "max-age=43200", "path=/", "samesite=strict"}
    assert secret[-43:] not in cookie
    assert access.caller(asked(client=THERE, cookie=cookie)) == caller


def test_behind_https_the_cookie_is_for_https_only(access, keys):
    response = Response()
    access.sign_in(asked("POST", scheme="https", origin="https://localhost:8000"), response, keys.create("a")[1])
    assert "secure" in response.headers["set-cookie"].lower().split("; ")


def test_signing_in_with_a_wrong_key(access, keys):
    key, secret = keys.create("a")
    for wrong in ("", "x", secret[:-3] + "AAA", "\ud800"):
        response = Response()
        with pytest.raises(Unauthorized):
            access.sign_in(asked("POST"), response, wrong)
        assert "set-cookie" not in response.headers
    keys.revoke(key.id)
    with pytest.raises(Unauthorized):
        access.sign_in(asked("POST"), Response(), secret)


def test_no_other_site_signs_anyone_in_or_out(access, keys, sign_in):
    _, secret = keys.create("a")
    cookie = sign_in(secret)
    for headers in ({"origin": "https://evil.example"}, {"sec_fetch_site": "cross-site"}):
        with pytest.raises(Forbidden):
            access.sign_in(asked("POST", **headers), Response(), secret)
        with pytest.raises(Forbidden):
            access.sign_out(asked("POST", **headers, **cookie), Response())
    assert access.caller(asked(**cookie)).name == "a"


def test_a_session_lasts_twelve_hours(access, keys, sign_in, clock):
    cookie = sign_in(keys.create("a")[1])
    clock.go_on(12 * 3600 - 1)
    assert access.caller(asked(**cookie)).name == "a"
    clock.go_on(1)
    for client in (HERE, THERE):  # on loopback, too: what ends must not become the owner
        with pytest.raises(Unauthorized):
            access.caller(asked(client=client, **cookie))


def test_a_session_ends_with_its_key(access, keys, sign_in, clock):
    revoked, secret = keys.create("a")
    cookies = [sign_in(secret), sign_in(keys.create("b", expires=clock.time.replace(hour=13))[1])]
    assert [access.caller(asked(**cookie)).name for cookie in cookies] == ["a", "b"]
    keys.revoke(revoked.id)
    clock.go_on(3600)
    for cookie in cookies:
        with pytest.raises(Unauthorized):
            access.caller(asked(**cookie))


def test_signing_out_ends_this_session_only(access, keys, sign_in):
    _, secret = keys.create("a")
    first, second = sign_in(secret), sign_in(secret)
    response = Response()
    access.sign_out(asked("POST", origin="http://localhost:8000", **first), response)
    assert "max-age=0" in response.headers["set-cookie"].lower()
    with pytest.raises(Unauthorized):
        access.caller(asked(**first))
    assert access.caller(asked(**second)).name == "a"


def test_signed_out_sessions_are_forgotten_when_they_would_have_expired(sessions, clock):
    old = sessions.read(sessions.begin("1"))
    sessions.end(old)
    clock.go_on(12 * 3600)
    sessions.end(sessions.read(sessions.begin("1")))
    assert len(sessions._ended) == 1
    assert sessions.is_over(old)


def test_cookies_that_this_server_did_not_make_are_nothing(access, keys, sign_in, clock):
    key, secret = keys.create("a")
    name, _, value = sign_in(secret)["cookie"].partition("=")
    key_id, expires, nonce, signature = value.split(".")
    admin, _ = keys.create("admin", None, ("admin",))
    for forged in (
        "", "x", "...", f"{admin.id}.{expires}.{nonce}.{signature}", f"{key_id}.{int(expires) + 1}.{nonce}.{signature}",
        f"{key_id}.{expires}.{nonce}.", f"{key_id}.{expires}.{nonce}", f"{key_id}.{expires}.{nonce}.{'é' * 64}",
        Sessions(clock=clock.seconds).begin(key.id), access.form_token(asked(cookie=f"{name}={value}")),
    ):  # fmt: skip
        with pytest.raises(Unauthorized):
            access.caller(asked(client=THERE, cookie=f"{name}={forged}"))
        assert access.caller(asked(cookie=f"{name}={forged}")) is OWNER


def test_a_form_token_is_no_session(sessions):
    nonce = "n" * 22
    session = sessions.read(sessions.begin("1"))
    assert sessions.read(f"{session.nonce}.{sessions.form_token(session)}") is None
    assert sessions.read(f"owner.{sessions.form_token(None)}") is None
    assert sessions.read(nonce) is None


def test_a_key_in_the_header_counts_more_than_the_cookie(access, keys, sign_in):
    _, first = keys.create("first")
    _, second = keys.create("second")
    assert access.caller(asked(**sign_in(first), **bearer(second))).name == "second"
    with pytest.raises(Unauthorized):
        access.caller(asked(**sign_in(first), **bearer("wrong")))


# --- other sites -----------------------------------------------------------------------------------------------

OWN = (
    {"origin": "http://localhost:8000"}, {"origin": "HTTP://LOCALHOST:8000"}, {"sec_fetch_site": "same-origin"},
    {"sec_fetch_site": "none"}, {"origin": "https://expert.example", "host": "expert.example"},
    {"origin": "https://expert.example", "host": "expert.example:443"},
    {"origin": "http://expert.example:80", "host": "expert.example"},
)  # fmt: skip
FOREIGN = (
    {"origin": "https://evil.example"}, {"origin": "null"}, {"origin": ""}, {"origin": "http://localhost:3000"},
    {"origin": "http://localhost"}, {"origin": "http://localhost:8000@evil.example"}, {"origin": "http://[evil"},
    {"origin": "ftp://localhost:8000"}, {"sec_fetch_site": "cross-site"}, {"sec_fetch_site": "same-site"},
    {"sec_fetch_site": "cross-site", "origin": "http://localhost:8000"},
    {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"},
    {"origin": "https://expert.example:443", "host": "expert.example:80"},
)  # fmt: skip


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_writes_from_other_sites(access, keys, sign_in, method):
    _, secret = keys.create("a")
    cookie = sign_in(secret)
    for headers in OWN:
        assert access.caller(asked(method, client=THERE, **cookie, **headers)).name == "a", headers
    for headers in FOREIGN:
        for ambient in (cookie, {}):
            if not ambient and "host" in headers:
                continue  # not the owner anyway
            with pytest.raises(Forbidden):
                access.caller(asked(method, **ambient, **headers))
        assert access.caller(asked(method, **bearer(secret), **headers)).name == "a", headers


def test_a_write_that_does_not_say_where_it_is_from(access, keys, sign_in):
    """Browsers say so with every write; for the owner a program, such as curl, will do."""
    assert access.caller(asked("POST")) is OWNER
    with pytest.raises(Forbidden):
        access.caller(asked("POST", **sign_in(keys.create("a")[1])))


def test_reads_from_other_sites(access, keys, sign_in):
    cookie = sign_in(keys.create("a")[1])
    for ambient, mode in itertools.product((cookie, {}), ("cors", "no-cors", "")):
        with pytest.raises(Forbidden):
            access.caller(asked(sec_fetch_site="cross-site", sec_fetch_mode=mode, **ambient))
    link = {"sec_fetch_site": "cross-site", "sec_fetch_mode": "navigate"}  # a link in a mail
    assert access.caller(asked(**link, **cookie)).name == "a"
    assert access.caller(asked(**link)) is OWNER


def test_a_client_without_keys_that_sends_any_word_is_no_way_in_for_sites(access):
    with pytest.raises(Forbidden):
        access.caller(asked("POST", origin="https://evil.example", **bearer("sk-none")))


# --- forms -----------------------------------------------------------------------------------------------------


def test_form_tokens_belong_to_one_session(access, keys, sign_in):
    _, secret = keys.create("a")
    ours = {"origin": "http://localhost:8000"}
    who = {"first": sign_in(secret), "second": sign_in(secret), "owner": {}}
    tokens = {name: access.form_token(asked(**cookie)) for name, cookie in who.items()}
    assert len(set(tokens.values())) == 3
    for (name, cookie), (of, token) in itertools.product(who.items(), tokens.items()):
        if name == of:
            access.check_form(asked("POST", **ours, **cookie), token)
            continue
        with pytest.raises(Forbidden, match="another session"):
            access.check_form(asked("POST", **ours, **cookie), token)
    for nonsense in (None, "", "x", "é", "\ud800", tokens["first"].upper()):
        with pytest.raises(Forbidden, match="another session"):
            access.check_form(asked("POST", **ours, **who["first"]), nonsense)


def test_a_right_token_does_not_help_another_site(access, keys, sign_in):
    cookie = sign_in(keys.create("a")[1])
    token = access.form_token(asked(**cookie))
    with pytest.raises(Forbidden, match="another site"):
        access.check_form(asked("POST", origin="https://evil.example", **cookie), token)


def test_a_request_with_a_key_needs_no_token_and_gets_none(access, keys):
    _, secret = keys.create("a")
    access.check_form(asked("POST", client=THERE, **bearer(secret)), None)
    assert access.form_token(asked(**bearer(secret))) == ""  # least of all the owner's


def test_form_tokens_are_of_this_process(access, keys):
    other = Access(keys, open_loopback=True)
    with pytest.raises(Forbidden):
        other.check_form(asked("POST"), access.form_token(asked()))
