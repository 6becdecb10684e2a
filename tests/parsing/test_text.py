from __future__ import annotations

import unicodedata

import pytest

from metier.core.errors import ParseError


def kinds(document, kind):
    return [document.text[b.start : b.end] for b in document.blocks if b.kind == kind]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Größe und Straße über Köln", "cp1252"),
        ("Größe und Straße", "utf-16"),
        ("Größe und Straße", "utf-8-sig"),
        ("Größe und Straße", "utf-32"),
        ("টারবাইনের ক্ষমতা ৪.২ মেগাওয়াট", "utf-16-le"),
    ],
)
def test_any_encoding_is_read(parse, text, encoding):
    assert parse("a.txt", text.encode(encoding)).text == text


def test_a_guessed_encoding_is_a_warning(parse):
    document = parse("a.txt", "Größe".encode("cp1252"))
    assert "not valid UTF-8" in document.warnings[0]
    assert not parse("b.txt", "Größe").warnings


def test_the_language_decides_between_encodings(tmp_path):
    from metier.core.settings import ParsingSettings
    from metier.parsing import Parser

    path = tmp_path / "a.txt"
    path.write_bytes("Турбина работает при скорости ветра".encode("cp1251"))
    with Parser(ParsingSettings(), "ru") as parser:
        assert parser.parse(path, uri="a.txt").text == "Турбина работает при скорости ветра"


def test_text_is_composed_and_free_of_controls(parse):
    decomposed = unicodedata.normalize("NFD", "Café déjà")
    document = parse("a.txt", f"{decomposed}\x00 vu\x07.\u200b")
    assert document.text == "Café déjà vu."


def test_joiners_of_persian_and_bengali_stay(parse):
    text = "می‌خواهم ক্‍ষ"
    assert parse("a.txt", text).text == unicodedata.normalize("NFC", text)


def test_a_line_without_an_end_is_read_or_refused(parse, tmp_path):
    assert len(parse("long.txt", b"word " * 1_000_000).text) == 4_999_999
    with pytest.raises(ParseError, match=r"more than 20 MiB of text.*max_text_mb"):
        parse("longer.txt", b"word " * 10_000_000)


@pytest.mark.parametrize("separator", [",", ";", "\t", "|", "^"])
def test_any_separator(parse, separator):
    rows = [
        ["Turbine", "Rated power", "Note"],
        ["WT-07", "4,2" if separator != "," else "4.2", "first, at 12:30"],
        ["WT-08", "3", "x"],
    ]
    lines = "\n".join(separator.join(f'"{cell}"' if separator in cell else cell for cell in row) for row in rows)
    document = parse("a.csv", lines)
    assert kinds(document, "row")[0].startswith("Turbine: WT-07 | Rated power: 4")
    assert [b.row for b in document.blocks if b.kind == "row"] == ["2", "3"]


def test_csv_with_ragged_rows_quotes_and_line_breaks(parse):
    document = parse("a.csv", 'name;text\nA;"two\nlines; and a semicolon"\nB;x;extra\nC\n')
    assert kinds(document, "row") == [
        "name: A | text: two lines; and a semicolon",
        "name: B | text: x | extra",
        "name: C",
    ]


def test_csv_with_a_quote_that_never_ends(parse):
    body = "".join(f"{i};value {i}\n" for i in range(3000))
    document = parse("a.csv", f'id;text\n1;"broken\n{body}')
    assert len(kinds(document, "row")) > 2900


def test_csv_names_its_separator(parse):
    assert kinds(parse("a.csv", "sep=;\na;b,c\n1;2,5\n"), "row") == ["a: 1 | b,c: 2,5"]


def test_json_records_become_rows(parse):
    document = parse("a.json", '[{"id": 1, "place": {"city": "Oslo"}}, {"id": 2, "tags": ["x", "y"]}]')
    assert kinds(document, "row") == ["id: 1 | place.city: Oslo", "id: 2 | tags: x, y"]
    document = parse("a.jsonl", '{"a": 1}\n{"a": 2}\n')
    assert kinds(document, "row") == ["a: 1", "a: 2"]


def test_broken_json_is_text(parse):
    document = parse("a.json", '{"a": 1,')
    assert document.text == '{"a": 1,'
    assert "not valid JSON" in document.warnings[0]


def test_markdown(parse):
    text = (
        "---\ntitle: Manual\nauthor: Ada\n---\n# Start\n\nText with *stress* and `code`.\n\n- one\n- two\n\n"
        "3. three\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```\nx = 1\ny = 2\n```\n"
    )
    document = parse("a.md", text)
    assert (document.title, document.metadata["author"]) == ("Manual", "Ada")
    assert kinds(document, "heading") == ["Start"]
    assert kinds(document, "list") == ["one", "two", "3. three"]
    assert kinds(document, "row") == ["a: 1 | b: 2"]
    assert kinds(document, "code") == ["x = 1\ny = 2"]
    assert "Text with stress and code." in document.text


