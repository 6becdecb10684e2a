"""Text layers of PDFs as people see the page: broken in one box, in fonts from before Unicode; titles, files inside."""

from __future__ import annotations

import io
import os
import shutil
import unicodedata

import pytest

from metier.core.errors import ParseError
from metier.core.settings import ParsingSettings
from metier.parsing import Parser
from metier.parsing.core.legacy_fonts import legacy_font

from . import samples

pytestmark = pytest.mark.slow

tesseract = pytest.mark.skipif(shutil.which("tesseract") is None, reason="tesseract is not installed")
BODY = "The pump was started after the bearing had been changed and the oil had been filled up to the mark."
BOX = [
    "Grease the main bearing with 250 g",
    "of lithium grease each quarter and",
    "write the date into the log book.",
    "Do not use copper paste there.",
]


def kinds(document, *wanted):
    return [document.text[b.start : b.end] for b in document.blocks if b.kind in wanted]


def picture_page(lines, layer):
    """A page of text around a picture of some lines that has a layer of text over it."""
    from PIL import Image, ImageDraw, ImageFont
    from reportlab.lib.utils import ImageReader
    from reportlab.pdfgen.canvas import Canvas

    image = Image.new("L", (1000, 260), 255)
    draw = ImageDraw.Draw(image)
    for n, line in enumerate(lines):
        draw.text((20, 20 + 45 * n), line, font=ImageFont.load_default(36), fill=0)
    target = io.BytesIO()
    canvas = Canvas(target, pagesize=(595, 842))
    for n in range(6):
        canvas.drawString(60, 780 - 14 * n, BODY[:80])
        canvas.drawString(60, 440 - 14 * n, BODY[10:90])
    canvas.drawImage(ImageReader(image), 60, 500, width=400, height=104)
    text = canvas.beginText(68, 588)
    text.setTextRenderMode(3)
    text.setLeading(18)
    for line in layer:
        text.textLine(line)
    canvas.drawText(text)
    canvas.save()
    return target.getvalue()


GARBAGE = {
    "shifted": [" ".join("".join(chr(ord(c) - 29) for c in w if c.isalpha()) for w in line.split()) for line in BOX],
    "symbols": ["".join("!#$%^&*~|"[ord(c) % 9] if c != " " else c for c in line) for line in BOX],
    "glyphs": ["".join(f"(cid:{ord(c)})" for c in line[:6]) for line in BOX],
}


@tesseract
@pytest.mark.parametrize("kind", GARBAGE)
def test_a_box_that_makes_no_sense_is_read_from_its_picture(parse, kind):
    document = parse("a.pdf", picture_page(BOX, GARBAGE[kind]))
    assert " ".join(BOX) in " ".join(document.text.split())
    assert document.text.index("started") < document.text.index("lithium") < document.text.rindex("started")
    assert not any(line in document.text for line in GARBAGE[kind])


def test_a_box_that_makes_no_sense_is_left_out_with_a_word_without_ocr(tmp_path):
    path = tmp_path / "a.pdf"
    path.write_bytes(picture_page(BOX, GARBAGE["shifted"]))
    with Parser(ParsingSettings(ocr="never"), "en") as parser:
        document = parser.parse(path, uri="a.pdf")
    assert BODY[:80].strip() in document.text
    assert not any(word in document.text for word in ("UHDVH", "EHDULQJ", "OLWKLXP"))
    assert any("page 1" in warning and "left out" in warning for warning in document.warnings)


def test_parts_lists_and_names_are_no_garbage(parse):
    lines = [
        "BRG HSG SFT KW MHz",
        "Wrocław Łódź Częstochowa".encode("cp1252", "ignore").decode("cp1252"),
        "SKF 6205-2RS",
    ]
    lines += ["Schwarzkopf Pfitzner Krzysztof", "* * * * *", "......... 17", "Dwyfor Meirionnydd Llanfairpwll"]
    page = [(72, 700 - 40 * n, 11, line) for n, line in enumerate(lines)]
    text = parse("a.pdf", samples.pdf([[*page, (72, 300, 11, BODY)]])).text
    assert all(line in text for line in lines if line[0].isalnum())


