from __future__ import annotations

import pytest

from metier.text.detection import detect, ranked, script_of
from metier.text.language import Language, all_languages

SHORT = [
    ("Wie hoch ist das Anzugsmoment?", "de"), ("Wer ist zuständig?", "de"), ("Was kostet das?", "de"),
    ("Welche Farbe hat die Leitung?", "de"), ("¿Quién es el responsable?", "es"), ("Cuánto cuesta la pieza", "es"),
    ("Dónde está el extintor", "es"), ("Quelle est la pression maximale ?", "fr"), ("Combien coûte la pièce ?", "fr"),
    ("Où se trouve l'extincteur ?", "fr"), ("Qual é a pressão máxima?", "pt"), ("Onde fica o extintor?", "pt"),
    ("What is the torque?", "en"), ("Who wrote this?", "en"), ("How many days of leave do I have?", "en"),
    ("berapa tekanan maksimum yang boleh", "id"), ("Siapa yang bertanggung jawab?", "id"),
    ("Nani anahusika na kazi hii?", "sw"), ("Bei ya kipuri hiki ni shilingi ngapi?", "sw"),
]  # fmt: skip


@pytest.mark.parametrize("expected", ["en", "de", "es", "pt", "sw"])
def test_short_questions_are_told_apart_whatever_is_expected(expected):
    assert [(question, detect(question, expected)) for question, _ in SHORT] == SHORT


@pytest.mark.parametrize("text", ["NV-110", "", "42 / 7", "Anna Müller", "OK", "Kvarnö Grisselby"])
def test_where_nothing_speaks_clearly_the_expected_language_stays(text):
    for expected in ("en", "de", "it", "bn"):
        assert detect(text, expected) in (expected, "en")
    assert detect(text, "de") == "de"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("গিয়ারবক্সের তেল কত?", "bn"), ("तेल कितना है?", "hi"), ("齿轮箱的油多久更换一次？", "zh"),
        ("オイルは何リットルですか？", "ja"), ("ما هو الزيت؟", "ar"), ("Сколько масла в баке?", "ru"),
        ("오일은 얼마나?", "ko"),
    ],
)  # fmt: skip
def test_a_script_of_its_own_tells_the_language(text, language):
    assert detect(text, "en") == language


def test_a_language_of_the_same_script_that_is_expected_stays():
    assert detect("तेल किती आहे?", "mr") == "mr"
    assert detect("Skilnad mellan olja och fett i växellådan", "sv") == "sv"


def test_one_word_of_another_language_does_not_change_it():
    assert detect("The Betriebsanleitung of the pump names a torque of 840 Nm for all bolts.", "en") == "en"
    assert detect("Die Firma bietet ein Full Service Agreement für alle Anlagen an.", "de") == "de"


def test_scripts_of_languages():
    assert [script_of(code) for code in ("en", "bn", "sr-RS", "xx")] == ["Latin", "Bengali", "Cyrillic", "Latin"]


def test_the_first_language_stays_first_unless_another_is_clearly_likelier():
    order = [language.code for language in ranked("Hi", all_languages(first="de"))]
    assert order[0] == "de"
    assert ranked("Há documentos sobre segurança?", all_languages())[0] is Language.of("pt")
