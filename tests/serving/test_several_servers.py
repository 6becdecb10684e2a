"""Two servers of one expert, whose state is in a PostgreSQL: what happens at one holds at the other, and both go on
after the database was away."""

from __future__ import annotations

import signal
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from postgres_server import running_server
from tuning import tiny_models

from metier import Expert
from metier.services.state_copy import copy_state
from metier.serving.auth.keys import Keys
from metier.tuning import base_model, gguf_adapter
from metier.tuning.adapters import Card

from .servers import Server, open_loopback_to_all
from .tuned import QUESTIONS, write_expert

pytestmark = pytest.mark.slow
PROXIED = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin", "X-Forwarded-For": "10.1.2.3"}
ASKED = {"question": QUESTIONS[0], "mode": "tuned"}


@pytest.fixture(scope="module")
def database():
    with running_server() as server:
        yield server


@pytest.fixture(scope="module")
def folder(database, tmp_path_factory):
    """Of an expert with a tiny model and two adapters, which nobody trained: an answer says which one gave it."""
    place = write_expert(tmp_path_factory.mktemp("several"))
    with warnings.catch_warnings(), Expert.open(place) as expert:
        warnings.simplefilter("ignore")  # of PEFT, see conftest.py
        model, registry = tiny_models.adapted(tiny_models.model("llama")), expert.adapters.registry
        card = Card("parts", 0, "base", base_model.fingerprint(expert.settings, place), "", {}, {})
        for _ in range(2):
            registry.add(model, card, lambda to: gguf_adapter.write(to, place / "base", to / gguf_adapter.FILE_NAME))
        address = f"postgresql://postgres@127.0.0.1:{database.port}/postgres"
        copy_state(expert.runtime, address, None, None, lambda *_: None)
    (place / ".metier" / "catalog.sqlite").unlink()
    return place


@pytest.fixture(scope="module")
def servers(folder):
    open_loopback_to_all(folder / "metier.toml")
    with ThreadPoolExecutor(2) as pool:
        started = list(pool.map(Server, [folder] * 2))
    yield started
    assert [server.stop() for server in started] == [-signal.SIGTERM] * 2


@pytest.fixture
def keys(folder):
    with Expert.open(folder) as expert:
        opened = Keys(expert.runtime.state)
        yield opened
        opened.close()


def soon(holds: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_what_one_promotes_answers_at_the_other(servers):
    one, other = (server.address for server in servers)

    def answers(address: str) -> str:
        return httpx.post(f"{address}/api/ask", json=ASKED, timeout=60).json()["adapter"]

    for at, seen, version in ((one, other, 1), (other, one, 2)):
        assert httpx.post(f"{at}/api/adapters/parts/{version}/promote", timeout=60).status_code == 200
        assert answers(seen) == f"parts@{version}"
    assert httpx.post(f"{one}/api/adapters/rollback", timeout=60).status_code == 200
    assert answers(other) == "parts@1"


def test_the_rate_of_a_key_holds_over_both_and_a_revoked_one_opens_neither(servers, keys):
    key, secret = keys.create("a", rate=6)
    head = {"Authorization": f"Bearer {secret}"}
    told = [servers[number % 2].get("/api/search?q=brake", headers=head) for number in range(9)]
    assert [answer.status_code for answer in told] == [200] * 6 + [429] * 3
    assert all(1 <= int(answer.headers["Retry-After"]) <= 10 for answer in told[6:])
    keys.revoke(key.id)
    assert [server.get("/api/search?q=brake", headers=head).status_code for server in servers] == [401, 401]


def test_who_signed_in_at_one_is_signed_in_at_the_other_and_signs_out_of_both(servers, keys):
    _, secret = keys.create("b")
    one, other = (server.address for server in servers)
    with httpx.Client(timeout=60, headers=PROXIED) as browser:
        assert browser.get(f"{other}/search?q=brake").status_code == 303
        assert browser.post(f"{one}/sign-in", data={"key": secret}).status_code == 303
        assert browser.get(f"{other}/search?q=brake").status_code == 200
        kept = httpx.Cookies(browser.cookies)
        assert browser.post(f"{other}/sign-out").status_code == 303
        browser.cookies = kept
        assert browser.get(f"{one}/search?q=brake").status_code == 303


def test_what_is_synced_said_and_corrected_at_one_is_known_at_the_other(servers, folder):
    one, other = (server.address for server in servers)

    def texts(address: str) -> list[str]:
        found = httpx.get(f"{address}/api/search", params={"q": "What colour is the tower door?"}, timeout=60)
        return [hit["text"] for hit in found.json()["hits"] if "tower door" in hit["text"]]

    (folder.parent / "docs" / "door.md").write_text("# Door\n\nThe tower door of the NV-110 is green.\n")
    with Expert.open(folder) as expert:
        assert expert.sync().added == 1
        passage = next(hit.passage for hit in expert.search("tower door") if "tower door" in hit.passage.text)
    soon(lambda: all(texts(address) for address in (one, other)))
    assert httpx.post(
        f"{one}/api/feedback", json={"thumb": "up", "question": "Who?", "answer": "Me."}, timeout=60
    ).is_success
    assert [each["question"] for each in httpx.get(f"{other}/api/feedback", timeout=60).json()] == ["Who?"]
    made = httpx.post(f"{one}/api/corrections", json={"change": "hide", "passage": passage.id}, timeout=60).json()
    assert httpx.post(f"{one}/api/corrections/{made['id']}/accept", timeout=60).is_success
    assert texts(other) == []


def test_while_the_database_is_away_they_say_so_and_then_go_on(servers, keys, database):
    _, secret = keys.create("c", rate=None)
    head = {"Authorization": f"Bearer {secret}"}
    assert [server.get("/api/search?q=brake", headers=head).status_code for server in servers] == [200, 200]
    database.stop()
    for server in servers:
        told = server.get("/api/search?q=brake", headers=head)
        assert (told.status_code, told.headers["Retry-After"]) == (503, "5")
        assert "does not answer" in told.json()["error"]["message"]
        assert str(database.port) not in told.text
        page = server.get("/search?q=brake", headers=head | {"Accept": "text/html"})
        assert (page.status_code, "does not answer" in page.text) == (503, True)
        assert server.get("/health").status_code == 200
    database.start()
    soon(lambda: all(server.get("/api/search?q=brake", headers=head).status_code == 200 for server in servers))
    assert [server.process.poll() for server in servers] == [None, None]
