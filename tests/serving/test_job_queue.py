"""How much is done at once, and who is told to come again."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

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
