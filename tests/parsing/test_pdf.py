from __future__ import annotations

import io
import shutil

import pytest
from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

from metier.core.errors import ParseError
from metier.core.settings import ParsingSettings
from metier.parsing import Parser
from metier.parsing.core.legibility import illegible
from metier.parsing.pdf.bidi import Glyph, spoken, unmirrored

from . import samples

pytestmark = pytest.mark.slow

tesseract = pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract is not installed")
WORDS = (
    "Turbine seven stood still because the gearbox oil was too hot on that day and nobody had looked at the sensor "
    "since the last visit of the service team which was in early spring before the storm came over the coast "
)


def kinds(document, kind):
    return [document.text[b.start : b.end] for b in document.blocks if b.kind == kind]


def lines(text, width=48):
    found, line = [], ""
    for word in text.split():
        if len(line) + len(word) > width:
            found.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return [*found, line]


def column(text, x, top, size=10, width=48):
    return [(x, top - 13 * i, size, line) for i, line in enumerate(lines(text, width))]


def test_headings_paragraphs_pages(parse):
    page = [(72, 780, 20, "Service manual"), *column(WORDS, 72, 740), (72, 560, 14, "Gearbox"), *column(WORDS, 72, 530)]
    document = parse("a.pdf", samples.pdf([page, column(WORDS, 72, 740)]))
    headings = [(b.level, document.text[b.start : b.end]) for b in document.blocks if b.kind == "heading"]
    assert headings == [(1, "Service manual"), (2, "Gearbox")]
    assert kinds(document, "paragraph") == [WORDS.strip()] * 3
    assert document.pages == 2
    assert [b.page for b in document.blocks] == [1, 1, 1, 1, 2]


def test_bold_lines_over_text_are_headings(parse):
    page = [(72, 700, 10, "Lubrication"), *column(WORDS, 72, 680)]
    assert kinds(parse("a.pdf", samples.pdf([page], bold="Lubrication")), "heading") == ["Lubrication"]


def test_two_columns_are_read_one_after_the_other(parse):
    left, right = WORDS * 2, WORDS.upper() * 2
    page = [(72, 800, 16, "A title over both of the columns of this page")]
    for a, b in zip(column(left, 72, 760, width=40), column(right, 330, 760, width=30), strict=False):
        page += [a, b]  # line by line across the gutter, as some programs write
    document = parse("a.pdf", samples.pdf([page]))
    text = " ".join(document.text.split())
    assert text.index("Turbine seven") < text.index("came over the coast Turbine") < text.index("TURBINE SEVEN")


def test_running_titles_are_told_once(parse):
    pages = [
        [(72, 815, 9, "ACME manual, confidential"), *column(WORDS, 72, 740), (290, 30, 9, f"Page {n}")]
        for n in range(1, 6)
    ]
    document = parse("a.pdf", samples.pdf(pages))
    assert document.text.count("ACME manual") == 1
    assert document.text.count("Turbine seven") == 5


def test_ruled_table(parse):
    rows = [["Turbine", "Power", "Site"], ["WT-07", "4.2 MW", "North"], ["WT-08", "3.0 MW", "South"]]
    xs, ys = [72, 172, 272, 372], [700, 680, 660, 640]
    drawing = " ".join([f"72 {y} m 372 {y} l S" for y in ys] + [f"{x} 640 m {x} 700 l S" for x in xs])
    page = [(xs[c] + 4, ys[r] - 14, 10, text) for r, row in enumerate(rows) for c, text in enumerate(row)]
    document = parse("a.pdf", samples.pdf([[*page, *column(WORDS, 72, 600)]], drawing=drawing))
    assert kinds(document, "row") == [
        "Turbine: WT-07 | Power: 4.2 MW | Site: North",
        "Turbine: WT-08 | Power: 3.0 MW | Site: South",
    ]


def test_table_without_lines(parse):
    rows = [
        ["Turbine", "Power", "Site"],
        ["WT-07", "4.2", "North"],
        ["WT-08", "3.0", "South"],
        ["WT-09", "3.1", "East"],
    ]
    page = [(72 + 100 * c, 700 - 14 * r, 10, text) for r, row in enumerate(rows) for c, text in enumerate(row)]
    document = parse("a.pdf", samples.pdf([[*page, *column(WORDS, 72, 600)]]))
    assert kinds(document, "row")[0] == "Turbine: WT-07 | Power: 4.2 | Site: North"


