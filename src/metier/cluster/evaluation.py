"""Exam questions asked on a Ray cluster: each worker has the expert opened, and the answers come back here.

The expert's folder is on every node, or its store and state are where every node reaches them. That all nodes see the
same expert as this machine is checked before the first question.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, as_completed
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Any

from metier.cluster.connection import ClusterError, check_nodes, connected
from metier.cluster.pool import GivenUp, WorkerPool
from metier.core.errors import ModelError
from metier.core.questions import Question
from metier.evaluation.comparison import Asked, AskMany
from metier.evaluation.records import Record

_ASK = "ask"  # kind of parcels
_TAKEN = 0.5  # CPUs that Ray is asked for: a model takes all, so that a node has one worker


@dataclass(frozen=True, slots=True)
class ExaminedExpert:
    """An expert that a worker has opened. `answer`: asks it in a mode; `made_of`: changes with all that its answers
    depend on."""

    answer: Callable[[Question, str], Record]
    made_of: str


@dataclass(frozen=True, slots=True)
class EvaluationJob:
    """`opened`: opens the expert where it is called; it is pickled."""

    opened: Callable[[], ExaminedExpert]

    def open(self) -> Callable[[str, Any], object]:
        expert = self.opened()
        return lambda _kind, asked: expert.answer(*asked)

    def versions(self) -> dict[str, str]:
        """What has to be the same on all nodes."""
        return {"state of the expert": self.opened().made_of}


@contextmanager
def asking_on(on: str, opened: Callable[[], ExaminedExpert], made_of: str) -> Iterator[AskMany]:
    """`opened`: as of `EvaluationJob`; `made_of`: as of the expert here. Raises `InputError`, `ClusterError`."""
    with connected(on) as connection:
        nodes = [node for node in connection.nodes if node.cpus >= 1]
        if not nodes:
            raise ClusterError("has no CPU to give away", where=connection.where, hint="Add a node that has some.")
        job = EvaluationJob(opened)
        check_nodes(connection, {"state of the expert": made_of}, job.versions)
        pool = WorkerPool(connection, job, (_ASK,), connection.address.workers or len(nodes), _TAKEN)
        with closing(pool):
            yield lambda asks: _answers(pool, asks)


def _answers(pool: WorkerPool, asks: Sequence[Asked]) -> Iterator[tuple[int, Record]]:
    """As they come. Raises `ModelError` where a model gives up."""
    places: dict[Future[Record], int] = {}
    for place, asked in enumerate(asks):
        (future,) = pool.submit(_ASK, [asked])
        places[future] = place
    for future in as_completed(places):
        try:
            yield places[future], future.result()
        except GivenUp:
            question, mode = asks[places[future]]
            raise ModelError(
                f"workers of the cluster were lost with {question.question[:80]!r} in the mode {mode} again and again",
                hint="The model may need more memory than they have.",
            ) from None
