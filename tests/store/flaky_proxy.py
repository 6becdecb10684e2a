"""A TCP proxy on loopback that loses connections as it is told to."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress


class FlakyProxy:
    """In front of a server at `port`. `is_down`: every connection is closed at once. `loses`: of the next request with
    these bytes in it the server gets all and answers, but the answer is lost, and the connection with it."""

    def __init__(self, port: int) -> None:
        self._target = port
        self.is_down = False
        self.loses: bytes | None = None
        self.lost = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def go_down(self) -> None:
        self.is_down = True
        for each in list(self._open):
            _close(each)

    def close(self) -> None:
        _close(self._listener)
        self.go_down()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self.is_down:
                    _close(client)
                    continue
                server = socket.create_connection(("127.0.0.1", self._target))
                self._open |= {client, server}
                losing = threading.Event()
                threading.Thread(target=self._pass_on, args=(client, server, losing, True), daemon=True).start()
                threading.Thread(target=self._pass_on, args=(server, client, losing, False), daemon=True).start()

    def _pass_on(self, source: socket.socket, sink: socket.socket, losing: threading.Event, asks: bool) -> None:
        with suppress(OSError):
            while data := source.recv(1 << 16):
                if asks and self.loses is not None and self.loses in data:
                    self.loses = None
                    losing.set()
                if not asks and losing.is_set():
                    self.lost += 1
                    break
                sink.sendall(data)
        self._open -= {source, sink}
        _close(source)
        _close(sink)


def _close(each: socket.socket) -> None:
    with suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
    each.close()
