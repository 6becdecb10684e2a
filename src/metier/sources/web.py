"""One address on the web."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from metier.core.errors import ItemGone, SourceError
from metier.sources.base import Item, Unreachable

if TYPE_CHECKING:
    import httpx

_TIMEOUT_SECONDS = 30.0
_GONE = {404, 410}
_MAX_BYTES = 200 * 2**20
_SUFFIXES = {"text/html": ".html", "application/pdf": ".pdf", "text/markdown": ".md", "text/plain": ".txt"}


class WebSource:
    """See `metier.sources.base.Source`. The page itself, not what it links to."""

    def __init__(self, url: str, groups: tuple[str, ...]) -> None:
        if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).netloc:
            raise SourceError("is not an http(s) address", where=url)
        self.name = url
        self._groups = groups

    def discover(self) -> Iterator[Item | Unreachable]:
        yield Item(self.name, "", self._groups)

    def find(self, uri: str) -> Item | None:
        return Item(self.name, "", self._groups) if uri == self.name else None

    @contextmanager
    def fetch(self, item: Item) -> Iterator[Path]:
        import httpx

        with tempfile.TemporaryDirectory(prefix="metier-") as folder:
            try:
                with httpx.stream("GET", item.uri, follow_redirects=True, timeout=_TIMEOUT_SECONDS) as response:
                    response.raise_for_status()
                    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
                    name = Path(urlsplit(item.uri).path).name or "page"
                    path = Path(folder) / (name if "." in name else name + _SUFFIXES.get(kind, ".html"))
                    _save(response, path)
            except httpx.HTTPStatusError as error:
                status = error.response.status_code
                kind = ItemGone if status in _GONE else SourceError
                raise kind(f"answered {status} {error.response.reason_phrase}", where=item.uri) from None
            except httpx.HTTPError as error:
                raise SourceError(
                    f"could not be fetched: {error or type(error).__name__}",
                    where=item.uri,
                    hint="Check the address and the network; what was indexed before stays.",
                ) from None
            yield path


def _save(response: httpx.Response, path: Path) -> None:
    size = 0
    with path.open("wb") as file:
        for chunk in response.iter_bytes():
            size += len(chunk)
            if size > _MAX_BYTES:
                raise SourceError(f"is larger than {_MAX_BYTES // 2**20} MiB", where=str(response.url))
            file.write(chunk)
