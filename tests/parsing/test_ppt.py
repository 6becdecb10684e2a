"""Slides of PowerPoint 97 to 2003 whose text is raised or lowered."""

from __future__ import annotations

import struct

import pytest

from . import samples
from .conftest import kinds


def record(kind, body, *, container=False, instance=0):
    return struct.pack("<HHI", instance << 4 | (0xF if container else 0), kind, len(body)) + body


def styled(runs):
    """Characters and their styles, of texts each with its position in per cent."""
    text = "".join(part for part, _position in runs)
    paragraphs = struct.pack("<IHIHH", len(text) + 1, 0, 0x1800, 0, 90)  # alignment, spacing
    characters = b""
    for number, (part, position) in enumerate(runs, start=1):
        count = len(part) + (number == len(runs))
        characters += struct.pack("<IIHH", count, 0x20001 | (0x80000 if position else 0), 1, 24)  # bold, size
        characters += struct.pack("<h", position) if position else b""
    return record(4000, text.encode("utf-16-le")) + record(4001, paragraphs + characters)


def ppt(*texts):
    """A slide with texts in boxes, each given as its styled runs."""
    stream, places = b"", []
    shapes = b"".join(
        record(0xF004, record(0xF00D, record(3999, struct.pack("<I", 4)) + text, container=True), container=True)
        for text in texts
    )
    persist = record(1011, struct.pack("<IIIII", 2, 0, 0, 256, 0))
    document = record(1000, record(4080, persist, container=True), container=True)
    for part in (document, record(1006, shapes, container=True)):
        places.append(len(stream))
        stream += part
    directory = len(stream)
    stream += record(6002, struct.pack("<III", 2 << 20 | 1, *places))
    edit = len(stream)
    stream += record(4085, struct.pack("<IIIIIII", 256, 0, 0, directory, 1, 3, 0))
    user = struct.pack("<HHIIIII", 0, 4086, 20, 20, 0xE391C05F, edit, 0)
    return samples.compound({"PowerPoint Document": stream.ljust(4096, b"\0"), "Current User": user.ljust(4096, b"\0")})


@pytest.mark.parametrize(
    ("runs", "text"),
    [
        ([("It lasts 2 × 10", 0), ("6", 30), (" cycles.", 0)], "It lasts 2 × 10⁶ cycles."),
        ([("10", 0), ("6", 30), (" cycles\rCO", 0), ("2", -25), (" and 840 Nm", 0), ("1", 30)],
         "10⁶ cycles\nCO2 and 840 Nm [1]"),
        ([("Plain text of a slide", 0)], "Plain text of a slide"),
    ],
)  # fmt: skip
def test_raised_and_lowered_text_changes_no_number(parse, runs, text):
    document = parse("a.ppt", ppt(styled(runs)))
    assert "\n".join(kinds(document, "paragraph") + kinds(document, "list")) == text


def test_styles_that_make_no_sense_leave_the_text_as_it_is(parse):
    broken = record(4000, "10 bar".encode("utf-16-le")) + record(4001, b"\x01\x00\x00\x00\x00\x00\xff\xff\xff\xff")
    assert parse("a.ppt", ppt(broken)).text == "10 bar"
