"""A mail server on this machine: Dovecot, with one user and whatever the test puts into its folders."""

from __future__ import annotations

import getpass
import imaplib
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROGRAM = shutil.which("dovecot", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
USER, PASSWORD = "anna", "s3cr3t-8841"
_SETTINGS = """
base_dir = {place}/run
state_dir = {place}/state
log_path = {place}/log
protocols = imap
listen = 127.0.0.1
default_internal_user = {user}
default_login_user = {login}
default_internal_group = {group}
first_valid_uid = 1
mail_location = maildir:{place}/mail
namespace inbox {{
  inbox = yes
  separator = /
}}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={mail} gid={mail} home={place}/home allow_all_users=yes
}}
ssl = yes
ssl_cert = <{place}/certificate
ssl_key = <{place}/key
disable_plaintext_auth = yes
mail_max_userip_connections = 50
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {plain}
  }}
  inet_listener imaps {{
    port = {port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
"""


class MailServer:
    """`certificate`: what to trust; `port`: of TLS, `plain`: that begins without (STARTTLS)."""

    def __init__(self, port: int, plain: int, certificate: Path) -> None:
        self.port, self.plain, self.certificate = port, plain, certificate

    @contextmanager
    def connection(self, folder: str = "INBOX") -> Iterator[imaplib.IMAP4]:
        with imaplib.IMAP4_SSL("localhost", self.port, ssl_context=self.trusting()) as client:
            client.login(USER, PASSWORD)
            client.select(f'"{folder}"')
            yield client

    def trusting(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.certificate))

    def empty(self) -> None:
        """Take all folders away."""
        with self.connection() as client:
            if client.search(None, "ALL")[1][0]:
                client.store("1:*", "+FLAGS", "\\Deleted")
                client.expunge()
            for line in client.list()[1]:
                name = line.decode().rpartition(' "/" ')[2]
                if name != "INBOX":
                    client.delete(name)

    def put(self, message: bytes, folder: str = "INBOX") -> None:
        with self.connection() as client:
            client.create(f'"{folder}"')
            assert client.append(f'"{folder}"', "", imaplib.Time2Internaldate(0), message)[0] == "OK"

    def delete(self, number: int) -> None:
        with self.connection() as client:
            client.store(str(number), "+FLAGS", "\\Deleted")
            client.expunge()


def _free() -> int:
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        return made.getsockname()[1]


@contextmanager
def serving() -> Iterator[MailServer]:
    place = Path(tempfile.mkdtemp(prefix="mail-"))
    is_root = os.geteuid() == 0
    me = getpass.getuser()
    try:
        place.chmod(0o755)
        port, plain = _free(), _free()
        user, login, group, mail = ("dovecot", "dovenull", "dovecot", "mail") if is_root else (me, me, me, me)
        certificate = place / "certificate"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
             "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", place / "key", "-out", certificate],
            check=True, capture_output=True,
        )  # fmt: skip
        for name in ("mail", "home"):
            (place / name).mkdir()
            if is_root:
                shutil.chown(place / name, "mail", "mail")
        given = {"place": place, "user": user, "login": login, "group": group, "mail": mail}
        text = _SETTINGS.format(**given, password=PASSWORD, port=port, plain=plain)
        (place / "settings").write_text(text)
        server = subprocess.Popen([PROGRAM, "-F", "-c", place / "settings"], stderr=subprocess.PIPE)
        try:
            made = MailServer(port, plain, certificate)
            until = time.monotonic() + 20
            while True:
                try:
                    with made.connection():
                        break
                except OSError:
                    assert server.poll() is None, server.stderr.read()
                    assert time.monotonic() < until
                    time.sleep(0.05)
            yield made
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(10)
            server.stderr.close()
    finally:
        shutil.rmtree(place, ignore_errors=True)
