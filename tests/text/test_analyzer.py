from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metier.text.analyzer import Analyser


@pytest.mark.parametrize(
    ("language", "text", "tokens"),
    [
        ("en", "Running turbines", ["run", "turbin"]),
        ("en", "The turbine's don't", ["the", "turbin", "dont"]),
        ("en", "NV-110", ["nv", "110", "nv110"]),
        ("en", "NV110", ["nv", "110", "nv110"]),
        ("en", "3,200 Nm or 4.2 or 4,2", ["3200", "nm", "or", "4.2", "or", "4.2"]),
        ("en", "snake_case", ["snake", "case"]),
        ("bn", "গেটওয়ে অব ইন্ডিয়া ১৯১১", ["গেটওয়ে", "অব", "ইন্ডিয়া", "1911"]),
        ("bn", "running ৪.২", ["run", "4.2"]),
        ("ar", "٤٥ درجة", ["45", "درج"]),
        ("zh", "风机转速", ["风机", "机转", "转速"]),
        ("ja", "風", ["風"]),
        ("de", "Häuser", ["haus"]),
        ("xx", "any words", ["any", "words"]),
        ("en", "", []),
        ("en", "…!?— ", []),
    ],
)
def test_tokens(language, text, tokens):
    expected = [unicodedata.normalize("NFC", token) for token in tokens]
    assert Analyser(language).tokens(text) == expected


def test_composed_and_decomposed_text_give_the_same_tokens():
    text = "গেটওয়ে Häuser"
    assert Analyser("de").tokens(unicodedata.normalize("NFD", text)) == Analyser("de").tokens(text)


def test_bengali_vowel_signs_stay_inside_their_word():
    assert len(Analyser("bn").tokens("কৃষ্ণচূড়া ফুলের")) == 2


def test_version_tells_languages_apart():
    assert Analyser("en").version != Analyser("bn").version
    assert Analyser("en-GB").version == Analyser("en").version


@given(st.text(max_size=200))
def test_no_token_holds_white_space_and_analysis_is_stable(text):
    analyser = Analyser("en")
    tokens = analyser.tokens(text)
    assert all(token and not any(c.isspace() for c in token) for token in tokens)
    assert analyser.tokens(text) == tokens
