from __future__ import annotations

import pytest

from metier.parsing import SUPPORTED, media_type
from metier.parsing.core.formats import CSV, DOCX, EML, EPUB, HTML, JPEG, MARKDOWN, ODT, PDF, PLAIN, PNG, RTF, XLSX, XML
from metier.parsing.core.readers import reader_for

from . import samples


@pytest.mark.parametrize(
    ("name", "head", "expected"),
    [
        ("report.docx", b"%PDF-1.7\n", PDF),
        ("report.txt", b"%PDF-1.7\n", PDF),
        ("scan.pdf", b"\x89PNG\r\n\x1a\n....", PNG),
        ("photo", b"\xff\xd8\xff\xe0", JPEG),
        ("letter.doc", b"{\\rtf1 hello}", RTF),
        ("letter.doc", b"<html><body>Saved as web page</body></html>", HTML),
        ("page", b"<!DOCTYPE html>\n<p>x", HTML),
        ("feed.xml", b'<?xml version="1.0"?><a/>', XML),
        ("notes.md", b"# Title\n<html>", MARKDOWN),
        ("a.csv", b"a;b\n1;2\n", CSV),
        ("mail.txt.saved", b"Received: by x\nFrom: a@b.c\nSubject: y\n\nBody", EML),
        ("README", b"plain words", PLAIN),
        ("module.py", b"import os\n", PLAIN),
        ("sound.mp3", b"ID3\x00\x00\x00\x01\x02\x03\x04\x05", None),
        ("wide.txt", "Größe".encode("utf-16"), PLAIN),
        ("wide.txt", "only latin letters".encode("utf-16-le"), PLAIN),
    ],
)
def test_content_goes_before_the_name(name, head, expected):
    assert media_type(name, head) == expected


def test_archives_are_told_apart_by_what_is_in_them(tmp_path):
    assert media_type("x.zip", samples.docx("")) == DOCX
    assert media_type("x.docx", samples.xlsx({"S": ""})) == XLSX
    assert media_type("x.docx", samples.odf("text", "")) == ODT
    book = samples.package({"META-INF/container.xml": "<x/>"}, first=("mimetype", "application/epub+zip"))
    assert media_type("x", book) == EPUB
    path = tmp_path / "archive.docx"
    path.write_bytes(samples.package({"hello.txt": "no document"}))
    assert media_type(path, path.read_bytes()[:64]) is None


def test_every_supported_format_has_a_reader():
    for kind in set(SUPPORTED.values()):
        assert callable(reader_for(kind))
