"""One address on the web: the page itself, not what it links to (`crawl` follows links)."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import unquote, urlsplit

from metier.core.addresses import identity
from metier.core.source_settings import SourceSettings
from metier.sources.base import Item, Unreachable, as_file_name
from metier.sources.web_client import WebClient, media_type, refused, save_page

SUFFIXES = {
    "text/html": ".html", "application/xhtml+xml": ".html", "application/pdf": ".pdf", "text/markdown": ".md",
    "text/plain": ".txt", "text/csv": ".csv",
}  # fmt: skip


class WebSource:
    """See `metier.sources.base.Source`."""

    def __init__(self, settings: SourceSettings, _root: Path) -> None:
        self.name = str(settings.url)
        self._settings = settings
        self._item = Item(self.name, "", settings.groups, identity(self.name))

    @property
    def holds(self) -> Callable[[str], bool]:
        """Whether this is the source of what is known by an identity."""
        return lambda known: known == self._item.identity

    def discover(self) -> Iterator[Item | Unreachable]:
        yield self._item

    def find(self, uri: str) -> Item | None:
        return self._item if uri == self.name else None

    @contextmanager
    def fetch(self, item: Item) -> Iterator[Path]:
        with fetched(self._settings, item.uri) as path:
            yield path


@contextmanager
def fetched(settings: SourceSettings, uri: str) -> Iterator[Path]:
    """A file with what is at an address now, redirects followed. Raises `SourceError`, `ItemGone`."""
    with tempfile.TemporaryDirectory(prefix="metier-") as folder:
        with WebClient(settings) as client, client.following(uri) as response:
            if not response.is_success:
                raise refused(response, uri)
            path = Path(folder) / file_name(uri, media_type(response))
            save_page(response, path, uri)
        yield path


def file_name(address: str, kind: str) -> str:
    """What a file is called that holds what was at an address; `kind`: its media type."""
    name = as_file_name(unquote(urlsplit(address).path).rstrip("/") or "page")
    return name if "." in name else name + SUFFIXES.get(kind, ".html")
