from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from state_places import same

from metier.serving.auth.limits import RateLimiter
from metier.state.token_leases import TokenLeases


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


@pytest.fixture
def servers(state_place):
    """Two of one expert, each as in a process of its own."""
    if isinstance(state_place, Path):
        state_place.parent.mkdir()
    places = [same(state_place) for _ in range(2)]
    made = [RateLimiter(shared=TokenLeases(place)) for place in places]
    yield made
    for limits, place in zip(made, places, strict=True):
        limits.close()
        if not isinstance(place, Path):
            place.close()


@pytest.mark.parametrize("rate", [6, 120])
def test_servers_share_the_minute_of_a_key(servers, rate):
    begin, let_in = time.monotonic(), 0
    for number in range(3 * rate):
        let_in += servers[number % 2].take("a", rate) == 0
    took = time.monotonic() - begin
    # What flowed in meanwhile, and what the one had taken that the other wanted.
    assert rate - 2 * (rate // 20) <= let_in <= rate * (1 + took / 60) + 1
    assert [each.take("a", rate) for each in servers] == [pytest.approx(60 / rate, abs=1)] * 2
    assert servers[0].take("b", rate) == 0


def test_the_state_is_asked_twenty_times_for_a_minute_whatever_the_rate(state_place, monkeypatch):
    if isinstance(state_place, Path):
        state_place.parent.mkdir()
    asked, take = [], TokenLeases.take
    monkeypatch.setattr(TokenLeases, "take", lambda *given: asked.append(given) or take(*given))
    limits = RateLimiter(shared=TokenLeases(state_place))
    assert [limits.take("a", 1200) for _ in range(1200)] == [0] * 1200
    limits.close()
    assert 20 <= len(asked) <= 25


def test_what_a_server_took_and_did_not_spend_is_void_when_as_much_has_flowed_in(tmp_path, clock, monkeypatch):
    monkeypatch.setattr("metier.state.token_leases.time.time", clock.seconds)
    place = tmp_path / "catalog.sqlite"
    quiet, busy = (RateLimiter(clock.seconds, shared=TokenLeases(place)) for _ in range(2))
    assert quiet.take("a", 60) == 0  # and two more in hand
    clock.go_on(30)
    assert [busy.take("a", 60) for _ in range(61)] == [0] * 60 + [1]
    assert quiet.take("a", 60) == 1
    quiet.close()
    busy.close()


def test_where_the_state_cannot_be_asked_a_server_counts_by_itself(tmp_path, clock):
    limits = RateLimiter(clock.seconds, shared=TokenLeases(tmp_path / "nowhere" / "catalog.sqlite"))
    assert [limits.take("a", 6) for _ in range(7)] == [0, 0, 0, 0, 0, 0, 10]
    limits.close()
