"""The capacity plan: each figure with where it comes from, measured of this expert first.

    measured    of this expert, on this machine
    setting     of metier.toml
    published   measured once by `benchmarks/capacity.py`, on another expert
    assumed     nobody measured it: the option that changes it stands beside it
    reckoned    from figures above it

A gigabyte is 10^9 bytes, a month 730 hours.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from metier.core.settings import CostSettings, Settings
from metier.services.capacity import published
from metier.services.capacity.growth import dense_at, index_bytes, index_of, lexical_at, tells
from metier.services.capacity.measuring import AnswerTimes, MeasuredExpert, PartTimes

Basis = Literal["measured", "setting", "published", "assumed", "reckoned", "asked"]
GB = 1e9
_HOURS, _SECONDS_PER_MONTH = 730, 730 * 3600
_MEMORY_SHARE = 0.8  # of a machine that may hold an index, the rest is for the system and the process
_FAR = 100  # times as large as what was measured
_UNKNOWN_ANSWER = AnswerTimes(5.0, 1500, 150, "")
_ENDPOINT_STREAMS = 32


@dataclass(frozen=True, slots=True)
class CapacityTarget:
    """What is asked for. `documents`; `qps`: questions a second at the busiest; `growth`: share by which documents grow
    until then; `latency`: seconds that a search may take (median). `cores`, `memory_gb`: of a machine, None = as this
    one. `busy`: share of its processors that may be used on average; `spare`: machines more than are needed; `streams`:
    answers that one copy of the model writes at once, None = 1 here, 32 at an endpoint."""

    documents: float
    qps: float
    growth: float = 0.0
    latency: float = 0.3
    cores: int | None = None
    memory_gb: float | None = None
    busy: float = 0.6
    spare: int = 1
    streams: int | None = None


@dataclass(frozen=True, slots=True)
class PlanLine:
    """`how`: the arithmetic, or where the figure is from and what changes it."""

    part: str
    name: str
    value: float
    unit: str
    basis: Basis
    how: str


@dataclass(frozen=True, slots=True)
class CapacityPlan:
    """`search`: exact or indexed. `store`: where it goes, in words. `exact_until`: passages up to which a search that
    compares all vectors keeps to the latency. `experts`: into how many the documents have to be divided, 1 = one holds
    them. `servers`, `databases`, `model_replicas`: machines, and copies of a model behind an endpoint.
    `cost`: a month, None where no price is set. `notes`: what the plan cannot know."""

    target: CapacityTarget
    documents: float
    passages: float
    search: Literal["exact", "indexed"]
    store: str
    exact_until: int
    storage_gb: float
    memory_gb: float
    build_hours: float | None
    search_seconds: float
    experts: int
    servers: int
    databases: int
    model_replicas: int
    cost: float | None
    currency: str
    lines: tuple[PlanLine, ...]
    notes: tuple[str, ...]


def plan(found: MeasuredExpert, target: CapacityTarget, settings: Settings) -> CapacityPlan:
    """What an expert like `found` takes at the size and the load of `target`."""
    return _Reckoning(found, target, settings).plan()


@dataclass(slots=True)
class _Reckoning:
    found: MeasuredExpert
    target: CapacityTarget
    settings: Settings
    lines: list[PlanLine] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def say(self, part: str, name: str, value: float, unit: str, basis: Basis, how: str) -> float:
        self.lines.append(PlanLine(part, name, value, unit, basis, how))
        return value

    def plan(self) -> CapacityPlan:
        found, target, costs = self.found, self.target, self.settings.costs
        documents, passages = self._size()
        exact_until = self._exact_until()
        indexed = passages > min(exact_until, self.settings.store.exact_until)
        storage = self._storage(documents, passages, indexed)
        build = self._build(passages)
        dense, lexical = dense_at(found, passages, indexed), lexical_at(found, passages)
        seconds = self._search(dense, lexical, indexed)
        cores, memory = self._machine()
        hot = self._memory(passages, indexed)
        experts = max(1, math.ceil(hot / (memory * _MEMORY_SHARE)))
        streams_needed, model_replicas = self._answers()
        local = not self.settings.generation.behind_endpoint
        servers, databases = self._machines(dense, lexical, cores, experts, streams_needed if local else 0.0)
        shared = servers > 1
        store = self._store(passages, indexed, experts, shared)
        machine_memory = hot / experts + found.held_bytes
        self.say(
            "machines", "memory of one", machine_memory / GB, "GB", "reckoned",
            f"{hot / experts / GB:,.1f} GB of vectors or index + {found.held_bytes / GB:,.2f} GB of the process",
        )  # fmt: skip
        cost = self._cost(costs, storage, servers + databases)
        self._warn(passages)
        return CapacityPlan(
            target, documents, passages, "indexed" if indexed else "exact", store, exact_until, storage / GB,
            machine_memory / GB, build, seconds, experts, servers, databases, model_replicas, cost, costs.currency,
            tuple(self.lines), tuple(self.notes),
        )  # fmt: skip

    def _size(self) -> tuple[float, float]:
        found, target = self.found, self.target
        documents = target.documents * (1 + target.growth)
        how = "--documents" + (f" {target.documents:,.0f} grown by {target.growth:.0%}" if target.growth else "")
        self.say("size", "documents", documents, "", "asked", how)
        each = self.say(
            "size", "passages a document", found.passages / found.documents, "", "measured",
            f"{found.passages:,} passages of {found.documents:,} documents",
        )  # fmt: skip
        passages = documents * each
        self.say("size", "passages", passages, "", "reckoned", f"{documents:,.0f} × {each:,.2f}")
        return documents, passages

    def _storage(self, documents: float, passages: float, indexed: bool) -> float:
        found = self.found
        vector = found.dimension * 4
        if found.stored_bytes is None:
            each = self.say(
                "storage", "bytes a passage", vector + published.STORED_BYTES, "bytes", "published",
                f"{found.dimension} × 4 of the vector + {published.STORED_BYTES:,}: this store does not tell its size",
            )  # fmt: skip
        else:
            each = self.say(
                "storage", "bytes a passage", found.stored_bytes / found.passages, "bytes", "measured",
                f"{found.stored_bytes / 1e6:,.1f} MB of the store / {found.passages:,}; {found.dimension} × 4 = "
                f"{vector:,} of them are the vector",
            )  # fmt: skip
        total = each * passages
        self.say("storage", "store", total / GB, "GB", "reckoned", f"{passages:,.0f} × {each:,.0f} bytes")
        if indexed and not found.indexed:
            index = index_bytes(found.backend, passages, found.dimension)
            self.say(
                "storage", "index of the vectors", index / GB, "GB", "published",
                f"{passages:,.0f} × ({self._index_bytes()}) bytes",
            )  # fmt: skip
            total += index
        if found.table_bytes and found.documents:
            tables = found.table_bytes / found.documents * documents
            self.say(
                "storage", "typed tables", tables / GB, "GB", "measured",
                f"{found.table_bytes / found.documents:,.0f} bytes a document",
            )  # fmt: skip
            total += tables
        return total

    def _build(self, passages: float) -> float | None:
        found = self.found
        rate, how = 0.0, ""
        if found.embedding_rate:
            rate, how = found.embedding_rate, "embedded just now; reading and parsing come on top"
        elif found.sync_seconds:
            rate = found.synced_passages / found.sync_seconds
            how = f"{found.synced_passages:,} passages in {found.sync_seconds:,.1f} s of syncs, parsing included"
        if not rate:
            self.notes.append("No sync of this expert embedded anything: how long the first one takes is not known.")
            return None
        self.say("building", "passages a second", rate, "/s", "measured", how)
        hours = passages / rate / 3600
        self.say(
            "building", "first sync on one machine like this", hours, "h", "reckoned",
            f"{passages:,.0f} / {rate:,.1f} / 3600; `metier sync --on` divides it among machines",
        )  # fmt: skip
        return hours

    def _exact_until(self) -> int:
        found, target = self.found, self.target
        rest = found.search.seconds - found.search.dense.seconds - found.search.lexical.seconds
        low, high = 0.0, 1e12
        for _ in range(60):
            middle = (low + high) / 2
            seconds = max(0.0, rest) + dense_at(found, middle, False).seconds + lexical_at(found, middle).seconds
            low, high = (middle, high) if seconds <= target.latency else (low, middle)
        own = not found.indexed and tells(found, found.search.dense)
        basis: Basis = "reckoned" if own else "published"
        self.say(
            "searching", "exact search keeps to that up to", math.floor(low), "passages", basis,
            f"{target.latency:g} s a search (--latency); [store] exact_until is {self.settings.store.exact_until:,}",
        )  # fmt: skip
        return math.floor(low)

    def _search(self, dense: PartTimes, lexical: PartTimes, indexed: bool) -> float:
        times = self.found.search
        self.say(
            "searching", "a search now", times.seconds, "s", "measured",
            f"median of {times.questions}, {times.slow:.3f} s for the slowest of twenty; {times.cpu_seconds:.3f} s of "
            "processor time",
        )  # fmt: skip
        rest = max(0.0, times.seconds - times.dense.seconds - times.lexical.seconds)
        seconds = rest + dense.seconds + lexical.seconds
        own = all(tells(self.found, each) for each in (times.dense, times.lexical))
        self.say(
            "searching", "a search then", seconds, "s", "reckoned" if own else "published",
            f"{rest:.3f} s that do not grow + {dense.seconds:.3f} s in vectors ({'index' if indexed else 'all'}) + "
            f"{lexical.seconds:.3f} s for words",
        )  # fmt: skip
        return seconds

    def _machine(self) -> tuple[int, float]:
        found, target = self.found, self.target
        cores, memory = target.cores or found.cores, (target.memory_gb or 0) * GB or float(found.memory_bytes)
        for name, value, unit, given, option in (
            ("cores of a machine", cores, "", target.cores, "--cores"),
            ("memory of a machine", memory / GB, "GB", target.memory_gb, "--memory"),
        ):
            how = f"{option}" if given else f"as this machine; {option} says another"
            self.say("machines", name, value, unit, "asked" if given else "measured", how)
        return cores, memory

    def _memory(self, passages: float, indexed: bool) -> float:
        """Bytes that have to lie in memory for a search to be quick: the index, or all vectors."""
        dimension = self.found.dimension
        if indexed:
            hot = index_bytes(self.found.backend, passages, dimension) * published.BUFFERS
            how = f"{passages:,.0f} × ({self._index_bytes()}) bytes of vectors and graph × {published.BUFFERS}, buffers"
            self.say("machines", "index in memory", hot / GB, "GB", "published", how)
        else:
            hot = passages * dimension * 4 * published.BUFFERS
            how = f"{passages:,.0f} × {dimension} × 4 bytes × {published.BUFFERS} with buffers"
            self.say("machines", "vectors in memory", hot / GB, "GB", "published", how)
        return hot

    def _index_bytes(self) -> str:
        """Of a passage, as people multiply it."""
        index = index_of(self.found.backend)
        return f"{self.found.dimension} × {index.bytes_a_number} + {index.bytes_beside}"

    def _answers(self) -> tuple[float, int]:
        """Answers that are written at once, and copies of the model behind an endpoint."""
        found, target = self.found, self.target
        if (answer := found.answer) is None:
            answer = _UNKNOWN_ANSWER
            self.say(
                "answering", "seconds an answer", answer.seconds, "s", "assumed",
                "no answer was timed: `metier compare` measures it; a guess until then",
            )  # fmt: skip
        else:
            self.say("answering", "seconds an answer", answer.seconds, "s", "measured", answer.origin)
        needed = self.say(
            "answering", "answers written at once", target.qps * answer.seconds, "", "reckoned",
            f"{target.qps:g} a second × {answer.seconds:.2f} s (Little's law)",
        )  # fmt: skip
        if not self.settings.generation.behind_endpoint:
            return needed, 0
        streams = target.streams or _ENDPOINT_STREAMS
        self.say(
            "answering", "answers that a copy of the model writes at once", streams, "",
            "asked" if target.streams else "assumed", "--streams; vLLM tells it under load (`vllm bench serve`)",
        )  # fmt: skip
        replicas = math.ceil(needed / streams)
        self.say("answering", "copies of the model", replicas, "", "reckoned", f"⌈{needed:,.1f} / {streams}⌉")
        return needed, replicas

    def _machines(
        self, dense: PartTimes, lexical: PartTimes, cores: int, experts: int, streams_needed: float
    ) -> tuple[int, int]:
        """Servers and database machines. `streams_needed`: answers that the servers write themselves."""
        found, target = self.found, self.target
        times, in_database = found.search, self.settings.store.is_postgres
        parts = dense.cpu_seconds + lexical.cpu_seconds
        known = 0.0 if in_database else times.dense.cpu_seconds + times.lexical.cpu_seconds
        rest = max(0.0, times.cpu_seconds - known)
        each = self.say(
            "machines", "processor time a question", rest + parts, "s", "reckoned",
            f"{rest:.3f} s that do not grow + {dense.cpu_seconds:.3f} s vectors + {lexical.cpu_seconds:.3f} s words",
        )  # fmt: skip
        busy = self.say(
            "machines", "share of its processors in use", target.busy, "", "assumed", "--busy; above it, waiting grows"
        )
        of_servers = rest if in_database else each
        needed = target.qps * of_servers / (cores * busy)
        how = f"{target.qps:g} × {of_servers:.3f} s / ({cores} cores × {busy:g})"
        if streams_needed:
            streams = target.streams or 1
            self.say(
                "machines", "answers that a server writes at once at that speed", streams, "",
                "asked" if target.streams else "assumed", "--streams; on processors more at once are each slower",
            )  # fmt: skip
            if streams_needed / streams > needed:
                needed, how = streams_needed / streams, f"{streams_needed:,.1f} answers at once / {streams}"
        servers = max(1, math.ceil(needed)) + target.spare
        spare = f" + {target.spare} that may fail (--spare)" if target.spare else ""
        self.say("machines", "servers", servers, "", "reckoned", f"⌈{how}⌉{spare}")
        databases = 0
        if in_database:
            databases = max(experts, math.ceil(target.qps * parts / (cores * busy)))
            self.say(
                "machines", "machines for PostgreSQL", databases, "", "reckoned",
                f"⌈{target.qps:g} × {parts:.3f} s / ({cores} × {busy:g})⌉, at least one for each expert; more than one "
                "means read replicas",
            )  # fmt: skip
        return servers, databases

    def _store(self, passages: float, indexed: bool, experts: int, shared: bool) -> str:
        found = self.found
        kind = "the approximate index (HNSW, its recall measured where it is built)" if indexed else "exact search"
        if experts > 1:
            self.notes.append(
                f"One expert's index does not fit a machine: divide the documents into {experts} experts, by "
                "department or site, or take machines with more memory (--memory). Métier spreads no single expert "
                "over stores."
            )
            return f"{experts} experts, each with a store of its own of {passages / experts:,.0f} passages, {kind}"
        if found.backend == "postgres":
            return f"PostgreSQL with pgvector, {kind}; servers are stateless"
        if shared:
            return f"PostgreSQL with pgvector, or LanceDB on object storage, since there are several servers; {kind}"
        return f"LanceDB on one machine, {kind}"

    def _cost(self, costs: CostSettings, storage: float, machines: int) -> float | None:
        answer, target = self.found.answer or _UNKNOWN_ANSWER, self.target
        total, priced = 0.0, False
        if costs.per_hour:
            priced = True
            total += self.say(
                "cost", "machines", machines * costs.per_hour * _HOURS, f"{costs.currency}/month", "setting",
                f"{machines} × {costs.per_hour:g} an hour × {_HOURS} h ([costs] per_hour)",
            )  # fmt: skip
        if costs.per_gb_month:
            priced = True
            total += self.say(
                "cost", "storage", storage / GB * costs.per_gb_month, f"{costs.currency}/month", "setting",
                f"{storage / GB:,.1f} GB × {costs.per_gb_month:g} ([costs] per_gb_month)",
            )  # fmt: skip
        price = (
            answer.prompt_tokens * costs.per_million_prompt_tokens
            + answer.completion_tokens * costs.per_million_completion_tokens
        ) / 1e6
        if price:
            priced = True
            self.notes.append("Tokens are priced as if the busiest second lasted all month: an upper bound.")
            total += self.say(
                "cost", "tokens", price * target.qps * _SECONDS_PER_MONTH, f"{costs.currency}/month", "setting",
                f"{target.qps:g} × {_SECONDS_PER_MONTH:,} s × {price:.6f} an answer",
            )  # fmt: skip
        if not priced:
            self.notes.append("No price is set: [costs] per_hour, per_gb_month and per_million_… in metier.toml.")
            return None
        if self.settings.generation.behind_endpoint and not price:
            self.notes.append("What the endpoint costs is not counted: [costs] per_million_… is 0.")
        return total

    def _warn(self, passages: float) -> None:
        found = self.found
        if found.passages < published.TELLS:
            self.notes.append(
                f"{found.passages:,} passages are too few: what is there once weighs on the figures for each, and how "
                f"a search grows is taken from published ones. Measure again with {published.TELLS:,}."
            )
        elif passages > _FAR * found.passages:
            self.notes.append(
                f"That is {passages / found.passages:,.0f} times what was measured. Measure again on the way there."
            )


def in_parts(lines: Sequence[PlanLine]) -> dict[str, list[PlanLine]]:
    """By part, in the order in which one reads them."""
    order = ("size", "storage", "building", "searching", "answering", "machines", "cost")
    return {part: found for part in order if (found := [line for line in lines if line.part == part])}
