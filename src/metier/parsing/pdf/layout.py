"""Fragments of a page to rows in reading order, and rows to paragraphs.

Columns are found by a gutter that most lines leave free and that has real text on both sides; lines that cross it
(titles, wide figures' captions) part the page into zones, and each zone is read column by column. Short cells are no
columns: they are read row by row, and may be a table.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from itertools import pairwise
from statistics import median

from metier.parsing.core.table_cells import is_value
from metier.parsing.pdf.bidi import Glyph, holds_rtl, is_rtl, spoken, unmirrored
from metier.parsing.pdf.fragments import NUMBERS_APART, Fragment, Piece, are_two_numbers, in_one_line, plain

_BULLET = re.compile(r"(?:[•◦▪■●○‣∙·*–—➢➤✓❖\uf0b7\uf0a7\uf0d8-]\s+|\(?(?:\d{1,3}|[a-zA-Z]|[ivx]{1,4})[.)]\s+)(?=\S)")
_MARK = re.compile(
    r"[•◦▪■●○‣∙·–—➢➤✓❖\uf0b7\uf0a7\uf0d8]|\(?(?:\d{1,3}|[a-zA-Z]|[ivx]{1,4})[.)]|\d{1,2}(?:\.\d{1,2})+\.?"
)
_CLAUSE = re.compile(r"\d{1,2}(?:\.\d{1,2})+\.?\s+[^\W\d_]")
_MARK_APART = 6.0  # sizes
_WIDEST = 20.0  # points of a gutter that count for it
_SENTENCE_END = re.compile(r"[.!?:;。！？؟।]['\"”’)\]]*$")
_NO_SPACE = re.compile(r"[\u2e80-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef\u0e00-\u0e7f]")  # CJK, kana, Thai
_WIDE = re.compile(r"[\u1100-\u11ff\u2e80-\u9fff\uac00-\ud7a3\uf900-\ufaff\uff00-\uff60]")
_HANGUL = re.compile(r"[\uac00-\ud7a3]")


@dataclass(slots=True)
class TextLine:
    """Fragments on one line, in reading order."""

    parts: list[Fragment] = field(default_factory=list)

    @property
    def top(self) -> float:
        return max(part.top for part in self.parts)

    @property
    def bottom(self) -> float:
        return min(part.bottom for part in self.parts)

    @property
    def left(self) -> float:
        return min(part.left for part in self.parts)

    @property
    def right(self) -> float:
        return max(part.right for part in self.parts)

    @property
    def base(self) -> float:
        """Bottom of the main part: bullets and exponents hang lower or higher."""
        return max(self.parts, key=lambda part: len(part.text)).bottom

    @property
    def size(self) -> float:
        return max(self.parts, key=lambda part: len(part.text)).size

    @property
    def bold(self) -> bool:
        return all(part.bold for part in self.parts)

    @property
    def italic(self) -> bool:
        return all(part.italic for part in self.parts)

    @property
    def filled(self) -> bool:
        return any(part.filled for part in self.parts)

    @property
    def text(self) -> str:
        return " ".join(part.text for part in self.parts)


def zones(parts: list[Fragment], depth: int = 0) -> list[list[TextLine]]:
    """Fragments as lists of rows, column after column."""
    if not parts:
        return []
    gutter = _gutter(parts) if depth < 4 else None
    if gutter is None:
        return [rows_of(parts)]
    rtl = is_rtl("".join(part.text for part in parts))
    across = [part for part in parts if part.left < gutter < part.right]
    beside = [part for part in parts if not part.left < gutter < part.right]
    found: list[list[TextLine]] = []
    upper = float("inf")
    for row in [*rows_of(across), None]:  # what lies above each line that crosses the gutter, then the line
        lower = row.top if row else float("-inf")
        band = [part for part in beside if lower < part.middle <= upper]
        sides = [part for part in band if part.right <= gutter], [part for part in band if part.left >= gutter]
        if _is_tabular(*sides):
            found.append(rows_of(band))
            sides = [], []
        for side in reversed(sides) if rtl else sides:
            found.extend(zones(side, depth + 1))
        if row:
            found.append(
                rows_of(row.parts + [part for part in beside if row.bottom < part.middle <= min(lower, upper)])
            )
            upper = row.bottom
    return _whole([rows for rows in found if rows])


def _is_tabular(left: list[Fragment], right: list[Fragment]) -> bool:
    """Whether what stands on both sides of a gutter is one table over it: mostly values, and many of them on each."""
    values = [sum(is_value(part.text) for part in side) for side in (left, right)]
    enough = all(count > 2 and count > 0.4 * len(side) for count, side in zip(values, (left, right), strict=True))
    return enough and sum(values) > 0.7 * (len(left) + len(right))


def _whole(groups: list[list[TextLine]]) -> list[list[TextLine]]:
    """Single lines that follow each other (a title of two lines) put into one list."""
    whole: list[list[TextLine]] = []
    for rows in groups:
        if whole and len(rows) == 1 and rows[0].bottom < whole[-1][-1].bottom and _alike(whole[-1][-1], rows[0]):
            whole[-1].extend(rows)
        else:
            whole.append(rows)
    return whole


def _alike(above: TextLine, below: TextLine) -> bool:
    overlap = min(above.right, below.right) - max(above.left, below.left)
    return above.bottom - below.top < below.size and overlap > 0.5 * min(
        above.right - above.left, below.right - below.left
    )


def _gutter(parts: list[Fragment]) -> float | None:
    """The x of a strip between two columns of running text, None where there is one column or a table."""
    lines = [part for part in parts if not part.slant]
    if len(lines) < 8:
        return None
    em = median(part.size for part in lines)
    best, best_score = None, 0.0
    known: dict[tuple[str, int], bool] = {}  # by side and number of parts, which tell what stands there

    def runs(side: str, parts: list[Fragment]) -> bool:
        if (side, len(parts)) not in known:
            known[side, len(parts)] = _running(parts, em)
        return known[side, len(parts)]

    for x in sorted({round(part.right + 0.4 * em, 1) for part in lines}):
        left = [part for part in lines if part.right <= x]
        right = [part for part in lines if part.left >= x]
        crossing = len(lines) - len(left) - len(right)
        most = min(len(left), len(right)) - 2 * crossing + _WIDEST  # the score, were the gutter as wide as counts
        if min(len(left), len(right)) < 4 or crossing > 0.35 * len(lines) or (best is not None and most <= best_score):
            continue
        if not _beside(left, right) or not (runs("left", left) and runs("right", right)):
            continue
        edge = sorted(part.left for part in right)[len(right) // 10]
        score = most - _WIDEST + min(_WIDEST, edge - x)
        if best is None or score > best_score:
            best, best_score = x, score
    return best


def _running(parts: list[Fragment], em: float) -> bool:
    """Whether most of the text in `parts` stands in lines about as wide as each other, not in short cells."""
    rows = rows_of(parts)
    widths = sorted(row.right - row.left for row in rows)
    wide = widths[int(len(widths) * 0.85)]
    full = [row for row in rows if row.right - row.left > 0.6 * wide]
    single = sum(len(row.parts) == 1 for row in rows)
    written = sum(len(row.text) for row in full)
    if wide < 9 * em or len(full) < 3 or single < 0.7 * len(rows):
        return False
    return written > 0.55 * sum(len(row.text) for row in rows) and sum(map(_width, full)) > 22 * len(full)


def _width(row: TextLine) -> int:
    """Characters of a row, those of CJK twice as wide as Latin ones."""
    return len(row.text) + len(_WIDE.findall(row.text))


def _beside(left: list[Fragment], right: list[Fragment]) -> bool:
    """Whether the two stand side by side over a good part of their height."""
    top = min(max(p.top for p in left), max(p.top for p in right))
    bottom = max(min(p.bottom for p in left), min(p.bottom for p in right))
    heights = [max(p.top for p in side) - min(p.bottom for p in side) for side in (left, right)]
    return top - bottom > 0.4 * min(heights)


def rows_of(parts: list[Fragment]) -> list[TextLine]:
    """Fragments grouped by line, from top to bottom."""
    rows: list[TextLine] = []
    levels: list[tuple[float, float]] = []  # bottom and top of each row
    for part in sorted(parts, key=lambda part: -part.middle):
        for n in range(len(rows) - 1, max(-1, len(rows) - 4), -1):
            bottom, top = levels[n]
            shared = min(part.top, top) - max(part.bottom, bottom)
            if shared > 0.5 * min(part.top - part.bottom, top - bottom) and _is_clear(part, rows[n].parts):
                rows[n].parts.append(part)
                levels[n] = min(part.bottom, bottom), max(part.top, top)
                break
        else:
            rows.append(TextLine([part]))
            levels.append((part.bottom, part.top))
    from_right = is_rtl("".join(part.text for part in parts))
    for row in rows:
        row.parts.sort(key=lambda part: part.left)
        rtl = is_rtl(row.text) or (from_right and holds_rtl(row.text))
        if rtl:
            row.parts.reverse()
        row.parts = _joined(row.parts, rtl=rtl)
    _join_marks(rows)
    return rows


def _is_clear(part: Fragment, others: list[Fragment]) -> bool:
    """Whether a fragment stands beside all of a row, not over one of it."""
    left, right = part.left, part.right
    return all(left >= other.right - 0.3 * other.size or right <= other.left + 0.3 * other.size for other in others)


def _join_marks(rows: list[TextLine]) -> None:
    """Put the mark of a list's item, far from its text, to it; in a table with more columns it is a cell."""
    marked = [row for row in rows if len(row.parts) > 1 and _MARK.fullmatch(row.parts[0].text)]
    cells = {round(row.parts[0].left / 3) for row in marked if len(row.parts) > 2}
    for row in marked:
        mark, text = row.parts[:2]
        if len(row.parts) > 2 or round(mark.left / 3) in cells or is_value(text.text):
            continue
        gap = max(text.left - mark.right, mark.left - text.right)
        if gap < _MARK_APART * text.size and any(map(str.isalpha, text.text)):
            left, right = min(mark.left, text.left), max(mark.right, text.right)
            row.parts = [replace(text, text=f"{mark.text} {text.text}", left=left, right=right, glyphs=[], pieces=[])]


