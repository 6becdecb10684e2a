"""One caller does not stop the rest: clients that ask at their pace, beside an attacker who tries ten things by turns.

    python benchmarks/attack_load.py [--seconds 60] [--clients 16] [--pause 4]

A server of its own on the loopback, with a small expert whose model is a scripted endpoint, so that what is measured is
the server. Every client has a key, asks, reads the answer, and waits `--pause` seconds; the attacker, a process of its
own, has one, too. The clients are alone for half of the time, before and after they are beside it for all of the time.
It holds where their median latency is at most doubled, `/health`, asked ten times a second, takes at most 100 ms in the
median, and they see no errors but 429 and 504. Writes benchmarks/results/attack_load.json, and ends with 1 where it
does not hold.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import httpx
from ingest import RESULTS, circumstances, verdict
from scripted_endpoint import MODEL, Script, ScriptedEndpoint

from metier import Expert
from metier.core.settings import STATE_FILE, STATE_FOLDER
from metier.serving.auth.keys import Keys

SLOWER_TARGET = 2.0  # times the median latency without the attacker
HEALTH_TARGET = 0.1  # seconds, the median
PARTS = ("gearbox oil", "brake pads", "yaw grease", "air filter", "coolant", "slip rings", "battery", "pitch belt")
QUESTIONS = [f"How often is the {part} of the NV-110 changed?" for part in PARTS]
ANSWERS = [f"The {part} of the NV-110 is changed every {9 + n} months." for n, part in enumerate(PARTS)]
COMMAND = [sys.executable, "-u", "-c", "from metier.cli import main; main()"]
WORD = "gearbox oil of the pump "


@dataclass(slots=True)
class Seen:
    """By clients. Seconds, and statuses of HTTP; 0 = no answer."""

    latency: list[float] = field(default_factory=list)
    health: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    def figures(self) -> dict[str, object]:
        return {
            "answers": len(self.latency), "latency_p50": _median(self.latency), "health_p50": _median(self.health),
            "health_max": max(self.health, default=None), "statuses": dict(self.statuses),
        }  # fmt: skip


# --- the server --------------------------------------------------------------------------------------------------


def make_expert(place: Path, url: str, keys: int) -> tuple[Path, list[str]]:
    """Its folder, and secrets of so many keys."""
    (place / "docs").mkdir()
    for part, answer in zip(PARTS, ANSWERS, strict=True):
        (place / "docs" / f"{part.replace(' ', '-')}.md").write_text(f"# {part}\n\n{answer}\n")
    with Expert.create(place / "parts") as made:
        made.add(str(place / "docs"))
        made.sync()
    settings = place / "parts" / "metier.toml"
    text = settings.read_text().replace('model = "smollm2-135m-instruct"', f'model = "openai:{MODEL}"\nurl = "{url}"')
    settings.write_text(f"{text}\n[serving]\ntimeout_seconds = 20\nclient_seconds = 5\nopen_loopback = true\n")
    opened = Keys(place / "parts" / STATE_FOLDER / STATE_FILE)
    secrets = [opened.create(f"client {n}", (), ("ask",), rate=10_000)[1] for n in range(keys)]
    opened.close()
    return place / "parts", secrets


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, int]]:
    """Address and process id of `metier serve`."""
    with (folder.parent / "stderr.log").open("wb") as log:
        process = subprocess.Popen(
            [*COMMAND, "serve", "-e", str(folder), "--port", "0"], stdout=subprocess.PIPE, stderr=log, text=True,
            env=os.environ | {"COLUMNS": "200"},
        )  # fmt: skip
    try:
        said = process.stdout.readline()
        address = next(word for word in said.split() if word.startswith("http")).removesuffix("/v1")
        with httpx.Client(transport=httpx.HTTPTransport(retries=20)) as client:
            while client.get(f"{address}/ready", timeout=60).status_code != 200:
                time.sleep(0.1)
        yield address, process.pid
    finally:
        process.terminate()
        process.wait(100)


# --- clients -----------------------------------------------------------------------------------------------------


async def client(address: str, secret: str, number: int, pause: float, until: float, seen: Seen) -> None:
    headers, turns = {"Authorization": f"Bearer {secret}"}, itertools.count(number)
    await asyncio.sleep(pause * (number % 16) / 16)
    async with httpx.AsyncClient(timeout=60, headers=headers) as asking:
        while time.monotonic() < until:
            body = {
                "model": "parts", "messages": [{"role": "user", "content": QUESTIONS[next(turns) % len(QUESTIONS)]}]
            }  # fmt: skip
            began = time.monotonic()
            try:
                status = (await asking.post(f"{address}/v1/chat/completions", json=body)).status_code
            except httpx.HTTPError:
                status = 0
            seen.statuses[status] += 1
            if status == 200:
                seen.latency.append(time.monotonic() - began)
            await asyncio.sleep(pause)


async def watch_health(address: str, until: float, seen: Seen) -> None:
    async with httpx.AsyncClient(timeout=60) as asking:
        while time.monotonic() < until:
            began = time.monotonic()
            with suppress(httpx.HTTPError):
                await asking.get(f"{address}/health")
            seen.health.append(time.monotonic() - began)
            await asyncio.sleep(0.1)


# --- the attacker ------------------------------------------------------------------------------------------------


class Attacker:
    """`secret`: of its own key. Each attack takes some seconds and leaves nothing behind on this side."""

    def __init__(self, address: str, secret: str) -> None:
        parts = urlsplit(address)
        self._host, self._port = parts.hostname or "", parts.port or 0
        self._address, self._key = address, f"Bearer {secret}"

    def attacks(self) -> dict[str, Callable[[], Awaitable[None]]]:
        chat, vectors = "/v1/chat/completions", "/v1/embeddings"
        most = {"model": "parts", "input": [WORD * 60] * 330}  # what one request may ask for
        many = json.dumps({"model": "parts", "input": [WORD] * 140_000}).encode()
        huge = json.dumps({"model": "parts", "prompt": "a" * 8_000_000}).encode()
        long = {"model": "parts", "messages": [{"role": "user", "content": (WORD * 900)[:20_000]}]}
        turns = [{"role": ("user", "assistant")[n % 2], "content": WORD * 400} for n in range(21)]
        return {
            "vectors of all that is allowed, cancelled": lambda: self._posts(vectors, most, 4, patience=0.5),
            "vectors of 3.4 MB, cancelled": lambda: self._posts(vectors, many, 4),
            "questions of 8 MB": lambda: self._posts(chat, huge, 2),
            "questions as long as is allowed": lambda: self._posts(chat, long, 8, patience=5),
            "conversations as long as is allowed": lambda: self._posts(
                chat, {"model": "parts", "messages": turns}, 8, patience=5
            ),
            "heads that never end": lambda: self._drip(b"GET /health HTTP/1.1\r\nHost: localhost\r\n", b"X: 1\r\n", 50),
            "bodies that never end": lambda: self._drip(
                f"POST {chat} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {self._key}\r\n"
                "Content-Type: application/json\r\nContent-Length: 1000000\r\n\r\n".encode(), b" ", 50,
            ),
            "a full queue": lambda: self._posts(
                chat, {"model": "parts", "messages": [{"role": "user", "content": QUESTIONS[0]}]}, 60, patience=5
            ),
            "a hundred lists at once": lambda: self._gets("/documents", 100),
            "answers that are never read": lambda: self._unread("/api/documents?limit=1000", 40),
        }  # fmt: skip

    async def go_on(self, until: float) -> Counter[str]:
        """By turns; returns how often each was tried."""
        tried: Counter[str] = Counter()
        for name, attack in itertools.cycle(self.attacks().items()):
            if time.monotonic() >= until:
                return tried
            with suppress(OSError, httpx.HTTPError):
                await attack()
            tried[name] += 1
        return tried

    async def _posts(self, path: str, body: dict | bytes, count: int, *, patience: float = 2.0) -> None:
        """So many at once, and away after `patience` seconds."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        head = {"Authorization": self._key, "Content-Type": "application/json"}
        async with httpx.AsyncClient(timeout=patience, headers=head) as asking:
            posts = (asking.post(self._address + path, content=data) for _ in range(count))
            await asyncio.gather(*posts, return_exceptions=True)

    async def _gets(self, path: str, count: int) -> None:
        async with httpx.AsyncClient(
            timeout=5, headers={"Authorization": self._key}, limits=httpx.Limits(max_connections=count)
        ) as asking:
            await asyncio.gather(*(asking.get(self._address + path) for _ in range(count)), return_exceptions=True)

    async def _drip(self, head: bytes, piece: bytes, count: int, seconds: float = 4.0) -> None:
        writers = [(await asyncio.open_connection(self._host, self._port))[1] for _ in range(count)]
        until = time.monotonic() + seconds
        for writer in writers:
            writer.write(head)
        while time.monotonic() < until:
            for writer in writers:
                if not writer.is_closing():
                    writer.write(piece)
            await asyncio.sleep(0.2)
        for writer in writers:
            writer.close()

    async def _unread(self, path: str, count: int) -> None:
        """Hundreds of requests a connection, of whose answers nothing is taken."""
        ask = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {self._key}\r\n\r\n".encode()
        writers = [
            (await asyncio.open_connection(self._host, self._port, limit=1024))[1] for _ in range(count)
        ]  # fmt: skip
        for writer in writers:
            writer.transport.pause_reading()  # type: ignore[attr-defined]  # of a socket
            writer.write(ask * 200)
        await asyncio.sleep(4)
        for writer in writers:
            writer.close()


