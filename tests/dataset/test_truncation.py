from __future__ import annotations

import pytest

from metier.dataset import truncation
from metier.dataset.rows import Row

WHOLE = "The nuts of the blade root are tightened to 840 Nm in two passes."


def suspected(*completions, kind="", tokens=None):
    rows = [Row(f"q{n}?", text, kind=kind) for n, text in enumerate(completions)]
    found = truncation.find(rows, tokens or [len(text) // 4 + 1 for text in completions])
    return [completions[index] for index in found]


@pytest.mark.parametrize(
    "text",
    [
        "840 Nm",
        "card_arrival",
        "Yes",
        "every 30 months",
        "a sorted list of all the parts of the yaw drive in stock",  # a phrase: no full stop, but whole
        WHOLE,
        f"“{WHOLE}”",
        f"({WHOLE})",
        f"{WHOLE} [1]",
        "Es gilt das Drehmoment aus Tabelle 4 für alle Schrauben des Turms!",
        "ব্লেডের গোড়ার নাট দুই ধাপে ৮৪০ Nm পর্যন্ত শক্ত করে আঁটতে হয়।",
        "هل يجب أن يتم شد البراغي إلى أربعين ومئة نيوتن متر؟",
        "叶片根部的螺母必须分两次拧紧到八百四十牛米然后做好标记。",
        "ขันน็อตโคนใบพัดให้แน่นด้วยแรงบิดแปดร้อยสี่สิบนิวตันเมตรแล้วทำเครื่องหมาย",
        "Do this:\n- loosen the eight bolts of the cover one after another by hand",
        "Use this:\n```\nfor each bolt in the flange do tighten it by hand\n```",
        "part | price | stock | place | unit | weight | size | colour",
        "",
    ],
)
def test_whole(text):
    assert suspected(text, WHOLE) == []


@pytest.mark.parametrize(
    "text",
    [
        "The nuts of the blade root are tightened in two passes,",
        "The nuts of the blade root are tightened in two passes (first to",
        "The nuts of the blade root must then be tight-",
        "The nuts of the blade root of every turbine must be tighte",
        "叶片根部的螺母必须分两次拧紧到八百四十牛米，然后做好标记，",
        "ব্লেডের গোড়ার নাট দুই ধাপে ৮৪০ Nm পর্যন্ত শক্ত করে,",
        "Use this:\n```\nfor each bolt in the flange do",
    ],
)
def test_broken_off(text):
    assert suspected(text, WHOLE) == [text]


def test_a_label_is_never_broken_off():
    assert suspected("a label that somebody wrote as a long line of words,", kind="label") == []


def test_a_cap_on_the_length_shows():
    cut = [f"Turbine {n} has to be stopped before the crew climbs the tower and then" for n in range(4)]
    assert suspected(*cut, *[WHOLE] * 8, tokens=[64] * 4 + [17] * 8) == cut
    assert suspected(*cut, tokens=[64, 40, 33, 20]) == []
    assert suspected(*cut, *[WHOLE] * 8, tokens=[64] * 4 + [62] * 8) == []
