from __future__ import annotations

import numpy as np
import pytest

from metier.evaluation.metrics.labels import accuracy, macro_f1
from metier.text.labels import predicted

YES_NO = ("yes", "no", "maybe")
INTENTS = ("card_arrival", "card", "lost_or_stolen_card")


@pytest.mark.parametrize(
    ("text", "choices", "label"),
    [
        ("Yes.", YES_NO, "yes"),
        ("**No**, it does not.", YES_NO, "no"),
        ("No, but maybe later.", YES_NO, "no"),
        ("I would say maybe.", YES_NO, "maybe"),
        ("It is yes and no.", YES_NO, None),
        ("Nobody knows.", YES_NO, None),
        ("", YES_NO, None),
        ("Card arrival", INTENTS, "card_arrival"),
        ("lost-or-stolen card!", INTENTS, "lost_or_stolen_card"),
        ("card", INTENTS, "card"),
        ("হ্যাঁ, শক্ত।", ("হ্যাঁ", "না"), "হ্যাঁ"),
        ("নাট শক্ত", ("হ্যাঁ", "না"), None),
        ("نعم، صحيح", ("نعم", "لا"), "نعم"),
        ("是的", ("是", "否"), "是"),
        ("There is no evidence.", YES_NO, None),
        ("The answer is no.", YES_NO, "no"),
        ("Yes. No further action is needed.", YES_NO, "yes"),
        ("yes or no", YES_NO, None),
        ("yes/no", YES_NO, None),
        ("I think yes, since no oil leaks.", YES_NO, "yes"),
        ("The result is not positive.", ("positive", "negative"), None),
        ("It isn't urgent.", ("urgent", "routine"), None),
        ("B) because it holds", ("A", "B"), "B"),
        ("A valve is closed.", ("A", "B"), None),
        ("cardarrival", INTENTS, "card_arrival"),
        ("هذا لا يعمل", ("نعم", "لا"), None),
        ("الإجابة هي نعم.", ("نعم", "لا"), "نعم"),
        ("এটি কাজ করে না।", ("হ্যাঁ", "না"), "না"),
        ("这是齿轮箱。", ("是", "否"), None),
        ("是否需要更换？", ("是", "否"), None),
        ("不是。", ("是", "否"), "否"),
        ("答案是：是", ("是", "否"), "是"),
    ],
)
def test_the_label_that_an_answer_gives(text, choices, label):
    assert predicted(text, choices) == label


def test_macro_f1_by_hand():
    truth, given = np.array([0, 0, 0, 1]), np.array([0, 0, 1, -1])
    # label 0: P 1, R 2/3; label 1: never right.
    assert macro_f1(given, truth) == pytest.approx((0.8 + 0) / 2)
    assert accuracy(given, truth) == 0.5
    assert np.isnan(macro_f1(given[:0], truth[:0]))
