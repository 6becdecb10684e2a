"""Hostile files that others collected, each with the one end it must come to."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from metier.core.errors import ParseError
from metier.core.settings import ParsingSettings
from metier.parsing import Parser

NEED_A_PASSWORD = (
    "crazyones-encrypted-256", "encrypted-file", "libreoffice-writer-password", "encryption/r2-user-password",
    "encryption/r3-user-password", "encryption/r4-user-password", "encryption/r4-aes-user-password",
    "encryption/r5-user-password", "encryption/r6-user-password", "encryption/r6-both-passwords",
    "encryption/r6-cleartext-metadata",
)  # fmt: skip
OPEN_TO_ALL = (
    "r2-empty-password", "r2-owner-password", "r3-empty-password", "r4-owner-password", "r4-aes-v2-no-key-length",
    "r5-empty-password", "r5-owner-password", "r6-empty-password", "r6-owner-password", "unencrypted",
)  # fmt: skip
ENTITIES = ("xmlbomb", "xmlbomb2", "cyclic", "quadratic", "external", "external_file")


@pytest.fixture(scope="module")
def without_ocr():
    with Parser(ParsingSettings(timeout_seconds=30, ocr="never"), "en") as parser:
        yield parser


@pytest.fixture(scope="module")
def hostile(shared: Path) -> Path:
    return shared / "hostile"


@pytest.mark.parametrize("name", NEED_A_PASSWORD)
def test_a_pdf_that_needs_a_password_says_so(without_ocr, hostile, name):
    with pytest.raises(ParseError, match="is protected by a password") as caught:
        without_ocr.parse(hostile / "pypdf" / f"{name}.pdf", uri=name)
    assert "without a password" in caught.value.hint


@pytest.mark.parametrize("name", OPEN_TO_ALL)
def test_a_pdf_that_is_encrypted_and_open_to_all_is_read(without_ocr, hostile, name):
    document = without_ocr.parse(hostile / "pypdf" / "encryption" / f"{name}.pdf", uri=name)
    assert document.text == "pdf encryption test password: asdfzxcv"


@pytest.mark.parametrize("name", ENTITIES)
def test_entities_are_refused_before_anything_is_unpacked_or_opened(without_ocr, hostile, name):
    began = time.monotonic()
    with pytest.raises(ParseError, match="declares XML entities"):
        without_ocr.parse(hostile / "defusedxml" / f"{name}.xml", uri=name)
    assert time.monotonic() - began < 5


def test_a_billion_laughs_are_refused_in_no_time(without_ocr, tmp_path):
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    path = tmp_path / "laughs.xml"
    path.write_text(f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "ha">{laughs}]><x>&l11;</x>')
    began = time.monotonic()
    with pytest.raises(ParseError, match="declares XML entities"):
        without_ocr.parse(path, uri="laughs.xml")
    assert time.monotonic() - began < 5


def test_a_foreign_dtd_is_not_fetched(without_ocr, hostile):
    assert without_ocr.parse(hostile / "defusedxml" / "dtd.xml", uri="dtd.xml").text == "text"


@pytest.mark.parametrize("name", ["xalan_exec.xsl", "xalan_write.xsl"])
def test_a_stylesheet_that_would_run_or_write_is_only_text(without_ocr, hostile, name):
    assert without_ocr.parse(hostile / "defusedxml" / name, uri=name).text.startswith("<!-- Tested with xalan")


def test_every_script_of_a_pdf_comes_in_the_order_in_which_it_is_read(without_ocr, hostile):
    text = without_ocr.parse(hostile / "pypdf" / "multilang.pdf", uri="multilang.pdf").text
    assert "Arabic: مرحبا بالعالم" in text
    assert without_ocr.parse(hostile / "pypdf" / "issue-914-xmp-data.pdf", uri="a.pdf").text.startswith("商品编码")


def test_outlines_that_lead_nowhere_cost_no_text(without_ocr, hostile):
    texts = {
        without_ocr.parse(hostile / "pypdf" / f"{name}.pdf", uri=name).text
        for name in ("pdflatex-outline", "outlines-with-invalid-destinations", "outline-without-title")
    }
    assert len(texts) == 1
    assert len(texts.pop()) > 7000
