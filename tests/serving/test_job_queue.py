"""How much is done at once, and who is told to come again."""

from __future__ import annotations

import asyncio
import socket
import threading
import time

import pytest

from metier.core.bounded_http import CallStopped, httpx_client
from metier.serving.job_queue import Busy, JobQueue, OutOfTime, Stopping


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, 20))


def until(stop) -> str:
    while not stop():
        time.sleep(0.005)
    return "stopped"


def test_no_more_than_so_many_run_at_once():
    async def scene():
        work, now, most = JobQueue(2, 10, 10), 0, 0
        lock = threading.Lock()

        def job(_stop):
            nonlocal now, most
            with lock:
                now += 1
                most = max(most, now)
            time.sleep(0.02)
            with lock:
                now -= 1
            return "done"

        results = await asyncio.gather(*(work.run(job) for _ in range(8)))
        await work.close(1)
        return results, most

    results, most = run(scene())
    assert results == ["done"] * 8
    assert most == 2


def test_beyond_the_queue_is_told_when_to_come_again():
    async def scene():
        work = JobQueue(1, 1, 10)
        running = [asyncio.ensure_future(work.run(until)) for _ in range(2)]
        await asyncio.sleep(0.05)
        with pytest.raises(Busy) as raised:
            await work.run(until)
        for each in running:
            each.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await work.close(1)
        return raised.value.retry_after

    assert run(scene()) >= 1


def test_who_goes_away_stops_the_work_and_frees_the_place():
    async def scene():
        work, ended = JobQueue(1, 4, 10), threading.Event()

        def job(stop):
            until(stop)
            ended.set()

        running = asyncio.ensure_future(work.run(job))
        await asyncio.sleep(0.05)
        running.cancel()
        result = await work.run(lambda stop: "next")  # waits for the place of the one that was stopped
        assert ended.is_set()
        await work.close(1)
        return result

    assert run(scene()) == "next"


def test_what_takes_too_long_is_given_up():
    async def scene():
        work = JobQueue(1, 4, 0.05)
        with pytest.raises(OutOfTime):
            await work.run(until)
        await work.close(1)

    run(scene())


def test_an_end_finishes_what_runs_and_takes_nothing_more():
    async def scene():
        work = JobQueue(1, 4, 10)
        running = asyncio.ensure_future(work.run(lambda stop: time.sleep(0.1) or "finished"))
        await asyncio.sleep(0.02)
        await work.close(5)
        with pytest.raises(Stopping):
            await work.run(until)
        return await running

    assert run(scene()) == "finished"


def test_an_error_is_the_callers_and_the_place_is_free_again():
    async def scene():
        work = JobQueue(1, 0, 10)
        with pytest.raises(ZeroDivisionError):
            await work.run(lambda stop: 1 / 0)
        result = await work.run(lambda stop: work.running)
        await work.close(1)
        return result

    assert run(scene()) == 1


def test_what_runs_alone_waits_for_what_runs_and_lets_nothing_pass():
    async def scene():
        work, order = JobQueue(2, 4, 10), []

        def job(name, seconds):
            return lambda stop=None: (time.sleep(seconds), order.append(name))

        before = [asyncio.ensure_future(work.run(job("before", 0.1))) for _ in range(2)]
        await asyncio.sleep(0.02)
        alone = asyncio.ensure_future(work.alone(job("alone", 0.05)))
        await asyncio.sleep(0.02)
        after = [asyncio.ensure_future(work.run(job("after", 0))) for _ in range(2)]
        await asyncio.gather(*before, alone, *after)
        await work.close(1)
        return order

    assert run(scene()) == ["before", "before", "alone", "after", "after"]


def test_what_runs_alone_is_finished_though_its_caller_goes_away():
    async def scene():
        work, ended = JobQueue(2, 4, 10), threading.Event()
        alone = asyncio.ensure_future(work.alone(lambda: (time.sleep(0.1), ended.set())))
        await asyncio.sleep(0.02)
        alone.cancel()
        assert await work.run(lambda stop: ended.is_set())
        with pytest.raises(ZeroDivisionError):
            await work.alone(lambda: 1 / 0)
        assert await work.run(lambda stop: "free again") == "free again"
        await work.close(1)

    run(scene())


def test_what_comes_first_counts_as_waiting_and_its_error_is_the_callers():
    async def scene():
        work, opened = JobQueue(1, 1, 10), asyncio.Event()

        async def broken():
            raise ZeroDivisionError

        held = [asyncio.ensure_future(work.run(lambda stop: "done", opened.wait)) for _ in range(2)]
        await asyncio.sleep(0.02)
        assert (work.waiting, work.running) == (2, 0)
        with pytest.raises(Busy):
            await work.run(lambda stop: "done", opened.wait)
        opened.set()
        assert await asyncio.gather(*held) == ["done", "done"]
        with pytest.raises(ZeroDivisionError):
            await work.run(lambda stop: "done", broken)
        assert (work.waiting, work.running, work.rejected) == (0, 0, 1)
        await work.close(1)

    run(scene())


# --- one caller does not stop the rest ---------------------------------------------------------------------------


def test_who_asked_is_answered_by_the_clock_though_the_job_looks_at_nothing():
    async def scene():
        work, ends = JobQueue(1, 4, 0.1, patience=5), threading.Event()
        began = time.monotonic()
        with pytest.raises(OutOfTime):
            await work.run(lambda stop: ends.wait(10))
        seconds, running = time.monotonic() - began, work.running
        ends.set()
        await work.close(1)
        return seconds, running

    seconds, running = run(scene())
    assert seconds < 1
    assert running == 1  # the thread is busy, and is told as that