def in_font(name, lines, *, language="en"):
    """A PDF whose text is set in a font of this name, but for its heading."""
    page = [
        (72, 780, 14, "Works notice of March for all shifts"),
        *((72, 740 - 16 * n, 12, t) for n, t in enumerate(lines)),
    ]
    content = samples.pdf([page], bold="Works")
    return content.replace(b"/BaseFont /Helvetica /Enc", b"/BaseFont /%b /Enc" % name.encode(), 1)


BIJOY = {
    "evsjv‡`k": "বাংলাদেশ", "wek¦we`¨vjq": "বিশ্ববিদ্যালয়", "m~h©": "সূর্য", "Kvh©µg": "কার্যক্রম", "ivóª": "রাষ্ট্র",
    "gyw³hy×": "মুক্তিযুদ্ধ", "wk¶v": "শিক্ষা", "K…wl": "কৃষি", "c`©v": "পর্দা", "†gŠwjK": "মৌলিক", "ˆZwi": "তৈরি",
    "wbqš¿Y": "নিয়ন্ত্রণ", "e¨e¯’v": "ব্যবস্থা", "cÖwZôvb": "প্রতিষ্ঠান", "†K›`ª": "কেন্দ্র", "wb‡`©k": "নির্দেশ", "Puv`": "চাঁদ",
}  # fmt: skip
KRUTI = {
    "Hkkjr": "भारत", "lafo/kku": "संविधान", "vkSj": "और", ",d": "एक", "fo'ofo|ky;": "विश्वविद्यालय", 'jk"Vªh;': "राष्ट्रीय",
    "dk;ZØe": "कार्यक्रम", "fLFkfr": "स्थिति", 'o"kkZ': "वर्षा", "f'k{kk": "शिक्षा", "bZekunkj": "ईमानदार", "yM+dk": "लड़का",
    "iz'u": "प्रश्न", "mÙkj": "उत्तर", "'kfDr": "शक्ति", "fjiksVZ": "रिपोर्ट", "eq[;": "मुख्य",
}  # fmt: skip


@pytest.mark.parametrize(
    ("font", "words"), [("ABCDEF+SutonnyMJ", BIJOY), ("Kruti Dev 010", KRUTI), ("DevLys010", KRUTI)]
)
def test_fonts_from_before_unicode_are_converted(parse, font, words):
    found = parse("a.pdf", in_font(font.replace(" ", "#20"), words)).text.split()
    assert not [word for word in words.values() if unicodedata.normalize("NFC", word) not in found]
    assert "Works" in found


def test_fonts_of_today_are_left_alone():
    assert not any(
        map(legacy_font, ("SutonnyOMJ", "CMMJ10", "Lohit-Bengali", "ArialMT", "TimesNewRomanPSMT", "Mangal"))
    )
    assert legacy_font("XYZABC+SulekhaTMJ-Bold")


BIJOY_TEXT = "Avgvi G‡`‡ki gvbyl Ges Avgv‡`i fvlv evsjv| GwU GKwU bZzb cÖKí hv Avgiv ˆZwi K‡iwQ I e¨envi Kiv nq|"


def test_a_font_that_does_not_say_what_it_is_is_known_by_what_it_says(tmp_path):
    path = tmp_path / "a.pdf"
    path.write_bytes(in_font("T1", BIJOY_TEXT.partition(" G")[::2]))
    with Parser(ParsingSettings(), "bn") as parser:
        assert "আমাদের ভাষা বাংলা" in parser.parse(path, uri="a.pdf").text
    path.write_bytes(samples.pdf([[(72, 700, 11, BODY), (72, 680, 11, "WT-07 Pump Motor Blade Rotor Nacelle Sensor")]]))
    with Parser(ParsingSettings(), "bn") as parser:
        assert BODY in parser.parse(path, uri="a.pdf").text


