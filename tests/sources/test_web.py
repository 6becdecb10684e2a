from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from metier.core.errors import ItemGone, SettingsError, SourceError
from metier.core.settings import SourceSettings
from metier.sources import create

pytestmark = pytest.mark.slow


class Pages(BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/page")
            self.end_headers()
            return
        found = self.path == "/page"
        self.send_response(200 if found else int(self.path.strip("/") or 404))
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        if found:
            self.wfile.write("<h1>গিয়ারবক্স</h1>".encode())

    def log_message(self, *_args):
        pass


@pytest.fixture
def site():
    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def fetch(url, root):
    source = create(SourceSettings(url=url), root)
    (item,) = source.discover()
    with source.fetch(item) as path:
        return path.name, path.read_text(encoding="utf-8")


def test_a_page_and_a_redirect(site, tmp_path):
    assert fetch(f"{site}/page", tmp_path) == ("page.html", "<h1>গিয়ারবক্স</h1>")
    assert fetch(f"{site}/moved", tmp_path)[1] == "<h1>গিয়ারবক্স</h1>"


@pytest.mark.parametrize(("status", "kind"), [(404, ItemGone), (410, ItemGone), (500, SourceError)])
def test_answers_that_are_no_page(site, tmp_path, status, kind):
    with pytest.raises(kind, match=str(status)) as caught:
        fetch(f"{site}/{status}", tmp_path)
    assert isinstance(caught.value, ItemGone) == (kind is ItemGone)


def test_nothing_listens(tmp_path):
    with pytest.raises(SourceError, match="could not be fetched"):
        fetch("http://127.0.0.1:9/", tmp_path)


def test_an_address_that_nothing_reads_is_refused_and_what_is_read_is_named(tmp_path):
    with pytest.raises(SettingsError, match=r"ftp://.*Known are http://, https://"):
        create(SourceSettings(url="ftp://example.com/a"), tmp_path)
