from __future__ import annotations

import threading

from metier.serving.auth.limits import RateLimiter


def test_a_minute_may_be_spent_at_once_and_fills_evenly(clock):
    limits = RateLimiter(clock.seconds)
    assert [limits.take("a", 6) for _ in range(7)] == [0, 0, 0, 0, 0, 0, 10]
    clock.go_on(9)
    assert limits.take("a", 6) == 1
    clock.go_on(1)
    assert [limits.take("a", 6), limits.take("a", 6)] == [0, 10]
    clock.go_on(3600)
    assert [limits.take("a", 6) for _ in range(7)] == [0, 0, 0, 0, 0, 0, 10]


def test_who_comes_again_when_told_is_let_in(clock):
    for rate in (1, 3, 7, 59, 60, 61, 1000):
        limits = RateLimiter(clock.seconds)
        while (wait := limits.take("a", rate)) == 0:
            clock.go_on(0.01)
        assert wait >= 1
        clock.go_on(wait)
        assert limits.take("a", rate) == 0


def test_over_an_hour_it_is_the_rate(clock):
    limits, let_in = RateLimiter(clock.seconds), 0
    for _ in range(36_000):
        let_in += limits.take("a", 20) == 0
        clock.go_on(0.1)
    assert 1200 <= let_in <= 1220


def test_being_turned_away_does_not_put_it_off(clock):
    limits = RateLimiter(clock.seconds)
    assert limits.take("a", 1) == 0
    for left in range(60, 0, -1):
        assert limits.take("a", 1) == left
        clock.go_on(1)
    assert limits.take("a", 1) == 0


def test_keys_count_apart(clock):
    limits = RateLimiter(clock.seconds)
    assert limits.take("a", 1) == 0
    assert limits.take("b", 1) == 0
    assert limits.take("a", 1) == 60


def test_those_that_were_quiet_for_longest_are_forgotten(clock):
    limits = RateLimiter(clock.seconds, remembered=3)
    for key in ("a", "b", "c", "a", "d"):
        limits.take(key, 1)
    assert len(limits) == 3
    assert limits.take("a", 1) == 60  # was used after b, and is remembered
    assert limits.take("b", 1) == 0


def test_threads_do_not_get_more_than_there_is(clock):
    limits, let_in = RateLimiter(clock.seconds), []

    def ask() -> None:
        for _ in range(500):
            if limits.take("a", 1000) == 0:
                let_in.append(1)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(let_in) == 1000
