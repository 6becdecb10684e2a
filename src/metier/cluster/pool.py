"""A pool of Ray actors that do parcels of work; what they give comes back here.

    submit ─▶ what waits, by kind ─▶ one actor of several, which holds parser and model ─▶ futures

An actor has a parcel of each kind at once. One that is lost is replaced, wherever the cluster has room. What it was at
is done again piece by piece, with nothing beside it, so that the next loss names its piece: that one is given up, and
stops nobody.
"""

from __future__ import annotations

import asyncio
import logging
import pickle
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Protocol

from metier.cluster.connection import ClusterError, Connection

log = logging.getLogger(__name__)
_MOST_LOADING = 5  # actors one after another that were lost while they loaded their models
_GOODBYE = 10.0  # seconds for the actors to be ended
_PATIENCE = 15.0  # seconds without an actor after which that is said


class GivenUp(Exception):
    """Workers were lost with this piece again and again."""


class _Lost(Exception):
    """A worker, or what it gave."""


class Job(Protocol):
    """What actors do. It is pickled; `open` is called in each of them, once, and gives what makes of a kind and a piece
    its result."""

    def open(self) -> Callable[[str, Any], object]: ...


class PoolWorker:
    """An actor. Its methods run in threads beside each other."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def open(self) -> None:
        self._work = self._job.open()

    def is_there(self) -> bool:
        return True

    def do(self, kind: str, pieces: Sequence[object]) -> bytes:
        """What comes of each, pickled, so that arrays are no views of the cluster's memory."""
        return pickle.dumps([_tried(self._work, kind, piece) for piece in pieces], protocol=5)


def _tried(work: Callable[[str, Any], object], kind: str, piece: object) -> object:
    """What comes of it; an error is no less a result."""
    try:
        return work(kind, piece)
    except Exception as error:  # noqa: BLE001 - it is raised where the result is waited for
        try:
            return pickle.loads(pickle.dumps(error))  # noqa: S301 - what was pickled right here
        except Exception:  # noqa: BLE001 - an error of a library that cannot be pickled, in words
            return RuntimeError(f"{type(error).__name__}: {error}")


@dataclass(eq=False, slots=True)
class _Parcel:
    """`left`: its pieces that have no result yet, each with what waits for it."""

    kind: str
    left: list[tuple[object, Future[Any]]]


@dataclass(eq=False, slots=True)
class _Hands:
    """Of one actor: how much it does at once."""

    actor: Any
    most: int
    turns: asyncio.Semaphore = field(init=False)
    first: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self.turns = asyncio.Semaphore(self.most)

    @asynccontextmanager
    async def turn(self, *, alone: bool = False) -> AsyncIterator[None]:
        """`alone`: with nothing beside it, which would be lost, and blamed, for what it does."""
        wanted = self.most if alone else 1
        async with self.first:
            for _ in range(wanted):
                await self.turns.acquire()
        try:
            yield
        finally:
            for _ in range(wanted):
                self.turns.release()