def test_a_font_whose_table_is_not_known_is_never_read_as_latin(parse):
    preeti = ["g]kfndf ljBfno cfh aGb 5 eg]/ ;a} hgfnfO{", "hfgsf/L lbOG5 xfdL ;a} hgf cfpg'xf]nf"]
    page = in_font("Preeti", preeti)
    document = parse("a.pdf", page)
    assert "Works notice" in document.text
    assert "hfgsf" not in document.text
    assert any("Preeti" in warning for warning in document.warnings)
    alone = samples.pdf([[(72, 700, 11, line) for line in preeti]]).replace(
        b"/BaseFont /Helvetica /E", b"/BaseFont /Preeti /E"
    )
    with pytest.raises(ParseError, match="Preeti"):
        parse("b.pdf", alone)


def titled(title, page):
    """A PDF with a title among its properties."""
    from reportlab.pdfgen.canvas import Canvas

    target = io.BytesIO()
    canvas = Canvas(target, pagesize=(595, 842))
    canvas.setTitle(title)
    for x, y, size, text in page:
        canvas.setFont("Helvetica", size)
        canvas.drawString(x, y, text)
    canvas.save()
    return target.getvalue()


TEXT = [(72, 500 - 13 * n, 10, BODY[:90]) for n in range(9)]


@pytest.mark.parametrize(
    "title", ["0000012927-23-000007", "Microsoft Word - x.doc", "untitled", "(anonymous)", "UNITED STATES"]
)
def test_the_largest_lines_of_page_one_are_the_title(parse, title):
    page = [(72, 760, 10, "ACME works"), (72, 720, 22, "Service manual of the"), (72, 694, 22, "blade bearing"), *TEXT]
    assert parse("x.pdf", titled(title, page)).title == "Service manual of the blade bearing"


@pytest.mark.parametrize("head", [18, 10])
@pytest.mark.parametrize(
    ("letter", "base", "size", "gap"), [("D", 544, 40, 29), ("D", 544, 40, 38), ("D", 570, 30, 22), ("Ü", 557, 26, 19)]
)
def test_a_large_first_letter_is_part_of_its_word_and_no_title(parse, head, letter, base, size, gap):
    page = [(72, 780, head, "Annual report 2024"), (72, base, size, letter)]
    page += [
        (72 + gap, 570, 10, "ear owners of shares, it was a good year"),
        (72 + gap, 557, 10, "for all who work with us,"),
    ]
    page += [(72, 531, 10, "whether on land or at sea."), *TEXT]
    document = parse("Year_2024.pdf", samples.pdf([page]))
    assert document.title == ("Annual report 2024" if head == 18 else "Year 2024")
    assert f"{letter}ear owners of shares, it was a good year for all who work with us" in document.text


def test_a_large_letter_over_entries_is_no_part_of_them(parse):
    page = [(72, 700, 30, "A"), (110, 705, 10, "Abrasion, page 4"), (110, 692, 10, "Ageing, page 7"), *TEXT]
    text = parse("a.pdf", samples.pdf([page])).text
    assert "Abrasion, page 4" in text
    assert "AAbrasion" not in text


def test_who_issued_a_form_is_not_its_title(parse):
    page = [
        (72, 760, 18, "UNITED STATES"),
        (72, 738, 18, "SECURITIES AND EXCHANGE COMMISSION"),
        (72, 690, 15, "FORM 10-K"),
        *TEXT,
    ]
    assert parse("x.pdf", titled("UNITED STATES", page)).title == "FORM 10-K"


def test_the_name_of_the_file_is_the_title_where_no_line_is_larger(parse):
    assert parse("Blade_bearing-manual.pdf", titled("untitled", TEXT)).title == "Blade bearing manual"


def test_no_line_of_numbers_is_a_heading(parse):
    figures = ["1,234 5,678 (910)", "Total 1,234 567", "31.12.2022 31.12.2021 TEUR", "$ 12.5 $ 13.1 million"]
    page = [(72, 780 - 50 * n, 16, line) for n, line in enumerate(figures)]
    page += [(72, 580, 16, "Total assets"), (400, 580, 16, "9,876"), (72, 520, 16, "3.1 Results of 2023"), *TEXT]
    document = parse("a.pdf", samples.pdf([page]))
    assert kinds(document, "heading") == ["3.1 Results of 2023"]
    page = [(72, 700, 10, "Total 1,234 567"), (72, 640, 10, "Lubrication in 2023"), *TEXT]
    assert kinds(parse("b.pdf", samples.pdf([page], bold="Total")), "heading") == []


