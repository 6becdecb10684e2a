from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest
import regex

from metier.core.errors import SettingsError
from metier.text.language import FOLDER, SPELLINGS, Language, all_languages, codes, words_of
from metier.text.phrases import compose, expression, fold, searchable

PACKAGE = FOLDER.parents[1]

VIETNAMESE = """
code = "vi"
autonym = "Tiếng Việt"
refusal = "Tài liệu không nói đến điều này."
yes = ["có", "đúng"]
no = ["không"]

[words]
function = "và hoặc là của cho"
question = "ai gì"
conjunction = ["và"]
alternative = ["hoặc"]

[numbers]
words = "hai 2, ba mươi 30"
decimal = ","
scale = "triệu 1e6"
minus = ["trừ"]
to = ["đến"]
between = ["giữa"]
place = "trang"

[small_talk]
greeting = ["xin chào", "chào bạn|anh|chị"]
filler = ["nhé"]

[sentences]
abbreviation = "tp"

[forms]
ending = "zz"
ending_least = 3
turning = "phản"

[files]
question = "câu"
answer = "đáp"
heading = ["mục"]

[labels]
yes = "ừ"
everyday = "có không"
denies = "chưa"
introduction = ["câu trả lời là?"]

[units]
d = "ngày"
workday = ["ngày làm việc"]
"""

# Asked of a copy of the package that has this file more.
_ASKED = """
from metier.answering.support.sources import _turning
from metier.evaluation.metrics.numbers import numbers
from metier.evaluation.questions import files
from metier.parsing.office.styles import ParagraphStyle, _by_name
from metier.text.labels import predicted
from metier.text.morphology import same_word
from metier.text.quantities import quantities
from metier.text.sentences import sentence_spans

DAY = 86400.0
assert [n.value for n in numbers("3,5 triệu", "vi")] == [3.5e6]
assert [n.value for n in numbers("trừ 4 ngày", "vi")] == [-4 * DAY]
assert [n.value for n in numbers("giữa 2 và 4 ngày, 5 đến 6 ngày", "vi")] == [2 * DAY, 4 * DAY, 5 * DAY, 6 * DAY]
assert [(q.values[0], q.dimension) for q in quantities("3,5 triệu ngày", "vi")] == [(3.5e6, "time")]
assert [q.dimension for q in quantities("5 đến 6 ngày làm việc", "vi")] == ["workdays", "workdays"]
assert not quantities("trang 4 và 5", "vi")
assert len(sentence_spans("Ở Tp. Huế. Hai.", "vi")) == 2
assert same_word("chim", "chimzz", "vi") and not same_word("chim", "chimz", "vi")
assert predicted("Câu trả lời là không.", ("có", "không"), "vi") == "không"
assert predicted("Ừ, đúng vậy.", ("có", "không"), "vi") == "có"
assert predicted("có hoặc không", ("có", "không"), "vi") is None
assert predicted("Cái này chưa đỏ", ("đỏ", "xanh"), "vi") is None
assert predicted("Tôi không biết", ("có", "không"), "vi") is None
assert "câu" in files._columns("question") and "đáp" in files._columns("answer")
assert _by_name("Mục 2", ParagraphStyle()).level == 2
assert "phản" in _turning()
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


def test_every_reader_takes_its_words_from_that_file(tmp_path):
    package = tmp_path / "metier"
    package.mkdir()
    for each in PACKAGE.iterdir():
        if each.name != "text":
            (package / each.name).symlink_to(each)
    shutil.copytree(PACKAGE / "text", package / "text")
    (package / "text" / "languages" / "vi.toml").write_text(VIETNAMESE, encoding="utf-8")
    asked = [sys.executable, "-c", _ASKED]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(asked, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_what_is_known_of_a_language_without_a_file():
    assert not Language.of("ko").known
    assert "ko" not in codes()
    assert (Language.of("ko").script, Language.of("th").spaced, Language.of("cs").decimal) == ("Hangul", False, ",")


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
