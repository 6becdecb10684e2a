"""Who is the owner on loopback: whoever shows the token that the owner alone can read, and asks from here."""

from __future__ import annotations

import re

import httpx
import pytest

from metier.serving.auth.owner_token import owner_token

from .servers import QUESTION, Server, sample_expert

pytestmark = pytest.mark.slow

HELLO = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
BEGIN = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": HELLO}
AGENT = {"Accept": "application/json, text/event-stream"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return sample_expert(tmp_path_factory.mktemp("owners"), "open_loopback = false")


@pytest.fixture(scope="module")
def server(folder):
    made = Server(folder)
    yield made
    made.stop()


@pytest.fixture
def token(server) -> str:
    return re.search(r"\?token=(\S+)", server.said)[1]


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def all_ways(server: Server, headers: dict[str, str]) -> set[int]:
    """What each door answers to a program with these headers."""
    ask = {"model": "parts", "messages": [{"role": "user", "content": QUESTION}]}
    return {
        server.get("/v1/models", headers=headers).status_code,
        server.get("/api/documents", headers=headers).status_code,
        server.get("/metrics", headers=headers).status_code,
        server.get("/", headers=headers).status_code,
        httpx.post(f"{server.address}/v1/chat/completions", json=ask, headers=headers, timeout=60).status_code,
        httpx.post(f"{server.address}/mcp", json=BEGIN, headers=headers | AGENT, timeout=60).status_code,
    }


def test_it_stays_the_same_where_nothing_was_kept_before_as_beside_a_store_and_state_elsewhere(tmp_path):
    state = tmp_path / "expert" / ".metier"
    state.parent.mkdir()
    assert owner_token(state) == owner_token(state)
    assert (state.stat().st_mode & 0o777, (state / "owner_token").stat().st_mode & 0o777) == (0o700, 0o600)


def test_another_account_of_the_machine_is_nobody(server):
    assert all_ways(server, {}) == {401}
    assert all_ways(server, bearer("sk-none")) == {401}
    assert all_ways(server, bearer("own_" + "A" * 43)) == {401}
    page = server.get("/documents", headers={"Accept": "text/html"})
    assert (page.status_code, page.headers["location"]) == (303, "/sign-in?next=%2Fdocuments")


def test_the_token_opens_every_door_to_programs(server, token):
    assert all_ways(server, bearer(token)) == {200}


@pytest.mark.parametrize("header", ["X-Forwarded-For", "X-Cluster-Client-IP", "Fastly-Client-IP", "X-Forwarded-Port"])
def test_what_was_forwarded_is_not_the_owners_with_the_token_either(server, token, header):
    assert all_ways(server, bearer(token) | {header: "127.0.0.1"}) == {401}
    with httpx.Client(base_url=server.address) as browser:
        browser.get("/", params={"token": token})
        assert browser.get("/documents", headers={header: "127.0.0.1"}).status_code == 401


def test_the_pages_first_address_becomes_a_session_and_drops_the_token(server, token):
    with httpx.Client(base_url=server.address, headers={"Accept": "text/html"}) as browser:
        first = browser.get("/", params={"token": token})
        assert (first.status_code, first.headers["location"]) == (303, "/")
        assert {"HttpOnly", "SameSite=strict"} <= set(first.headers["set-cookie"].split("; "))
        assert (first.headers["referrer-policy"], first.headers["cache-control"]) == ("no-referrer", "no-store")
        assert token not in first.headers["set-cookie"] + first.text
        assert browser.get("/documents").status_code == 200
        form = browser.post("/sync", data={})
        assert form.status_code == 403, "a form needs the session's own token"
        foreign = {"Sec-Fetch-Site": "cross-site", "Origin": "http://evil.example"}
        assert browser.get("/documents", headers=foreign).status_code == 403
        assert browser.post("/sign-out").status_code == 303
        assert browser.get("/documents").status_code == 303
    assert token not in server.log.read_text()


@pytest.mark.parametrize("wrong", ["", "own_x", "mtr_key"])
def test_nothing_but_the_token_is_taken_from_an_address(server, folder, wrong, run_metier):
    if wrong == "mtr_key":  # it would stay in the history of the browser
        said = run_metier("keys", "create", "reader", "-e", str(folder), "--json").stdout
        wrong = re.search(r"mtr_\w+", said)[0]
    answer = server.get("/", params={"token": wrong})
    assert answer.status_code == 303
    assert "set-cookie" not in answer.headers


def test_the_token_is_the_owners_alone_also_where_a_team_shares_the_state(folder, server, token):
    with (folder / "metier.toml").open("a") as settings:
        settings.write("\n[state]\nshared = true\n")
    second = Server(folder)
    try:
        kept = folder / ".metier" / "owner_token"
        assert kept.read_text().strip() == token
        assert kept.stat().st_mode & 0o777 == 0o600
        assert token in second.said, "programs that know it need not be told again"
    finally:
        second.stop()


@pytest.mark.parametrize("planted", ["readable", "link", "nonsense"])
def test_a_token_that_another_account_may_know_is_not_taken(tmp_path, planted):
    kept, known = tmp_path / "owner_token", "own_" + "A" * 43
    if planted == "link":
        (tmp_path / "elsewhere").write_text(known)
        (tmp_path / "elsewhere").chmod(0o600)
        kept.symlink_to(tmp_path / "elsewhere")
    else:
        kept.write_text(known if planted == "readable" else "short")
        kept.chmod(0o644 if planted == "readable" else 0o600)
    first, second = owner_token(tmp_path), owner_token(tmp_path)
    assert known not in (first, second)
    assert first != second, "each is of its process alone"


def test_two_experts_on_one_machine_do_not_sign_each_other_out(server, token, folder):
    second = Server(folder)
    try:
        with httpx.Client() as browser:
            for each in (server, second):
                browser.get(f"{each.address}/", params={"token": token})
            for each in (server, second):
                assert browser.get(f"{each.address}/documents").status_code == 200
    finally:
        second.stop()
