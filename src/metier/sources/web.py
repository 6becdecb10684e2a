"""One address on the web.

    address ─▶ each hop: scheme, host ─▶ resolved, checked ─▶ connected to just that ─▶ bytes, counted ─▶ a file

The whole takes so many seconds, whatever a server does. Private networks only where the source says so
(`private = true`); credentials go to the origin that they are for, and never over plain http to the internet."""

from __future__ import annotations

import base64
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from metier.core import public_addresses
from metier.core.addresses import filled, identity, masked, secret
from metier.core.errors import ItemGone, SourceError
from metier.core.source_settings import SourceSettings
from metier.sources.base import Item, Unreachable

if TYPE_CHECKING:
    import httpx

_READ_SECONDS = 30.0
_SECONDS = 300.0  # for the whole, redirects included
_HOPS = 5
_GONE = {404, 410}
_MAX_BYTES = 200 * 2**20
_PIECE = 2**20  # bytes that are unpacked at a time
_SUFFIXES = {"text/html": ".html", "application/pdf": ".pdf", "text/markdown": ".md", "text/plain": ".txt"}
_NAME = 100  # characters of a file's name that are kept, its end


class WebSource:
    """See `metier.sources.base.Source`. The page itself, not what it links to."""

    def __init__(self, settings: SourceSettings) -> None:
        self.name = str(settings.url)
        self._private, self._auth = settings.private, settings.auth_env
        self._item = Item(self.name, "", settings.groups, identity(self.name))

    def discover(self) -> Iterator[Item | Unreachable]:
        yield self._item

    def find(self, uri: str) -> Item | None:
        return self._item if uri == self.name else None

    @contextmanager
    def fetch(self, item: Item) -> Iterator[Path]:
        import httpx

        from metier.core.bounded_http import httpx_client, within

        with tempfile.TemporaryDirectory(prefix="metier-") as folder:
            try:
                with (
                    within(_SECONDS),
                    httpx_client(timeout=_READ_SECONDS, resolve=self._resolve) as client,
                    self._opened(client, filled(item.uri)) as response,
                ):
                    response.raise_for_status()
                    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
                    name = Path(urlsplit(item.uri).path).name[-_NAME:].lstrip(".") or "page"
                    path = Path(folder) / (name if "." in name else name + _SUFFIXES.get(kind, ".html"))
                    _save(response, path, item.uri)
            except httpx.HTTPStatusError as error:
                status = error.response.status_code
                failure = ItemGone if status in _GONE else SourceError
                raise failure(f"answered {status} {error.response.reason_phrase}", where=item.uri) from None
            except public_addresses.Refused as error:
                hint = None if self._private else public_addresses.HOW
                raise SourceError(str(error), where=item.uri, hint=hint) from None
            except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, zlib.error) as error:
                raise SourceError(
                    f"could not be fetched: {error or type(error).__name__}",
                    where=item.uri,
                    hint="Check the address and the network; what was indexed before stays.",
                ) from None
            yield path

    def _resolve(self, host: str, port: int, seconds: float) -> list[str]:
        return public_addresses.resolve(host, port, seconds, private=self._private)

    @contextmanager
    def _opened(self, client: httpx.Client, address: str) -> Iterator[httpx.Response]:
        """The answer at the end of the redirects. Raises `SourceError`, `Refused`, and what httpx does."""
        import httpx

        url = httpx.URL(address)
        first, headers = _origin(url), self._credentials(url)
        for _ in range(_HOPS + 1):
            if (number := public_addresses.number(url.host)) is not None:  # a proxy would be asked unseen
                public_addresses.refuse(number, private=self._private)
            request = client.build_request("GET", url, headers=headers if _origin(url) == first else {})
            response = client.send(request, stream=True)
            try:
                if not response.has_redirect_location:
                    yield response
                    return
                url = self._next(url, response.headers["location"])
            finally:
                response.close()
        raise SourceError(f"redirects more than {_HOPS} times", where=self.name)

    def _next(self, url: httpx.URL, location: str) -> httpx.URL:
        following = url.join(location)
        shown = masked(str(following))
        if following.scheme not in {"http", "https"} or not following.host:
            raise SourceError(f"redirects to {shown}, which is not on the web", where=self.name)
        if url.scheme == "https" and following.scheme == "http":
            raise SourceError(f"redirects from https to {shown}, which anybody may change on its way", where=self.name)
        return following.copy_with(username=None, password=None)

    def _credentials(self, url: httpx.URL) -> dict[str, str]:
        headers = {"Accept-Encoding": "gzip"}
        if self._auth is not None:
            if url.scheme != "https" and not self._private:
                raise SourceError("would get credentials over http, which anybody may read", where=self.name)
            value = secret(self._auth, self.name)
            is_login = ":" in value
            word = base64.b64encode(value.encode()).decode() if is_login else value
            headers["Authorization"] = f"{'Basic' if is_login else 'Bearer'} {word}"
        return headers


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def _save(response: httpx.Response, path: Path, where: str) -> None:
    announced = response.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > _MAX_BYTES:
        raise _too_large(where)
    size = 0
    with path.open("wb") as file:
        for chunk in _unpacked(response, where):
            size += len(chunk)
            if size > _MAX_BYTES:
                raise _too_large(where)
            file.write(chunk)


def _unpacked(response: httpx.Response, where: str) -> Iterator[bytes]:
    """The body in pieces that are never large, however few bytes they came as."""
    coding = response.headers.get("content-encoding", "").strip().lower()
    if coding in ("", "identity"):
        yield from response.iter_raw()
        return
    if coding not in ("gzip", "x-gzip"):
        raise SourceError(f"comes as {coding[:40]}, which was not asked for", where=where)
    unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
    for chunk in response.iter_raw():
        yield unpacking.decompress(chunk, _PIECE)
        while unpacking.unconsumed_tail:
            yield unpacking.decompress(unpacking.unconsumed_tail, _PIECE)


def _too_large(where: str) -> SourceError:
    return SourceError(f"is larger than {_MAX_BYTES // 2**20} MiB", where=where)
