"""Calls of other servers that end by the clock, whatever those do: send nothing, send a byte now and then for ever.

    with httpx_client(timeout=…) as client, within(30):
        with client.stream("GET", url) as response:
            body = read(response, 2**20)

Limits of httpx are for single reads, and each byte that comes begins them anew. Here each read also ends when the time
of the whole call is up (`httpx.ReadTimeout`), and within a second after nobody wants its answer any more (`stopped_by`,
`CallStopped`).
"""

from __future__ import annotations

import contextlib
import logging
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from typing import Any

import httpcore
import httpx

_SLICE = 0.5  # seconds between two looks at whether the answer is still wanted
_LEAST, _MOST = 0.001, 3600.0  # seconds that a wait is given, whatever is asked for
Resolve = Callable[[str, int, float], list[str]]
_until: ContextVar[float] = ContextVar("until", default=float("inf"))
_is_over: ContextVar[Callable[[], bool] | None] = ContextVar("is_over", default=None)


class CallStopped(Exception):
    """Nobody waits for the answer any more."""


class ResponseTooLarge(Exception):
    """More came than was allowed. `most`: bytes."""

    def __init__(self, most: int) -> None:
        super().__init__(f"more than {most / 2**20:g} MiB came")


class Encoded(Exception):
    """It came compressed, which nobody asked for: some bytes may become gigabytes."""

    def __init__(self) -> None:
        super().__init__("it came compressed, unasked")


@contextlib.contextmanager
def within(seconds: float) -> Iterator[None]:
    """What is called in here ends by then."""
    token = _until.set(min(_until.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        _until.reset(token)


@contextlib.contextmanager
def stopped_by(is_over: Callable[[], bool]) -> Iterator[None]:
    """What is called in here gives up when `is_over` says so."""
    token = _is_over.set(is_over)
    try:
        yield
    finally:
        _is_over.reset(token)


def shorten(seconds: float) -> None:
    """What is left of the call that is made `within` its time ends by then."""
    _until.set(min(_until.get(), time.monotonic() + seconds))


def pause(seconds: float) -> None:
    """Sleep, at most as long as the call may take. Raises `CallStopped`."""
    left = min(seconds, max(0.0, time_left()))
    if _is_over.get() is None:
        time.sleep(left)
        return
    while left > 0:
        check_wanted()
        time.sleep(min(left, _SLICE))
        left -= _SLICE


def check_wanted() -> None:
    """Raises `CallStopped` where nobody waits any more."""
    is_over = _is_over.get()
    if is_over is not None and is_over():
        raise CallStopped


def time_left() -> float:
    """Seconds that the call may still take."""
    return _until.get() - time.monotonic()


def httpx_client(resolve: Resolve | None = None, **options: Any) -> httpx.Client:
    """A client whose calls end by the clock; what it is answered comes uncompressed. `resolve`: the addresses that may
    be connected to for a host, port, and in so many seconds; of a proxy that the environment names it is not asked.
    Close it."""
    logging.getLogger("httpx").addFilter(_without_path)
    client = httpx.Client(**options)
    client.headers["Accept-Encoding"] = "identity"
    # httpx has no parameter for what httpcore takes; a test fails where this is no longer so.
    for transport in (client._transport, *client._mounts.values()):
        if isinstance(transport, httpx.HTTPTransport):
            transport._pool._network_backend = _Backend(resolve if transport is client._transport else None)
    return client


def _without_path(entry: logging.LogRecord) -> bool:
    """What httpx logs of each request names the host alone: further on in an address, and before it, may be secrets."""
    if isinstance(entry.args, tuple):
        entry.args = tuple(
            f"{each.scheme}://{each.host}/…" if isinstance(each, httpx.URL) else each for each in entry.args
        )
    return True


def chunks(response: httpx.Response, most: int) -> Iterator[bytes]:
    """A response's body as it comes. Raises `ResponseTooLarge` behind `most` bytes, `Encoded`, and what httpx does."""
    if response.headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise Encoded
    count = 0
    for chunk in response.iter_raw():
        count += len(chunk)
        if count > most:
            raise ResponseTooLarge(most)
        yield chunk


def read(response: httpx.Response, most: int) -> bytes:
    """All of a body. Raises as `chunks`."""
    return b"".join(chunks(response, most))


class _Backend(httpcore.SyncBackend):
    def __init__(self, resolve: Resolve | None) -> None:
        self._resolve = resolve

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        check_wanted()
        failure: httpcore.NetworkError | httpcore.TimeoutException = httpcore.ConnectError(f"{host} has no address")
        for address in self._addresses(host, port, _bounded(timeout)):
            try:
                return _Stream(super().connect_tcp(address, port, _bounded(timeout), local_address, socket_options))
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure

    def _addresses(self, host: str, port: int, seconds: float) -> list[str]:
        if self._resolve is None:
            return [host]
        try:
            return self._resolve(host, port, seconds)
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(str(error)) from error
        except OSError as error:
            raise httpcore.ConnectError(str(error)) from error


class _Stream(httpcore.NetworkStream):
    """A connection whose every wait is bounded by the call that it is used for."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        until = time.monotonic() + _bounded(timeout)
        while True:
            check_wanted()
            left = until - time.monotonic()
            try:
                return self._inner.read(max_bytes, max(_LEAST, min(left, _SLICE)))
            except httpcore.ReadTimeout:
                if left <= _SLICE:
                    raise

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _bounded(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, _bounded(timeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


def _bounded(timeout: float | None) -> float:
    return max(_LEAST, min(_MOST if timeout is None else timeout, time_left()))
