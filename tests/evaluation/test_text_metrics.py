"""An answer against the accepted ones, in any script."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metier.evaluation.metrics.text import contains, exact_match, rouge_l, token_f1
from metier.text.matching import words


@pytest.mark.parametrize(
    ("text", "answer", "language"),
    [
        ("The blade.", "blade", "en"),
        ("BLADE", "blade", "en"),
        ("৮৪০ নিউটন", "840 নিউটন", "bn"),
        ("٨٤٠ نيوتن", "840 نيوتن", "ar"),
        ("الإِجابَة", "الاجابة", "ar"),
        ("１，２００", "1200", "en"),
        ("1,200 kg", "1200 kg", "en"),
        ("1.200 kg", "1200 kg", "de"),
        ("风力发电机。", "风力发电机", "zh"),
    ],
)
def test_the_same_words_are_an_exact_match(text, answer, language):
    assert exact_match(text, [answer], language) == 1
    assert token_f1(text, [answer], language) == rouge_l(text, [answer], language) == 1


def test_other_words_are_none():
    assert exact_match("a blade root", ["blade"]) == 0
    assert exact_match("", ["blade"]) == exact_match("the", [""]) == 0


def test_f1_and_rouge_by_hand():
    # 2 of 4 words said and 2 of 3 wanted: 2 * 2 / 7. In this order only one of them is in sequence.
    assert token_f1("nuts tight root here", ["root nuts hold"]) == pytest.approx(4 / 7)
    assert rouge_l("nuts tight root here", ["root nuts hold"]) == pytest.approx(2 / 7)


def test_a_word_that_is_said_twice_counts_as_often_as_it_is_wanted():
    assert token_f1("oil oil oil", ["oil change"]) == pytest.approx(2 / 5)


def test_the_best_of_several_answers_counts():
    assert token_f1("840 Nm", ["nine", "840 Nm"]) == 1
    assert token_f1("840 Nm", []) == 0


def test_chinese_is_compared_by_characters():
    assert words("齿轮箱油") == ("齿", "轮", "箱", "油")
    assert rouge_l("风力发电机", ["风力发电机的齿轮箱"]) == pytest.approx(10 / 14)


@pytest.mark.parametrize(
    ("text", "answer", "language", "found"),
    [
        ("The lift carries 320 kg.", "320 kg", "en", True),
        ("It weighs 1320 kg.", "320", "en", False),
        ("It weighs 3.20 t.", "320", "en", False),
        ("It weighs 3,200 kg.", "3200", "en", True),
        ("Amos and Wilfrid Ayre founded it.", "Amos and Wilfrid Ayre", "en", True),
        ("Wilfrid and Amos Ayre", "Amos and Wilfrid Ayre", "en", False),
        ("Ask at Vargmyrdal.", "Vargmyr", "en", False),
        ("গিয়ারবক্সের তেল", "গিয়ারবক্স", "bn", True),
        ("বলে দিন", "বল", "bn", False),
        ("يقع في القاهرة", "القاهرة", "ar", True),
        ("والقاهرة", "القاهرة", "ar", True),
        ("答案是风力发电机。", "风力发电机", "zh", True),
        ("答案是风电机。", "风力发电机", "zh", False),
        ("anything", "…", "en", False),
    ],
)
def test_an_accepted_answer_stands_in_the_text_as_whole_words(text, answer, language, found):
    assert contains(text, [answer], language) is found


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_two_texts_have_grades_between_0_and_1(text, answer):
    f1, rouge = token_f1(text, [answer]), rouge_l(text, [answer])
    assert 0 <= rouge <= f1 <= 1
    assert token_f1(answer, [text]) == pytest.approx(f1)
    assert rouge_l(answer, [text]) == pytest.approx(rouge)


@given(st.text(max_size=60))
def test_a_text_is_its_own_answer_where_it_has_words(text):
    assert exact_match(text, [text]) == float(bool(words(text)))


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("hepatitis B", "hepatitis A"),
        ("the nuts of the NV-110", "110"),
        ("order SK-4115-22", "22"),
        ("error E217", "217"),
        ("oil 10W-40", "10"),
        ("-5 °C", "5"),
        ("C++ is used", "C"),
        ("20 10", "2010"),
    ],
)
def test_a_part_of_a_name_or_number_is_not_the_answer(text, answer):
    assert not contains(text, [answer])


@pytest.mark.parametrize(
    ("text", "answer"),
    [("the NV 110", "NV-110"), ("NV110", "NV-110"), ("in mid-2010", "2010"), ("840Nm", "840 Nm"), ("৩০টি বোল্ট", "৩০")],
)
def test_a_name_or_number_is_found_however_it_is_joined(text, answer):
    assert contains(text, [answer])
