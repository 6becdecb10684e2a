"""What a candidate must be to take the place of the adapter in production."""

from __future__ import annotations

import numpy as np
import pytest

from metier.flow.judgement import ALL, CHANGED, GENERAL, REFUSALS, Latency, Paired, compared, judge

GOOD, BAD = np.ones(40), np.zeros(40)
BETTER = {ALL: Paired(np.r_[np.ones(30), np.zeros(10)], np.r_[np.ones(15), np.zeros(25)])}
LOST_ONE_IN_TEN = Paired(np.r_[np.zeros(4), np.ones(36)], GOOD)


def judged(parts, latency=None, parity=()):
    return judge(compared(parts), latency, parity, margin=0.03, latency_margin=0.25)


def test_better_and_nowhere_worse_is_promoted_and_what_cannot_be_excluded_is_told():
    found = judged(BETTER | {GENERAL: Paired(GOOD, GOOD)}, Latency(candidate=1.2, production=1.0))
    assert found.promote
    assert found.reasons[0].startswith("It is better in all questions: 0.75 against 0.38: +0.38 (")
    assert "What its questions cannot exclude is a loss of 0.0" in found.reasons[-1]


def test_better_on_what_changed_will_do():
    same = Paired(GOOD, GOOD)
    assert judged({ALL: same, CHANGED: Paired(GOOD[:8], BAD[:8])}).promote
    assert not judged({ALL: same, CHANGED: Paired(GOOD[:4], BAD[:4])}).promote  # as luck would have it


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"parts": BETTER | {GENERAL: LOST_ONE_IN_TEN}},
            "It is worse in general questions: 0.90 against 1.00: -0.10",
        ),
        ({"parts": BETTER | {REFUSALS: Paired(BAD[:9], GOOD[:9])}}, "It is worse in refusing what nothing answers"),
        ({"latency": Latency(candidate=2.0, production=1.0)}, "100% longer; [flow] latency_margin is 25%"),
        ({"parity": ("gguf-q8_0 is not what was tuned.",)}, "gguf-q8_0 is not what was tuned."),
        ({"parts": {ALL: Paired(GOOD[:9], BAD[:9])}}, "has 9 questions that can be asked: under 10 nothing is decided"),
        ({"parts": {ALL: Paired(GOOD, GOOD)}}, "Nothing shows it to be better"),
    ],
)
def test_what_keeps_it_out(change, said):
    found = judged(**({"parts": BETTER} | change))
    assert not found.promote
    assert said in " ".join(found.reasons)


def test_a_difference_that_nobody_notices_is_no_delay():
    assert judged(BETTER, Latency(candidate=0.09, production=0.01)).promote
