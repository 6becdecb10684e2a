"""An expert below a path of another server: a real proxy, one that takes the path off and one that leaves it on."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator

import httpx
import pytest

from ..proxy import Proxy
from ..servers import COMMAND, QUESTION, Server
from .browsing import opened

pytestmark = pytest.mark.slow

PREFIX = "/teams/metier"


@pytest.fixture(scope="module")
def placed(served_folder, secrets) -> Iterator[Server]:
    server = Server(served_folder, "--path-prefix", PREFIX)
    yield server
    server.stop()


@pytest.fixture(params=[True, False], ids=["taken off", "left on"])
def proxy(request, placed) -> Iterator[Proxy]:
    made = Proxy(placed.address, PREFIX, strips=request.param)
    yield made
    made.stop()


def test_a_browser_signs_in_asks_and_opens_a_document_below_the_path(browser, proxy, secrets):
    at = proxy.address
    with opened(browser, at, "/", secret=secrets["chief"]) as page:
        assert {each["path"] for each in page.context.cookies()} == {f"{PREFIX}/"}
        page.fill("#q", QUESTION)
        page.press("#q", "Enter")
        page.wait_for_selector("#turns:not([aria-busy]) .answer:not(.pending)")
        page.locator(".turn a.cited").last.click()
        page.wait_for_url(f"{at}/documents/*")
        assert "31 months" in page.inner_text("#cited")
        page.click("#back")
        page.wait_for_selector(".turn .thumbs")
        page.locator(".thumbs button").first.click()
        page.wait_for_selector(".noted[data-outcome=thanks]")
        page.reload()
        assert page.locator(".asked").all_inner_texts() == [QUESTION]
        page.goto(f"{at}/?q=And+the+wind+vane?")
        page.wait_for_url(f"{at}/")
        page.wait_for_selector("#turns:not([aria-busy]) .turn:nth-child(2) .answer:not(.pending)")
        page.goto(f"{at}/documents")
        with page.expect_response(lambda answer: "q=rope" in answer.url):
            page.fill("#filter [name=q]", "rope")
        page.wait_for_url(f"{at}/documents?q=rope")
        for path in page.locator("nav a[href]").evaluate_all("links => links.map(each => each.href)"):
            assert page.goto(path).ok, path
            assert page.url.startswith(f"{at}/")
        page.goto(f"{at}/report")
        assert page.frame_locator("iframe.report").locator("h1").count() > 0
        page.goto(f"{at}/sources")
        page.locator("form[action$='/sources/sync'] button").first.click()
        page.wait_for_selector("#running", state="detached", timeout=60_000)
        page.click("[name=language][value=bn]")
        page.wait_for_selector("html[lang=bn]")
        assert page.url.startswith(f"{at}/sources")
        page.locator("form[action$='/sign-out'] button").click()
        page.wait_for_url(f"{at}/sign-in?*")
    assert proxy.strayed == []


def test_every_link_of_every_page_stays_below_the_path(proxy, secrets):
    found, seen = ["/"], set()
    with httpx.Client(base_url=proxy.address, timeout=60, follow_redirects=True) as client:
        client.post("/sign-in", data={"key": secrets["chief"], "next": f"{PREFIX}/"})
        while found:
            path = found.pop()
            template = path.partition("?")[0] if "/documents/" not in path else "/documents/ID"
            if template in seen or path.startswith("/report/full"):
                continue
            seen.add(template)
            answer = client.get(path, headers={"Accept": "text/html"})
            assert answer.status_code in (200, 404), path
            if "text/html" in answer.headers["content-type"]:
                found += [each.removeprefix(PREFIX) for each in _addresses(answer.text)]
    assert {"/documents/ID", "/static/chat.js", "/openapi.json", "/adapters"} <= seen
    assert proxy.strayed == []


def _addresses(html: str) -> list[str]:
    from html.parser import HTMLParser

    found: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, _tag, attributes):
            given = dict(attributes)
            found.extend(given[name] for name in ("href", "src") if given.get(name))
            if given.get("action") and given.get("method", "get") == "get":
                found.append(given["action"])

    Reader().feed(html)
    assert all(each.startswith((f"{PREFIX}/", "#", "data:")) for each in found), found
    return [each.partition("#")[0] for each in found if each.startswith("/")]


def test_programs_find_the_api_below_the_path_and_are_told_of_it(proxy, secrets):
    key = {"Authorization": f"Bearer {secrets['chief']}"}
    with httpx.Client(base_url=proxy.address, timeout=60, headers=key) as client:
        assert client.get("/openapi.json").json()["servers"] == [{"url": PREFIX}]
        asked = {"model": "parts", "messages": [{"role": "user", "content": QUESTION}]}
        told = client.post("/v1/chat/completions", json=asked).json()["choices"][0]["message"]
        cited = told["annotations"][0]["url_citation"]["url"]
        assert cited.startswith(f"{proxy.address}/documents/")
        assert client.get(cited).status_code == 200
        url = client.post("/api/ask", json={"question": QUESTION}).json()["citations"][0]["url"]
        assert client.get(url).status_code == 200  # behind the address of the server, whatever path that has
        missing = client.get("/api/documents/none", headers={"Accept": "text/html"})
        assert (missing.status_code, missing.json()["error"]["type"]) == (404, "not_found_error")
        slashed = client.get("/documents/")
        assert slashed.headers["location"] == f"{proxy.address}/documents"
        figures = client.get("/metrics").text
    assert 'route="/v1/chat/completions"' in figures
    assert PREFIX not in figures  # routes are named as without a proxy
    assert proxy.strayed == []


@pytest.mark.parametrize(
    "asked",
    ["/", "/elsewhere", "//evil.example", f"{PREFIX}/../other", f"{PREFIX}/%2e%2e/other", f"{PREFIX}/..\\other"],
)
def test_signing_in_leads_nowhere_above_the_path(placed, secrets, asked):
    answer = httpx.post(f"{placed.address}/sign-in", data={"key": secrets["reader"], "next": asked})
    assert answer.headers["location"] == f"{PREFIX}/"


def test_the_path_is_told_at_the_start_and_one_that_is_none_is_refused(placed, served_folder):
    assert f"{placed.address}{PREFIX}/v1" in placed.said
    bad = subprocess.run(
        [*COMMAND, "serve", "-e", str(served_folder), "--path-prefix", "metier/"], capture_output=True, text=True
    )
    assert (bad.returncode, "'metier/' in path_prefix is no path" in bad.stderr) == (2, True)


def test_a_session_is_found_beside_that_of_an_expert_above(placed, secrets):
    """Browsers send both cookies, the one for the longer path first."""
    ((name, own),) = httpx.post(f"{placed.address}/sign-in", data={"key": secrets["reader"]}).cookies.items()
    other = "0123456789ab.99999999999.nonce.signature"
    cookies = {"Cookie": f"{name}={own}; {name}={other}", "X-Forwarded-For": "192.0.2.7"}
    assert httpx.get(f"{placed.address}{PREFIX}/documents", headers=cookies).status_code == 200
    assert httpx.get(f"{placed.address}{PREFIX}/documents", headers={"X-Forwarded-For": "192.0.2.7"}).status_code != 200
