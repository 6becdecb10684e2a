from __future__ import annotations

import pytest
import regex

from metier.core.errors import SettingsError
from metier.text.language import FOLDER, SPELLINGS, Language, all_languages, codes, words_of
from metier.text.phrases import compose, expression, fold, searchable

VIETNAMESE = """
code = "vi"
autonym = "Tiếng Việt"
refusal = "Tài liệu không nói đến điều này."
yes = ["có", "đúng"]

[words]
function = "và hoặc là của cho"
question = "ai gì"

[numbers]
words = "hai 2, ba mươi 30"

[small_talk]
greeting = ["xin chào", "chào bạn|anh|chị"]
filler = ["nhé"]
"""


@pytest.fixture
def vietnamese(tmp_path):
    (tmp_path / "vi.toml").write_text(VIETNAMESE, encoding="utf-8")
    return tmp_path


def test_a_language_is_added_by_one_file(vietnamese):
    language = Language.of("vi-VN", vietnamese)
    assert language.known
    assert language.refusal.startswith("Tài liệu")
    assert language.numbers == {fold("hai"): 2.0, fold("ba mươi"): 30.0}
    assert {fold("và"), fold("gì")} <= language.function_words
    assert language.finds("Chào anh!", "small_talk", "greeting")
    assert not language.finds("Chào buổi sáng", "small_talk", "greeting")
    assert language.text("replies", "greeting") == Language.of("en").text("replies", "greeting")
    assert codes(vietnamese) == ("vi",)


def test_a_language_without_a_file_has_no_words_and_no_rule_fires():
    language = Language.of("qu")
    assert not language.known
    assert not language.function_words | language.negations
    assert language.opposites_of == {}
    assert not language.finds("hello, which documents do you have?", "collection", "list", "count")
    assert language.text("catalog", "none") == Language.of("en").text("catalog", "none")


def test_a_file_that_is_none_says_which(tmp_path):
    (tmp_path / "xx.toml").write_text("code = [", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"xx\.toml"):
        Language.of("xx", tmp_path)


@pytest.mark.parametrize("code", codes())
def test_every_file_is_whole(code):
    """What the rules ask for is there, and every phrase is one that can be searched for."""
    language, english = Language.of(code), Language.of("en")
    assert language.refusal
    assert language.yes
    assert language.no
    assert language.maybe
    assert language.autonym
    assert set(language.names) == set(codes())
    assert len(language.months) == 12
    assert {float(n) for n in range(13)} <= set(language.numbers.values())
    assert len(language.function_words) >= 40
    assert len(language.opposites) >= 25
    assert {key: set(texts) for key, texts in language.texts.items()} == {
        key: set(texts) for key, texts in english.texts.items()
    }
    for section in english.phrases.keys() - SPELLINGS:  # of those a language may have nothing to say
        assert section in language.phrases, section
    for section, fields in language.phrases.items():
        for name, phrases in fields.items():
            if section != "words":
                language.expression(section, name)
            assert all(phrase == phrase.strip() and phrase for phrase in phrases)


@pytest.mark.parametrize("code", codes())
def test_its_own_words_are_understood(code):
    """What a file says in greeting or refusing is itself known by the rules."""
    language = Language.of(code)
    assert language.finds(language.phrases["small_talk"]["greeting"][0], "small_talk", "greeting")
    assert language.language_named(language.names[code][0]) == code
    assert language.numbers[fold(compose(next(iter(language.numbers))))] >= 0
    assert language.document_nouns


def test_the_files_are_those_of_all_languages():
    assert [language.code for language in all_languages()] == list(codes())
    assert codes()[0] == "en"
    assert {path.stem for path in FOLDER.glob("*.toml")} == set(codes())


@pytest.mark.parametrize(
    ("phrase", "text", "found"),
    [
        ("how are you", "How are you?", True),
        ("how are you", "How. Are you?", False),
        ("document*", "the Documents.", True),
        ("document*", "undocumented", False),
        ("which|what files?", "What is it", True),
        ("not … found", "it was not to be found", True),
        ("not … found", "not so. But found", False),
        ("a b? c", "a, c", True),
        ("qué archivos", "que archivos", True),
        ("ist|sind da", "sind da", True),
        ("don't", "don’t", True),
        ("নথি*", "নথিগুলিতে", True),
        ("নথি", "নথিগুলি", False),
    ],
)
def test_phrases_are_found_by_words(phrase, text, found):
    assert bool(regex.search(expression([phrase]), searchable(compose(text)))) is found


def test_phrases_of_a_language_without_spaces_are_found_anywhere():
    assert regex.search(expression(["没有 … 提到"], spaced=False), "文档中没有明确提到")
    assert not regex.search(expression(["没有 … 提到"], spaced=False), "文档中没有。后来提到")


def test_folding_keeps_places():
    for text in ("Straße ÉÀ İstanbul", "أهلا وسهلا", "কী খবর?", "ＡＢ 你好", "it’s 3.5\n-x"):
        assert len(fold(compose(text))) == len(searchable(compose(text))) == len(compose(text))


def test_words_of_any_script():
    assert words_of("Wie hoch ist's? ফাইলের কথা, l’heure") == ["wie", "hoch", "ist's", "ফাইলের", "কথা", "l'heure"]


@pytest.mark.parametrize(
    ("code", "name", "expected"),
    [
        ("de", "Englisch", "en"),
        ("en", "german", "de"),
        ("fr", "allemand", "de"),
        ("bn", "ইংরেজিতে", "en"),
        ("en", "elvish", ""),
    ],
)
def test_a_language_is_known_by_its_name(code, name, expected):
    assert Language.of(code).language_named(name) == expected