def _joined(parts: list[Fragment], *, rtl: bool) -> list[Fragment]:
    """Neighbours with no wide gap between them put together: words that the file holds apart."""
    joined = [parts[0]]
    pieces = [_pieces(parts[0])]
    for part in parts[1:]:
        last = joined[-1]
        gap = max(part.left - last.right, last.left - part.right)
        size = max(last.size, part.size)
        if last.parted or gap > size or (gap > NUMBERS_APART * size and are_two_numbers(last.text, part.text)):
            joined.append(part)
            pieces.append(_pieces(part))
            continue
        told = last.spaced and (gap > 0.03 * last.size or not is_rtl(last.text))
        blank = " " if told or gap > 0.15 * max(last.size, part.size) else ""
        pieces[-1] += [(blank, part.box), *_pieces(part)] if blank else _pieces(part)
        glyphs = _from_right(last, part, blank) if rtl else []
        text = last.text + blank + part.text if rtl else in_one_line(pieces[-1]).strip()
        joined[-1] = Fragment(
            text=" ".join(plain(spoken(glyphs)).split()) if glyphs else text,
            left=min(last.left, part.left),
            bottom=min(last.bottom, part.bottom),
            right=max(last.right, part.right),
            top=max(last.top, part.top),
            size=max(last, part, key=lambda piece: len(piece.text)).size,
            bold=last.bold and part.bold,
            italic=last.italic and part.italic,
            spaced=part.spaced,
            hyphen=part.hyphen,
            invisible=last.invisible and part.invisible,
            filled=last.filled or part.filled,
            parted=part.parted,
            font=last.font,
            glyphs=glyphs,
        )
    return joined


