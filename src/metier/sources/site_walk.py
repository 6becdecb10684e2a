"""One walk over a part of a web site: which pages there are, and which of them are to be read.

A page that no link leads to any more is asked for itself: only what answers that it is gone is gone. Where the site as
a whole says something else than before, the walk ends with an error, so that nothing of it is lost.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import urlsplit

from metier.core.errors import ItemGone, SourceError
from metier.core.source_settings import SourceSettings
from metier.sources.base import Rejected, Unreachable, is_wanted
from metier.sources.page_links import normalized
from metier.sources.page_memory import Memory, RememberedPage
from metier.sources.page_reader import HOPS, Moved, PageReader

_AWAY = 5  # pages in a row that fail: the site is down
_ALIKE = 20  # pages that were different and are the same all at once: the site says something else in their place
_LEADS = 20  # addresses that are queued for each page that is taken, at most
_WASTED = 3  # requests for each page that is taken, at most: a site may redirect for ever
_Visited = RememberedPage | Moved | SourceError
_Taken = tuple[str, RememberedPage]  # with its address


class SiteWalk:
    """`memory`: of the walk before; of this one once `run` has ended. Use it once."""

    def __init__(self, settings: SourceSettings, reader: PageReader, memory: Memory) -> None:
        self._name, self._settings = settings.name, settings
        self._reader, self._memory = reader, memory
        self._most_seen = settings.max_pages * _LEADS + 10_000
        self._days: dict[str, str] = {}  # when pages were changed, as sitemaps say
        self._queue: deque[tuple[str, int]] = deque()  # with the number of links that lead there
        self._seen: set[str] = set()  # what was ever queued
        self._taken: set[str] = set()
        self._elsewhere: dict[str, RememberedPage] = {}  # pages that say that they live at another address
        self._versions: set[str] = set()  # of what was taken, to know it again under another address
        self._alike = self._failures = 0

    def run(self) -> Iterator[_Taken | Unreachable | Rejected]:
        """Pages that are to be read, and what could not be looked at. Raises `SourceError` for the site as a whole."""
        most = self._settings.max_pages
        yield from self._listed(*self._begin())
        while self._queue or self._add_unlinked():
            address, depth = self._queue.popleft()
            if len(self._taken) >= most or self._reader.requests > most * _WASTED + 100:
                more = f", with {len(self._queue):,} more" if self._queue else ""
                yield Rejected(address, f"is left out{more}: the source has max_pages = {most:,}")
                break
            yield from self._look_at(address, depth)
        for address, page in self._elsewhere.items():
            if page.canonical not in self._taken and len(self._taken) < most:
                yield from self._take(address, page)
        self._memory.keep_only(self._seen)
        self._memory.depth = self._settings.depth

    def _begin(self) -> _Taken:
        """The start page, wherever it redirects to; queues its links and what the sitemaps name."""
        home = normalized(self._name, self._name) or self._name
        for _ in range(HOPS):
            if not self._reader.robots(home).allows(home):
                raise SourceError("may not be read by programs, says the robots.txt of its site", where=self._name)
            found = self._reader.visit(home, self._memory.pages.get(home))
            if not isinstance(found, Moved):
                break
            home = found.to
        if not isinstance(found, RememberedPage):
            what = found.what if isinstance(found, SourceError) else "redirects in a circle, or off the web"
            raise SourceError(what, where=self._name, hint=found.hint if isinstance(found, SourceError) else None)
        if self._memory.home not in ("", home):  # to a page where one logs in, perhaps
            hint = f"Where that is meant, name {home} as the source."
            raise SourceError(f"redirects to another page than before, {home}", where=self._name, hint=hint)
        self._memory.home = home
        self._seen.add(home)
        page = self._remember(home, found)
        self._follow(home, 0, page)
        for sitemap in self._reader.sitemaps(home) if self._settings.depth else ():
            # Where one is out of reach, what it named before is still there, as far as anybody knows.
            named = sitemap.pages if sitemap is not None else dict.fromkeys(self._memory.pages, "")
            for address, day in named.items():
                address = normalized(address, home)
                self._days[address] = day
                self._add(address, 1)
        return home, page

    def _look_at(self, address: str, depth: int) -> Iterator[_Taken | Unreachable]:
        found = self._visited(address)
        if isinstance(found, Moved):
            self._add(found.to, depth)
        elif isinstance(found, ItemGone):
            self._memory.pages.pop(address, None)
        elif isinstance(found, SourceError):
            yield Unreachable(address, found.what)
            self._follow(address, depth, self._memory.pages.get(address, RememberedPage()))
        else:
            self._compare(address, found)
            page = self._remember(address, found)
            self._follow(address, depth, page)
            yield from self._listed(address, page)

    def _visited(self, address: str) -> _Visited:
        known, day = self._memory.pages.get(address), self._days.get(address, "")
        if known is not None and day and known.day == day:
            return known
        found = self._reader.visit(address, known, day)
        is_away = isinstance(found, SourceError) and not isinstance(found, ItemGone)
        self._failures = self._failures + 1 if is_away else 0
        if isinstance(found, SourceError) and self._failures >= _AWAY:
            raise SourceError(f"{_AWAY} pages in a row failed, {found.where} too: {found.what}", where=self._name)
        return found

    def _compare(self, address: str, page: RememberedPage) -> None:
        """Raises `SourceError` where many pages say the same all at once, as while a site is being repaired."""
        known = self._memory.pages.get(address)
        self._alike += known is not None and known.version != page.version and page.version in self._versions
        if self._alike >= _ALIKE:
            raise SourceError(f"answers with one and the same text for {_ALIKE} pages and more", where=self._name)

    def _remember(self, address: str, page: RememberedPage) -> RememberedPage:
        """A page, with those of its links alone that may be followed."""
        page = replace(page, links=tuple(each for each in page.links if self._is_covered(each)))
        self._memory.pages[address] = page
        return page

    # --- what is still to be looked at -------------------------------------------------------------------------

    def _follow(self, address: str, depth: int, page: RememberedPage) -> None:
        if page.canonical != address:
            self._add(page.canonical, depth)
        for link in page.links if depth < self._settings.depth else ():
            self._add(link, depth + 1)

    def _add(self, address: str, depth: int) -> None:
        is_known = not address or address in self._seen
        if not is_known and len(self._seen) < self._most_seen and self._is_covered(address):
            self._seen.add(address)
            if self._reader.robots(address).allows(address):
                self._queue.append((address, depth))

    def _add_unlinked(self) -> bool:
        """Queue pages that were there before and that nothing leads to now; whether there are any."""
        if self._memory.depth <= self._settings.depth:
            for address in tuple(self._memory.pages):
                self._add(address, self._settings.depth)
        return bool(self._queue)

    def _is_covered(self, address: str) -> bool:
        return is_covered(address, self._memory.home, self._settings)

    # --- what is to be read ------------------------------------------------------------------------------------

    def _listed(self, address: str, page: RememberedPage) -> Iterator[_Taken]:
        if page.canonical and page.canonical != address and page.canonical in self._seen:
            self._elsewhere[address] = page
        else:
            yield from self._take(address, page)

    def _take(self, address: str, page: RememberedPage) -> Iterator[_Taken]:
        version = page.version or address
        if page.is_kept and version not in self._versions and self._is_covered(address):
            self._versions.add(version)
            self._taken.add(address)
            yield address, page


def is_covered(address: str, home: str, settings: SourceSettings) -> bool:
    """Whether a page is of the part of a site that a source names: of the same origin, and below its address or as
    `include` says. `home`: the start page, wherever it redirects to."""
    here, there = urlsplit(home), urlsplit(address)
    if (here.scheme, here.netloc) != (there.scheme, there.netloc) or not is_wanted(settings, address, there.path):
        return False
    if settings.include:
        return True
    folder, _, last = here.path.rpartition("/")
    below = here.path.rstrip("/") if "." not in last else folder
    return there.path in (here.path, below) or there.path.startswith(f"{below}/")
