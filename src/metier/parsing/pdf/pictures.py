"""Text inside the pictures of a page that has text as well: diagrams, screenshots, scanned tables, read by OCR."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from metier.parsing.core.tables import Grid
from metier.parsing.pdf.bidi import Box
from metier.parsing.pdf.fragments import Fragment, Turn
from metier.parsing.pdf.headings import is_caption
from metier.parsing.pdf.layout import Paragraph, paragraphs, rows_of

if TYPE_CHECKING:
    from pypdfium2 import PdfPage

_LEAST, _MOST = 0.1, 0.95  # of the page that a picture covers; one that covers all of it is its background
_LETTERS = 40  # of text over a picture that is told by the text itself
_SHADES = 0.35  # of a picture with text that is of one shade: its ground
_OBJECTS = 3000
_WORDS = 3  # below which what was read is specks
_FAR = 40.0  # points between a picture and its caption


def picture_boxes(page: PdfPage, turn: Turn, parts: Sequence[Fragment]) -> list[Box]:
    """Where pictures stand that may hold text which the page does not tell, upright."""
    import pypdfium2.raw as raw

    area = max(1.0, turn.width * turn.height)
    found: list[Box] = []
    for index, item in enumerate(page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE], max_depth=3)):
        if index > _OBJECTS:
            break
        box = turn.upright(item.get_bounds())
        share = max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1]) / area
        if _LEAST < share < _MOST and letters_over(box, parts) < _LETTERS and not any(_covers(box, b) for b in found):
            found.append(box)
    return found


def may_hold_text(pixels: np.ndarray) -> bool:
    """Whether a picture has a ground of one shade, as drawings and screenshots have and photographs have not. `pixels`:
    grey, (height, width)."""
    counts = np.bincount((pixels[::4, ::4] >> 4).ravel(), minlength=16)
    return bool(counts.max() > _SHADES * counts.sum()) and int((counts > 0).sum()) > 1


def text_of(lines: list[Fragment]) -> list[Paragraph]:
    """What was read from a picture as paragraphs; nothing where it is noise."""
    words = [word for line in lines for word in line.text.split() if sum(map(str.isalnum, word)) > 1]
    if len(words) < _WORDS:
        return []
    read = paragraphs(rows_of([line for line in lines if sum(map(str.isalnum, line.text)) > 1]))
    return [Paragraph(each.text, 0.0, False, each.rows, each.top, each.bottom) for each in read]


def with_pictures(
    items: list[Paragraph | Grid], pictures: Sequence[tuple[Box, list[Fragment]]]
) -> list[Paragraph | Grid]:
    """`items` of a page with the text of each picture behind its caption, else behind what stands above it."""
    for box, lines in pictures:
        read = text_of(lines)
        if not read:
            continue
        behind, caption = beside(items, box)
        name = f" ({caption})" if caption else ""
        title = Paragraph(f"Text in a picture{name}:", 0.0, False, 1, 0.0, 0.0, is_caption=True)
        place = next((n + 1 for n, item in enumerate(items) if item is behind), 0)
        items = [*items[:place], title, *read, *items[place:]]
    return items


def beside(items: Sequence[Paragraph | Grid], box: Box) -> tuple[Paragraph | None, str]:
    """What a picture of a page stands behind in reading order, its caption if there is one, None for the top of the
    page; and the text of that caption."""
    texts = [item for item in items if isinstance(item, Paragraph) and item.size]
    captions = [text for text in texts if is_caption(text.text) and _gap(text, box) < _FAR]
    if captions:
        caption = min(captions, key=lambda text: _gap(text, box))
        return caption, caption.text
    above = [text for text in texts if text.bottom >= box[3] - 2]
    return (min(above, key=lambda text: text.bottom) if above else None), ""


def _gap(text: Paragraph, box: Box) -> float:
    return max(text.bottom - box[3], box[1] - text.top)


def letters_over(box: Box, parts: Sequence[Fragment]) -> int:
    """Letters and digits of the text that stands over a place of a page."""
    over = (p for p in parts if box[0] <= (p.left + p.right) / 2 <= box[2] and box[1] <= p.middle <= box[3])
    return sum(c.isalnum() for part in over for c in part.text)


def _covers(one: Box, other: Box) -> bool:
    across = min(one[2], other[2]) - max(one[0], other[0])
    down = min(one[3], other[3]) - max(one[1], other[1])
    least = min((one[2] - one[0]) * (one[3] - one[1]), (other[2] - other[0]) * (other[3] - other[1]))
    return across > 0 and down > 0 and across * down > 0.5 * least
