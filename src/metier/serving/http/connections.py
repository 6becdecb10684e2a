"""Connections that nobody can hold for nothing: slow to ask, slow to take what they are sent, or too many.

a head of more than 64 KiB that is not whole      431, closed          (a whole one: `security.HeadLimit`)
no whole request head within `seconds`           408, closed          (the body: `security.BodyLimit`)
what was written not taken within `seconds`      closed; what writes more is stopped
more than `most` open from one address           the new one is closed at once
"""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any, ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from metier.serving.http.security import LONGEST_HEAD

_TOO_LONG = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
_TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


def protocol(seconds: float, most: int) -> type[GuardedConnection]:
    """What uvicorn makes for each connection (`http=`), with a count of its own."""
    return type("_Connection", (GuardedConnection,), {"seconds": seconds, "most": most, "opened": Counter()})


class GuardedConnection(H11Protocol):
    """`seconds`, `most`: see above; `opened`: connections by address. All three are of a server's own class."""

    seconds: ClassVar[float]
    most: ClassVar[int]
    opened: ClassVar[Counter[str]]

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._address, self._has_begun = "", False
        self._asking: asyncio.TimerHandle | None = None  # runs while a request's head is to come
        self._taking: asyncio.TimerHandle | None = None  # runs while something written is to be taken

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        # Told of each byte that is not taken: below asyncio's 64 KiB a closed connection would wait for its last ones
        # without end.
        transport.set_write_buffer_limits(high=0)
        self._address = self.client[0] if self.client else ""
        self.opened[self._address] += 1
        if self.opened[self._address] > self.most:
            transport.abort()
            return
        self._watch_asking()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop(self._asking)
        self._stop(self._taking)
        self.opened[self._address] -= 1
        if not self.opened[self._address]:
            del self.opened[self._address]
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._has_begun = True
        super().data_received(data)
        self._watch_asking()

    def on_response_complete(self) -> None:
        self._has_begun = False
        super().on_response_complete()
        self._watch_asking()

    def send_400_response(self, msg: str) -> None:
        if len(self.conn.trailing_data[0]) <= LONGEST_HEAD:
            super().send_400_response(msg)
            return
        self.transport.write(_TOO_LONG)
        self.transport.close()

    def pause_writing(self) -> None:
        super().pause_writing()
        self._taking = self.loop.call_later(self.seconds, self.transport.abort)

    def resume_writing(self) -> None:
        self._stop(self._taking)
        super().resume_writing()

    def _watch_asking(self) -> None:
        """Begun once for each request, so that a byte now and then does not put it off. What follows an answer that did
        not wait for the whole body counts, too."""
        is_answering = self.cycle is not None and not self.cycle.response_complete
        if is_answering and self.conn.their_state is not h11.IDLE:
            self._stop(self._asking)
            self._asking = None
        elif self._asking is None and not self.transport.is_closing():
            self._asking = self.loop.call_later(self.seconds, self._give_up)

    def _give_up(self) -> None:
        if not self.transport.is_closing():
            if self._has_begun and self.conn.their_state is h11.IDLE and self.conn.our_state is h11.IDLE:
                self.transport.write(_TOO_SLOW)
            self.transport.close()

    @staticmethod
    def _stop(timer: asyncio.TimerHandle | None) -> None:
        if timer is not None:
            timer.cancel()
