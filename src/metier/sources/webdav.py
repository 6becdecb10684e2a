"""A folder that is shared by WebDAV: `webdavs://HOST/PATH` (Nextcloud, SharePoint, Apache), or one file of it.

    PROPFIND of each folder ─▶ its files, with ETag or size and time ─▶ GET of what changed

Items are known by their https address, which a browser opens. What a server lists beside what was asked for is left
out. Not by fsspec, as buckets are: its requests would not be checked hop by hop, as those of the web are here.
"""

from __future__ import annotations

import re
import tempfile
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, unquote, urljoin, urlsplit
from xml.etree import ElementTree

from metier.core.addresses import identity
from metier.core.errors import ItemGone, SettingsError, SourceError
from metier.core.source_settings import SourceSettings
from metier.sources.base import Item, Unreachable, is_wanted
from metier.sources.web import file_name
from metier.sources.web_client import WebClient, media_type, refused, save

_INTERVAL = 0.05  # seconds between two requests
_MOST_LISTING = 64 * 2**20  # bytes that a server says of one folder
_MOST_FOLDERS = 50_000
_DEPTH = 50  # folders in folders
_SCHEMES = {"webdavs": "https", "webdav": "http"}
_PROPERTIES = ("resourcetype", "getetag", "getlastmodified", "getcontentlength")
_ASKED = "".join(f"<{each}/>" for each in _PROPERTIES)
_REQUEST = f'<?xml version="1.0"?><propfind xmlns="DAV:"><prop>{_ASKED}</prop></propfind>'
_FINE = re.compile(r"\s*HTTP/[\d.]+ 2\d\d\b")
_DEFINES = re.compile(rb"<!\s*(DOCTYPE|ENTITY)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Entry:
    """`path`: decoded, without a slash at its end; `version`: "" where the server says nothing of it; `problem`: what
    it says instead."""

    path: str
    is_folder: bool
    version: str
    problem: str = ""


class WebDavSource:
    """See `metier.sources.base.Source`."""

    def __init__(self, settings: SourceSettings, _root: Path) -> None:
        self.name = str(settings.url)
        self._settings = settings
        parts = urlsplit(self.name)
        if parts.query or parts.fragment:
            hint = "Write webdavs://HOST/PATH, and name a login with auth_env."
            raise SettingsError("has more than a path in it", where=self.name, hint=hint)
        self._site = f"{_SCHEMES[settings.scheme]}://{parts.netloc}"
        self._path = unquote(parts.path).rstrip("/")
        self._clients: list[WebClient] = []  # one, or none
        weakref.finalize(self, _close, self._clients)

    @property
    def holds(self) -> Callable[[str], bool]:
        """Whether this is the source of what is known by an identity."""
        base = identity(self._address(self._path)).rstrip("/")
        return lambda known: (known == base or known.startswith(f"{base}/")) and self._is_wanted(known)

    def discover(self) -> Iterator[Item | Unreachable]:
        first = self._listed(self._path, "0")
        if not first:
            raise SourceError("answers, but is no WebDAV folder", where=self.name)
        if first[0].problem:
            raise SourceError(first[0].problem, where=self.name)
        if not first[0].is_folder:
            yield self._item(first[0])
            return
        folders, seen = deque([self._path]), {self._path}
        while folders:
            folder = folders.popleft()
            if len(seen) > _MOST_FOLDERS:
                raise SourceError(f"has more than {_MOST_FOLDERS:,} folders", where=self.name)
            try:
                entries = self._listed(folder, "1")
            except ItemGone:
                continue
            except SourceError as error:
                if folder == self._path:
                    raise SourceError(error.what, where=self.name, hint=error.hint) from None
                yield Unreachable(self._address(folder), error.what)
                continue
            for entry in entries:
                if entry.problem:
                    yield Unreachable(self._address(entry.path), entry.problem)
                elif entry.is_folder and entry.path not in seen and entry.path.count("/") <= _DEPTH:
                    seen.add(entry.path)
                    folders.append(entry.path)
                elif not entry.is_folder and self._is_wanted(self._address(entry.path)):
                    yield self._item(entry)

    def find(self, uri: str) -> Item | None:
        path = unquote(urlsplit(uri).path)
        if not self.holds(identity(uri)):
            return None
        try:
            found = [each for each in self._listed(path, "0") if not each.is_folder and not each.problem]
            return self._item(found[0]) if found else None
        except ItemGone:
            return None

    @contextmanager
    def fetch(self, item: Item) -> Iterator[Path]:
        with tempfile.TemporaryDirectory(prefix="metier-") as folder:
            with self._client().asked(item.uri) as response:
                if not response.is_success:
                    raise refused(response, item.uri)
                path = Path(folder) / file_name(item.uri, media_type(response))
                save(response, path, item.uri)
            yield path

    def _listed(self, folder: str, depth: str) -> list[_Entry]:
        """What is at a path (depth 0), or in a folder (1). Raises `SourceError`."""
        address = self._address(folder) + ("/" if depth == "1" or not folder else "")
        headers = {"Depth": depth, "Content-Type": "application/xml; charset=utf-8"}
        for _ in range(2):
            with self._client().asked(address, headers, "PROPFIND", _REQUEST.encode()) as response:
                if response.has_redirect_location:  # of folders that are written without their slash
                    moved = str(self._client().redirected(response))
                    if moved.rstrip("/") != address.rstrip("/"):
                        raise SourceError("redirects to another address", where=address)
                    address = moved
                    continue
                if response.status_code == 405:
                    raise SourceError("is no WebDAV server: it knows no PROPFIND", where=self.name)
                if response.status_code != 207:
                    raise refused(response, address)
                with tempfile.TemporaryDirectory(prefix="metier-") as place:
                    save(response, Path(place) / "said", address, _MOST_LISTING)
                    content = (Path(place) / "said").read_bytes()
            return [each for each in _entries(content, address) if self._is_asked_for(each.path, folder, depth)]
        raise SourceError("redirects in a circle", where=address)

    def _is_asked_for(self, path: str, folder: str, depth: str) -> bool:
        parent, _, name = path.rpartition("/")
        if depth == "0":
            return path == folder
        return parent == folder and name not in ("", ".", "..") and not name.startswith((".", "~$"))

    def _item(self, entry: _Entry) -> Item:
        address = self._address(entry.path)
        return Item(address, entry.version, self._settings.groups, identity(address))

    def _address(self, path: str) -> str:
        return self._site + quote(path)

    def _is_wanted(self, address: str) -> bool:
        path = unquote(urlsplit(address).path)
        return is_wanted(self._settings, unquote(address), path, path.removeprefix(f"{self._path}/"))

    def _client(self) -> WebClient:
        if not self._clients:
            self._clients.append(WebClient(self._settings, self._site, interval=_INTERVAL))
        return self._clients[0]


def _entries(content: bytes, address: str) -> Iterator[_Entry]:
    """What a server lists at an address of its own. Raises `SourceError`."""
    if _DEFINES.search(content):
        raise SourceError("answers with XML that defines entities", where=address)
    try:
        tree = ElementTree.fromstring(content)  # noqa: S314 - see above
    except ElementTree.ParseError as error:
        raise SourceError(f"answers what is no XML: {error}", where=address) from None
    for response in tree.iter("{DAV:}response"):
        said = urlsplit(urljoin(address, (response.findtext("{DAV:}href") or "").strip()))
        if said.netloc != urlsplit(address).netloc:
            continue
        if (status := response.findtext("{DAV:}status")) and not _FINE.match(status):
            yield _Entry(unquote(said.path).rstrip("/"), False, "", f"answered {status.strip()[:80]}")
            continue
        facts = {name: response.findtext(f".//{{DAV:}}{name}") or "" for name in _PROPERTIES}
        version = facts["getetag"] or "-".join(filter(None, [facts["getcontentlength"], facts["getlastmodified"]]))
        is_folder = response.find(".//{DAV:}resourcetype/{DAV:}collection") is not None
        yield _Entry(unquote(said.path).rstrip("/"), is_folder, version)


def _close(clients: list[WebClient]) -> None:
    while clients:
        clients.pop().close()