def with_files(files):
    """A PDF with embedded files, name and content."""
    objects = [b"", b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>"]
    stream = b"BT /F1 12 Tf 72 700 Td (The cover of the delivery.) Tj ET"
    objects.append(
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>"
    )
    objects.append(b"<< /Length %d >>\nstream\n%b\nendstream" % (len(stream), stream))
    objects.append(b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>")
    names = []
    for name, content in files:
        number = len(objects) + 1
        objects.append(b"<< /Type /EmbeddedFile /Length %d >>\nstream\n%b\nendstream" % (len(content), content))
        objects.append(b"<< /Type /Filespec /F (%b) /UF (%b) /EF << /F %d 0 R >> >>" % (name, name, number))
        names.append(b"(%b) %d 0 R" % (name, number + 1))
    objects[0] = b"<< /Type /Catalog /Pages 2 0 R /Names << /EmbeddedFiles << /Names [%b] >> >> >>" % b" ".join(names)
    return samples.assembled(objects)


def test_files_inside_a_pdf_are_read_under_their_names(parse):
    inner = with_files([(b"deep.csv", b"Part,Torque\nBolt,840 Nm\n")])
    files = [(b"parts.csv", b"Part,Torque\nNut,910 Nm\n"), (b"inner.pdf", inner), (b"a.bin", b"\x00\x01\x02" * 30)]
    document = parse("a.pdf", with_files(files))
    assert kinds(document, "heading") == ["parts.csv", "inner.pdf", "deep.csv"]
    assert kinds(document, "row") == ["Part: Nut | Torque: 910 Nm", "Part: Bolt | Torque: 840 Nm"]
    assert {block.page for block in document.blocks if block.start > document.text.index("parts.csv")} == {None}
    assert any("a.bin" in warning for warning in document.warnings)
    for _ in range(6):
        inner = with_files([(b"inner.pdf", inner)])
    assert parse("b.pdf", inner).text.count("The cover") == 4


def test_a_broken_file_inside_a_pdf_costs_a_warning(parse):
    document = parse("a.pdf", with_files([(b"x.docx", b"PK\x03\x04" + bytes(60))]))
    assert "The cover" in document.text
    assert any("x.docx" in warning for warning in document.warnings)


def drawn_from_the_right(lines, *, by_word):
    """Lines as they are seen, from the left, set at the right edge in one piece or word by word without blanks."""
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont
    from reportlab.pdfgen.canvas import Canvas

    pdfmetrics.registerFont(TTFont("Sans", FONT))
    target = io.BytesIO()
    canvas = Canvas(target, pagesize=(595, 842))
    canvas.setFont("Sans", 12)
    for n, line in enumerate(lines):
        x = 530 - pdfmetrics.stringWidth(line, "Sans", 12)
        for word in line.split(" ") if by_word else [line]:
            canvas.drawString(x, 760 - 20 * n, word)
            x += pdfmetrics.stringWidth(f"{word} ", "Sans", 12)
    canvas.save()
    return target.getvalue()


FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
SEEN = {  # as the bidirectional algorithm lays lines out -> as they are said
    "ءدبلا لبق Windows Server 2019 ليغشت بجي": "يجب تشغيل Windows Server 2019 قبل البدء",
    "امئاد P-101 ةخضملا يف bar 16.4 طغضلا": "الضغط 16.4 bar في المضخة P-101 دائما",
    "رهشأ 3 لك (SKF LGMT 2) محشلا مدختسا": "استخدم الشحم (SKF LGMT 2) كل 3 أشهر",
    "نآلا info@acme.com ديربلا ناونع": "عنوان البريد info@acme.com الآن",
    "نيبروتلا مسا وه WT-07": "WT-07 هو اسم التوربين",
    "20 ىلإ 10 نم ةرارحلا ةجرد": "درجة الحرارة من 10 إلى 20",
    "הלחתהה ינפל Windows Server 2019 תא ליעפהל שי": "יש להפעיל את Windows Server 2019 לפני ההתחלה",
    "דימת P-101 הבאשמב bar 16.4 אוה ץחלה": "הלחץ הוא 16.4 bar במשאבה P-101 תמיד",
}


@pytest.mark.skipif(not os.path.exists(FONT), reason="DejaVu Sans is not installed")
@pytest.mark.parametrize("by_word", [False, True])
def test_latin_words_in_lines_from_the_right_keep_their_order_and_blanks(parse, by_word):
    text = " ".join(parse("a.pdf", drawn_from_the_right(SEEN, by_word=by_word)).text.split())
    assert [line for line in SEEN.values() if line not in text] == []


def test_marks_of_a_list_far_from_their_text(parse):
    marks = ["1.", "2.", "3.", "(a)", "•"]
    texts = ["Close valve V1.", "Open valve V2.", "Wait ten minutes.", "Lock it.", "Bolts M16"]
    page = [(72, 780, 11, BODY)]
    for n, (mark, text) in enumerate(zip(marks, texts, strict=True)):
        page += [(72, 740 - 15 * n, 11, mark), (108, 740 - 15 * n, 11, text)]
    found = kinds(parse("a.pdf", samples.pdf([[*page, (72, 600, 11, BODY)]])), "list", "paragraph")
    assert found == [BODY, *(f"{mark} {text}" for mark, text in zip(marks, texts, strict=True)), BODY]


def test_numbers_of_rows_are_a_column(parse):
    page = [(72, 700, 10, "No."), (108, 700, 10, "Part"), (300, 700, 10, "Torque")]
    for n in range(1, 5):
        page += [
            (72, 700 - 14 * n, 10, f"{n}."),
            (108, 700 - 14 * n, 10, f"Bolt M{n}"),
            (300, 700 - 14 * n, 10, f"{n}0"),
        ]
    assert kinds(parse("a.pdf", samples.pdf([page])), "row")[1] == "No.: 2. | Part: Bolt M2 | Torque: 20"


def with_diagram(*, caption):
    """A page of text with a diagram, whose words are in its picture alone."""
    from PIL import Image, ImageDraw, ImageFont
    from reportlab.lib.utils import ImageReader
    from reportlab.pdfgen.canvas import Canvas

    image = Image.new("RGB", (1200, 800), "white")
    draw = ImageDraw.Draw(image)
    for x, y, text in ((60, 60, "Oil tank T-12"), (700, 60, "Pump P-101"), (60, 500, "Filter F-7 changed each year")):
        draw.rectangle((x - 20, y - 20, x + 420, y + 70), outline="black", width=4)
        draw.text((x, y), text, font=ImageFont.load_default(40), fill="black")
    target = io.BytesIO()
    canvas = Canvas(target, pagesize=(595, 842))
    for n in range(4):
        canvas.drawString(60, 780 - 14 * n, BODY[:80])
        canvas.drawString(60, 330 - 14 * n, BODY[:80])
    canvas.drawImage(ImageReader(image), 60, 400, width=420, height=280)
    canvas.drawString(60, 382, caption)
    canvas.save()
    return target.getvalue()


@tesseract
def test_words_of_a_picture_stand_behind_its_caption(parse):
    document = parse("a.pdf", with_diagram(caption="Figure 3: Oil circuit"))
    captions = kinds(document, "caption")
    assert captions == ["Figure 3: Oil circuit", "Text in a picture (Figure 3: Oil circuit):"]
    following = document.text.partition(captions[1])[2]
    assert following.index("Filter F-7 changed each year") < following.index("started")
    assert "Text in a picture:" in kinds(parse("b.pdf", with_diagram(caption="")), "caption")


def test_pictures_on_pages_of_text_are_no_matter_without_ocr(tmp_path):
    path = tmp_path / "a.pdf"
    path.write_bytes(with_diagram(caption="Figure 3: Oil circuit"))
    with Parser(ParsingSettings(ocr="never"), "en") as parser:
        document = parser.parse(path, uri="a.pdf")
    assert kinds(document, "caption") == ["Figure 3: Oil circuit"]
    assert document.warnings == ()
