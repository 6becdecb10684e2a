from __future__ import annotations

import threading

import pytest

from metier.core.prefetch import ahead


@pytest.mark.parametrize("parallel", [1, 3])
def test_results_are_in_the_order_of_the_things(parallel):
    found = ahead(range(40), lambda n: n * n, lambda n: n % 3 != 0, parallel)
    assert [(n, work and work()) for n, work in found] == [(n, n * n if n % 3 else None) for n in range(40)]


def test_no_more_is_begun_than_may_be_needed():
    begun = []
    with_three = ahead(range(100), begun.append, lambda _n: True, 3)
    next(with_three)
    with_three.close()
    assert len(begun) <= 7
    one_by_one = ahead(range(100), begun.append, lambda _n: True, 1)
    before = len(begun)
    next(one_by_one)
    assert len(begun) == before


def test_what_fails_fails_at_its_turn():
    def work(n):
        if n == 2:
            raise ValueError(n)
        return n

    found = ahead(range(9), work, lambda _n: True, 2)
    assert [next(found)[1]() for _ in range(2)] == [0, 1]
    with pytest.raises(ValueError, match="2"):
        next(found)[1]()


def test_work_goes_on_while_a_result_is_used():
    meeting = threading.Barrier(3)
    found = ahead(range(3), lambda n: meeting.wait(30) >= 0 and n, lambda _n: True, 3)
    assert [work() for _, work in found] == [0, 1, 2]
