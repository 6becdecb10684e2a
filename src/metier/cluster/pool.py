"""A Ray Data execution whose actors take their work from a queue; what they give comes back here.

    submit ─▶ coordinator (an actor on this machine's node) ◀─ take ─ actors of `map_batches` ─▶ results ─▶ back here

The rows of the data set are places in the queue, so that work can be handed in while it runs, and what is on its way is
bounded by who hands it in. Ray Data starts the actors, keeps each busy, starts lost ones again and runs again what they
had taken. It runs in the coordinator: what it logs stays there, and this process has its hands free.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import pickle
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from metier.cluster.connection import ClusterError, Connection, in_a_line
from metier.cluster.queue import LOADING, Taken, WorkQueue

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger(__name__)
_PLACES = 300  # of one execution for each worker; the next begins with new actors
_GOODBYE = 10.0  # seconds for an execution to end
_PATIENCE = 15.0  # seconds without a worker after which that is said


class GivenUp(Exception):
    """Workers were lost with this piece again and again."""


class Job(Protocol):
    """What actors do. It is pickled; `open` is called in each of them, before its first parcel, and gives what makes of
    a kind and a piece its result."""

    def open(self) -> Callable[[str, Any], object]: ...


class PoolWorker:
    """What Ray Data calls: with a place, it takes a parcel and does what is in it, one of each of `kinds` at once."""

    def __init__(self, queue: Any, kinds: Sequence[str], job: Job) -> None:
        import queue as queues

        import ray

        self._ray, self._queue, self._job = ray, queue, job
        self._work: Callable[[str, Any], object] | None = None
        self._opening, self._waiting = threading.Lock(), threading.Lock()
        self._at_once = len(kinds) + 1
        self._turns = threading.Semaphore(self._at_once)
        self._free: queues.SimpleQueue[str] = queues.SimpleQueue()
        for kind in kinds:
            self._free.put(kind)
        queue.came.remote()

    def __call__(self, places: pa.Table) -> pa.Table:
        import pyarrow as pa

        place = places["place"][0].as_py()
        taken = self._ray.get(self._queue.taken.remote(place))
        if taken is not None:  # a worker was lost with it: it waits for no turn, behind those who wait for more work
            rows = [self._done(place, taken)]
        else:
            kind = self._free.get()
            try:
                taken = self._ray.get(self._queue.take.remote(place, kind))
                rows = [] if taken is None else [self._done(place, taken)]
            finally:
                self._free.put(kind)
        types = {"number": pa.int64(), "results": pa.large_binary()}
        return pa.table({name: pa.array([row[name] for row in rows], type) for name, type in types.items()})

    def _done(self, place: int, taken: Taken) -> dict[str, object]:
        results: list[object] = []
        if taken.tries > 1 and self._work is None:
            self._ray.get(self._queue.begin.remote(place, LOADING))
            with suppress(Exception):  # it is told as what comes of each piece
                self._opened()
            self._ray.get(self._queue.begin.remote(place, None))
        for at, piece in enumerate(self._ray.get(taken.content[0])):
            if at in taken.given_up:
                results.append(GivenUp())
                continue
            with self._turn(alone=taken.tries > 1):
                if taken.tries > 1:
                    self._ray.get(self._queue.begin.remote(place, at))
                results.append(_tried(self._opened, taken.kind, piece))
                if taken.tries > 1:
                    self._ray.get(self._queue.begin.remote(place, None))
        return {"number": taken.number, "results": pickle.dumps(results, protocol=5)}

    @contextmanager
    def _turn(self, *, alone: bool) -> Iterator[None]:
        """Time for one piece. `alone`: with no other beside it, which would be lost, and blamed, for what it does."""
        wanted = self._at_once if alone else 1
        with self._waiting:  # two that want all must not have some each
            for _ in range(wanted):
                self._turns.acquire()
        try:
            yield
        finally:
            self._turns.release(wanted)

    def _opened(self) -> Callable[[str, Any], object]:
        with self._opening:
            if self._work is None:
                self._work = self._job.open()
            return self._work


def _tried(opened: Callable[[], Callable[[str, Any], object]], kind: str, piece: object) -> object:
    """What comes of it; an error is no less a result."""
    try:
        return opened()(kind, piece)
    except Exception as error:  # noqa: BLE001 - it is raised where the result is waited for
        try:
            return pickle.loads(pickle.dumps(error))  # noqa: S301 - what was pickled right here
        except Exception:  # noqa: BLE001 - an error of a library that cannot be pickled, in words
            return RuntimeError(f"{type(error).__name__}: {error}")


class Coordinator(WorkQueue):
    """The queue, and the Ray Data execution whose actors take from it. An async actor."""

    def __init__(self, job: Job, kinds: Sequence[str], workers: int, cpus: float) -> None:
        super().__init__()
        self._job, self._kinds, self._count, self._cpus = job, tuple(kinds), workers, cpus
        self._results: list[Any] = []
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._run, name="metier-pool", daemon=True).start()

    async def results(self) -> tuple[list[Any], BaseException | None]:
        """References to tables of results, once there are some, and why nothing more comes."""
        async with self._changed:
            await self._changed.wait_for(lambda: bool(self._results or self._ended or self._is_closed))
            results, self._results = self._results, []
            return results, self._ended

    def _run(self) -> None:
        try:
            places = self._all_places()
            while not self._is_closed:
                self._call(self.begin_round())
                for reference in self._round(places):
                    self._call(self._came(reference))
                    if self._is_closed:
                        return
        except BaseException as error:  # noqa: BLE001 - told to the driver
            self._call(self.fail(RuntimeError(in_a_line(error))))

    def _call(self, coroutine: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    async def _came(self, reference: Any) -> None:
        async with self._changed:
            self._results.append(reference)
            self._changed.notify_all()

    def _all_places(self) -> Any:
        import pyarrow as pa
        import ray.data

        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = context.print_on_execution_start = False
        context.execution_no_progress_timeout_s = -1  # a source may be slow for longer than it would wait
        return ray.data.from_arrow([pa.table({"place": [number]}) for number in range(self._count * _PLACES)])

    def _round(self, places: Any) -> Iterator[Any]:
        import ray
        from ray.data import ActorPoolStrategy

        at_once = len(self._kinds) + 1  # one is there already when another has done its work
        done = places.map_batches(
            PoolWorker,
            fn_constructor_args=(ray.get_runtime_context().current_actor, self._kinds, self._job),
            batch_size=None,
            batch_format="pyarrow",
            num_cpus=self._cpus,
            compute=ActorPoolStrategy(
                size=self._count,
                max_tasks_in_flight_per_actor=at_once,
                max_concurrent_calls_per_actor=at_once,
                enable_true_multi_threading=True,
            ),
        )
        for bundle in done.iter_internal_ref_bundles():
            yield from bundle.block_refs


class WorkerPool:
    """`workers`: actors, each of which takes `cpus` of the cluster and does one parcel of each of `kinds` at once. They
    start with the first `submit`. Several threads may submit."""

    def __init__(self, connection: Connection, job: Job, kinds: Sequence[str], workers: int, cpus: float) -> None:
        import ray

        self.workers = workers
        self._connection, self._cpus, self._ray = connection, cpus, ray
        self._make = partial(connection.beside_driver, Coordinator, job, kinds, workers, cpus)
        self._numbers = itertools.count()
        self._open: dict[int, tuple[list[Future[Any]], Any]] = {}  # what is out, and the reference that keeps it
        self._lock, self._starting = threading.Lock(), threading.Lock()
        self._ended: ClusterError | None = None
        self._coordinator: Any = None
        self._thread: threading.Thread | None = None

    def submit(self, kind: str, pieces: Sequence[object]) -> list[Future[Any]]:
        """A parcel of one worker. Each of `pieces` has its own result. Raises `ClusterError` once the pool has ended,
        as the results do that did not come."""
        futures: list[Future[Any]] = [Future() for _ in pieces]
        try:
            with self._starting:
                if self._thread is None:
                    self._start()
            number, content = next(self._numbers), self._ray.put(list(pieces))
            with self._lock:
                if self._ended is not None:
                    raise self._ended
                self._open[number] = futures, content
            self._coordinator.put.remote(number, kind, [content])
        except Exception as error:  # noqa: BLE001 - of Ray, of many kinds
            failure = self._connection.failure(error)
            self._end(failure)
            raise failure from None
        return futures

    def close(self) -> None:
        """What has not come by now never comes."""
        self._end(ClusterError("was left", where=self._connection.where))
        if self._thread is not None:
            with suppress(Exception):  # a cluster that was lost takes no word, and what it cost is told already
                self._coordinator.close.remote()
            self._thread.join(_GOODBYE)

    def _start(self) -> None:
        self._coordinator = self._make()
        self._thread = threading.Thread(target=self._collect, name="metier-pool", daemon=True)
        self._thread.start()
        threading.Thread(target=self._watch, name="metier-pool-watch", daemon=True).start()

    def _collect(self) -> None:
        try:
            while self._ended is None:
                references, error = self._ray.get(self._coordinator.results.remote())
                for table in self._ray.get(references):
                    self._deliver(table)
                if error is not None:
                    raise error
        except BaseException as error:
            log.debug("the pool of %s ended", self._connection.where, exc_info=True)
            self._end(self._connection.failure(error))

    def _deliver(self, table: pa.Table) -> None:
        numbers: list[Any] = table["number"].to_pylist()
        for number, said in zip(numbers, table["results"], strict=True):
            results = pickle.loads(said.as_buffer())  # noqa: S301 - of our own workers, of the same version as this
            with self._lock:  # from here on nobody else settles what is waited for
                parcel = self._open.pop(number, None)
            if parcel is not None:
                for future, result in zip(parcel[0], results, strict=True):
                    future.set_exception(result) if isinstance(result, Exception) else future.set_result(result)
        if numbers:
            self._coordinator.finish.remote(numbers)

    def _end(self, error: ClusterError) -> None:
        with self._lock:
            self._ended = self._ended or error
            left = [future for futures, _content in self._open.values() for future in futures]
            self._open.clear()
        for future in left:
            future.set_exception(error)

    def _watch(self) -> None:
        """Say so where no worker comes, or all are gone for good: a cluster makes one wait without a word."""
        while not self._connection.closing.wait(_PATIENCE) and self._ended is None:
            try:
                have_come = self._ray.get(self._coordinator.workers.remote(), timeout=_PATIENCE)
                if not have_come:
                    log.warning("%s", self._connection.busy(self._cpus))
                elif not any(node.cpus for node in self._connection.nodes):
                    log.warning("%s", self._connection.deserted())
            except Exception:  # noqa: BLE001 - the pool itself tells what became of the cluster
                return
