from __future__ import annotations

import pytest

from metier.evaluation.metrics.terms import find_terms, term_recall

ENGLISH = [
    "The gearbox of the NV-110 is greased. The nacelle stays closed while the yaw drive turns the nacelle.",
    "Every gearbox has a nacelle above it; the NV-110 has one more gearbox for the yaw drive.",
    "The NV-110 and its nacelle are closed. The yaw drive stops. The people have one day for it.",
]
BENGALI = ["গিয়ারবক্স ও নাসেল পরীক্ষা করা হয়। গিয়ারবক্স বন্ধ থাকে।", "নাসেল খোলা থাকে। গিয়ারবক্স চলে। এই দিন।", "নাসেল এবং গিয়ারবক্স।"]
CHINESE = ["风力发电机的齿轮箱需要润滑油。", "齿轮箱的润滑油每年更换。", "发电机和齿轮箱。润滑油。"]


def texts(terms):
    return {term.text for term in terms}


def test_what_the_documents_say_more_often_than_people_do():
    found = texts(find_terms(ENGLISH, "en"))
    assert {"gearbox", "nacelle", "yaw", "NV-110"} <= found
    assert not found & {"the", "it", "is", "has", "people", "day", "one"}


def test_bengali_and_chinese_have_terms_too():
    found = texts(find_terms(BENGALI, "bn"))
    assert {"গিয়ারবক্স", "নাসেল"} <= found
    assert "থাকে" not in found
    found = texts(find_terms(CHINESE, "zh"))
    assert {"齿轮", "润滑油"} & found
    assert "的" not in found


def test_where_general_language_is_not_known_only_codes_are_terms():
    swahili = ["Sanduku la NV-110 hufunguliwa.", "Sanduku la NV-110.", "Sanduku la gia la NV-110."]
    assert texts(find_terms(swahili, "sw")) == {"NV-110"}


def test_no_documents_no_terms():
    assert find_terms([], "en") == ()


def test_recall_is_of_the_terms_of_the_answer():
    terms = find_terms(ENGLISH, "en")
    assert term_recall("Two gearboxes.", ["the gearbox and the nacelle"], terms) == pytest.approx(1 / 2)
    assert term_recall("the nacelle's gearbox", ["the gearbox and the nacelle"], terms) == 1
    assert term_recall("anything", ["one day"], terms) is None


def test_words_of_another_script_are_held_against_their_own_language():
    bengali = ["মানুষ এবং যন্ত্র কাজ করে আর গিয়ারবক্স ঘোরে, তার পর তেল দেখা হয় যেন সব ঠিক থাকে।"] * 4
    english = ["The people and the gearbox of the turbine are there."] * 4
    for language in ("en", "bn"):
        found = {term.text for term in find_terms(bengali + english, language)}
        assert {"gearbox", "গিয়ারবক্স"} <= found
        assert not {"The", "of", "এবং"} & found


def test_a_term_with_a_case_ending_is_the_term_in_bengali():
    terms = find_terms(["গিয়ারবক্স আর গিয়ারবক্স"] * 4, "bn")
    assert term_recall("গিয়ারবক্সের তেল", ["গিয়ারবক্স"], terms, "bn") == 1
    assert term_recall("তেল", ["গিয়ারবক্স"], terms, "bn") == 0
