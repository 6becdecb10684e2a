"""Files that are broken or meant to do harm: each ends in an error that helps, within the limits, and nothing runs."""

from __future__ import annotations

import io
import os
import re
import struct
import zipfile

import pytest

from metier.core.errors import ParseError
from metier.core.settings import ParsingSettings
from metier.parsing import Parser
from metier.parsing.core.readers import Builder

from . import samples
from .conftest import check
from .samples import cells, paragraph

pytestmark = pytest.mark.slow


def helpful(error: ParseError) -> bool:
    return bool(error.what and error.hint and error.where)


def either(parse, name, content) -> str:
    """Parsed, or refused with an error that helps; returns what the error says."""
    try:
        check(parse(name, content))
    except ParseError as error:
        return str(error) if helpful(error) else pytest.fail(f"{name}: {error} does not help")
    return ""


def refused(parse, name, content):
    with pytest.raises(ParseError) as caught:
        parse(name, content)
    assert helpful(caught.value)
    return str(caught.value)


def test_missing_folder_and_forbidden(parser, tmp_path):
    with pytest.raises(ParseError, match="does not exist"):
        parser.parse(tmp_path / "none.txt", uri="none.txt")
    with pytest.raises(ParseError, match="is a folder"):
        parser.parse(tmp_path, uri="folder")
    path = tmp_path / "secret.txt"
    path.write_text("x")
    path.chmod(0)
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    with pytest.raises(ParseError, match="may not be read"):
        parser.parse(path, uri="secret.txt")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_pipe_does_not_hang(parser, tmp_path):
    os.mkfifo(tmp_path / "pipe.txt")
    with pytest.raises(ParseError, match="not a regular file"):
        parser.parse(tmp_path / "pipe.txt", uri="pipe.txt")


@pytest.mark.parametrize("name", ["a.txt", "a.pdf", "a.docx", "a.csv", "a.png", "a.doc"])
def test_empty_files(parse, name):
    assert "is empty" in refused(parse, name, b"")
    assert "nothing but blanks" in refused(parse, name, b" \n\t ")


def test_unknown_formats(parse):
    assert "does not read" in refused(parse, "a.mp3", b"ID3\x04\x00\x00\x00\x00\x00\x01" * 20)
    assert "not what its name says" in refused(parse, "a.pdf", bytes(range(256)) * 4)
    assert "damaged" in refused(parse, "a.docx", samples.package({"x.txt": "no document"}))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.docx", samples.docx(paragraph("Some words of text " * 50))),
        ("a.xlsx", samples.xlsx({"S": cells([["a", "b"], ["1", "2"]])})),
        ("a.pptx", samples.pptx([samples.shape("words")])),
        ("a.odt", samples.odf("text", "<office:text><text:p>words</text:p></office:text>")),
        ("a.pdf", samples.pdf([[(72, 700, 12, "words")]])),
    ],
)
def test_cut_off_files(parse, name, content):
    assert "words" in parse(name, content).text or name == "a.xlsx"
    for share in (0.1, 0.5, 0.9):
        either(parse, name, content[: int(len(content) * share)])


def test_zip_bombs(parse, tmp_path):
    dense = samples.package({"word/document.xml": "<a>" + " " * (60 * 2**20) + "</a>"})
    assert "zip bomb" in refused(parse, "a.docx", dense)
    many = samples.package({f"word/{i}.xml": "" for i in range(21_000)})
    assert "entries" in refused(parse, "b.docx", many)
    path = tmp_path / "c.docx"
    path.write_bytes(samples.package({"word/document.xml": os.urandom(2**12).hex() * 768}))
    with (
        Parser(ParsingSettings(max_file_mb=1)) as parser,
        pytest.raises(ParseError, match=r"unpacks to 6 MiB.*max_file_mb"),
    ):
        parser.parse(path, uri="c.docx")


def test_a_directory_of_an_archive_that_lies(parse):
    content = bytearray(samples.docx(paragraph("words " * 100_000)))
    place = content.rindex(b"word/document.xml") - 46 + 24  # the unpacked size in the central directory
    struct.pack_into("<I", content, place, 10)
    refused(parse, "a.docx", bytes(content))


BOMB = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;">]>'
EXTERNAL = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize("prolog", [BOMB, EXTERNAL])
def test_entities_in_office_files(parse, prolog):
    parts = {
        "_rels/.rels": samples.relations(("rId1", "officeDocument", "word/document.xml")),
        "word/document.xml": f'{prolog}<w:document xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main">'
        "<w:body><w:p><w:r><w:t>&c;</w:t></w:r></w:p></w:body></w:document>",
    }
    assert "XML entities" in refused(parse, "a.docx", samples.package(parts))
    sheet = f'{prolog}<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"/>'
    book = io.BytesIO(samples.xlsx({"S": ""}))
    with zipfile.ZipFile(book) as old:
        kept = {name: old.read(name) for name in old.namelist() if "sheet1" not in name}
    assert "XML entities" in refused(parse, "a.xlsx", samples.package({**kept, "xl/worksheets/sheet1.xml": sheet}))
    assert "XML entities" in refused(parse, "a.xml", f"<?xml version='1.0'?>{prolog}<x>&a;</x>".encode("utf-16"))


