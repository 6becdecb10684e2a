"""Pages of PDFs as pictures, and where words stand on them, compared with what pdfium reads at those places."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pypdfium2
import pytest

from metier.core.errors import ParseError
from metier.core.settings import ParsingSettings
from metier.parsing import Parser

from .samples import pdf, scan

LEFT = (
    "The crane lifts the blade only while the wind stays below nine metres a second at the nacelle. The driver has "
    "seen the ground plates and the way out. Nobody walks under the load, and the road is closed from seven until the "
    "hook is empty again. A blade that has touched the tower is set down and looked at before anything else happens."
)
RIGHT = (
    "Two people hold the guide ropes and one reads the wind from the mast and says stop when it rises. The bolts are "
    "put in by hand and drawn tight crosswise in three rounds. After ten hours of running they are checked once more, "
    "and the sheet with all figures goes to the office in the same week, signed by whoever has held the wrench."
)


def columns() -> bytes:
    """Two columns of running text, written line by line across both."""

    def lines(text: str) -> list[str]:
        words, width = text.split(), 6
        return [" ".join(words[i : i + width]) for i in range(0, len(words), width)]

    page = [(60, 780, 16, "Lifting a blade")]
    for number, (left, right) in enumerate(zip(lines(LEFT), lines(RIGHT), strict=False)):
        page += [(60, 740 - 14 * number, 10, left), (320, 740 - 14 * number, 10, right)]
    return pdf([page])


def read_at(content: bytes, places, number: int = 1) -> str:
    """What pdfium reads inside the boxes, which are shares of the page as it is drawn upright."""
    with pypdfium2.PdfDocument(content) as document:
        page = document[number - 1]
        (width, height), text = page.get_size(), page.get_textpage()
        return " ".join(
            text.get_text_bounded(x * width, (1 - y - h) * height, (x + w) * width, (1 - y) * height).strip()
            for x, y, w, h in places.boxes
        )


@pytest.fixture
def find(parser, tmp_path):
    def found(content: bytes, text: str, quote: str, number: int = 1):
        path = tmp_path / "page.pdf"
        path.write_bytes(content)
        at = text.index(quote)
        return parser.find_on_page(path, uri="page.pdf", number=number, text=text, spans=[(at, at + len(quote))])

    return found


@pytest.fixture
def draw(parser, tmp_path):
    def drawn(content: bytes, number: int = 1) -> np.ndarray:
        path = tmp_path / "page.pdf"
        path.write_bytes(content)
        return pixels(parser.draw_page(path, uri="page.pdf", number=number))

    return drawn


def pixels(png: bytes) -> np.ndarray:
    """(height, width, 1 or 3) of a PNG whose rows have no filter."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    at, data, shape = 8, b"", ()
    while at < len(png):
        (length,), name = struct.unpack(">I", png[at : at + 4]), png[at + 4 : at + 8]
        body = png[at + 8 : at + 8 + length]
        assert zlib.crc32(name + body) == struct.unpack(">I", png[at + 8 + length : at + 12 + length])[0]
        if name == b"IHDR":
            width, height, _depth, colour = struct.unpack(">IIBB", body[:10])
            shape = (height, width, 1 if colour == 0 else 3)
        data += body if name == b"IDAT" else b""
        at += 12 + length
    rows = np.frombuffer(zlib.decompress(data), np.uint8).reshape(shape[0], -1)
    assert not rows[:, 0].any()
    return rows[:, 1:].reshape(shape)


def test_words_are_found_across_lines_of_the_right_column(find, parse):
    content = columns()
    text = parse("page.pdf", content).text
    quote = "one reads the wind from the mast and says stop"
    places = find(content, text, quote)
    assert read_at(content, places).split()[:9] == quote.split()[:9]
    assert all(x > 0.5 for x, _y, _w, _h in places.boxes)


