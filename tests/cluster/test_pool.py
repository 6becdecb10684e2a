"""What comes of work that is given to a cluster while its workers are lost."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
import ray

from metier.cluster.connection import ClusterError, connected
from metier.cluster.pool import GivenUp, WorkerPool

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def carried():
    """Workers cannot import the module of a test."""
    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    yield
    ray.cloudpickle.unregister_pickle_by_value(sys.modules[__name__])


class Notes:
    """A job that notes in a folder what it died of."""

    def __init__(self, folder: Path, *, loads: bool = True) -> None:
        self.folder, self.loads = folder, loads

    def open(self):
        if not self.loads:
            self.die()
        return self.work

    def work(self, kind, piece):
        began = time.monotonic()
        time.sleep(0.05)
        if piece == "lethal":
            time.sleep(0.2)  # what is beside it has begun
            self.die()
        if piece == "wrong":
            raise ValueError("a wrong piece")
        return piece, began, time.monotonic()

    def die(self):
        (self.folder / str(time.time_ns())).touch()
        os.kill(os.getpid(), signal.SIGKILL)


def outcome(future):
    """The piece, or the kind of its error."""
    error = future.exception(60)
    return type(error) if error else future.result()[0]


def test_the_piece_that_kills_its_workers_is_given_up_and_no_other(on, tmp_path):
    with connected(on) as cluster:
        with closing(WorkerPool(cluster, Notes(tmp_path), ("read", "embed"), 2, 0.5)) as pool:
            read = pool.submit("read", ["a", "lethal", "b"]) + pool.submit("read", ["wrong", "c"])
            embedded = [pool.submit("embed", [number])[0] for number in range(20)]
            assert [outcome(each) for each in read] == ["a", GivenUp, "b", ValueError, "c"]
            assert [outcome(each) for each in embedded] == list(range(20))
        with pytest.raises(ClusterError, match="was left"):
            pool.submit("read", ["d"])


def test_what_is_tried_again_has_nothing_beside_it(on, tmp_path):
    """Else what a worker has in its other hand would be blamed for a document that kills it."""
    with connected(on) as cluster, closing(WorkerPool(cluster, Notes(tmp_path), ("read", "embed"), 1, 0.5)) as pool:
        alone = pool.submit("read", ["a", "lethal", "b"])
        embedded = [pool.submit("embed", [number])[0] for number in range(60)]
        assert [outcome(each) for each in alone] == ["a", GivenUp, "b"]
        assert [outcome(each) for each in embedded] == list(range(60))
    assert len(os.listdir(tmp_path)) == 2  # among others, and alone
    for _piece, began, ended in (alone[0].result(), alone[2].result()):
        assert all(end <= began or ended <= start for _number, start, end in (each.result() for each in embedded))


def test_workers_that_are_lost_while_they_load_their_models_end_all_work(on, tmp_path):
    with (
        connected(on) as cluster,
        closing(WorkerPool(cluster, Notes(tmp_path, loads=False), ("read",), 1, 0.5)) as pool,
    ):
        (future,) = pool.submit("read", ["a"])
        with pytest.raises(ClusterError, match="5 workers were lost while they loaded the models"):
            future.result(120)
        assert len(os.listdir(tmp_path)) == 5


def test_what_has_not_come_when_a_pool_is_closed_is_told(on, tmp_path):
    with connected(on) as cluster:
        pool = WorkerPool(cluster, Notes(tmp_path), ("read",), 1, 0.5)
        futures = pool.submit("read", [str(number) for number in range(400)])
        pool.close()
        with pytest.raises(ClusterError, match="was left"):
            futures[-1].result(1)
    WorkerPool(cluster, Notes(tmp_path), ("read",), 1, 0.5).close()  # which has not begun
