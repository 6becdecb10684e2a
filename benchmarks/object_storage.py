"""A search in the LanceDB store on object storage: what it asks of the storage and how long that takes.

    python benchmarks/object_storage.py [--passages 1000 5000 20000] [--delay 0 10]

An S3 server (moto) on loopback, behind a proxy that counts requests and bytes and waits --delay milliseconds before
each answer begins, as a network would. The vectors are of 384 numbers that lie near 24 directions, so that an index has
a recall worth naming. For each size the index is read over the network, with exact search and with an index over the
vectors, and from the copy that is kept on this machine:

    open      a store is opened
    first     the first search of it, dense and lexical, one after the other; the copy is fetched here
    then      the median of 20 more, with what LanceDB keeps of tables and indexes in memory
    bare      the same over the network with a session of LanceDB that keeps nothing

Writes benchmarks/results/object_storage.json.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from metier.core.documents import Block, Document, Passage, document_id, passage_id
from metier.core.settings import StoreSettings
from metier.store import Entry, Identity, open_store
from metier.store.lance.import_lancedb import import_lancedb

RESULTS = Path(__file__).parent / "results" / "object_storage.json"
DIMENSION = 384
IDENTITY = Identity("drawn", "1", DIMENSION, "1")
WORDS = [f"word{number}" for number in range(5000)]
_BEGINS = re.compile(rb"(?:^|\r\n\r\n|\})(GET|PUT|HEAD|POST|DELETE) /")


@dataclass
class Counted:
    requests: int = 0
    received: int = 0


class CountingProxy:
    """In front of a server on loopback. `delay`: seconds before an answer begins."""

    def __init__(self, port: int) -> None:
        self._target, self.delay, self.counted = port, 0.0, Counted()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            server = socket.create_connection(("127.0.0.1", self._target))
            for each in (client, server):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            asked = threading.Event()
            threading.Thread(target=self._ask, args=(client, server, asked), daemon=True).start()
            threading.Thread(target=self._answer, args=(server, client, asked), daemon=True).start()

    def _ask(self, client: socket.socket, server: socket.socket, asked: threading.Event) -> None:
        with suppress(OSError):
            while data := client.recv(1 << 18):
                if found := len(_BEGINS.findall(data)):
                    self.counted.requests += found
                    asked.set()
                server.sendall(data)
        client.close()
        server.close()

    def _answer(self, server: socket.socket, client: socket.socket, asked: threading.Event) -> None:
        with suppress(OSError):
            while data := server.recv(1 << 18):
                if asked.is_set():
                    asked.clear()
                    time.sleep(self.delay)
                self.counted.received += len(data)
                client.sendall(data)
        client.close()
        server.close()


@contextmanager
def s3_server() -> Iterator[int]:
    """Its port."""
    with socket.socket() as made:
        made.bind(("127.0.0.1", 0))
        port: int = made.getsockname()[1]
    silent = subprocess.DEVNULL
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(command, stdout=silent, stderr=silent)
    try:
        while True:
            with suppress(OSError):
                put = urllib.request.Request(f"http://127.0.0.1:{port}/bench", method="PUT")
                urllib.request.urlopen(put).close()
                break
            time.sleep(0.1)
        yield port
    finally:
        server.terminate()
        server.wait(10)


def entry(number: int, passages: int, drawn: np.random.Generator, directions: np.ndarray) -> Entry:
    """A document of so many passages of 60 words."""
    lines = [" ".join(drawn.choice(WORDS, 60)) for _ in range(passages)]
    text, blocks, at = "\n".join(lines), [], 0
    for line in lines:
        blocks.append(Block("paragraph", at, at + len(line), 1))
        at += len(line) + 1
    uri = f"{number}.md"
    own = document_id(uri)
    document = Document(
        id=own, uri=uri, title=uri, text=text, blocks=tuple(blocks), media_type="text/plain", content_hash="1",
        language="en", groups=(), metadata={}, warnings=(), pages=1,
    )  # fmt: skip
    made = [
        Passage(
            id=passage_id(own, b.start, b.end, text[b.start : b.end]), document_id=own, text=text[b.start : b.end],
            start=b.start, end=b.end, headings=(), page=1, uri=uri, title=uri, language="en", groups=(), metadata={},
        )
        for b in blocks
    ]  # fmt: skip
    return Entry(document, made, near(directions, passages, drawn), [line.split() for line in lines])


def near(directions: np.ndarray, count: int, drawn: np.random.Generator) -> np.ndarray:
    """Vectors of length 1, (count, DIMENSION) float32."""
    made = drawn.normal(size=(count, len(directions))) @ directions + 0.3 * drawn.normal(size=(count, DIMENSION))
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


def measured(proxy: CountingProxy, do: Callable[[], Any]) -> dict[str, float]:
    proxy.counted = Counted()
    began = time.perf_counter()
    do()
    seconds = time.perf_counter() - began
    return {
        "ms": round(1000 * seconds, 1),
        "requests": proxy.counted.requests,
        "mb": round(proxy.counted.received / 1e6, 3),
    }


def searched(store: Any, queries: np.ndarray, drawn: np.random.Generator) -> Callable[[], None]:
    places = iter(range(10**9))

    def search() -> None:
        store.dense(queries[next(places) % len(queries)], 100)
        store.lexical(list(drawn.choice(WORDS, 6)), 100)

    return search


def of_twenty(proxy: CountingProxy, search: Callable[[], None]) -> dict[str, float]:
    each = [measured(proxy, search) for _ in range(20)]
    return {name: statistics.median(one[name] for one in each) for name in each[0]}


def one_way(proxy: CountingProxy, passages: int, delays: list[float], way: str) -> list[dict[str, Any]]:
    url = f"s3://bench/{passages}-{way}"
    copied = 2 if way == "copy" else 0
    settings = StoreSettings(url=url, exact_until=500 if way == "index" else 10**9, local_copy_gb=copied)
    folder = Path(tempfile.mkdtemp())
    drawn = np.random.default_rng(1)
    directions = drawn.normal(size=(24, DIMENSION))
    store = open_store(folder, settings, IDENTITY)
    proxy.delay = 0.0
    began = time.perf_counter()
    with store.writing():  # type: ignore[attr-defined]
        for first in range(0, passages, 2000):
            store.replace([entry(first + k, 20, drawn, directions) for k in range(min(2000, passages - first) // 20)])
        index = store.optimize()
    built = time.perf_counter() - began
    rows = []
    for delay in delays:
        proxy.delay = delay / 1000
        row: dict[str, Any] = {"passages": passages, "way": way, "delay_ms": delay, "built_s": round(built, 1)}
        row["recall"] = index.get("recall_at_10")
        reader = Path(tempfile.mkdtemp())  # another machine's
        opened: list[Any] = []
        open_again = partial(open_store, reader, settings, IDENTITY)
        row["open"] = measured(proxy, partial(_keep, opened, open_again))
        search = searched(opened[0], near(directions, 50, drawn), drawn)
        row["first"] = measured(proxy, search)
        row["then"] = of_twenty(proxy, search)
        if not copied:
            bare: Any = open_again()
            bare._generations._session = import_lancedb().Session(0, 0)
            bare.refresh()
            row["bare"] = of_twenty(proxy, searched(bare, near(directions, 50, drawn), drawn))
        rows.append(row)
        print(json.dumps(row), flush=True)
    return rows


def _keep(made: list[Any], make: Callable[[], Any]) -> None:
    made.append(make())


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    options.add_argument("--passages", type=int, nargs="+", default=[1000, 5000, 20000])
    options.add_argument("--delay", type=float, nargs="+", default=[0, 10], help="milliseconds before each answer")
    chosen = options.parse_args()
    os.environ |= {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench"}
    with s3_server() as port:
        proxy = CountingProxy(port)
        os.environ["AWS_ENDPOINT_URL"] = proxy.address
        rows = [
            row
            for passages in chosen.passages
            for way in ("exact", "index", "copy")
            for row in one_way(proxy, passages, chosen.delay, way)
        ]
    RESULTS.write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