def test_one_place_is_chosen_where_the_words_stand_twice(find):
    content = pdf([[(60, 700, 12, "Torque 840 Nm"), (60, 600, 12, "See above"), (60, 500, 12, "Torque 840 Nm")]])
    text = "Torque 840 Nm\nSee above\nTorque 840 Nm"
    at = text.rindex("840")
    first, last = find(content, text, "840"), find(content, text, text[at - 18 :])
    assert len(first.boxes) == 1
    assert first.boxes[0][1] < 0.2
    assert last.boxes[-1][1] > 0.35


def test_a_hyphen_at_the_end_of_a_line_and_ligatures_do_not_matter(find):
    content = pdf([[(60, 700, 12, "The hydraulic accumu-"), (60, 684, 12, "lator is filled once.")]])
    text = "The hydraulic accumulator is \ufb01lled once."
    places = find(content, text, "accumulator is \ufb01lled")
    assert read_at(content, places) == "accumu lator is filled"


def test_a_page_number_is_not_taken_for_a_figure(find):
    content = pdf([[(60, 700, 12, "7"), (120, 700, 12, "bolts"), (300, 30, 9, "7")]])
    places = find(content, "7\nbolts\n", "7\nbolts")
    assert all(y < 0.2 for _x, y, _w, _h in places.boxes)


def test_words_that_are_not_there_have_no_place(find):
    places = find(pdf([[(60, 700, 12, "Something else")]]), "Nothing of it", "Nothing of it")
    assert places.has_text
    assert places.boxes == ()


@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_boxes_lie_over_the_ink_of_turned_pages(find, draw, degrees):
    """Of a page with one line of text nothing is dark outside its box, and the box is dark."""
    target = io.BytesIO()
    with pypdfium2.PdfDocument(pdf([[(60, 700, 20, "Blade bolts")]])) as document:
        document[0].set_rotation(degrees)
        document[0].set_cropbox(30, 40, 560, 800)
        document.save(target)
    content = target.getvalue()
    drawn = draw(content)[..., 0] < 128
    places = find(content, "Blade bolts", "Blade bolts")
    ((x, y, w, h),) = places.boxes
    height, width = drawn.shape
    assert abs(places.width / places.height - width / height) < 0.01
    inside = np.zeros_like(drawn)
    inside[int(y * height) : int((y + h) * height) + 1, int(x * width) : int((x + w) * width) + 1] = True
    assert drawn.any()
    assert not (drawn & ~inside).any()


def test_a_scan_has_a_picture_and_no_text(find, draw):
    content = scan(pdf([[(60, 700, 30, "Blade bolts")]]))
    assert not find(content, "Blade bolts", "Blade bolts").has_text
    assert (draw(content) < 128).any()


def test_pictures_are_bounded_however_large_the_page(draw):
    content = pdf([[(60, 700, 20, "Blade bolts")]])
    assert draw(content).shape[:2] == (1287, 910)
    huge = content.replace(b"[0 0 595 842]", b"[0 0 14400 14400]")
    drawn = draw(huge)
    assert drawn.shape[0] * drawn.shape[1] <= 2_520_000
    strip = draw(content.replace(b"[0 0 595 842]", b"[0 0 14400 20]"))
    assert strip.shape[1] <= 4000


def test_what_cannot_be_drawn_says_why_and_the_next_page_is_drawn(draw):
    with pytest.raises(ParseError, match="has no page 2"):
        draw(pdf([[(60, 700, 20, "Blade bolts")]]), 2)
    with pytest.raises(ParseError, match="is damaged"):
        draw(b"%PDF-1.7 and nothing else")
    assert draw(pdf([[(60, 700, 20, "Blade bolts")]])).any()


def test_a_page_that_takes_too_long_is_given_up(tmp_path):
    """Each of the many strokes is drawn over the whole page."""
    stroke = " ".join("400 w 0 0 m 595 842 l S" for _ in range(200_000))
    path = tmp_path / "slow.pdf"
    path.write_bytes(pdf([[(60, 700, 20, "Blade bolts")]], drawing=stroke))
    limits = ParsingSettings(timeout_seconds=1)
    with Parser(limits) as parser, pytest.raises(ParseError, match="took longer than 1 s"):
        parser.draw_page(path, uri="slow.pdf", number=1)
