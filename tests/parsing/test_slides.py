"""Slides as people send them: powers, struck text, hidden slides and shapes, indented rows."""

from __future__ import annotations

import pytest

from . import samples
from .conftest import kinds
from .samples import shape


def runs(*parts):
    """A shape of one paragraph; a part is text, or text and the attributes of its run."""
    found = ""
    for part in parts:
        text, look = part if isinstance(part, tuple) else (part, "")
        found += f"<a:r><a:rPr {look}/><a:t>{text}</a:t></a:r>"
    return f"<p:sp><p:nvSpPr><p:nvPr/></p:nvSpPr><p:txBody><a:p>{found}</a:p></p:txBody></p:sp>"


def test_powers_and_marks(parse):
    up, down = 'baseline="30000"', 'baseline="-25000"'
    slide = runs("lasts 10", ("6", up), " cycles, 840 Nm", ("1", up), ", CO", ("2", down), ", 10", ("-", up), ("9", up))
    assert parse("a.pptx", samples.pptx([slide])).text == "lasts 10⁶ cycles, 840 Nm [1], CO2, 10⁻⁹"


GONE = ("840", 'strike="sngStrike"'), (" Nm", 'strike="dblStrike"')
STRUCK = runs("Yaw ", *GONE, " 910 Nm", (" dry", 'strike="noStrike"'))


def test_struck_text_is_left_out_with_a_word(parse, parse_hidden):
    document = parse("a.pptx", samples.pptx([STRUCK]))
    assert document.text == "Yaw  910 Nm dry"
    assert "struck-out text." in document.warnings[0]
    assert parse_hidden("a.pptx", samples.pptx([STRUCK])).text == "Yaw ~~840 Nm~~ 910 Nm dry"


def test_hidden_slides_and_shapes_are_left_out_with_a_word(parse, parse_hidden):
    hidden = shape("Secret offer").replace("<p:nvPr/>", '<p:cNvPr id="1" name="x" hidden="1"/><p:nvPr/>')
    content = samples.pptx([shape("Shown") + hidden, shape("Old prices"), shape("Last")], hidden={2}, notes="Aloud")
    document = parse("a.pptx", content)
    assert document.text == "Shown\n\nSpeaker notes: Aloud\n\nLast"
    assert document.pages == 3
    assert [block.page for block in document.blocks] == [1, 1, 3]
    for told in ("hidden slide", "hidden shape"):
        assert told in document.warnings[0]
    document = parse_hidden("a.pptx", content)
    assert document.text == "Shown\n\nSecret offer\n\nSpeaker notes: Aloud\n\nOld prices\n\nLast"


@pytest.mark.parametrize("set_in", ['<a:pPr lvl="1"/>', '<a:pPr marL="180000"/>'])
def test_rows_that_are_set_in_keep_their_parent(parse, set_in):
    rows = [("", "", "2023"), ("", "Revenue", ""), (set_in, "Products", "12"), (set_in, "Services", "3")]
    rows.append(("", "Cost", "9"))
    cell = "<a:tc><a:txBody><a:p>{}<a:r><a:t>{}</a:t></a:r></a:p></a:txBody></a:tc>"
    body = "".join(f"<a:tr>{cell.format(look, name)}{cell.format('', value)}</a:tr>" for look, name, value in rows)
    table = f"<a:graphicData><a:tbl><a:tblPr/>{body}</a:tbl></a:graphicData>"
    frame = f"<p:graphicFrame><a:graphic>{table}</a:graphic></p:graphicFrame>"
    document = parse("a.pptx", samples.pptx([frame]))
    assert kinds(document, "row") == ["Revenue › Products | 2023: 12", "Revenue › Services | 2023: 3", "Cost | 2023: 9"]


def test_hidden_slides_of_old_are_left_out_with_a_word(parse, parse_hidden, shared):
    content = bytearray((shared / "documents" / "ppt" / "sources" / "legacy_sample.ppt").read_bytes())
    # The record of the second slide's layout becomes one of how it is shown (1017), with the mark that it is not.
    place = [n for n in range(len(content)) if content[n : n + 8] == b"\x02\x00\xef\x03\x18\x00\x00\x00"][-2]
    content[place : place + 4] = b"\x00\x00\xf9\x03"
    content[place + 18] |= 0x04
    document = parse("a.ppt", bytes(content))
    assert kinds(document, "heading") == ["Test Table Slide"]
    assert "hidden slide." in document.warnings[0]
    assert kinds(parse_hidden("a.ppt", bytes(content)), "heading") == ["Test Table Slide", "Second slide title"]