def test_passwords(parse, shared):
    ole = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504) + "EncryptedPackage".encode("utf-16-le") + bytes(1000)
    assert "password" in refused(parse, "a.docx", ole)
    assert "password" in refused(parse, "a.xlsx", ole)
    for name in ("r3-user-password.pdf", "r6-user-password.pdf"):
        content = (shared / "hostile" / "pypdf" / "encryption" / name).read_bytes()
        assert "password" in refused(parse, name, content)
    assert parse("open.pdf", (shared / "hostile/pypdf/encryption/r6-owner-password.pdf").read_bytes()).text


def test_everything_hostile_goes_through(parser, shared):
    for path in sorted((shared / "hostile").rglob("*")):
        if path.is_file() and path.name not in ("git.pdf", "imagemagick-images.pdf"):  # photographs: long, not hostile
            either(lambda name, whole: parser.parse(whole, uri=name), path.name, path)


def test_deeply_nested_documents(parse):
    deep = "<w:tbl><w:tr><w:tc>" * 3000 + paragraph("x") + "</w:tc></w:tr></w:tbl>" * 3000
    refused(parse, "a.docx", samples.docx(deep))
    refused(parse, "a.json", "[" * 100_000)
    assert parse("ok.txt", "still alive").text == "still alive"


def test_regular_expressions_do_not_blow_up(parse):
    for name, content in {
        "a.html": "<html>" + "<a" * 300_000,
        "b.html": "<html>" + "<!--" * 200_000,
        "c.eml": "x-a: b\n" + " folded\n" * 200_000,
        "d.md": "[" * 20_000 + "]" * 20_000,
        "e.md": "*a **b " * 20_000,
        "f.csv": '"' * 300_001,
        "g.txt": "\n \n" * 300_000 + "x",
    }.items():
        assert "took longer" not in either(parse, name, content)


def test_control_tokens_and_lone_surrogates_are_only_text(parse):
    document = parse("a.json", '{"a": "\\ud800 <|system|> \\u0000"}')
    assert "<|system|>" in document.text
    document.text.encode("utf-8")


def test_settings_limit_sizes(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("word " * 100_000)
    with Parser(ParsingSettings(max_file_mb=0.1)) as parser, pytest.raises(ParseError, match=r"0\.5 MiB.*max_file_mb"):
        parser.parse(path, uri="a.txt")
    path = tmp_path / "a.docx"
    path.write_bytes(samples.docx(paragraph("word " * 500_000)))
    with Parser(ParsingSettings(max_text_mb=1)) as parser, pytest.raises(ParseError, match=r"more than 1 MiB of text"):
        parser.parse(path, uri="a.docx")


def test_messages_name_no_internals(parse):
    message = refused(parse, "a.docx", b"PK\x03\x04" + bytes(100))
    assert not re.search(r"Traceback|/src/|BadZipFile", message)


def test_old_office_files_that_are_garbage(parse, shared):
    for name in ("doc/sources/legacy_sample.doc", "ppt/sources/legacy_sample.ppt", "xls/sources/legacy_sample.xls"):
        content = (shared / "documents" / name).read_bytes()
        either(parse, f"cut.{name[-3:]}", content[: len(content) // 2])
        scrambled = bytearray(content)
        for place in range(600, len(content), 97):
            scrambled[place] ^= 0x5A
        either(parse, f"scrambled.{name[-3:]}", bytes(scrambled))
    assert parse("ok.txt", "still alive").text == "still alive"


def test_a_table_of_more_columns_than_any_sheet_has(parse):
    content = ",".join(f"c{n}" for n in range(20_000)) + "\n" + ",".join("1" * 20_000)
    assert "more than 16,384 columns" in refused(parse, "a.csv", content)


def test_more_parts_than_any_document_has():
    headings, cells = Builder(2**30), Builder(2**30)
    for _ in range(1_000_001):
        headings.add("heading", "a", level=1)
    with pytest.raises(ParseError, match="more than 1,000,000 paragraphs, rows and headings"):
        headings.add("heading", "a", level=1)
    with pytest.raises(ParseError, match="more than 3,000,000 cells"):
        cells.add_table([["a", *[""] * 9_999]] * 400)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", "x" * 15_000_000),
        ("a.json", '{"a": "' + "word " * 1_000_000 + '"}'),
        ("a.csv", 'a,b\n"' + "word " * 2_000_000 + '",1\n'),
        ("a.html", "<ul><li>a" * 100_000),
        ("a.zip.docx", samples.package({f"{n}.xml": "<a/>" for n in range(100_000)})),
    ],
    ids=["no space", "one line of JSON", "one row", "nested lists", "entries of an archive"],
)
def test_what_is_long_or_deep_ends_within_the_limits(parse, name, content):
    either(parse, name, content)