def test_stuck_threads_are_replaced_but_not_without_end():
    async def scene():
        work, ends = JobQueue(1, 4, 0.1, patience=0.05), threading.Event()
        for _ in range(2):
            with pytest.raises(OutOfTime):
                await work.run(lambda stop: ends.wait(10))
            await asyncio.sleep(0.15)
        told = (work.stuck, work.running)
        with pytest.raises(Busy):  # one more thread would be one for each question that comes
            await work.run(lambda stop: "answered")
        ends.set()
        await asyncio.sleep(0.1)
        answer = await work.run(lambda stop: "answered")
        after = (work.stuck, work.running)
        await work.close(1)
        return told, after, answer

    assert run(scene()) == ((1, 1), (0, 0), "answered")


def test_what_is_cancelled_and_does_not_look_is_replaced_too():
    async def scene():
        work, ends = JobQueue(1, 4, 10, patience=0.05), threading.Event()
        asked = asyncio.ensure_future(work.run(lambda stop: ends.wait(10)))
        await asyncio.sleep(0.02)
        asked.cancel()
        answer = await work.run(lambda stop: "answered")
        ends.set()
        await work.close(1)
        return answer

    assert run(scene()) == "answered"


def test_an_end_does_not_wait_for_threads_that_never_end():
    async def scene():
        work, ends = JobQueue(1, 4, 60, patience=0.1), threading.Event()
        asked = [asyncio.ensure_future(work.run(lambda stop: ends.wait(15))) for _ in range(2)]
        await asyncio.sleep(0.02)
        began = time.monotonic()
        left = await work.close(0.1)
        seconds = time.monotonic() - began
        ends.set()
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
        return seconds, left, outcomes

    seconds, left, outcomes = run(scene())
    assert seconds < 2
    assert left == 1
    assert isinstance(outcomes[1], Stopping)


def test_a_key_that_asks_much_leaves_others_their_turn():
    async def scene():
        work, order, ends = JobQueue(1, 20, 10), [], threading.Event()

        def job(name):
            return lambda stop: order.append(name)

        held = asyncio.ensure_future(work.run(lambda stop: ends.wait(5), share="greedy"))
        await asyncio.sleep(0.02)
        asked = [asyncio.ensure_future(work.run(job("greedy"), share="greedy")) for _ in range(6)]
        await asyncio.sleep(0.02)
        asked += [asyncio.ensure_future(work.run(job(name), share=name)) for name in ("one", "two")]
        await asyncio.sleep(0.02)
        ends.set()
        await asyncio.gather(held, *asked)
        await work.close(1)
        return order

    assert run(scene())[:3] == ["one", "two", "greedy"]


def test_a_key_does_not_hold_every_place_while_others_ask():
    async def scene():
        work, running = JobQueue(4, 20, 10), []

        def job(name):
            def hold(stop):
                running.append(name)
                until(stop)

            return hold

        await work.run(lambda stop: None, share="modest")  # has asked within the minute
        asked = [asyncio.ensure_future(work.run(job("greedy"), share="greedy")) for _ in range(8)]
        await asyncio.sleep(0.05)
        among_others = list(running)
        answer = await work.run(lambda stop: "at once", share="modest")
        for each in asked:
            each.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        await work.close(1)
        return among_others, answer

    assert run(scene()) == (["greedy"] * 2, "at once")


def test_a_key_that_is_alone_has_every_place():
    async def scene():
        work, most = JobQueue(4, 20, 10), threading.Barrier(4)
        await asyncio.gather(*(work.run(lambda stop: most.wait(5), share="only") for _ in range(4)))
        await work.close(1)

    run(scene())


def test_where_no_more_may_wait_the_one_that_waits_most_gives_way():
    async def scene():
        work, ends = JobQueue(1, 4, 10), threading.Event()
        held = asyncio.ensure_future(work.run(lambda stop: ends.wait(5), share="greedy"))
        await asyncio.sleep(0.02)
        greedy = [asyncio.ensure_future(work.run(lambda stop: "greedy", share="greedy")) for _ in range(4)]
        await asyncio.sleep(0.02)
        modest = [asyncio.ensure_future(work.run(lambda stop: "modest", share="modest")) for _ in range(3)]
        await asyncio.sleep(0.02)
        ends.set()
        outcomes = await asyncio.gather(*greedy, *modest, return_exceptions=True)
        await held
        await work.close(1)
        return outcomes

    outcomes = run(scene())
    assert outcomes[:2] == ["greedy"] * 2
    assert [type(each) for each in outcomes[2:4]] == [Busy, Busy]
    assert outcomes[4:6] == ["modest"] * 2
    assert isinstance(outcomes[6], Busy)  # each has half by now


def test_what_a_job_asks_of_an_endpoint_ends_with_it():
    """A server that takes a connection and says nothing, for ever."""
    with socket.create_server(("127.0.0.1", 0)) as silent:

        async def scene():
            work, ended = JobQueue(1, 4, 0.3, patience=30), threading.Event()

            def job(stop):
                with httpx_client(timeout=60) as client:
                    try:
                        client.get(f"http://127.0.0.1:{silent.getsockname()[1]}/")
                    except CallStopped:
                        ended.set()
                        raise

            with pytest.raises(OutOfTime):
                await work.run(job)
            assert await asyncio.to_thread(ended.wait, 3)
            await work.close(1)

        run(scene())
