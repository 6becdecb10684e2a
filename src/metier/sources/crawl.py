"""A part of a web site: pages that its sitemap names, and those that links lead to.

    robots.txt ─▶ start page ─▶ sitemaps ─▶ links, so many deep ─▶ each page once, where its site says that it lives

`discover` has to look into pages, for their links. What it was told of each (ETag, Last-Modified, the sitemap's day) is
remembered, so that a page which did not change is not sent, read or parsed again, and its links still lead on while it
is out of reach. A page that no link leads to any more is asked for itself: only what answers that it is gone is gone.
What was sent is kept until it is fetched.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from urllib.parse import urlsplit

from metier.core.addresses import identity
from metier.core.errors import ItemGone, SettingsError, SourceError
from metier.core.source_settings import SourceSettings
from metier.sources import kept, page_links
from metier.sources.base import Item, Rejected, Unreachable
from metier.sources.page_memory import Memory, RememberedPage
from metier.sources.page_reader import HOPS, Moved, PageReader, kept_page
from metier.sources.web import fetched
from metier.sources.web_client import WebClient

_PAGES = "pages-"  # what folders of pages are called
_INTERVAL = 0.2  # seconds between two requests, unless robots.txt asks for more
_SECONDS = 60.0  # for one page
_AWAY = 5  # pages in a row that fail: the site is down
_ALIKE = 20  # pages that were different and are the same all at once: the site says something else in their place
_WASTED = 3  # requests for each page that is taken, at most: a site may redirect for ever


@dataclass(slots=True)
class _Walk:
    """One crawl. `days`: when pages were changed, as sitemaps say; `seen`: addresses that were queued; `taken`: those
    that became items; `elsewhere`: pages that say that they live at another address; `versions`: of what was taken, to
    know it again under another address; `alike`: pages that had another text before; `failures`: pages in a row."""

    reader: PageReader
    memory: Memory
    days: dict[str, str] = field(default_factory=dict)
    queue: deque[tuple[str, int]] = field(default_factory=deque)
    seen: set[str] = field(default_factory=set)
    taken: set[str] = field(default_factory=set)
    elsewhere: dict[str, RememberedPage] = field(default_factory=dict)
    versions: set[str] = field(default_factory=set)
    alike: int = 0
    failures: int = 0


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
        return lambda known: self._covers(known, home)

    def find(self, uri: str) -> Item | None:
        page = Memory.load(self._folder).pages.get(uri)
        return self._item(uri, page) if page is not None and page.is_kept else None

    @contextmanager
    def fetch(self, item: Item) -> Iterator[Path]:
        if self._pages is not None and (path := kept_page(self._pages, item.uri)).exists():
            yield path
            return
        with fetched(self._settings, item.uri) as path:
            yield path

    def discover(self) -> Iterator[Item | Unreachable | Rejected]:
        for left in kept.make(self._folder).glob(f"{_PAGES}*"):  # of a crawl that was killed
            shutil.rmtree(left, ignore_errors=True)
        self._pages = Path(tempfile.mkdtemp(dir=self._folder, prefix=_PAGES))
        weakref.finalize(self, shutil.rmtree, self._pages, ignore_errors=True)
        memory = Memory.load(self._folder)
        with WebClient(self._settings, interval=_INTERVAL, seconds=_SECONDS) as client:
            walk = _Walk(PageReader(client, self._pages), memory)
            home = self._begin(walk)
            yield from self._listed(walk, memory.home, home)
            yield from self._walk(walk)
        memory.keep_only(walk.seen)
        memory.depth = self._settings.depth
        memory.save(self._folder)

    def _begin(self, walk: _Walk) -> RememberedPage:
        """The start page, wherever it redirects to; queues its links and what the sitemaps name."""
        home = page_links.normalized(self.name, self.name) or self.name
        for _ in range(HOPS):
            if not walk.reader.robots(home).allows(home):
                raise SourceError("may not be read by programs, says the robots.txt of its site", where=self.name)
            found = walk.reader.visit(home, walk.memory.pages.get(home))
            if not isinstance(found, Moved):
                break
            home = found.to
        if not isinstance(found, RememberedPage):
            what = found.what if isinstance(found, SourceError) else "redirects in a circle, or off the web"
            raise SourceError(what, where=self.name, hint=found.hint if isinstance(found, SourceError) else None)
        if walk.memory.home not in ("", home):  # to a page where one logs in, perhaps
            hint = f"Where that is meant, name {home} as the source."
            raise SourceError(f"redirects to another page than before, {home}", where=self.name, hint=hint)
        walk.memory.home = home
        walk.memory.pages[home] = found
        walk.seen.add(home)
        self._follow(walk, home, 0, found)
        for sitemap in walk.reader.sitemaps(home) if self._settings.depth else ():
            # Where one is out of reach, what it named before is still there, as far as anybody knows.
            named = sitemap.pages if sitemap is not None else dict.fromkeys(walk.memory.pages, "")
            for address, day in named.items():
                address = page_links.normalized(address, home)
                walk.days[address] = day
                self._queue(walk, address, 1)
        return found

    def _walk(self, walk: _Walk) -> Iterator[Item | Unreachable | Rejected]:
        most = self._settings.max_pages
        while walk.queue or self._unlinked(walk):
            address, depth = walk.queue.popleft()
            if len(walk.taken) >= most or walk.reader.requests > most * _WASTED + 100:
                more = f", with {len(walk.queue):,} more" if walk.queue else ""
                yield Rejected(address, f"is left out{more}: the source has max_pages = {most:,}")
                break
            found = self._looked_at(walk, address)
            if isinstance(found, Moved):
                self._queue(walk, found.to, depth)
            elif isinstance(found, ItemGone):
                walk.memory.pages.pop(address, None)
            elif isinstance(found, SourceError):
                yield Unreachable(address, found.what)
                self._follow(walk, address, depth, walk.memory.pages.get(address, RememberedPage()))
            else:
                self._compare(walk, address, found)
                walk.memory.pages[address] = found
                self._follow(walk, address, depth, found)
                yield from self._listed(walk, address, found)
        for address, page in walk.elsewhere.items():
            if page.canonical not in walk.taken and len(walk.taken) < most:
                yield from self._taken(walk, address, page)

    def _unlinked(self, walk: _Walk) -> bool:
        """Queue pages that were there before and that nothing leads to now; whether there are any."""
        if walk.memory.depth <= self._settings.depth:
            for address in tuple(walk.memory.pages):
                self._queue(walk, address, self._settings.depth)
        return bool(walk.queue)

    def _compare(self, walk: _Walk, address: str, page: RememberedPage) -> None:
        """Raises `SourceError` where many pages say the same all at once, as while a site is being repaired."""
        known = walk.memory.pages.get(address)
        walk.alike += known is not None and known.version != page.version and page.version in walk.versions
        if walk.alike >= _ALIKE:
            raise SourceError(f"answers with one and the same text for {_ALIKE} pages and more", where=self.name)

    def _looked_at(self, walk: _Walk, address: str) -> RememberedPage | Moved | SourceError:
        known, day = walk.memory.pages.get(address), walk.days.get(address, "")
        if known is not None and day and known.day == day:
            return known
        found = walk.reader.visit(address, known, day)
        is_away = isinstance(found, SourceError) and not isinstance(found, ItemGone)
        walk.failures = walk.failures + 1 if is_away else 0
        if isinstance(found, SourceError) and walk.failures >= _AWAY:
            raise SourceError(f"{_AWAY} pages in a row failed, {found.where} too: {found.what}", where=self.name)
        return found

    def _follow(self, walk: _Walk, address: str, depth: int, page: RememberedPage) -> None:
        """Queue what a page leads to."""
        if page.canonical != address:
            self._queue(walk, page.canonical, depth)
        for link in page.links if depth < self._settings.depth else ():
            self._queue(walk, link, depth + 1)

    def _queue(self, walk: _Walk, address: str, depth: int) -> None:
        if address and address not in walk.seen and self._covers(address, walk.memory.home):
            walk.seen.add(address)
            if walk.reader.robots(address).allows(address):
                walk.queue.append((address, depth))

    def _listed(self, walk: _Walk, address: str, page: RememberedPage) -> Iterator[Item]:
        if page.canonical and page.canonical != address and page.canonical in walk.seen:
            walk.elsewhere[address] = page
        else:
            yield from self._taken(walk, address, page)

    def _taken(self, walk: _Walk, address: str, page: RememberedPage) -> Iterator[Item]:
        version = page.version or address
        if page.is_kept and version not in walk.versions and self._covers(address, walk.memory.home):
            walk.versions.add(version)
            walk.taken.add(address)
            yield self._item(address, page)

    def _item(self, address: str, page: RememberedPage) -> Item:
        return Item(address, page.version, self._settings.groups, identity(address))

    def _covers(self, address: str, home: str) -> bool:
        """Whether a page is of the part of the site that the source names: of the same origin, and below its address or
        as `include` says."""
        here, there = urlsplit(home), urlsplit(address)
        if (here.scheme, here.netloc) != (there.scheme, there.netloc):
            return False
        include, exclude = self._settings.include, self._settings.exclude
        names = (address, there.path)
        if any(fnmatchcase(name, pattern) for pattern in exclude for name in names):
            return False
        if include:
            return any(fnmatchcase(name, pattern) for pattern in include for name in names)
        folder, _, last = here.path.rpartition("/")
        below = here.path.rstrip("/") if "." not in last else folder
        return there.path == here.path or there.path == below or there.path.startswith(f"{below}/")
