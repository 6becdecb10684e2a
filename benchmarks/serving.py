"""What a server adds: `metier serve` under load, beside the same llama.cpp asked directly with the same prompts.

    python benchmarks/serving.py [--seconds 60] [--clients 1 4 8 16] [--requests 2000] [--modes base rag]

Two servers stand beside each other, and one at a time is asked: Métier's, on the sample company of examples/turbines,
and llama.cpp's own HTTP server with the same weights, context, slots and threads. The second gets the prompts that
Métier made of the questions, as tokens, and writes at most as many tokens; what it lacks is everything else: search,
sentences picked, answers checked and cited, keys, queue. Clients ask one question after the other, without a pause, and
read streams. For each number of clients the time is cut into four: Métier, direct, direct, Métier, so that a slow
moment of the machine hits both. A stretch ends with the round of questions in which its time is up, so that both answer
the same mix. Refusals are off, since a question that is refused at once writes nothing.

    base    the model alone: what HTTP, queue and stream cost
    rag     from the documents: the same and the whole way from a question to a cited answer

Memory is the resident set of Métier's process, from the first request to the last of --requests. Writes
benchmarks/results/serving.json.
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
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest import mock

import httpx
import tomlkit
from ingest import RESULTS, circumstances, verdict
from latency import METIER, TURBINES, make_expert, read_questions

from metier import Expert

QUESTIONS = 20
SLOTS = 4
OVERHEAD_TARGET = 0.90  # of the direct server's answers in the same time, and of its tokens
GROWTH_TARGET = 0.02  # of the resident set, from a tenth of the requests to the last
KEY = "direct"


@dataclass(slots=True)
class Load:
    """What came back in some stretches of time. Seconds; `first`: to the first text of each answer."""

    seconds: float = 0.0
    tokens: int = 0
    first: list[float] = field(default_factory=list)
    whole: list[float] = field(default_factory=list)
    refused: int = 0  # 429
    errors: list[str] = field(default_factory=list)

    def figures(self) -> dict[str, Any]:
        return {
            "requests": len(self.whole),
            "requests_per_second": len(self.whole) / self.seconds,
            "tokens_per_second": self.tokens / self.seconds,
            "first_p50": _quantile(self.first, 50), "first_p95": _quantile(self.first, 95),
            "total_p50": _quantile(self.whole, 50), "total_p95": _quantile(self.whole, 95),
            "refused": self.refused, "errors": self.errors[:5],
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, and what Métier sends to llama.cpp for it. `tokens`: written in answer."""

    question: str
    prompt: list[int]
    stop: list[str]
    tokens: int


# --- the two servers ---------------------------------------------------------------------------------------------


def recorded(folder: Path, mode: str, questions: list[str]) -> list[Asked]:
    """Every question once, through the expert, with the prompt that its model was given."""
    made = []
    with Expert.open(folder) as expert:
        generator = expert.runtime.generator
        complete, calls = generator.complete, []

        def listening(messages: Any, **options: Any) -> Any:
            completion = complete(messages, **options)
            calls.append((messages, options, completion))
            return completion

        with mock.patch.object(generator, "complete", listening):
            for question in questions:
                expert.ask(question, mode=mode)
                messages, options, completion = calls[-1]
                prompt = generator._prompt(messages)
                made.append(Asked(question, prompt, list(options["stop"]), completion.completion_tokens))
    return made


