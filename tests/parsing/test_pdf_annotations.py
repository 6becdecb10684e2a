"""Text of a PDF that a reader has struck out by an annotation, and forms that keep their values as XML."""

from __future__ import annotations

import pytest
from reportlab.pdfbase.pdfmetrics import stringWidth

from . import samples
from .conftest import kinds
from .test_pdf_forms import noted

pytestmark = pytest.mark.slow

BOLTS = "Bolts are tightened with 210 Nm."  # the first line of `noted`


def strike(before, words, y, contents=""):
    """A StrikeOut annotation on words of the line at `y`, behind those before it."""
    left, right = (round(60 + stringWidth(text, "Helvetica", 11), 1) for text in (before, before + words))
    quad = f"{left} {y + 9} {right} {y + 9} {left} {y - 3} {right} {y - 3}"
    said = f"/Contents ({contents})" if contents else ""
    return f"/Subtype /StrikeOut /Rect [{left} {y - 3} {right} {y + 9}] /QuadPoints [{quad}] {said}"


def test_what_a_reader_struck_out_is_left_out_with_a_word(parse, parse_hidden):
    content = noted([strike("", BOLTS, 740), strike("The oil is changed ", "each May", 680, "each May")])
    document = parse("a.pdf", content)
    assert kinds(document, "paragraph")[0] == "The oil is changed ."
    assert "Bolts" not in document.text
    assert "Note" not in document.text
    assert "2 struck-out texts" in document.warnings[0]
    shown = parse_hidden("a.pdf", content)
    assert kinds(shown, "paragraph")[:2] == [f"~~{BOLTS}~~", "The oil is changed ~~each May~~."]
    assert not shown.warnings


def test_what_a_reader_says_about_struck_text_is_read(parse):
    assert "Note: Since March 235 Nm" in parse("a.pdf", noted([strike("", BOLTS, 740, "Since March 235 Nm")])).text


def xfa(data, template="", *, text="Please wait ...", whole=False):
    """A PDF with an XFA form, its values and what it is made of."""
    space = 'xmlns:xfa="http://www.xfa.org/schema/xfa-data/1.0/"'
    datasets = f"<xfa:datasets {space}><xfa:data>{data}</xfa:data></xfa:datasets>"
    made = f'<template xmlns="http://www.xfa.org/schema/xfa-template/2.8/">{template}</template>'
    page = f"BT /F1 11 Tf 60 740 Td ({text}) Tj ET"
    parts = [f'<xdp:xdp xmlns:xdp="http://ns.adobe.com/xdp/">{made}{datasets}</xdp:xdp>'] if whole else [made, datasets]
    form = "6 0 R" if whole else "[(template) 6 0 R (datasets) 7 0 R]"
    objects = [
        f"<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [] /XFA {form} >> >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        "/Resources << /Font << /F1 5 0 R >> >> >>",
        *(f"<< /Length {len(page)} >>\nstream\n{page}\nendstream",),
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        *(f"<< /Length {len(part)} >>\nstream\n{part}\nendstream" for part in parts),
    ]
    return samples.assembled([item.encode() for item in objects])


@pytest.mark.parametrize("whole", [False, True])
def test_values_of_an_xfa_form_stand_behind_their_labels(parse, whole):
    template = '<subform><field name="officer"><caption><value><text>Safety officer:</text></value></caption></field>'
    values = "<form1><officer>Tomas Reed</officer><assembly_station>Deck 5 aft</assembly_station><remark/>"
    values += "<item><part>Bolt</part><qty>40</qty></item><item><part>Nut</part><qty>60</qty></item></form1>"
    document = parse("form.pdf", xfa(values, template + "</subform>", whole=whole))
    assert kinds(document, "paragraph")[1:] == [
        "Safety officer: Tomas Reed", "assembly station: Deck 5 aft",
        "item 1 › part: Bolt", "item 1 › qty: 40", "item 2 › part: Nut", "item 2 › qty: 60",
    ]  # fmt: skip
    assert "XFA" in document.warnings[0]


def test_values_that_the_page_shows_are_told_once(parse):
    document = parse("form.pdf", xfa("<a>Tomas Reed</a>", text="Safety officer: Tomas Reed"))
    assert document.text == "Safety officer: Tomas Reed"
    assert not document.warnings


def test_an_xfa_form_that_is_broken_costs_a_word(parse):
    document = parse("form.pdf", xfa("<a>Tomas Reed"))
    assert document.text == "Please wait ..."
    assert "XFA" in document.warnings[0]
