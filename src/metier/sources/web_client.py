"""Requests to other people's servers, for all sources that speak HTTP.

    address ─▶ each hop: scheme, host ─▶ resolved, checked ─▶ connected to just that ─▶ bytes, counted ─▶ a file

Each request takes so many seconds, whatever a server does. Private networks only where the source says so
(`private = true`); credentials go to the origin that they are for, and never over plain http to the internet."""

from __future__ import annotations

import base64
import time
import zlib
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Self

from metier.core import public_addresses
from metier.core.addresses import filled, masked, secret
from metier.core.errors import ItemGone, SourceError

if TYPE_CHECKING:
    import httpx

    from metier.core.source_settings import SourceSettings

_READ_SECONDS = 30.0
_SECONDS = 300.0  # for the whole, redirects included
_HOPS = 5
_GONE = {404, 410}
MAX_BYTES = 200 * 2**20
_PIECE = 2**20  # bytes that are unpacked at a time
_BUSY = {429, 502, 503, 504}
_PAUSES = (0.5, 2.0)  # seconds before a server that is busy or away is asked again
_LONGEST_PAUSE = 30.0  # that a server may ask for
AGENT = "metier"


class WebClient:
    """A source's connections, whose credentials go to the origin of its address; use it as a context. `home`: this
    address, where it is not the source's name; `interval`: seconds between two requests; `seconds`: for one."""

    def __init__(
        self, settings: SourceSettings, home: str | None = None, *, interval: float = 0.0, seconds: float | None = None
    ) -> None:
        import httpx

        from metier.core.bounded_http import httpx_client

        self._name, self.private, self._auth = settings.name, settings.private, settings.auth_env
        with told(self._name, self.private):
            self._home = origin(httpx.URL(home or filled(self._name)))
        self.interval, self._seconds, self._last = interval, seconds or _SECONDS, -inf
        self._client = httpx_client(timeout=_READ_SECONDS, resolve=self._resolve, headers={"User-Agent": AGENT})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def close(self) -> None:
        self._client.close()

    @contextmanager
    def following(self, address: str) -> Iterator[httpx.Response]:
        """The answer at the end of the redirects, whatever its status. Each ${NAME} in the address is filled, so
        that it has to be one of metier.toml. Raises `SourceError`."""
        import httpx

        from metier.core.bounded_http import within

        with told(address, self.private), within(self._seconds):
            url = httpx.URL(filled(address))
            for _ in range(_HOPS + 1):
                with closing(self._send("GET", url)) as response:
                    if not response.has_redirect_location:
                        yield response
                        return
                    url = self.redirected(response)
            raise SourceError(f"redirects more than {_HOPS} times", where=self._name)

    @contextmanager
    def asked(
        self, address: str, headers: Mapping[str, str] | None = None, method: str = "GET", content: bytes | None = None
    ) -> Iterator[httpx.Response]:
        """The answer of just this address, a redirect too; one that is busy or away is asked again, a little later.
        Raises `SourceError` where it stays so."""
        import httpx

        from metier.core.bounded_http import pause, within

        with told(address, self.private), within(self._seconds):
            for seconds in (*_PAUSES, None):
                try:
                    response = self._send(method, httpx.URL(address), headers, content)
                except httpx.TransportError:
                    if seconds is None:
                        raise
                    pause(seconds)
                    continue
                with closing(response):
                    if seconds is None or response.status_code not in _BUSY:
                        yield response
                        return
                pause(max(seconds, _asked_for(response.headers.get("retry-after", ""))))

    def _send(
        self, method: str, url: httpx.URL, headers: Mapping[str, str] | None = None, content: bytes | None = None
    ) -> httpx.Response:
        if (number := public_addresses.number(url.host)) is not None:  # a proxy would be asked unseen
            public_addresses.refuse(number, private=self.private)
        time.sleep(max(0.0, self._last + self.interval - time.monotonic()))
        self._last = time.monotonic()
        given = {"Accept-Encoding": "gzip", **(headers or {})}
        if origin(url) == self._home:
            given |= self._credentials(url)
        return self._client.send(self._client.build_request(method, url, headers=given, content=content), stream=True)

    def redirected(self, response: httpx.Response) -> httpx.URL:
        """Where an answer leads. Raises `SourceError` where that is not on the web, or less safe."""
        url = response.url
        following = url.join(response.headers["location"])
        shown = masked(str(following))
        if following.scheme not in {"http", "https"} or not following.host:
            raise SourceError(f"redirects to {shown}, which is not on the web", where=self._name)
        if url.scheme == "https" and following.scheme == "http":
            raise SourceError(f"redirects from https to {shown}, which anybody may change on its way", where=self._name)
        return following.copy_with(username=None, password=None)

    def _resolve(self, host: str, port: int, seconds: float) -> list[str]:
        return public_addresses.resolve(host, port, seconds, private=self.private)

    def _credentials(self, url: httpx.URL) -> dict[str, str]:
        if self._auth is None:
            return {}
        if url.scheme != "https" and not self.private:
            raise SourceError("would get credentials over http, which anybody may read", where=self._name)
        value = secret(self._auth, self._name)
        is_login = ":" in value
        word = base64.b64encode(value.encode()).decode() if is_login else value
        return {"Authorization": f"{'Basic' if is_login else 'Bearer'} {word}"}


@contextmanager
def told(where: str, private: bool) -> Iterator[None]:
    """What a request fails of, as `SourceError`, without what is secret in an address."""
    import httpx

    try:
        yield
    except public_addresses.Refused as error:
        raise SourceError(str(error), where=masked(where), hint=None if private else public_addresses.HOW) from None
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, zlib.error) as error:
        raise SourceError(
            f"could not be fetched: {error or type(error).__name__}",
            where=masked(where),
            hint="Check the address and the network; what was indexed before stays.",
        ) from None


def refused(response: httpx.Response, where: str) -> SourceError:
    """For an answer that is no content: `ItemGone` where it says that there is none any more."""
    failure = ItemGone if response.status_code in _GONE else SourceError
    return failure(f"answered {response.status_code} {response.reason_phrase}", where=where)


def origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def media_type(response: httpx.Response) -> str:
    said: str = response.headers.get("content-type", "")
    return said.partition(";")[0].strip().lower()


def save(response: httpx.Response, path: Path, where: str, most: int = MAX_BYTES) -> None:
    """Write a body to a file. Raises `SourceError` where it is larger than `most` bytes, and what httpx does."""
    announced = response.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > most:
        raise _too_large(where, most)
    size = 0
    with path.open("wb") as file:
        for chunk in _unpacked(response, where):
            size += len(chunk)
            if size > most:
                raise _too_large(where, most)
            file.write(chunk)


def save_page(response: httpx.Response, path: Path, where: str, most: int = MAX_BYTES) -> None:
    """As `save`; text in an encoding that only the server tells becomes UTF-8 with a mark, by which it is known."""
    save(response, path, where, most)
    charset = response.charset_encoding
    if charset is None or not media_type(response).startswith("text/") or charset.lower() in ("utf-8", "utf8"):
        return
    with suppress(LookupError, ValueError):  # no such encoding, or not what it is
        path.write_bytes(path.read_bytes().decode(charset).encode("utf-8-sig"))


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


def _asked_for(seconds: str) -> float:
    """Seconds that a server asks to wait; 0 where it names a date, or nothing."""
    return min(float(seconds), _LONGEST_PAUSE) if seconds.strip().isdecimal() else 0.0


def _too_large(where: str, most: int) -> SourceError:
    return SourceError(f"is larger than {most // 2**20} MiB", where=where)
