"""A connection to a mail server: checked as an address of the web is, encrypted, and ended by the clock."""

from __future__ import annotations

import base64
import imaplib
import re
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import unquote, urlsplit

from metier.core import public_addresses
from metier.core.addresses import secret
from metier.core.errors import SourceError
from metier.core.source_settings import SourceSettings

_PORTS = {"imaps": 993, "imap": 143}
_READ_SECONDS = 30.0
_SECONDS = 300.0  # for one command
MOST_BYTES = 200 * 2**20  # of one message, and of all that is answered to one command
_BEYOND_ASCII = re.compile(r"[^\x20-\x7e]+")


class Unanswered(Exception):
    """The connection broke, or the server is busy: it may work a little later."""


class ImapConnection(imaplib.IMAP4):
    """`settings`: of a source whose address is `imaps://USER@HOST/FOLDER` (TLS from the start) or `imap://…`
    (STARTTLS). Raises `SourceError` and `Unanswered`."""

    def __init__(self, settings: SourceSettings) -> None:
        self._settings, self._answered = settings, 0
        parts = urlsplit(settings.name)
        self._is_secure = settings.scheme == "imaps"
        try:
            with self.bounded():
                super().__init__(parts.hostname or "", parts.port or _PORTS[settings.scheme], timeout=_READ_SECONDS)
                self._secure()
                self._log_in(unquote(parts.username or ""))
        except BaseException:
            self.close_quietly()
            raise

    def examine(self, folder: str) -> str:
        """Open a folder to read it; gives its UIDVALIDITY. Parts of its name are parted by `/`."""
        said_first = self.list('""', '""')[1][0]
        if isinstance(said_first, bytes) and (delimiter := re.search(rb'"(.)" ', said_first)):
            folder = folder.replace("/", delimiter[1].decode())
        escaped = _in_utf7(folder).replace("\\", "\\\\").replace('"', '\\"')
        if self.select(f'"{escaped}"', readonly=True)[0] != "OK":
            hint = "Write it as your mail program names it: imaps://USER@HOST/Archive/2026."
            raise SourceError(f"has no folder {folder}", where=self._settings.name, hint=hint)
        said: list[bytes | None] = self.response("UIDVALIDITY")[1]
        return (said[0] or b"0").decode("ascii", "replace")

    @contextmanager
    def bounded(self) -> Iterator[None]:
        """What is asked in here ends by the clock, whatever the server sends. Raises as the class says."""
        self._answered = 0
        timer = threading.Timer(_SECONDS, self._break)
        timer.daemon = True
        timer.start()
        try:
            yield
        except public_addresses.Refused as error:
            hint = None if self._settings.private else public_addresses.HOW
            raise SourceError(str(error), where=self._settings.name, hint=hint) from None
        except ssl.SSLCertVerificationError as error:
            hint = "Where its certificate is of your own, name its file in the variable SSL_CERT_FILE."
            raise SourceError(
                f"cannot be trusted: {error.verify_message}", where=self._settings.name, hint=hint
            ) from None
        except (OSError, imaplib.IMAP4.abort) as error:
            raise Unanswered(str(error) or type(error).__name__) from None
        except imaplib.IMAP4.error as error:
            said = error.args[0] if error.args else ""
            text = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
            raise SourceError(f"refused: {text[:200]}", where=self._settings.name) from None
        finally:
            timer.cancel()

    def close_quietly(self) -> None:
        with suppress(OSError, imaplib.IMAP4.error, AttributeError):
            self.shutdown()

    def _secure(self) -> None:
        if not self._is_secure and "STARTTLS" in self.capabilities:
            self.starttls(ssl.create_default_context())
        elif not self._is_secure and not self._settings.private:
            raise SourceError("offers no encryption, so that anybody may read the password", where=self._settings.name)

    def _log_in(self, user: str) -> None:
        if self._settings.auth_env is None:
            hint = "Name the variable that holds it: `metier add --auth-env NAME`, in metier.toml auth_env."
            raise SourceError("needs a password", where=self._settings.name, hint=hint)
        value = secret(self._settings.auth_env, self._settings.name)
        if not user:
            user, _, value = value.partition(":")
        password = value.removeprefix(f"{user}:")
        if "AUTH=PLAIN" in self.capabilities:
            self.authenticate("PLAIN", lambda _: f"\0{user}\0{password}".encode())
        else:
            self.login(user, password)

    # --- what imaplib calls ----------------------------------------------------------------------------------

    def _create_socket(self, timeout: float | None) -> socket.socket:
        failure: OSError = OSError("it has no address")
        for address in public_addresses.resolve(self.host, self.port, _READ_SECONDS, private=self._settings.private):
            try:
                made = socket.create_connection((address, self.port), timeout)
            except OSError as error:
                failure = error
                continue
            if not self._is_secure:
                return made
            try:
                return ssl.create_default_context().wrap_socket(made, server_hostname=self.host)
            except BaseException:
                made.close()
                raise
        raise failure

    def read(self, size: int) -> bytes:
        self._count(size)
        return super().read(size)

    def readline(self) -> bytes:
        line = super().readline()
        self._count(len(line))
        return line

    def _count(self, size: int) -> None:
        self._answered += size
        if self._answered > MOST_BYTES + 2**20:
            self._break()
            raise SourceError(f"answered more than {MOST_BYTES // 2**20} MiB", where=self._settings.name)

    def _break(self) -> None:
        known: Any = getattr(self, "sock", None)
        if known is not None:
            with suppress(OSError):
                known.shutdown(socket.SHUT_RDWR)


def _in_utf7(name: str) -> str:
    """A folder's name as IMAP writes it (RFC 3501, 5.1.3)."""

    def encoded(found: re.Match[str]) -> str:
        return f"&{base64.b64encode(found[0].encode('utf-16-be')).decode().rstrip('=').replace('/', ',')}-"

    return _BEYOND_ASCII.sub(encoded, name.replace("&", "&-"))
