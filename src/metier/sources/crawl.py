"""A part of a web site: pages that its sitemap names, and those that links lead to.

    robots.txt ─▶ start page ─▶ sitemaps ─▶ links, so many deep ─▶ each page once, where its site says that it lives

`discover` has to look into pages, for their links. What it was told of each (ETag, Last-Modified, the sitemap's day) is
remembered, so that a page which did not change is not sent, read or parsed again, and its links still lead on while it
is out of reach. What was sent is kept until it is fetched.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from metier.core.addresses import identity
from metier.core.errors import SettingsError
from metier.core.source_settings import SourceSettings
from metier.sources import kept
from metier.sources.base import Item, Rejected, Unreachable
from metier.sources.page_memory import Memory, RememberedPage
from metier.sources.page_reader import PageReader, kept_page
from metier.sources.site_walk import SiteWalk, is_covered
from metier.sources.web import fetched
from metier.sources.web_client import WebClient

_PAGES = "pages-"  # what folders of pages are called
_INTERVAL = 0.2  # seconds between two requests, unless robots.txt asks for more
_SECONDS = 60.0  # for one page


class CrawlSource:
    """See `metier.sources.base.Source`. `root`: the expert's folder."""

    def __init__(self, settings: SourceSettings, root: Path) -> None:
        self.name = str(settings.url)
        if "${" in self.name:
            hint = "Name it with auth_env, or leave out depth."
            raise SettingsError("has a ${NAME} in it, which links would not have", where=self.name, hint=hint)
        self._settings = settings
        self._folder = kept.folder_of(self.name, root)
        self._pages: Path | None = None  # what was sent is in there, once there was a crawl

    @property
    def holds(self) -> Callable[[str], bool]:
        """Whether this is the source of what is known by an identity."""
        home = identity(Memory.load(self._folder).home or self.name)
        return lambda known: is_covered(known, home, self._settings)

    def discover(self) -> Iterator[Item | Unreachable | Rejected]:
        for left in kept.make(self._folder).glob(f"{_PAGES}*"):  # of a crawl that was killed
            shutil.rmtree(left, ignore_errors=True)
        self._pages = Path(tempfile.mkdtemp(dir=self._folder, prefix=_PAGES))
        weakref.finalize(self, shutil.rmtree, self._pages, ignore_errors=True)
        memory, scope = Memory.load(self._folder), (*self._settings.include, "", *self._settings.exclude)
        if memory.scope != scope:  # links that are of interest now were not kept
            memory = Memory(memory.home, scope)
        with WebClient(self._settings, interval=_INTERVAL, seconds=_SECONDS) as client:
            for found in SiteWalk(self._settings, PageReader(client, self._pages), memory).run():
                yield found if isinstance(found, Unreachable | Rejected) else self._item(*found)
        memory.save(self._folder)

    def find(self, uri: str) -> Item | None:
        """As the last crawl saw it, without asking its site."""
        page = Memory.load(self._folder).pages.get(uri)
        return self._item(uri, page) if page is not None and page.is_kept else None

    @contextmanager
    def fetch(self, item: Item) -> Iterator[Path]:
        if self._pages is not None and (path := kept_page(self._pages, item.uri)).exists():
            yield path
            return
        with fetched(self._settings, item.uri) as path:
            yield path

    def _item(self, address: str, page: RememberedPage) -> Item:
        return Item(address, page.version, self._settings.groups, identity(address))
