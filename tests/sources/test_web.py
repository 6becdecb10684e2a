"""Web sources against a server that is real, and wishes us ill."""

from __future__ import annotations

import contextlib
import gzip
import json
import logging
import socket
import sys
import threading
import time
import types
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from metier.core.errors import ItemGone, SettingsError, SourceError
from metier.core.source_settings import SourceSettings
from metier.sources import create, web_client

pytestmark = pytest.mark.slow

SECRET = "s3cr3t-8841"
PAGE = "<h1>গিয়ারবক্স</h1>"
# Ways to write 127.0.0.1, networks of one's own, and what hands out a cloud machine's credentials.
PRIVATE = (
    "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0", "10.1.2.3", "192.168.1.1", "172.16.0.9",
    "169.254.169.254", "100.64.0.1", "198.18.0.1", "224.0.0.1", "255.255.255.255", "[::1]", "[::]",
    "[::ffff:127.0.0.1]", "[::127.0.0.1]",
    "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[fd00::1]", "[fe80::1]", "[fec0::1]", "[ff02::1]",
)  # fmt: skip
METADATA = (
    "169.254.169.254",
    "[fe80::1]",
    "[fd00:ec2::254]",
    "100.100.100.200",
    "168.63.129.16",
    "[::ffff:169.254.169.254]",
)
NO_ADDRESSES = (
    "file:///etc/passwd", "FILE:///etc/passwd", "file://localhost/etc/passwd", "http://", "http:///page", "http://[::1",
    "http://host:port/", "http://host:99999/", "http://a b/", "http://host/a\nb", "http://good.example\\@127.0.0.1/",
    "gopher://127.0.0.1/", "javascript://x/%0aalert(1)", "data://text/html,hi", "https://:443/",
)  # fmt: skip
WITH_SECRETS = (
    f"https://anna:{SECRET}@example.com/", f"https://{SECRET}@example.com/", f"https://example.com/?token={SECRET}",
    f"https://example.com/a.pdf?X-Amz-Signature={SECRET}&x=1", f"https://example.com/?a=1&sig={SECRET}",
    f"https://example.com/?%74oken={SECRET}", f"https://example.com/#access_token={SECRET}",
    f"https://example.com/a;jsessionid={SECRET}?b=c", f"https://example.com/?api-key={SECRET}",
    f"ftp://anna:{SECRET}@example.com/", f"https://anna:{SECRET}@example.com:port/",
)  # fmt: skip


class Pages(BaseHTTPRequestHandler):
    def do_GET(self):
        with contextlib.suppress(OSError):  # who asks may have seen enough
            self._answer()

    def _answer(self):
        self.server.asked.append((self.path, self.headers.get("Authorization")))
        path, _, query = self.path.partition("?")
        if path in ("/moved", "/round", "/away"):
            self._redirect({"/moved": "/page", "/round": "/round", "/away": query}[path])
        elif path == "/drip":
            self._drip()
        elif path == "/bomb":
            self._send(gzip.compress(bytes(2**28)), "gzip")
        elif path == "/coded":
            self._send(b"x", query)
        elif path == "/zipped":
            self._send(gzip.compress(PAGE.encode()), "gzip")
        elif path == "/announced":
            self._head(200, {"Content-Length": str(2**40)})
        elif path == "/page":
            self._send(PAGE.encode())
        else:
            self._head(int(path.strip("/") or 404), {})

    def _redirect(self, location):
        self._head(302, {"Location": location})

    def _send(self, body, coding=""):
        self._head(200, {"Content-Encoding": coding} if coding else {})
        self.wfile.write(body)

    def _head(self, status, headers):
        self.send_response(status)
        for name, value in ({"Content-Type": "text/html; charset=utf-8"} | headers).items():
            self.send_header(name, value)
        self.end_headers()

    def _drip(self):
        self._head(200, {})
        for _ in range(200):
            self.wfile.write(b"x")
            time.sleep(0.1)

    def log_message(self, *_args):
        pass


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), Pages) as made:
        made.daemon_threads = True
        made.asked = []
        thread = threading.Thread(target=made.serve_forever)
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture
def site(server):
    return f"http://127.0.0.1:{server.server_port}"


@pytest.fixture
def names(monkeypatch):
    """What hosts are said to be, by turns; a name server that is not there."""
    told, ask = {}, socket.getaddrinfo

    def answer(host, port, *given, **options):
        if host not in told:
            return ask(host, port, *given, **options)
        if options.get("flags"):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        number = told[host].pop(0) if len(told[host]) > 1 else told[host][0]
        return ask(number, port, *given, **options)

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return told


