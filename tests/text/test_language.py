from __future__ import annotations

import os
import shutil
import subprocess
import sys
from string import Formatter

import pytest
import regex

from metier.core.errors import SettingsError
from metier.synthesis.sql_pairs import KINDS
from metier.text.language import FOLDER, SPELLINGS, Language, all_languages, codes, words_of
from metier.text.phrases import compose, expression, fold, searchable

PACKAGE = FOLDER.parents[1]

VIETNAMESE = """
code = "vi"
autonym = "Tiếng Việt"
english = "Vietnamese"
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
number_mark = "số"
ordinal = "thứ"
of = "tháng"

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
text = "câu_văn"
label = "nhãn"
context = "ngữ_cảnh"
caption = "hình"

[question_templates]
cell = ["“{column}” của {key} là gì?"]
amount = ["“{column}” của {key} là bao nhiêu?"]
noun_cell = ["{column} của {key} là gì?"]
person_cell = ["Ai là {column} của {key}?"]
claim = ["“{column}” của {key} có phải là {value} không?"]
comparison = ["{one} hay {other} có “{column}” cao hơn?"]
definition = ["{term} là gì?"]
section = ["“{title}” nói gì về “{heading}”?"]

[tables]
total = "tổng"
open = "và"
empty = ["không rõ"]
number_name = "mã"
no_noun_first = "khi"
person = ["chủ"]

[statements]
remark = ["ghi chú"]
article = "Một"
definition = ["là một"]
pointing = "nó"

[context_dependence]
text = "bảng"
phrases = ["{text} này"]
pronoun_first = "nó"
not_pronoun = ["nó cần"]
pronoun_last = "đó"

[planted_errors]
units = ["giờ ngày"]
verb = "được"
negation_before = "không"
affirmed = ["chẳng vẫn"]

[collection]
list = ["{documents}"]
in_language = "bằng"

[slots]
documents = ["tài liệu"]
have = ["có"]

[names]
en = ["tiếng Anh"]

[calendar]
months = [["tháng giêng"]]

[labels]
yes = "ừ"
everyday = "có không"
denies = "chưa"
introduction = ["câu trả lời là?"]

[units]
h = "giờ"
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
from metier.text.dates import take_times
from metier.text.language import Language
from metier.text.phrase_cover import Cover
from metier.text.quantities import quantities
from metier.text.sentences import sentence_spans

DAY = 86400.0
assert [n.value for n in numbers("3,5 triệu", "vi")] == [3.5e6]
assert [n.value for n in numbers("trừ 4 ngày", "vi")] == [-4 * DAY]
assert [n.value for n in numbers("giữa 2 và 4 ngày, 5 đến 6 ngày", "vi")] == [2 * DAY, 4 * DAY, 5 * DAY, 6 * DAY]
assert [(q.values[0], q.dimension) for q in quantities("3,5 triệu ngày", "vi")] == [(3.5e6, "time")]
assert [q.dimension for q in quantities("5 đến 6 ngày làm việc", "vi")] == ["workdays", "workdays"]
assert not quantities("trang 4 và 5, trang số 6", "vi")
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
assert [n.value for n in numbers("ngày 3thứ", "vi")] == [3]
assert [(t.day, t.month) for t in take_times(Cover(Language.of("vi"), "3thứ tháng tháng giêng"))] == [(3, 1)]
"""