@contextmanager
def served(folder: Path) -> Iterator[tuple[str, int]]:
    """Address and process id of `metier serve`."""
    process = subprocess.Popen(
        [METIER, "serve", "-e", str(folder), "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True, env=os.environ | {"PYTHONUNBUFFERED": "1", "COLUMNS": "200"},
    )  # fmt: skip
    with process, _ended(process):
        address = next(word for word in process.stdout.readline().split() if word.startswith("http")).removesuffix(
            "/v1"
        )
        with httpx.Client(transport=httpx.HTTPTransport(retries=20)) as client:
            while client.get(f"{address}/ready", timeout=60).status_code != 200:
                time.sleep(0.1)
        yield address, process.pid


@contextmanager
def direct(model: Path, context: int, threads: int) -> Iterator[str]:
    """Address of llama.cpp's server."""
    command = [sys.executable, __file__, "--direct", str(model), str(context), str(threads)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    with process, _ended(process):
        yield process.stdout.readline().strip()


@contextmanager
def _ended(process: subprocess.Popen) -> Iterator[None]:
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)


def serve_directly(model: str, context: str, threads: str) -> None:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = model
    params.n_ctx, params.n_parallel = int(context) * SLOTS, SLOTS
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = int(threads)
    params.n_batch = params.n_ubatch = 512
    params.fit_params = params.ctx_shift = params.ui = False
    params.cache_ram_mib = 0
    params.n_threads_http = 32
    params.api_keys = [KEY]
    params.verbosity = 0
    server = xllamacpp.Server(params)
    print(server.listening_address, flush=True)
    while True:
        time.sleep(60)


# --- clients -----------------------------------------------------------------------------------------------------


class Target:
    """One of the servers, as a client sees it."""

    def __init__(self, address: str, mode: str, model: str) -> None:
        self._address, self._mode, self._model = address, mode, model

    def request(self, asked: Asked) -> dict[str, Any]:
        if self._mode == "direct":
            body = {
                "prompt": asked.prompt, "max_tokens": asked.tokens, "stop": asked.stop, "temperature": 0, "seed": 0,
                "stream": True, "cache_prompt": True, "stream_options": {"include_usage": True},
            }  # fmt: skip
            headers = {"Authorization": f"Bearer {KEY}"}
            return {"url": f"{self._address}/v1/completions", "json": body, "headers": headers}
        body = {
            "model": f"{self._model}:{self._mode}", "messages": [{"role": "user", "content": asked.question}],
            "stream": True, "stream_options": {"include_usage": True},
        }  # fmt: skip
        return {"url": f"{self._address}/v1/chat/completions", "json": body}


async def ask(client: httpx.AsyncClient, target: Target, asked: Asked, load: Load) -> None:
    began, first, tokens = time.perf_counter(), None, 0
    async with client.stream("POST", **target.request(asked)) as response:
        if response.status_code == 429:
            load.refused += 1
            await asyncio.sleep(float(response.headers["Retry-After"]))
            return
        if response.status_code != 200:
            load.errors.append(f"{response.status_code} {(await response.aread())[:200]!r}")
            return
        async for line in response.aiter_lines():
            if line.startswith("data: {"):
                event = json.loads(line[6:])
                if first is None and any(_text(choice) for choice in event["choices"]):
                    first = time.perf_counter() - began
                tokens = (event.get("usage") or {}).get("completion_tokens", tokens)
    load.tokens += tokens
    load.whole.append(time.perf_counter() - began)
    load.first.append(load.whole[-1] if first is None else first)


def _text(choice: dict[str, Any]) -> str:
    return choice.get("text") or (choice.get("delta") or {}).get("content") or ""


async def under(target: Target, asked: list[Asked], clients: int, seconds: float, most: int, load: Load) -> None:
    """Adds a stretch to `load`: whole rounds of questions until `seconds` are over, or `most` requests."""
    turns, began = itertools.count(), time.perf_counter()
    limits = httpx.Limits(max_connections=clients, max_keepalive_connections=0)  # llama.cpp closes idle ones

    async def one() -> None:
        nonlocal most
        while (turn := next(turns)) < most:
            if turn % len(asked) == 0 and time.perf_counter() - began >= seconds:
                most = turn
                return
            try:
                await ask(client, target, asked[turn % len(asked)], load)
            except httpx.HTTPError as error:
                load.errors.append(repr(error))

    async with httpx.AsyncClient(timeout=300, limits=limits) as client:
        await asyncio.gather(*(one() for _ in range(clients)))
    load.seconds += time.perf_counter() - began


# --- the run -----------------------------------------------------------------------------------------------------


def resident_mb(process: int) -> float:
    lines = Path(f"/proc/{process}/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def measure(ours: Target, other: Target, asked: list[Asked], clients: int, seconds: float) -> dict[str, Any]:
    loads = {"metier": Load(), "direct": Load()}
    for name, target in (("metier", ours), ("direct", other), ("direct", other), ("metier", ours)):
        asyncio.run(under(target, asked, clients, seconds / 2, sys.maxsize, loads[name]))
    return {name: load.figures() for name, load in loads.items()}


def memory(target: Target, asked: list[Asked], requests: int, process: int) -> dict[str, Any]:
    """The resident set before, and after every tenth of the requests, four clients asking."""
    sizes, load = [resident_mb(process)], Load()
    for _ in range(10):
        asyncio.run(under(target, asked, SLOTS, 3600, requests // 10, load))
        sizes.append(resident_mb(process))
    return load.figures() | {"resident_mb": sizes, "growth": sizes[-1] / sizes[1] - 1}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 4, 8, 16])
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--modes", nargs="+", choices=("base", "rag"), default=["base", "rag"])
    parser.add_argument("--expert", type=Path, help="the sample company, made before; its settings are changed")
    parser.add_argument("--direct", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.direct:
        serve_directly(*options.direct)
        return
    with tempfile.TemporaryDirectory() as work:
        expert = options.expert or make_expert(Path(work))
        prepare(expert / "metier.toml")
        run(expert, options)


def prepare(settings: Path) -> None:
    """Every question is answered, and clients send no key."""
    changed = tomlkit.parse(settings.read_text(encoding="utf-8"))
    changed.setdefault("answering", {})["abstain"] = False
    changed.setdefault("serving", {})["open_loopback"] = True
    settings.write_text(tomlkit.dumps(changed), encoding="utf-8")


def run(folder: Path, options: argparse.Namespace) -> None:
    result = circumstances("serving.py")
    questions = read_questions(TURBINES / "questions.jsonl", QUESTIONS)
    asked = {mode: recorded(folder, mode, questions) for mode in options.modes}
    with Expert.open(folder) as expert:
        generator = expert.runtime.generator
        model, context, threads = generator._path, generator.context_tokens, expert.settings.generation.threads
        name = expert.settings.name
    with served(folder) as (address, process), direct(model, context, threads or os.cpu_count()) as beside:
        print(f"{'':18}{'req/s':>8}{'tok/s':>8}{'first p50':>11}{'p95':>7}{'whole p50':>11}{'p95':>7}{'429':>5}")
        for mode in options.modes:
            ours, other = Target(address, mode, name), Target(beside, "direct", name)
            result[mode] = {}
            for clients in options.clients:
                measured = measure(ours, other, asked[mode], clients, options.seconds)
                result[mode][clients] = measured
                show(mode, clients, measured)
        result["memory"] = memory(Target(address, options.modes[-1], name), asked[options.modes[-1]],
                                  options.requests, process)  # fmt: skip
    grown = result["memory"]
    sizes = ", ".join(f"{size:.0f}" for size in grown["resident_mb"])
    print(f"resident MiB over {options.requests} requests: {sizes}: {verdict(grown['growth'], GROWTH_TARGET)}")
    print(f"errors: {grown['errors'] or 'none'}")
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "serving.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


def show(mode: str, clients: int, measured: dict[str, dict[str, Any]]) -> None:
    for name, row in measured.items():
        print(
            f"{mode:5}{clients:>3} {name:8} {row['requests_per_second']:>8.2f}{row['tokens_per_second']:>8.1f}"
            f"{row['first_p50']:>11.3f}{row['first_p95']:>7.2f}{row['total_p50']:>11.3f}{row['total_p95']:>7.2f}"
            f"{row['refused']:>5}"
        )
        for error in row["errors"]:
            print("  error:", error)
    requests, tokens = (
        measured["metier"][name] / measured["direct"][name] for name in ("requests_per_second", "tokens_per_second")
    )
    said = verdict(min(requests, tokens), OVERHEAD_TARGET, at_least=True)
    print(f"  {requests:.3f} of the direct requests/s, {tokens:.3f} of its tokens/s, {said}", flush=True)


def _quantile(values: list[float], percent: int) -> float | None:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1] if len(values) > 1 else None


if __name__ == "__main__":
    main()
