"""Mail folders by IMAP, of a Dovecot on this machine, and of a server that wishes us ill."""

from __future__ import annotations

import contextlib
import email.message
import shutil
import socket
import threading
import time

import dovecot
import pytest

from metier import Expert
from metier.core.errors import ItemGone, SettingsError, SourceError
from metier.core.source_settings import SourceSettings
from metier.sources import Item, create, imap, imap_connection

pytestmark = pytest.mark.slow
needs_dovecot = pytest.mark.skipif(
    dovecot.PROGRAM is None or shutil.which("openssl") is None, reason="dovecot-imapd is not installed"
)


def message(subject, text, **attached):
    made = email.message.EmailMessage()
    made["From"], made["To"], made["Subject"] = "anna@example.com", "bo@example.com", subject
    made["Date"] = "Mon, 2 Nov 2026 10:00:00 +0000"
    made.set_content(text)
    for name, content in attached.items():
        made.add_attachment(content.encode(), maintype="text", subtype="csv", filename=name.replace("_", "."))
    return made.as_bytes()


@pytest.fixture(scope="module")
def started():
    with dovecot.serving() as made:
        yield made


@pytest.fixture
def server(started, monkeypatch):
    started.empty()
    monkeypatch.setenv("SSL_CERT_FILE", str(started.certificate))
    monkeypatch.setenv("MAIL_PASSWORD", dovecot.PASSWORD)
    monkeypatch.setattr(imap, "_PAUSES", (0.01, 0.01))
    return started


@pytest.fixture
def expert(server, tmp_path):
    with Expert.create(tmp_path / "expert") as made:
        made.add(f"imaps://anna@localhost:{server.port}/INBOX", private=True, auth_env="MAIL_PASSWORD")
        yield made


def listed(url, root, **options):
    given = {"private": True, "auth_env": "MAIL_PASSWORD"} | options
    return [item.uri for item in create(SourceSettings(url=url, **given), root).discover()]


@needs_dovecot
def test_messages_and_what_is_attached_are_read_once_and_deleted_ones_go(server, expert):
    server.put(message("Nuts", "The blade root nuts take 840 Nm."))
    server.put(message("Prices", "Here they are.", prices_csv="part,price\nYaw pad P-17,320 SEK\n"))
    assert (expert.sync().added, expert.sync().unchanged) == (2, 2)
    (hit,) = expert.search("What does the yaw pad P-17 cost?", 1)
    assert (hit.passage.uri.endswith(".eml"), "320 SEK" in hit.passage.text) == (True, True)
    with expert.original(expert.runtime.store.document(hit.passage.document_id)) as path:
        assert b"prices.csv" in path.read_bytes()
    with server.connection() as client:
        assert b"\\Seen" not in client.fetch("1:*", "(FLAGS)")[1][0]
    server.put(message("Oil", "The oil is changed every 30 months."))
    server.delete(1)
    report = expert.sync()
    assert (report.added, report.deleted, report.unchanged, report.failed) == (1, 1, 1, [])
    with server.connection() as client:
        client.store("1", "+FLAGS", "\\Deleted")  # and not yet taken away
    assert expert.sync().deleted == 1


@needs_dovecot
def test_what_is_out_of_reach_emptied_or_numbered_anew_loses_nothing(server, expert, monkeypatch):
    server.put(message("Nuts", "The blade root nuts take 840 Nm."))
    expert.sync()
    monkeypatch.setenv("MAIL_PASSWORD", "wrong")
    report = expert.sync()
    assert (report.kept, report.deleted) == (1, 0)
    assert "Authentication failed" in report.failed[0].reason
    monkeypatch.setenv("MAIL_PASSWORD", f"anna:{dovecot.PASSWORD}")
    assert expert.sync().unchanged == 1
    server.delete(1)
    report = expert.sync()
    assert (report.kept, report.deleted) == (1, 0)
    assert expert.sync(allow_empty=True).deleted == 1


@needs_dovecot
def test_a_folder_that_was_made_anew_is_read_anew(server, tmp_path, monkeypatch):
    url = f"imaps://localhost:{server.port}/Old/%E0%A6%AE%E0%A7%87%E0%A6%B0%E0%A6%BE%20%26%20x"
    folder = imap_connection._in_utf7("Old/মেরা & x")
    assert folder == "Old/&Ca4JxwmwCb4- &- x"
    monkeypatch.setenv("MAIL_PASSWORD", f"anna:{dovecot.PASSWORD}")
    with Expert.create(tmp_path / "expert") as expert:
        expert.add(url, private=True, auth_env="MAIL_PASSWORD")
        for text in ("The nuts take 840 Nm.", "The nuts take 900 Nm."):
            server.put(message("Nuts", text), folder)
            report = expert.sync()
            assert (report.added + report.changed, report.failed) == (1, [])
            assert expert.search("nuts", 1)[0].passage.text.endswith(text)
            with server.connection() as client:
                client.delete(f'"{folder}"')
            time.sleep(1.1)  # UIDVALIDITY is a moment in seconds
    with pytest.raises(SourceError, match="has no folder Nothing"):
        listed(f"imaps://localhost:{server.port}/Nothing", tmp_path)


