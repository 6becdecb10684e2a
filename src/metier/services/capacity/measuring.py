"""What is measured of an expert: its size on the disk, how fast it was read in, what a search and an answer take."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from metier.core.errors import InputError, MetierError, StoreError
from metier.runtime import Runtime
from metier.store.base import StoreDescription

_SEARCHES, _WARMING = 30, 3
_EMBEDDED, _TOGETHER = 96, 32  # passages
_WORDS = 12  # of a passage, that stand for a question where there is none
_SYNCS = 20  # the latest

Tell = Callable[[str, int, int], None]  # stage, done, of how many


@dataclass(frozen=True, slots=True)
class PartTimes:
    """`seconds` by the clock (median), `cpu_seconds` of all threads (mean). A database spends its time elsewhere: there
    the latter is what it took by the clock."""

    seconds: float
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class SearchTimes:
    """Of one search: `seconds` (median), `slow` (95th percentile) and `cpu_seconds` (mean, of all threads of this
    process); `dense` and `lexical`: the parts of it that look at vectors and at words. `questions`: asked one after the
    other."""

    questions: int
    seconds: float
    slow: float
    cpu_seconds: float
    dense: PartTimes
    lexical: PartTimes


@dataclass(frozen=True, slots=True)
class AnswerTimes:
    """Of one answer, the mean of those that were asked: seconds, and tokens read and written. `origin`: which."""

    seconds: float
    prompt_tokens: float
    completion_tokens: float
    origin: str


@dataclass(frozen=True, slots=True)
class MeasuredExpert:
    """`stored_bytes`: of the store with what it keeps of earlier versions, None where it does not tell;
    `table_bytes`: of the typed tables. `indexed`: whether vectors have an approximate index. `synced_passages`,
    `sync_seconds`: of the latest syncs that embedded something, together. `embedding_rate`: passages a second, None
    where it was not asked for. `held_bytes`: memory of this process after it has searched, 0 = unknown. `cores`,
    `memory_bytes`: of this machine."""

    documents: int
    passages: int
    dimension: int
    backend: str
    stored_bytes: int | None
    table_bytes: int
    indexed: bool
    synced_passages: int
    sync_seconds: float
    embedding_rate: float | None
    search: SearchTimes
    answer: AnswerTimes | None
    held_bytes: int
    cores: int
    memory_bytes: int


def measure(
    runtime: Runtime, questions: Sequence[str] = (), *, embedding: bool = False, tell: Tell | None = None
) -> MeasuredExpert:
    """`questions`: those that are searched for; where there are none, beginnings of passages. `embedding`: embed some
    passages, too. Raises `InputError` where nothing was synced."""
    tell = tell or (lambda _stage, _done, _total: None)
    documents, passages = runtime.store.counts()
    if not passages:
        raise InputError(
            "this expert holds no passages, and without any nothing can be measured",
            where=str(runtime.folder),
            hint="Add a sample of your documents with `metier add`, and run `metier sync`.",
        )
    search = _searched(runtime, questions, tell)
    runs = [run for run in runtime.syncs() if run.passages and run.seconds > 0][-_SYNCS:]
    backend, described = runtime.settings.store.backend, _described(runtime)
    return MeasuredExpert(
        documents=documents,
        passages=passages,
        dimension=runtime.store.identity.dimension,
        backend=backend,
        stored_bytes=described.bytes,
        table_bytes=_size(runtime.table_store.path),
        indexed=described.index.get("state") == "built",
        synced_passages=sum(run.passages for run in runs),
        sync_seconds=sum(run.seconds for run in runs),
        embedding_rate=_embedding_rate(runtime, tell) if embedding else None,
        search=search,
        answer=_answered(runtime),
        held_bytes=_held(),
        cores=_cores(),
        memory_bytes=_memory(),
    )


def _searched(runtime: Runtime, questions: Sequence[str], tell: Tell) -> SearchTimes:
    chosen = list(dict.fromkeys(questions))[: _SEARCHES + _WARMING]
    if len(chosen) < _SEARCHES + _WARMING:
        chosen = list(dict.fromkeys([*chosen, *_openings(runtime, _SEARCHES + _WARMING)]))[: _SEARCHES + _WARMING]
    warming = chosen[:_WARMING] if len(chosen) > _WARMING else chosen
    retriever, store, wanted = runtime.retriever, runtime.store, runtime.settings.retrieval.candidates
    for question in warming:
        retriever.search(question, 10)
    asked = chosen[len(warming) :] or chosen
    queries = [retriever.query(question) for question in asked]
    elsewhere = runtime.settings.store.is_postgres
    dense = _timed([partial(store.dense, query.vector, wanted) for query in queries], elsewhere)
    lexical = _timed([partial(store.lexical, query.tokens, wanted) for query in queries], elsewhere)
    retriever.refresh()  # else the questions are known already
    for question in warming:  # and what is read again after it is no search
        retriever.search(question, 10)
    walls, began = [], time.process_time()
    for number, question in enumerate(asked):
        tell("Searching", number, len(asked))
        started = time.perf_counter()
        retriever.search(question, 10)
        walls.append(time.perf_counter() - started)
    spent = (time.process_time() - began) / len(asked)
    tell("Searching", len(asked), len(asked))
    slow = float(np.quantile(walls, 0.95))
    return SearchTimes(len(asked), statistics.median(walls), slow, spent, dense, lexical)


def _timed(calls: Sequence[Callable[[], object]], elsewhere: bool) -> PartTimes:
    walls, began = [], time.process_time()
    for call in calls:
        started = time.perf_counter()
        call()
        walls.append(time.perf_counter() - started)
    seconds = statistics.median(walls)
    return PartTimes(seconds, seconds if elsewhere else (time.process_time() - began) / len(calls))


def _openings(runtime: Runtime, wanted: int) -> list[str]:
    records = runtime.store.records()
    chosen = [records[n * len(records) // wanted].id for n in range(wanted)] if records else []
    texts = [passage.text for passage in runtime.store.openings(list(dict.fromkeys(chosen)))]
    return [" ".join(text.split()[:_WORDS]) for text in texts if text.strip()]


def _embedding_rate(runtime: Runtime, tell: Tell) -> float:
    ids = [record.id for record in runtime.store.records()[:_EMBEDDED]]
    texts = [passage.text for passage in runtime.store.openings(ids)][:_EMBEDDED]
    runtime.embedder.embed_passages(texts[:1])
    started = time.perf_counter()
    for first in range(0, len(texts), _TOGETHER):
        tell("Embedding", first, len(texts))
        runtime.embedder.embed_passages(texts[first : first + _TOGETHER])
    return len(texts) / (time.perf_counter() - started)


def _answered(runtime: Runtime) -> AnswerTimes | None:
    """What the last comparison says of RAG, and else of the way that reads documents, too."""
    from metier.evaluation import result_store

    with suppress(MetierError):
        found = result_store.latest(runtime.state_folder)
        for mode in ("rag", "rag+tuned"):
            costs = found.costs.get(mode) if found else None
            if found and costs and costs.total_p50 and costs.per_thousand.seconds > 0:
                return AnswerTimes(
                    costs.per_thousand.seconds / 1000, costs.prompt_tokens, costs.completion_tokens,
                    f"metier compare of {found.created[:10]}, mode {mode}, {found.questions} questions",
                )  # fmt: skip
    return None


def _described(runtime: Runtime) -> StoreDescription:
    """A store of another package need not tell."""
    try:
        return runtime.store.describe()
    except StoreError:
        return StoreDescription("", None)


def _size(file: Path) -> int:
    """Bytes, 0 where it is not there."""
    try:
        return file.stat().st_size
    except OSError:
        return 0


def _held() -> int:
    with suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    return 0


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _memory() -> int:
    with suppress(OSError, ValueError, AttributeError):
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return 0
