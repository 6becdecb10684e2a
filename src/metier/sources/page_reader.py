"""Reads one page of a site for a crawl: asks for it only where it has changed, and keeps what it was sent in a file."""

from __future__ import annotations

import hashlib
import shutil
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from metier.core.errors import ItemGone, SourceError
from metier.sources import page_links, robots, sitemaps
from metier.sources.page_memory import RememberedPage
from metier.sources.robots import Robots
from metier.sources.sitemaps import Sitemap
from metier.sources.web import SUFFIXES, file_name
from metier.sources.web_client import AGENT, WebClient, media_type, refused, save, save_page

if TYPE_CHECKING:
    import httpx

HOPS = 5
_MOST_PAGE = 20 * 2**20  # bytes of HTML
_MOST_KEPT = 500 * 2**20  # bytes of all pages between `discover` and `fetch`; others are asked for twice
_MOST_SITEMAPS = 50
_HTML = ("text/html", "application/xhtml+xml")
_OFFICE = (
    "application/vnd.openxmlformats-officedocument.", "application/vnd.oasis.opendocument.", "application/msword",
    "application/vnd.ms-excel", "application/vnd.ms-powerpoint", "application/rtf", "application/epub+zip",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Moved:
    """`to`: the address that a page redirects to, "" where that is none for us."""

    to: str


class PageReader:
    """`folder`: what pages are kept in, each under a name that follows from its address. `requests`: how many pages
    were asked for."""

    def __init__(self, client: WebClient, folder: Path) -> None:
        self._client, self._folder = client, folder
        self._robots: dict[str, Robots] = {}
        self._kept_bytes = 0
        self.requests = 0

    def visit(self, address: str, known: RememberedPage | None, day: str = "") -> RememberedPage | Moved | SourceError:
        """`known`: what is remembered of it; `day`: when it was changed, as the sitemap says now. `ItemGone` where
        there is no document."""
        self.requests += 1
        try:
            with self._client.asked(address, known.conditions() if known else {}) as response:
                if response.status_code == 304 and known is not None:
                    return replace(known, day=day)
                if response.has_redirect_location:
                    return Moved(page_links.normalized(str(self._client.redirected(response)), address))
                if not response.is_success:
                    return refused(response, address)
                return self._read(response, address, day)
        except SourceError as error:
            return error

    def _read(self, response: httpx.Response, address: str, day: str) -> RememberedPage | SourceError:
        kind, headers = media_type(response), response.headers
        page = RememberedPage(headers.get("etag", ""), headers.get("last-modified", ""), day)
        content = b""
        if kind in _HTML:
            path = kept_page(self._folder, address)
            path.parent.mkdir(exist_ok=True)
            save_page(response, path, address, _MOST_PAGE)
            content = path.read_bytes()
            self._kept_bytes += len(content)
            if self._kept_bytes > _MOST_KEPT:
                shutil.rmtree(path.parent)
        elif kind not in SUFFIXES and not kind.startswith(_OFFICE):
            return ItemGone(f"is {kind or 'of no known kind'}, no document", where=address)
        said = page_links.read(content, address, headers.get_list("x-robots-tag"), AGENT)
        version = hashlib.sha256(content).hexdigest()[:32] if content else page.etag or page.modified
        return replace(page, version=version, links=said.links, canonical=said.canonical, is_kept=said.is_kept)

    def robots(self, address: str) -> Robots:
        """What the robots.txt of an address's site says. Raises `SourceError` where nobody can tell."""
        site = urljoin(address, "/robots.txt")
        if site not in self._robots:
            said = robots.read(self._text(site, robots.MOST_BYTES).decode("utf-8", "replace"), AGENT)
            self._client.interval = max(self._client.interval, said.delay)
            self._robots[site] = said
        return self._robots[site]

    def sitemaps(self, home: str) -> Iterator[Sitemap | None]:
        """Those of the site, and those that they name; None for one that is out of reach."""
        waiting = deque(self.robots(home).sitemaps or ("/sitemap.xml",))
        asked: set[str] = set()
        while waiting and len(asked) < _MOST_SITEMAPS:
            address = urljoin(home, waiting.popleft())
            if address in asked or not address.startswith(("http://", "https://")):
                continue
            asked.add(address)
            try:
                found = sitemaps.read(self._text(address, sitemaps.MOST_BYTES))
            except SourceError:
                yield None
                continue
            waiting.extend(found.sitemaps)
            yield found

    def _text(self, address: str, most: int) -> bytes:
        """A small file of the site, empty where there is none. Raises `SourceError` where nobody can tell."""
        for _ in range(HOPS):
            with self._client.asked(address) as response:
                if response.has_redirect_location:
                    address = str(self._client.redirected(response))
                    continue
                if 400 <= response.status_code < 500 and response.status_code != 429:
                    return b""
                if not response.is_success:
                    raise refused(response, address)
                path = self._folder / "file"
                save(response, path, address, most)
                return path.read_bytes()
        return b""


def kept_page(folder: Path, address: str) -> Path:
    """Where a page of HTML is kept between the moment that its links were read and the one that it is."""
    return folder / hashlib.sha256(address.encode()).hexdigest()[:32] / file_name(address, _HTML[0])