def fetch(url, root, *, private=True, **options):
    source = create(SourceSettings(url=url, private=private, **options), root)
    (item,) = source.discover()
    with source.fetch(item) as path:
        return path.name, path.read_text(encoding="utf-8")


def test_a_page_and_a_redirect(site, tmp_path):
    assert fetch(f"{site}/page", tmp_path) == ("page.html", PAGE)
    assert fetch(f"{site}/moved", tmp_path)[1] == PAGE
    assert fetch(f"{site}/zipped", tmp_path)[1] == PAGE


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


@pytest.mark.parametrize("host", PRIVATE)
def test_private_addresses_are_not_asked_however_they_are_written(tmp_path, host):
    with pytest.raises(SourceError, match=r"leads to .*(not on the public internet|holds no pages)|Invalid IPv4"):
        fetch(f"http://{host}:9/", tmp_path, private=False)


@pytest.mark.parametrize("host", METADATA)
def test_what_hands_out_a_machines_credentials_is_never_asked(tmp_path, host):
    with pytest.raises(SourceError, match="holds no pages"):
        fetch(f"http://{host}/latest/meta-data/", tmp_path)


def test_a_name_that_leads_to_a_private_address_is_not_asked(server, names, tmp_path):
    names["innocent.example"] = ["127.0.0.1"]
    with pytest.raises(SourceError, match=r"leads to 127\.0\.0\.1"):
        fetch(f"http://innocent.example:{server.server_port}/page", tmp_path, private=False)
    assert not server.asked


def test_what_was_checked_is_what_is_connected_to(server, names, monkeypatch, tmp_path):
    names["rebinding.example"] = ["93.184.215.14", "127.0.0.1"]
    connected = []

    def connect(address, *_given, **_options):
        connected.append(address[0])
        raise OSError("unreachable")

    monkeypatch.setattr(socket, "create_connection", connect)
    with pytest.raises(SourceError, match="could not be fetched"):
        fetch(f"http://rebinding.example:{server.server_port}/page", tmp_path, private=False)
    assert connected == ["93.184.215.14"]


def test_each_hop_of_a_redirect_is_checked(server, site, names, monkeypatch, tmp_path):
    monkeypatch.setattr(
        web_client.public_addresses.ipaddress.IPv4Address, "is_global", property(lambda each: str(each) == "127.0.0.1")
    )
    names["inner.example"] = ["10.1.2.3"]
    for target in ("http://10.1.2.3/", "http://169.254.169.254/", "http://inner.example/", "http://[::ffff:10.1.2.3]/"):
        with pytest.raises(SourceError, match="leads to 1"):
            fetch(f"{site}/away?{target}", tmp_path, private=False)
    for target in ("file:///etc/passwd", "ftp://127.0.0.1/", "http://", "//[::1"):
        with pytest.raises(SourceError):
            fetch(f"{site}/away?{target}", tmp_path, private=False)


def test_redirects_end(server, site, tmp_path):
    with pytest.raises(SourceError, match="redirects more than 5 times"):
        fetch(f"{site}/round", tmp_path)
    assert len(server.asked) == 6


def test_a_page_that_drips_ends_by_the_clock(site, monkeypatch, tmp_path):
    monkeypatch.setattr(web_client, "_SECONDS", 1.0)
    began = time.monotonic()
    with pytest.raises(SourceError, match="could not be fetched"):
        fetch(f"{site}/drip", tmp_path)
    assert time.monotonic() - began < 4


def test_a_name_server_that_never_answers_ends_by_the_clock(monkeypatch, tmp_path):
    monkeypatch.setattr(web_client, "_SECONDS", 0.5)
    over = threading.Event()
    ask = socket.getaddrinfo
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda *given, flags=0, **more: ask(*given, flags=flags, **more) if flags else [over.wait(20)][1:],
    )
    began = time.monotonic()
    with pytest.raises(SourceError, match="could not be fetched"):
        fetch("http://slow.example/", tmp_path)
    over.set()
    assert time.monotonic() - began < 4


def test_what_is_too_large_is_refused_announced_or_packed(site, monkeypatch, tmp_path):
    with pytest.raises(SourceError, match="larger than 200 MiB"):
        fetch(f"{site}/announced", tmp_path)
    with pytest.raises(SourceError, match="larger than 200 MiB"):
        fetch(f"{site}/bomb", tmp_path)
    for coding in ("br", "zstd", "gzip,gzip"):
        with pytest.raises(SourceError, match="not asked for"):
            fetch(f"{site}/coded?{coding}", tmp_path)


