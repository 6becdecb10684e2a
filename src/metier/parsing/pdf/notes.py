"""Notes of readers put to the text they stand on."""

from __future__ import annotations

from collections.abc import Sequence

from metier.parsing.core.tables import Grid
from metier.parsing.pdf.annotations import Note
from metier.parsing.pdf.bidi import Box
from metier.parsing.pdf.fragments import Fragment, Turn
from metier.parsing.pdf.layout import Paragraph

_LINES = 4.0  # how much farther a line is that stands above or below than one at the same height


def with_notes(
    items: list[Paragraph | Grid], notes: Sequence[Note], parts: Sequence[Fragment], turn: Turn
) -> list[Paragraph | Grid]:
    """`items` of a page with each note behind the one it is written at. Words that are only marked are none."""
    if not notes:
        return items
    behind: dict[int, list[Paragraph | Grid]] = {}
    texts = [letters(_text(item)) for item in items]
    for note in notes:
        box = turn.upright(note.box)
        marked = letters("".join(part.text for part in parts if _meets(part, box)))
        if letters(note.text) in marked:
            continue
        anchor = min(parts, key=lambda part: _distance(part, box), default=None)
        place = next((n for n, text in enumerate(texts) if anchor and letters(anchor.text) in text), len(items) - 1)
        behind.setdefault(place, []).append(Paragraph(str(note), 0.0, False, 1, 0.0, 0.0))
    found: list[Paragraph | Grid] = list(behind.get(-1, ()))
    for number, item in enumerate(items):
        found += [item, *behind.get(number, ())]
    return found


def letters(text: str) -> str:
    """Letters and digits of `text`, to compare by."""
    return "".join(c for c in text.casefold() if c.isalnum())


def _text(item: Paragraph | Grid) -> str:
    return item.text if isinstance(item, Paragraph) else " ".join(cell for row in item.rows() for cell in row)


def _meets(part: Fragment, box: Box) -> bool:
    return part.left < box[2] and part.right > box[0] and part.bottom < box[3] and part.top > box[1]


def _distance(part: Fragment, box: Box) -> float:
    across = max(0.0, part.left - box[2], box[0] - part.right)
    down = max(0.0, part.bottom - box[3], box[1] - part.top)
    middle = abs(part.middle - (box[1] + box[3]) / 2) / 100
    return across + _LINES * down + middle