# The same of what writes questions and rows, and of what reads documents.
_WRITTEN = """
from pathlib import Path

from metier.answering.intent import classify
from metier.core.documents import Document, Passage, TextBuilder, document_id
from metier.core.settings import PassageSettings
from metier.dataset import formats
from metier.evaluation.questions import files
from metier.ingestion.chunking import cut
from metier.parsing.core.table_body import is_total
from metier.parsing.pdf.headings import is_caption
from metier.parsing.pdf.unruled import _is_open
from metier.retrieval.decomposition import split
from metier.synthesis import by_rule, table_questions, two_fact_templates
from metier.synthesis.context_dependence import leans
from metier.synthesis.planted_errors import plant
from metier.text.language import Language

builder = TextBuilder()
builder.add("heading", "Sổ tay", level=1)
names = ("Máy", "Công suất", "Khi dùng", "Chủ")
rows = ("Một A1", "4,2 MW", "đêm", "Lan"), ("Hai B2", "không rõ", "sáng", "Mai"), ("Ba C3", "3,6 MW", "trưa", "Hoa")
builder.add_table([names, *rows])
builder.add("heading", "Máy NV-110", level=2)
builder.add("paragraph", "Một NV-110 là một tua bin ba cánh.")
builder.add("heading", "Dầu", level=2)
builder.add("paragraph", "Dầu thay sau 30 tháng.")
builder.add("heading", "Lọc", level=2)
builder.add("paragraph", "Nó bền 30 tháng.")
builder.add("heading", "Liên hệ", level=2)
for line in ("Kho: B 12", "Giá: cao", "Ghi chú: gọi sớm"):
    builder.add("list", line)
document = Document(
    document_id("a"), "a.md", "Sổ tay", builder.text, tuple(builder.blocks), "text/plain", language="vi",
    tables=tuple(builder.tables),
)
passages = cut(document, lambda texts: [len(text.split()) for text in texts], PassageSettings(tokens=200))
found = {pair.question: pair.answer for pairs in by_rule.pairs(document, passages, "vi").values() for pair in pairs}
assert found == {
    "công suất của Một A1 là gì?": "4,2 MW", "công suất của Ba C3 là gì?": "3,6 MW",
    "“Khi dùng” của Một A1 là gì?": "đêm", "“Khi dùng” của Hai B2 là gì?": "sáng",
    "“Khi dùng” của Ba C3 là gì?": "trưa",
    "Ai là chủ của Một A1?": "Lan", "Ai là chủ của Hai B2?": "Mai", "Ai là chủ của Ba C3?": "Hoa",
    "NV-110 là gì?": "Một NV-110 là một tua bin ba cánh.",
    "“Sổ tay” nói gì về “Máy NV-110”?": "Một NV-110 là một tua bin ba cánh.",
    "“Sổ tay” nói gì về “Dầu”?": "Dầu thay sau 30 tháng.",
    "“Kho” của Liên hệ (Sổ tay) là gì?": "B 12", "“Giá” của Liên hệ (Sổ tay) là gì?": "cao",
}, found
assert two_fact_templates.claim("vi", "A1", "Khi dùng", "đêm") == "“Khi dùng” của A1 có phải là đêm không?"
assert two_fact_templates.comparison("vi", "A1", "B2", "Giá") == "A1 hay B2 có “Giá” cao hơn?"
assert table_questions._names_things().fullmatch("Mã")
assert leans("Trong bảng này có gì?") and leans("Khi nào nó mở?") and leans("Ai viết cái đó?")
assert not leans("Khi nào nó cần dầu?") and not leans("Bảng giá có gì?")
assert Language.of("vi").english_name == "Vietnamese"

passage = Passage("a", "a", "Cửa được mở sau 5 giờ.", 0, 22, (), 1, uri="a.md", language="vi")
assert plant(passage.text, passage, "negation", 1) == "Cửa không được mở sau 5 giờ."
assert plant("Cửa không mở sau 5 giờ.", passage, "negation", 1) == "Cửa mở sau 5 giờ."
assert plant(passage.text, passage, "unit", 1) == "Cửa được mở sau 5 ngày."

assert split("Cái gì nặng, NV-90 hoặc NV-110?", "vi") == ("Cái gì nặng, NV-90?", "Cái gì nặng, NV-110?")
assert classify("tài liệu có bằng tiếng Anh", languages=[Language.of("vi")]).collection.language == "en"

rows = Path("rows.csv")
rows.write_text("Câu,Đáp,Ngữ_cảnh\\nAi?,Lan.,Lan là chủ.\\n", encoding="utf-8")
(row,) = formats.read(rows, language="vi").rows
assert (row.question, row.completion, row.context[0].text) == ("Ai?", "Lan.", "Lan là chủ.")
rows.write_text("Câu_văn,Nhãn\\nMáy hỏng.,gấp\\n", encoding="utf-8")
(row,) = formats.read(rows, language="vi").rows
assert (row.question, row.completion, row.kind) == ("Máy hỏng.", "gấp", "label")
assert files.read(rows).layout == "label"

assert is_caption("Hình 3. Máy") and not is_caption("Hình dạng 3 máy")
assert is_total("Tổng: cộng") and _is_open("Dầu và") and not _is_open("Dầu vàng")
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


@pytest.mark.parametrize("asked", [_ASKED, _WRITTEN], ids=["answers", "questions and documents"])
def test_every_reader_takes_its_words_from_that_file(tmp_path, asked):
    package = tmp_path / "metier"
    package.mkdir()
    for each in PACKAGE.iterdir():
        if each.name != "text":
            (package / each.name).symlink_to(each)
    shutil.copytree(PACKAGE / "text", package / "text")
    (package / "text" / "languages" / "vi.toml").write_text(VIETNAMESE, encoding="utf-8")
    command = [sys.executable, "-c", asked]
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
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
                empty = language.expression(section, name).fullmatch("")
                assert not empty or section in SPELLINGS, f"{section}.{name}: a phrase of which all may be left out"
            assert all(phrase == phrase.strip() and phrase for phrase in phrases)


@pytest.mark.parametrize("code", codes())
def test_its_questions_name_what_they_ask_about(code):
    filled = {
        "cell": {"key", "column"}, "amount": {"key", "column"}, "claim": {"key", "column", "value"},
        "comparison": {"one", "other", "column"}, "definition": {"term"}, "section": {"title", "heading"},
        "unit": {"column", "unit"},
    }  # fmt: skip
    templates = Language.of(code).question_templates
    assert filled.keys() - {"amount", "unit"} <= templates.keys()
    for name, asked in templates.items():
        for template in asked:
            parts = {part for _, part, _, _ in Formatter().parse(template) if part}
            assert parts - {"article"} == filled[name.split("_")[-1]]


@pytest.mark.parametrize("code", codes())
def test_its_questions_to_tables_name_what_they_ask_about(code):
    templates = Language.of(code).query_templates
    conditions = {
        "with_value": {"column", "value"}, "with_more": {"column", "value"}, "with_less": {"column", "value"},
        "of_row": {"name"}, "in_year": {"year"},
    }  # fmt: skip
    assert templates.keys() - {"plurals"} == conditions.keys() | set(KINDS)
    asked = {
        "count": set(), "listed": set(), "different": {"columns"}, "first_of": {"number", "column"},
        "look_up": {"name", "column"}, "not_held": {"name", "column"}, "per_group": {"group"}, "most_rows": {"group"},
        "total_of_group": {"group", "column"},
    }  # fmt: skip
    for kind, wordings in templates.items():
        for wording in () if kind == "plurals" else wordings:
            parts = {part for _, part, _, _ in Formatter().parse(wording) if part}
            needed = conditions.get(kind, asked.get(kind, {"column"}))
            assert parts - {"row", "rows", "which"} in (needed, needed - {"column"} if kind == "with_value" else needed)
            assert "which" in parts or kind in (*conditions, "look_up", "not_held") or "group" in parts


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