def test_credentials_come_from_the_environment_and_go_to_their_own_origin(server, site, monkeypatch, tmp_path):
    monkeypatch.setenv("WIKI_LOGIN", f"anna:{SECRET}")
    monkeypatch.setenv("WIKI_TOKEN", SECRET)
    fetch(f"{site}/moved", tmp_path, auth_env="WIKI_TOKEN")
    assert [said for _, said in server.asked] == [f"Bearer {SECRET}"] * 2
    fetch(f"{site}/page", tmp_path, auth_env="WIKI_LOGIN")
    assert server.asked[-1][1].startswith("Basic ")
    other = site.replace("127.0.0.1", "localhost")
    fetch(f"{site}/away?{other}/page", tmp_path, auth_env="WIKI_LOGIN")
    assert server.asked[-1] == ("/page", None)
    with pytest.raises(SourceError, match="over http"):
        fetch("http://example.com/", tmp_path, auth_env="WIKI_LOGIN", private=False)
    with pytest.raises(SourceError, match="needs MISSING_LOGIN, which is not set"):
        fetch(f"{site}/page", tmp_path, auth_env="MISSING_LOGIN")


def test_a_secret_may_be_kept_in_the_keyring(server, site, monkeypatch, tmp_path):
    kept = {("metier", "WIKI_TOKEN"): SECRET}
    stand_in = types.SimpleNamespace(get_password=lambda service, name: kept.get((service, name)))
    monkeypatch.setitem(sys.modules, "keyring", stand_in)
    fetch(f"{site}/page", tmp_path, auth_env="WIKI_TOKEN")
    assert server.asked[-1][1] == f"Bearer {SECRET}"


@pytest.mark.parametrize("address", NO_ADDRESSES)
def test_what_is_no_address_of_the_web_is_refused_when_it_is_added(call_metier, tmp_path, address):
    call_metier("init", "plant")
    said = call_metier("add", address, check=2)
    assert "Traceback" not in said.stderr
    assert "[[sources]]" not in (tmp_path / "plant" / "metier.toml").read_text()


@pytest.mark.parametrize("address", WITH_SECRETS)
def test_secrets_in_an_address_are_refused_without_showing_them(call_metier, tmp_path, address):
    call_metier("init", "plant")
    said = call_metier("add", address, check=2)
    assert SECRET not in said.stdout + said.stderr
    written = tmp_path / "plant" / "metier.toml"
    assert SECRET not in written.read_text()
    written.write_text(written.read_text() + f"\n[[sources]]\nurl = {json.dumps(address)}\n")
    for verb in ("sources", "sync", "doctor", "status"):
        said = call_metier(verb, check=None)
        assert said.returncode != 0 or verb == "doctor"
        assert SECRET not in said.stdout + said.stderr


def test_private_addresses_are_added_only_when_that_is_said(call_metier, tmp_path):
    call_metier("init", "plant")
    assert "--private" in call_metier("add", "http://127.0.0.1:9/a", check=2).stderr
    call_metier("add", "--private", "--auth-env", "WIKI_TOKEN", "http://127.0.0.1:9/a")
    written = (tmp_path / "plant" / "metier.toml").read_text()
    assert "private = true" in written
    assert 'auth_env = "WIKI_TOKEN"' in written


def test_a_token_of_an_address_is_shown_nowhere(server, site, call_metier, monkeypatch, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("WIKI_SIG", SECRET)
    call_metier("init", "plant")
    call_metier("add", "--private", f"{site}/page?sig=${{WIKI_SIG}}", f"{site}/500?sig=${{WIKI_SIG}}")
    shown = [call_metier("sync", check=None), call_metier("sources"), call_metier("sources", "--json"),
             call_metier("search", "গিয়ারবক্স", "--json"), call_metier("ask", "গিয়ারবক্স", "--json")]  # fmt: skip
    assert (f"/page?sig={SECRET}", None) in server.asked
    assert "sig=${WIKI_SIG}" in shown[3].stdout
    assert not any(SECRET in said.stdout + said.stderr for said in shown)
    kept = [path for path in (tmp_path / "plant").rglob("*") if path.is_file() and SECRET.encode() in path.read_bytes()]
    assert not kept
    assert SECRET not in caplog.text