@needs_dovecot
def test_it_is_encrypted_or_not_used(server, tmp_path, monkeypatch):
    server.put(message("Nuts", "840 Nm."))
    assert len(listed(f"imap://anna@localhost:{server.plain}/", tmp_path)) == 1
    with pytest.raises(SourceError, match=r"leads to (127\.0\.0\.1|::1)"):
        listed(f"imaps://anna@localhost:{server.port}/", tmp_path, private=False)
    with pytest.raises(SourceError, match="needs a password"):
        listed(f"imaps://anna@localhost:{server.port}/", tmp_path, auth_env=None)
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(SourceError, match=r"cannot be trusted.*SSL_CERT_FILE"):
        listed(f"imaps://anna@localhost:{server.port}/", tmp_path)


@needs_dovecot
def test_the_password_is_shown_nowhere(server, call_metier, tmp_path):
    server.put(message("Nuts", "The nuts take 840 Nm."))
    address = f"imaps://anna@localhost:{server.port}/INBOX"
    call_metier("init", "plant")
    wrong = call_metier("add", address.replace("anna@", f"anna:{dovecot.PASSWORD}@"), check=2)
    assert dovecot.PASSWORD not in wrong.stderr
    call_metier("add", "--private", "--auth-env", "MAIL_PASSWORD", address)
    assert "depth is for a web address" in call_metier("add", "--depth", "1", "imaps://h/INBOX", check=2).stderr
    said = [call_metier("sync"), call_metier("sources"), call_metier("search", "nuts")]
    assert f"{address}/" in said[1].stdout
    assert not any(dovecot.PASSWORD in each.stdout + each.stderr for each in said)
    files = [path for path in (tmp_path / "plant").rglob("*") if path.is_file()]
    assert not [path for path in files if dovecot.PASSWORD.encode() in path.read_bytes()]


@pytest.mark.parametrize("address", ["imaps:///INBOX", "imaps://host/INBOX?a=b", "imaps://host/INBOX#x"])
def test_what_names_no_server_is_refused(address, tmp_path):
    with pytest.raises(SettingsError, match="names no mail server"):
        create(SourceSettings(url=address), tmp_path)


@pytest.fixture
def hostile(monkeypatch):
    """A server that greets, takes any login, and then says what the test has it say."""
    monkeypatch.setenv("MAIL_PASSWORD", "x")
    monkeypatch.setattr(imap, "_PAUSES", ())
    saying, connections = [], []

    def answer(connection):
        with connection, connection.makefile("rb") as lines:
            connection.sendall(b"* OK [CAPABILITY IMAP4rev1] hi\r\n")
            for line in lines:
                tag, verb = line.split()[:2]
                if verb == b"UID":
                    for part in saying:
                        connection.sendall(part)
                        time.sleep(0.02)
                extra = {b"CAPABILITY": b"* CAPABILITY IMAP4rev1\r\n", b"LIST": b'* LIST () "." ""\r\n'}.get(verb, b"")
                state = b" NO later\r\n" if verb == b"UID" and not saying else b" OK done\r\n"
                connection.sendall(extra + tag + state)

    def serve():
        while True:
            try:
                connection = server.accept()[0]
            except OSError:
                return
            connections.append(threading.Thread(target=_quietly, args=(answer, connection), daemon=True))
            connections[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=serve, daemon=True).start()
        yield saying, f"imap://anna@127.0.0.1:{server.getsockname()[1]}/INBOX"
        server.shutdown(socket.SHUT_RDWR)


def _quietly(answer, connection):
    with contextlib.suppress(OSError):
        answer(connection)


def test_a_server_that_drips_lies_or_never_ends_is_given_up(hostile, tmp_path, monkeypatch):
    saying, address = hostile
    saying[:] = [b"* 1 FETCH (UID 1 RFC822.SIZE 9)\r\n"]
    assert listed(address, tmp_path) == [f"{address}/1.eml"]
    saying.clear()
    with pytest.raises(SourceError, match="refused: later"):
        listed(address, tmp_path)
    source = create(SourceSettings(url=address, private=True, auth_env="MAIL_PASSWORD"), tmp_path)
    with pytest.raises(SourceError, match="refused: later") as caught, source.fetch(Item(f"{address}/1.eml", "0-9")):
        pass
    assert not isinstance(caught.value, ItemGone)
    saying[:] = [b"* 1 FETCH (BODY[] {999999999999}\r\n"]
    with pytest.raises(SourceError, match="more than 200 MiB"):
        listed(address, tmp_path)
    saying[:] = [b"x" * 100] * 200
    monkeypatch.setattr(imap_connection, "_SECONDS", 0.5)
    began = time.monotonic()
    with pytest.raises(SourceError, match="does not answer"):
        listed(address, tmp_path)
    assert time.monotonic() - began < 3
    saying[:] = [b"* 1 FETCH (UID 1 RFC822.SIZE 9)\r\n" * 10] * 10
    monkeypatch.setattr(imap_connection, "MOST_BYTES", -(2**20) + 500)
    with pytest.raises(SourceError, match="answered more"):
        listed(address, tmp_path)
    monkeypatch.setattr(imap_connection.public_addresses, "resolve", lambda *_given, **_more: ["127.0.0.1"])
    with pytest.raises(SourceError, match="no encryption"):
        listed(address, tmp_path, private=False)
