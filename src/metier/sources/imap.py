"""A folder of a mail account: `imaps://USER@HOST/INBOX`, by IMAP. Each message is an item, its attachments parts of it.

A message never changes, so that its number and the folder's UIDVALIDITY tell all; where that is another one, the server
has numbered the messages anew, and all are read again. Nothing on the server is changed, nor marked as read.
"""

from __future__ import annotations

import re
import tempfile
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

from metier.core.errors import ItemGone, SettingsError, SourceError
from metier.core.source_settings import SourceSettings
from metier.sources.base import Item, Unreachable
from metier.sources.imap_connection import MOST_BYTES, ImapConnection, Unanswered

_PAUSES = (1.0, 5.0)  # seconds before what failed is tried again
_UID, _SIZE, _FLAGS = (
    re.compile(rb"\bUID (\d+)"),
    re.compile(rb"\bRFC822\.SIZE (\d+)"),
    re.compile(rb"FLAGS \(([^)]*)\)"),
)


class ImapSource:
    """See `metier.sources.base.Source`. `discover` and `fetch` share one connection, which is opened when needed."""

    def __init__(self, settings: SourceSettings, _root: Path) -> None:
        self.name = str(settings.url)
        self._settings = settings
        parts = urlsplit(self.name)
        if not parts.hostname or parts.query or parts.fragment:
            raise SettingsError("names no mail server", where=self.name, hint="Write imaps://USER@HOST/INBOX.")
        self._mailbox = unquote(parts.path).strip("/") or "INBOX"
        self._address = f"{parts.scheme.lower()}://{parts.netloc}/{quote(self._mailbox)}"
        self._connections: list[ImapConnection] = []  # one, or none
        self._validity = ""
        weakref.finalize(self, _close, self._connections)

    @property
    def holds(self) -> Callable[[str], bool]:
        """Whether this is the source of what is known by an identity."""
        return lambda known: known.startswith(f"{self._address}/") and _number(known) is not None

    def discover(self) -> Iterator[Item | Unreachable]:
        yield from self._listed("1:*")

    def find(self, uri: str) -> Item | None:
        if not self.holds(uri):
            return None
        return next((item for item in self._listed(str(_number(uri))) if item.uri == uri), None)

    @contextmanager
    def fetch(self, item: Item) -> Iterator[Path]:
        validity, _, size = item.version.partition("-")
        if int(size or 0) > MOST_BYTES:
            raise SourceError(f"is larger than {MOST_BYTES // 2**20} MiB", where=item.uri)
        number = _number(item.uri)
        said = self._asked(f"{number}", "(BODY.PEEK[])")
        content = next((part[1] for part in said if isinstance(part, tuple)), None)
        if self._validity != validity:
            raise SourceError("was numbered anew while it was read", where=item.uri, hint="Run `metier sync` again.")
        if content is None:
            raise ItemGone("is not in its folder any more", where=item.uri)
        with tempfile.TemporaryDirectory(prefix="metier-") as folder:
            path = Path(folder) / f"{number}.eml"
            path.write_bytes(content)
            yield path

    def _listed(self, numbers: str) -> list[Item]:
        items = {}
        for part in self._asked(numbers, "(UID FLAGS RFC822.SIZE)"):
            line = part if isinstance(part, bytes) else b""
            uid, size, flags = _UID.search(line), _SIZE.search(line), _FLAGS.search(line)
            if uid and size and not (flags and b"\\Deleted" in flags[1].split()):
                uri = f"{self._address}/{int(uid[1])}.eml"
                version = f"{self._validity}-{int(size[1])}"
                items[int(uid[1])] = Item(uri, version, self._settings.groups, uri)
        return [items[number] for number in sorted(items)]

    def _asked(self, numbers: str, what: str) -> list[bytes | tuple[bytes, bytes] | None]:
        """What the server says of messages; a connection that broke is opened again. Raises `SourceError`."""
        for pause in (*_PAUSES, None):
            try:
                connection = self._connection()
                with connection.bounded():
                    state, said = connection.uid("FETCH", numbers, what)
                    if state != "OK":  # which says nothing of whether the messages are there
                        raise connection.error(said[0] if said else state)
                    return said
            except Unanswered as error:
                _close(self._connections)
                if pause is None:
                    hint = "Check the address and the network; what was indexed before stays."
                    raise SourceError(f"does not answer: {error}", where=self.name, hint=hint) from None
                time.sleep(pause)
            except SourceError:
                _close(self._connections)
                raise
        raise AssertionError

    def _connection(self) -> ImapConnection:
        if not self._connections:
            self._connections.append(ImapConnection(self._settings))
            with self._connections[0].bounded():
                self._validity = self._connections[0].examine(self._mailbox)
        return self._connections[0]


def _number(uri: str) -> int | None:
    """Of a message, in its uri."""
    found = re.fullmatch(r"([1-9]\d{0,9})\.eml", uri.rpartition("/")[2])
    return int(found[1]) if found else None


def _close(connections: list[ImapConnection]) -> None:
    while connections:
        connections.pop().close_quietly()