class WorkerPool:
    """`workers`: actors, each of which takes `cpus` of the cluster and has one parcel of each of `kinds` at once. They
    start with the first `submit`. Several threads may submit."""

    def __init__(self, connection: Connection, job: Job, kinds: Sequence[str], workers: int, cpus: float) -> None:
        import ray

        self.workers = workers
        self._connection, self._job, self._kinds, self._cpus = connection, job, kinds, cpus
        self._ray: Any = ray
        self._actors = self._ray.remote(PoolWorker).options(num_cpus=cpus, max_concurrency=len(kinds) + 1)
        self._waiting = {kind: asyncio.Queue[_Parcel]() for kind in kinds}
        self._again = asyncio.Queue[_Parcel]()  # what actors were lost with
        self._closing = asyncio.Event()
        self._have_come = False  # actors, with their models loaded
        self._open: set[_Parcel] = set()
        self._lock = threading.Lock()  # of what is open, and why nothing more comes; no future is settled within it
        self._ended: ClusterError | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def submit(self, kind: str, pieces: Sequence[object]) -> list[Future[Any]]:
        """A parcel of one worker. Each of `pieces` has its own result. Raises `ClusterError` once the pool has ended,
        as the results do that did not come."""
        parcel = _Parcel(kind, [(piece, Future()) for piece in pieces])
        futures = [future for _piece, future in parcel.left]
        with self._lock:
            if self._ended is not None:
                raise self._ended
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._run, args=[self._loop], name="metier-pool", daemon=True)
                self._thread.start()
            self._open.add(parcel)
            self._loop.call_soon_threadsafe(self._waiting[kind].put_nowait, parcel)
        return futures

    def close(self) -> None:
        """What has not come by now never comes."""
        self._end(ClusterError("was left", where=self._connection.where))
        if self._loop is not None and self._thread is not None:
            with suppress(RuntimeError):  # it has ended by itself
                self._loop.call_soon_threadsafe(self._closing.set)
            self._thread.join(_GOODBYE)

    def _end(self, error: ClusterError) -> None:
        with self._lock:
            self._ended = self._ended or error
            left = [future for parcel in self._open for _piece, future in parcel.left]
            self._open.clear()
        for future in left:
            future.set_exception(error)

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            loop.run_until_complete(self._kept())
        except BaseException as error:
            log.debug("the pool of %s ended", self._connection.where, exc_info=True)
            self._end(self._connection.failure(_first(error)))
        finally:
            loop.close()

    async def _kept(self) -> None:
        async with asyncio.TaskGroup() as all_work:
            work = [all_work.create_task(self._worker()) for _ in range(self.workers)]
            work.append(all_work.create_task(self._watch()))
            await self._closing.wait()
            for task in work:
                task.cancel()

    async def _worker(self) -> None:
        """One actor, and those that come in its place."""
        loading = 0
        while loading < _MOST_LOADING:
            actor = self._actors.remote(self._job)
            try:
                await self._given(actor.open.remote())
                self._have_come, loading = True, 0
                await self._work(actor)
            except _Lost:
                loading += 1
            finally:
                with suppress(Exception):  # of a cluster that is lost, too
                    self._ray.kill(actor)
        raise RuntimeError(f"{loading} workers were lost while they loaded the models: is memory too small?")

    async def _work(self, actor: Any) -> None:
        """Until it is lost."""
        hands = _Hands(actor, len(self._kinds))
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(self._once_more(hands))
                for kind in self._kinds:
                    both.create_task(self._each(hands, kind))
        except* _Lost:
            pass

    async def _each(self, hands: _Hands, kind: str) -> None:
        while True:
            parcel = await self._waiting[kind].get()
            try:
                async with hands.turn():
                    await self._do(hands.actor, parcel, len(parcel.left))
            except BaseException:
                self._again.put_nowait(parcel)
                raise

    async def _once_more(self, hands: _Hands) -> None:
        """Piece by piece what others were lost with."""
        while True:
            parcel = await self._again.get()
            try:
                while parcel.left:
                    async with hands.turn(alone=True):
                        await self._given(hands.actor.is_there.remote())  # else it was lost before
                        try:
                            await self._do(hands.actor, parcel, 1)
                        except _Lost:
                            self._settle(parcel, [GivenUp()])
                            raise
            finally:
                if parcel.left:
                    self._again.put_nowait(parcel)

    async def _do(self, actor: Any, parcel: _Parcel, count: int) -> None:
        pieces = [piece for piece, _future in parcel.left[:count]]
        said = await self._given(actor.do.remote(parcel.kind, pieces))
        self._settle(parcel, pickle.loads(said))  # noqa: S301 - of our own workers, of the same version as this

    def _settle(self, parcel: _Parcel, results: Sequence[object]) -> None:
        """Those of its first pieces."""
        with self._lock:
            if parcel not in self._open:  # all has ended meanwhile
                return
            settled, parcel.left = parcel.left[: len(results)], parcel.left[len(results) :]
            if not parcel.left:
                self._open.remove(parcel)
        for (_piece, future), result in zip(settled, results, strict=True):
            future.set_exception(result) if isinstance(result, Exception) else future.set_result(result)

    async def _given(self, reference: Any) -> Any:
        """Raises `_Lost`, or what an actor raised."""
        errors = self._ray.exceptions
        try:
            return await reference
        except (errors.RayActorError, errors.ObjectLostError, errors.OutOfMemoryError, errors.NodeDiedError) as error:
            log.debug("a worker of %s was lost: %s", self._connection.where, error)
            raise _Lost from None

    async def _watch(self) -> None:
        """Say so where no worker comes, or all are gone for good: a cluster makes one wait without a word."""
        with suppress(Exception):  # the pool itself tells what became of the cluster
            while True:
                await asyncio.sleep(_PATIENCE)
                if not self._have_come:
                    log.warning("%s", await asyncio.to_thread(self._connection.busy, self._cpus))
                elif not any(node.cpus for node in await asyncio.to_thread(lambda: self._connection.nodes)):
                    log.warning("%s", self._connection.deserted())


def _first(error: BaseException) -> BaseException:
    """What a group of tasks ended with."""
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error
