"""What a worker of a cluster is given again where others were lost."""

from __future__ import annotations

import asyncio
import threading
from types import SimpleNamespace

from metier.cluster.pool import PoolWorker
from metier.cluster.queue import LOADING, WorkQueue


def lost(*begun: int | None):
    """What a worker is given after others were lost at these pieces, what ended all work, and what comes then."""

    async def run():
        queue = WorkQueue()
        await queue.put(0, "read", ["content"])
        given = await queue.take(7, "read")
        for piece in begun:
            await queue.begin(7, piece)
            given = await queue.taken(7)
        return given, queue._ended, await queue.take(8, "read") if queue._is_closed else "open"

    return asyncio.run(run())


def test_a_piece_with_which_workers_were_lost_again_is_given_up_and_no_other():
    assert lost(None)[0].given_up == frozenset()
    assert lost(None, 3, None, 5)[0].given_up == {3, 5}


def test_workers_that_are_lost_while_they_load_their_models_end_all_work():
    given, ended, rest = lost(None, *[LOADING] * 4)
    assert (given.given_up, ended, rest) == (frozenset(), None, "open")
    given, ended, rest = lost(None, *[LOADING] * 5)
    assert (given, rest) == (None, None)
    assert "5 workers were lost while they loaded the models" in str(ended)


def test_a_result_that_comes_twice_is_settled_once():
    async def run():
        queue = WorkQueue()
        await queue.put(0, "read", ["content"])
        await queue.take(7, "read")
        await queue.begin_round()
        again = await queue.take(1, "read")
        await queue.finish([0])  # the first one was on its way
        await queue.begin(1, 0)
        return again.tries, await queue.taken(1)

    assert asyncio.run(run()) == (2, None)


def test_what_is_tried_again_has_nothing_beside_it():
    """Else what a worker has in its other hand would be blamed for a document that kills it."""
    worker = PoolWorker(SimpleNamespace(came=SimpleNamespace(remote=lambda: None)), ("read", "embed"), None)
    began, at_work, most = threading.Barrier(6), [], []

    def work(number):
        began.wait()
        alone = number % 2 == 0
        with worker._turn(alone=alone):
            at_work.append(number)
            threading.Event().wait(0.02)
            most.append((alone, len(at_work)))
            at_work.remove(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(most) == 6
    assert {count for alone, count in most if alone} == {1}