def _from_right(last: Fragment, part: Fragment, blank: str) -> list[Glyph]:
    """The letters of two neighbours on a line that runs from the right, from whose places it is read, as a number and
    the letters before it may be held apart; none where they are not known."""
    if not (last.glyphs and part.glyphs):
        return []
    between = [Glyph(" ", (part.right, part.bottom, last.left, part.top))] if blank else []
    return [*last.glyphs, *between, *part.glyphs]


def _pieces(part: Fragment) -> list[Piece]:
    """The text of a fragment, in parts where some of it is raised or lowered."""
    is_text = bool(part.pieces) and plain(in_one_line(part.pieces)) == part.text
    return list(part.pieces) if is_text else [(part.text, part.box)]


@dataclass(slots=True)
class Paragraph:
    """Lines that belong together. `rows`: how many; `bottom` and `top` in points; `to_figure`: one ends
    in a figure far from the words before it."""

    text: str
    size: float
    bold: bool
    rows: int
    top: float
    bottom: float
    bullet: bool = False
    italic: bool = False
    to_figure: bool = False
    is_caption: bool = False


def paragraphs(rows: list[TextLine]) -> list[Paragraph]:
    """Rows of one column put together to paragraphs."""
    found: list[list[TextLine]] = []
    leading = _leading(rows)
    right = sorted(row.right for row in rows)[int(len(rows) * 0.8)] if rows else 0.0
    for row in rows:
        if found and _continues(found[-1], row, leading, right):
            found[-1].append(row)
        else:
            found.append([row])
    return [_paragraph(group) for group in found]