HTML = """<!DOCTYPE html><html lang="nb"><head><title>Drift &amp; vedlikehold</title><meta name="author" content="Ada">
<style>p { color: red }</style><script>var secret = 1;</script></head><body><nav><a>Home</a> <a>About</a></nav>
<h1>Over<b>skrift</b></h1><p>A   line<br>break &lt;tag&gt;</p><p hidden>hidden</p><div style="display:none">gone</div>
<ul><li>one<ul><li>inner</li></ul></li></ul><ol start="3"><li>three</li></ol>
<table><caption>Power</caption><thead><tr><th>Name</th><th colspan="2">Range</th></tr></thead>
<tr><td rowspan="2">WT</td><td>1</td><td>2</td></tr><tr><td>3</td><td><p>4</p><p>5</p></td></tr></table>
<p>%s</p></body></html>"""


def test_html(parse):
    document = parse("a.html", HTML % ("Long text. " * 30))
    assert (document.title, document.language, document.metadata["author"]) == ("Drift & vedlikehold", "nb", "Ada")
    assert kinds(document, "heading") == ["Overskrift"]
    assert kinds(document, "list") == ["one", "inner", "3. three"]
    assert kinds(document, "caption") == ["Power"]
    assert kinds(document, "row") == ["Name: WT | Range: 1 | Range: 2", "Name: WT | Range: 3 | Range: 4 5"]
    assert "A line\nbreak <tag>" in document.text
    for gone in ("secret", "color", "hidden", "gone", "Home"):
        assert gone not in document.text


def test_html_says_its_encoding(parse):
    page = '<html><head><meta charset="windows-1251"></head><body><p>Ветер</p></body></html>'
    assert parse("a.html", page.encode("cp1251")).text == "Ветер"


def test_html_nested_beyond_reason_is_refused_quickly(parse):
    with pytest.raises(ParseError, match="nested"):
        parse("a.html", "<html>" + "<div>" * 200_000 + "x")
    assert parse("b.html", "<html>" + "<div>" * 2000 + "deep").text == "deep"


def test_mail(parse):
    mail = (
        "From: =?utf-8?q?J=C3=B8rgen?= <j@example.com>\r\nTo: team@example.com\r\n"
        "Date: Mon, 2 Sep 2024 10:00:00 +0200\r\n"
        "Subject: =?iso-8859-1?q?Gr=F6=DFe?=\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
        "--b\r\nContent-Type: multipart/alternative; boundary=c\r\n\r\n"
        "--c\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
        "The gr=F6=DFe is four metres, as agreed with the client last week.\r\n"
        "--c\r\nContent-Type: text/html\r\n\r\n<p>html twin</p>\r\n--c--\r\n"
        "--b\r\nContent-Type: text/csv\r\nContent-Disposition: attachment; filename=list.csv\r\n\r\na,b\r\n1,2\r\n"
        "--b\r\nContent-Type: application/pdf\r\nContent-Disposition: attachment; filename=plan.pdf\r\n\r\n"
        "%PDF-1.4\r\n--b--\r\n"
    )
    document = parse("a.eml", mail)
    assert document.title == "Größe"
    assert document.metadata["from"] == "Jørgen <j@example.com>"
    assert document.metadata["date"] == "2024-09-02T10:00:00+02:00"
    assert document.metadata["attachments"] == "list.csv, plan.pdf"
    assert "The größe is four metres" in document.text
    assert "html twin" not in document.text
    assert kinds(document, "row") == ["a: 1 | b: 2"]
    assert document.text.startswith("Größe\n\nFrom: Jørgen <j@example.com> | To: team@example.com")


def test_mail_within_mail(parse):
    inner = "From: a@b.c\r\nSubject: Inner\r\n\r\nDeep words\r\n"
    head = "From: x@y.z\r\nSubject: Outer\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n"
    mail = f"{head}--b\r\nContent-Type: message/rfc822\r\n\r\n{inner}\r\n--b--\r\n"
    document = parse("a.eml", mail)
    assert "Deep words" in document.text
    assert document.metadata["attachments"] == "Inner"


def test_rtf(parse):
    text = rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Arial;}}\pard Caf\'e9 and \u8364? sign\par}"
    assert parse("a.rtf", text).text == "Café and € sign"


def test_xml_text(parse):
    assert (
        parse("a.xml", '<?xml version="1.0"?><a><b>One</b><c>Two <i>three</i> four</c></a>').text
        == "One\n\nTwo three four"
    )


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_headers_that_are_no_ascii_are_read(parse, encoding):
    mail = "From: Jörg <j@example.org>\nSubject: Prüfung der Rutsche\n\nHello.\n".encode(encoding)
    document = parse("a.eml", mail)
    assert document.title == "Prüfung der Rutsche"
    assert "Jörg" in document.text
