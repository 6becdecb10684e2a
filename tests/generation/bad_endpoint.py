"""Endpoints that do everything wrong: what each sends to whoever connects, byte by byte."""

from __future__ import annotations

import gzip
import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Play = Callable[[socket.socket, threading.Event], None]


def sends(data: bytes) -> Play:
    return lambda connection, _over: connection.sendall(data)


def whole(value: object, status: str = "200 OK", headers: str = "") -> bytes:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{headers}Content-Length: {len(data)}\r\n\r\n"
    return head.encode() + data


STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n"
PLAIN = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n"


def event(**choice: object) -> bytes:
    return b"data: " + json.dumps({"choices": [{"index": 0} | choice]}).encode() + b"\n\n"


def streamed(*events: bytes) -> Play:
    return sends(STREAM + b"".join(events))


def forever(begin: bytes, piece: bytes, pause: float = 0.0) -> Play:
    """`begin`, and then `piece` again and again."""

    def play(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(begin)
        while not over.wait(pause):
            connection.sendall(piece)

    return play


def silent(connection: socket.socket, over: threading.Event, begin: bytes = b"") -> None:
    connection.sendall(begin)
    over.wait(20)


# What is wrong whoever asks for whatever.
WRONG: dict[str, Play] = {
    "hangs up at once": sends(b""),
    "speaks no HTTP": sends(b"220 mail.example ESMTP\r\n"),
    "sends a status that is none": sends(b"HTTP/1.1 abc OK\r\n\r\n"),
    "sends a head without end": forever(b"HTTP/1.1 200 OK\r\n", b"X-More: 1\r\n", 0.02),
    "sends a head of megabytes": sends(b"HTTP/1.1 200 OK\r\nX-Long: " + b"a" * 400_000 + b"\r\n\r\n"),
    "says nothing": silent,
    "says nothing after its head": lambda connection, over: silent(connection, over, PLAIN),
    "sends nothing": sends(whole(b"")),
    "answers 204": sends(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "sends elsewhere": sends(b"HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n"),
    "sends a page": sends(whole(b"<html>welcome</html>")),
    "sends null": sends(whole(None)),
    "sends a list": sends(whole([1, 2])),
    "sends a number of a million digits": sends(whole(b"1" * 1_000_000)),
    "nests a hundred thousand lists": sends(whole(b"[" * 100_000 + b"]" * 100_000)),
    "sends half of a JSON": sends(whole(b'{"choices": [{"mess')),
    "sends less than it announced": sends(whole({"choices": []}).replace(b"Content-Length: ", b"Content-Length: 9")),
    "sends chunks of no size": sends(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc\r\n"),
    "sends no UTF-8": sends(whole(b'{"choices": "\xff\xfe\xfa"}')),
    "sends a body without end": forever(PLAIN, b"a" * 65536),
    "sends a body a byte at a time": forever(PLAIN, b" ", 0.02),
    "sends a bomb": sends(whole(gzip.compress(b" " * 50_000_000), headers="Content-Encoding: gzip\r\n")),
    "fails with a text without end": forever(b"HTTP/1.1 400 Bad\r\nConnection: close\r\n\r\n", b"a" * 65536),
    "fails with a nested error": sends(whole(b"[" * 60_000, "400 Bad")),
    "wants to be asked again at no time": sends(whole({}, "429 Busy", "Retry-After: nan\r\n")),
    "wants to be asked again after all time": sends(
        whole({}, "429 Busy", "Retry-After: Fri, 31 Dec 99999999999 23:59:59 GMT\r\n")
    ),
}

# What is wrong with a completion.
WRITES_WRONG: dict[str, Play] = {
    "has choices that are no list": sends(whole({"choices": {"0": {}}})),
    "has choices that are numbers": sends(whole({"choices": [1]})),
    "has no choices": sends(whole({"choices": []})),
    "has a message that is a text": sends(whole({"choices": [{"message": "Turn", "finish_reason": "stop"}]})),
    "has a text that is a number": streamed(event(delta={"content": 4})),
    "has a text that is a list": streamed(event(delta={"content": ["Turn"]})),
    "ends for a number": streamed(event(delta={"content": "Turn"}, finish_reason=7)),
    "has usage that is a list": streamed(event(delta={"content": "Turn"}), b'data: {"usage": [1]}\n\n'),
    "used less than nothing": streamed(
        event(delta={"content": "Turn"}, finish_reason="stop"), b'data: {"usage": {"prompt_tokens": -1}}\n\n'
    ),
    "used what is no number": streamed(
        event(delta={"content": "Turn"}, finish_reason="stop"), b'data: {"usage": {"completion_tokens": NaN}}\n\n'
    ),
    "has likelihoods that are texts": streamed(
        event(delta={"content": "Turn"}, logprobs={"content": [{"logprob": "high"}]})
    ),
    "has likelihoods that are no numbers": streamed(
        b'data: {"choices": [{"delta": {"content": "a"}, "logprobs": {"content": [{"logprob": NaN}]}}]}\n\n'
    ),
    "stops in the middle": streamed(event(delta={"content": "Turn"})),
    "stops in the middle of a line": streamed(event(delta={"content": "Turn"}), b'data: {"choices": [{"del'),
    "has a whole answer that does not say that it ended": sends(whole({"choices": [{"message": {"content": "Turn"}}]})),
    "fails in the middle": streamed(event(delta={"content": "Turn"}), b'data: {"error": {"message": "no memory"}}\n\n'),
    "filters in the middle": streamed(event(delta={"content": "Turn"}, finish_reason="content_filter")),
    "sends what is no JSON": streamed(b"data: Turn\n\n"),
    "only says that it is there": forever(STREAM, b": still there\n\n", 0.02),
    "thinks for ever": forever(STREAM, event(delta={"reasoning_content": "Hm."}), 0.02),
    "has a line without end": forever(STREAM + b"data: ", b"a" * 65536),
    "has a line without end, a byte at a time": forever(STREAM + b"data: ", b"a", 0.01),
}

# What is wrong, and can be used.
GOOD_ENOUGH: dict[str, tuple[Play, str]] = {
    "never stops writing": (forever(STREAM, event(delta={"content": "Turn " * 500})), "length"),
    "goes on after its end": (
        forever(STREAM + event(delta={"content": "Turn"}, finish_reason="stop"), b": still there\n\n", 0.02), "stop"
    ),
    "goes on after it said that it is done": (
        forever(STREAM + event(delta={"content": "Turn"}, finish_reason="stop") + b"data: [DONE]\n\n", b"a" * 9999),
        "stop",
    ),
    "hangs up after its end": (streamed(event(delta={"content": "Turn"}, finish_reason="stop")), "stop"),
    "sends half a character": (
        streamed(b'data: {"choices": [{"delta": {"content": "Turn\\ud83d \\u0000"}, "finish_reason": "stop"}]}\n\n'),
        "stop",
    ),
    "gives two answers": (
        streamed(
            event(delta={"content": "Turn"}), event(index=1, delta={"content": "Do not"}),
            event(delta={}, finish_reason="stop"),
        ),
        "stop",
    ),
}  # fmt: skip


def _vectors(*embeddings: object) -> Play:
    return sends(whole({"data": [{"index": n, "embedding": each} for n, each in enumerate(embeddings)]}))


# What is wrong with the vectors of two texts.
EMBEDS_WRONG: dict[str, Play] = {
    "has no data": sends(whole({"vectors": []})),
    "has data that are numbers": sends(whole({"data": [1, 2]})),
    "has one vector": _vectors([1.0, 2.0]),
    "has three vectors": _vectors([1.0], [2.0], [3.0]),
    "has the same vector twice": sends(whole({"data": [{"index": 0, "embedding": [1.0]}] * 2})),
    "has places that are texts": sends(whole({"data": [{"index": str(n), "embedding": [1.0]} for n in range(2)]})),
    "has places that are lists": sends(whole({"data": [{"index": [n], "embedding": [1.0]} for n in range(2)]})),
    "has vectors of texts": _vectors(["1.0", "2.0"], ["1.0", "2.0"]),
    "has vectors of truth": _vectors([True, False], [True, False]),
    "has vectors of no numbers": sends(
        whole(b'{"data": [{"index": 0, "embedding": [NaN]}, {"index": 1, "embedding": [1.0]}]}')
    ),
    "has vectors of two sizes": _vectors([1.0, 2.0], [1.0]),
    "has vectors of vectors": _vectors([[1.0]], [[2.0]]),
    "has numbers that are too large": _vectors([10**400], [1]),
    "has vectors that are texts": _vectors("AACAPw==", "AACAPw=="),
}


@contextmanager
def bad_endpoint(play: Play) -> Iterator[str]:
    """Its address. What asks for anything but an answer is told that there is no such thing."""
    over, listening = threading.Event(), socket.create_server(("127.0.0.1", 0))

    def hold(connection: socket.socket) -> None:
        with connection:
            try:
                asked = connection.recv(65536)
                if asked.startswith(b"GET"):
                    connection.sendall(b"HTTP/1.1 404 None\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                else:
                    play(connection, over)
                connection.shutdown(socket.SHUT_WR)
            except OSError:
                pass

    def serve() -> None:
        while True:
            try:
                connection = listening.accept()[0]
            except OSError:
                return
            threading.Thread(target=hold, args=(connection,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/v1"
    finally:
        over.set()
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