# --- the run -----------------------------------------------------------------------------------------------------


async def stretch(address: str, secrets: list[str], pause: float, seconds: float, seen: Seen) -> None:
    """Adds what the clients see to `seen`."""
    until = time.monotonic() + seconds
    clients = [client(address, secret, number, pause, until, seen) for number, secret in enumerate(secrets)]
    await asyncio.gather(*clients, watch_health(address, until, seen))


@contextmanager
def attacked(address: str, secret: str, seconds: float, tried: Counter[str]) -> Iterator[None]:
    """By a process of its own, whose work does not slow the clients' clocks down. Counts in `tried`."""
    command = [sys.executable, __file__, "--attack", address, secret, str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        yield
        tried.update(json.loads(process.communicate(timeout=120)[0]))


def measure(seconds: float = 60, clients: int = 16, pause: float = 4) -> dict[str, object]:
    """All figures, with `held`."""
    scripts = [Script(question, answer) for question, answer in zip(QUESTIONS, ANSWERS, strict=True)]
    with (
        ScriptedEndpoint(scripts, first_token=0.1, tokens_per_second=100) as endpoint,
        tempfile.TemporaryDirectory() as place,
    ):
        folder, secrets = make_expert(Path(place), endpoint.url, clients + 1)
        with served(folder) as (address, process):
            alone, beside, tried = Seen(), Seen(), Counter()

            def stretch_of(seen: Seen, share: float) -> None:
                asyncio.run(stretch(address, secrets[1:], pause, seconds * share, seen))

            asyncio.run(stretch(address, secrets[1:], pause, 5, Seen()))  # warm
            # A slow moment of the machine hits both.
            stretch_of(alone, 0.25)
            for _ in range(2):
                with attacked(address, secrets[0], seconds / 2, tried):
                    stretch_of(beside, 0.5)
            stretch_of(alone, 0.25)
            resident = resident_mb(process)
        log = (folder.parent / "stderr.log").read_text()
    errors = {status: count for status, count in beside.statuses.items() if status not in (200, 429, 504)}
    slower = _median(beside.latency) / _median(alone.latency)
    held = slower <= SLOWER_TARGET and _median(beside.health) <= HEALTH_TARGET and not errors
    return {
        "clients": clients, "pause_seconds": pause, "alone": alone.figures(), "beside": beside.figures(),
        "slower": slower, "errors": errors, "tried": dict(tried), "peak_resident_mb": resident,
        "tracebacks": log.count("Traceback"), "held": held,
    }  # fmt: skip


def resident_mb(process: int) -> float:
    """The most that it held."""
    lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def _median(values: list[float]) -> float:
    return statistics.median(values) if values else float("inf")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--pause", type=float, default=4)
    parser.add_argument("--attack", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.attack:
        address, secret, seconds = options.attack
        attacker = Attacker(address, secret)
        print(json.dumps(asyncio.run(attacker.go_on(time.monotonic() + float(seconds)))))
        return
    result = circumstances("attack_load.py") | measure(options.seconds, options.clients, options.pause)
    for name in ("alone", "beside"):
        print(f"{name:7}", json.dumps(result[name]))
    print("tried  ", json.dumps(result["tried"]))
    health = result["beside"]["health_p50"]
    print(f"median latency {result['slower']:.2f} times, {verdict(result['slower'], SLOWER_TARGET)}")
    print(f"/health in {health * 1000:.0f} ms, {verdict(health, HEALTH_TARGET)}")
    print(f"errors: {result['errors'] or 'none'}; peak {result['peak_resident_mb']:.0f} MiB")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "attack_load.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    sys.exit(0 if result["held"] else 1)


if __name__ == "__main__":
    main()