def test_broken_words_are_put_together(parse):
    page = [(72, 700, 10, "The turbine stood still because of the lubri-"), (72, 687, 10, "cation of its gearbox.")]
    assert "lubrication of its gearbox" in parse("a.pdf", samples.pdf([page])).text


@tesseract
@pytest.mark.parametrize("turned", [0, 90, 180, 270])
def test_scans_lying_on_any_side(parse, turned):
    page = samples.pdf([column(WORDS, 72, 740, size=14)])
    document = parse("scan.pdf", samples.scan(page, turned=turned))
    found = set(document.text.lower().split())
    assert len(found & set(WORDS.lower().split())) >= 0.9 * len(set(WORDS.lower().split()))


def test_a_scan_without_tesseract_names_the_package(tmp_path, monkeypatch):
    path = tmp_path / "scan.pdf"
    path.write_bytes(samples.scan(samples.pdf([column(WORDS, 72, 740)])))
    monkeypatch.setenv("PATH", str(tmp_path))
    with (
        Parser(ParsingSettings(), "bn") as parser,
        pytest.raises(ParseError, match=r"apt-get install tesseract-ocr tesseract-ocr-ben"),
    ):
        parser.parse(path, uri="scan.pdf")


def test_scans_are_left_alone_where_ocr_is_off(tmp_path):
    path = tmp_path / "scan.pdf"
    path.write_bytes(samples.scan(samples.pdf([column(WORDS, 72, 740)])))
    with Parser(ParsingSettings(ocr="never"), "en") as parser, pytest.raises(ParseError, match="reading them is off"):
        parser.parse(path, uri="scan.pdf")


REAL = {
    "Arabic": "عند ارتفاع درجة حرارة الزيت في علبة التروس يجب إيقاف التوربين فورا والاتصال بفريق الصيانة",
    "Persian": "هنگامی که دمای روغن گیربکس بالا می‌رود باید توربین را فوراً متوقف کرد و با گروه نگهداری تماس گرفت",
    "Korean": "기어박스 오일 온도가 높아지면 터빈을 즉시 정지하고 정비팀에 연락하여 센서를 점검해야 합니다",
    "Bengali": "গিয়ারবক্সের তেলের তাপমাত্রা বেড়ে গেলে টারবাইন অবিলম্বে বন্ধ করে রক্ষণাবেক্ষণ দলের সঙ্গে কথা বলুন",
    "Chinese": "齿轮箱油温过高时应立即停止风力发电机并联系维修人员检查传感器详细说明请参阅手册第七章",
    "Japanese": "油温が高くなった場合は、直ちにタービンを停止し、CPUとセンサーを点検してください。",
    "Thai": "เมื่ออุณหภูมิน้ำมันเกียร์สูงขึ้นให้หยุดกังหันทันทีและติดต่อทีมบำรุงรักษาเพื่อตรวจสอบUSB",
    "Vietnamese": "Khi nhiệt độ dầu hộp số tăng cao, phải dừng tuabin ngay lập tức và liên hệ với đội bảo trì",
    "Greek and Latin": "Η θερμοκρασία του λαδιού TWh ανεβαίνει και το Δt είναι μεγάλο στο κιβώτιο ταχυτήτων",
    "figures": "WT-07 4.2 12.5 % 1,024 - 55 | 3.14159 2024-01-01 12:30 +47 55 0xFF00 [12] (3) {4} 7*8 = 56 <9>",
    "formulas": "∑ x² ≤ ∫ f(x) dx, where α + β = γ and x ∈ ℝ; therefore ‖v‖ ≥ 0 and λ₁ ≠ λ₂ for all ε > 0",
    "many scripts": "English: Hello Arabic: مرحبا بالعالم Russian: Привет, мир Chinese: 你好世界 Thai: สวัสดีชาวโลก",
}
BROKEN = {
    "no table": "\ue001\ue002\ue003 \ue010\ue011\ue012\ue013" * 10,
    "replaced": "\ufffd\ufffd\ufffd \ufffd\ufffd" * 20,
    "glyph names": "(cid:12)(cid:34)(cid:5)" * 20,
    "shifted": "7KH WXUELQH VWRSSHG EHFDXVH WKH JHDUER[ RLO ZDV KRW RQ WKDW GD\\ " * 10,
    "symbols": '!"#$ %&\'( )*+, !"$% ^`~{ }@?\\ !$^` ~{}@ ?\\!$ ^`~{' * 4,
    "glyph numbers": "ᯕ ᱢᬊ᮹ ⦽ǎᨱᕽ ᔾᔑ ᯝᯙᨦᯥ᯦ ᗖᖅ ᯕ᪽ ᯱ᯲ ᰆ᱀ ᳕ᗀ ᔍ⫭ᮁ᯦ḡ ᩢ⬖ ᱥᱢᮝಽ ᇥᕾ ᯙ᫅ ᯱෝ" * 3,
}