def _leading(rows: list[TextLine]) -> float:
    steps = [above.base - below.base for above, below in pairwise(rows)]
    steps = [step for step in steps if step > 0]
    return median(steps) if steps else 0.0


def _continues(group: list[TextLine], row: TextLine, leading: float, right: float) -> bool:
    last, first = group[-1], group[0]
    step = last.base - row.base
    if row.filled or last.filled:  # a field of a form with its label says something of its own
        return False
    if step <= 0 or step > max(1.35 * leading, 1.2 * row.size) or step > 2.4 * max(row.size, last.size):
        return False
    if abs(row.size - last.size) > 0.12 * last.size:
        return False
    if (row.bold, row.italic) != (last.bold, last.italic) and (row.bold or row.italic or len(group) == 1):
        return False
    if _BULLET.match(row.text):
        return False
    ended = _SENTENCE_END.search(last.text) is not None
    if ended and _CLAUSE.match(row.text) and not last.text[-2:-1].isdigit():
        return False
    if is_rtl(row.text):
        return not (ended and last.left > min(r.left for r in (*group, row)) + 4 * row.size)
    short = last.right < right - 4 * row.size
    if short and (ended or (row.text[:1].isupper() and last.right < right - 0.4 * (right - first.left))):
        return False
    indented = row.left > last.left + 0.9 * row.size
    return not (indented and ended and not _BULLET.match(first.text))


def _paragraph(group: list[TextLine]) -> Paragraph:
    text, right = group[0].text, max(row.right for row in group)
    for last, row in pairwise(group):
        ended = last.parts[-1].spaced or last.right < right - 2 * last.size  # before the margin, so behind a word
        text = join_lines(text, row.text, hyphen=last.parts[-1].hyphen, spaced=ended)
    longest = max(group, key=lambda row: len(row.text))
    bullet = _BULLET.match(text)
    return Paragraph(
        text=unmirrored(text),
        size=longest.size,
        bold=all(row.bold for row in group),
        italic=all(row.italic for row in group),
        rows=len(group),
        top=group[0].top,
        bottom=group[-1].bottom,
        bullet=bullet is not None,
        to_figure=any(len(row.parts) > 1 and is_value(row.parts[-1].text) for row in group),
    )


def join_lines(text: str, line: str, *, hyphen: bool, spaced: bool) -> str:
    """Two lines of a paragraph as one: hyphens of a broken word go, and so do line ends of scripts without blanks."""
    if not text:
        return line
    if hyphen:
        kept = "" if line[:1].islower() and "-" not in text[-20:].rsplit(" ", 1)[-1] else "-"
        return text + kept + line
    if text.endswith("-") and line[:1].islower() and text[-2:-1].isalpha():
        return text[:-1] + line
    if _NO_SPACE.match(text[-1]) and _NO_SPACE.match(line[0]):
        return text + line
    if _HANGUL.match(text[-1]) and _HANGUL.match(line[0]) and not spaced:
        return text + line
    return f"{text} {line}"