@pytest.mark.parametrize("name", REAL)
def test_writing_is_not_taken_for_garbage(name):
    assert illegible(REAL[name]) is None
    assert illegible(REAL[name] * 8) is None


@pytest.mark.parametrize("name", BROKEN)
def test_garbage_is_not_taken_for_writing(name):
    assert illegible(BROKEN[name])


NONSENSE = "7KH WXUELQH VWRSSHG EHFDXVH WKH JHDUER[ RLO ZDV KRW RQ WKDW GD " * 8


@tesseract
def test_a_garbled_text_layer_is_read_from_its_picture(parse):
    page = samples.pdf([column(WORDS, 72, 740, size=14)])
    text = parse("a.pdf", samples.scan(page, layer=NONSENSE)).text
    assert "gearbox oil was too hot" in text
    assert "WXUELQH" not in text


def test_a_text_layer_under_a_scan_is_read_if_it_makes_sense(tmp_path):
    path = tmp_path / "a.pdf"
    path.write_bytes(samples.scan(samples.pdf([column(WORDS, 72, 740, size=14)]), layer=WORDS * 2))
    with Parser(ParsingSettings(ocr="never"), "en") as parser:
        assert "gearbox oil" in parser.parse(path, uri="a.pdf").text


def test_a_garbled_text_layer_is_never_indexed(tmp_path):
    path = tmp_path / "a.pdf"
    path.write_bytes(samples.pdf([column(NONSENSE, 72, 740)]))
    with Parser(ParsingSettings(ocr="never"), "en") as parser, pytest.raises(ParseError, match="make no words"):
        parser.parse(path, uri="a.pdf")


def drawn(text: str, *, from_the_left: bool) -> list[Glyph]:
    """Letters in a row on the page, the first at the right; in the file in either order."""
    glyphs = [Glyph(c, (500.0 - 6 * i, 0.0, 506.0 - 6 * i, 14.0)) for i, c in enumerate(text) if c != " "]
    return glyphs[::-1] if from_the_left else glyphs


@pytest.mark.parametrize("from_the_left", [True, False])
@pytest.mark.parametrize(
    ("on_the_page", "text"),
    [
        ("عند الزيت", "عند الزيت"),
        ("من 08 درجة", "من 80 درجة"),
        ("في 5.24 - 6202", "في 42.5 - 2026"),
        ("مع revreS swodniW هنا", "مع Windows Server هنا"),
        ("שלום עולם", "שלום עולם"),
    ],
)
def test_right_to_left_text_is_read_by_place(on_the_page, text, from_the_left):
    assert spoken(drawn(on_the_page, from_the_left=from_the_left)) == text


def test_brackets_are_turned_back():
    assert unmirrored(")أكثر من 80( درجة") == "(أكثر من 80) درجة"
    assert unmirrored("(أكثر من 80) درجة") == "(أكثر من 80) درجة"
    assert unmirrored("latin) text(") == "latin) text("


def test_a_bullet_that_is_larger_than_its_text_parts_no_line_from_the_next(parse):
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=A4)
    lines = [
        "They grease the bearings of each turbine and write the date into the",
        "log book of the yard",
        "They wait",
    ]
    for place, line in enumerate(lines):
        top = 700 - 12 * place
        if place != 1:
            canvas.setFont("ZapfDingbats", 14)
            canvas.drawString(72, top, "l")
        canvas.setFont("Helvetica", 9)
        canvas.drawString(90, top, line)
    canvas.save()
    assert [text.lstrip("■ ") for text in kinds(parse("a.pdf", file.getvalue()), "list")] == [
        f"{lines[0]} {lines[1]}",
        lines[2],
    ]


def test_hangul_lines_are_joined_within_a_word_only_where_they_end_at_the_margin(parse):
    pdfmetrics.registerFont(UnicodeCIDFont("HYGothic-Medium"))
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=A4)
    canvas.setFont("HYGothic-Medium", 10)
    for place, line in enumerate(["발행일", "발행처 국회입", "법조사처 안내"]):
        canvas.drawString(72, 700 - 12 * place, line)
    canvas.save()
    assert parse("a.pdf", file.getvalue()).text == "발행일 발행처 국회입법조사처 안내"
