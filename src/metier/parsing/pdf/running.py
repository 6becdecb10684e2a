"""Running titles and page numbers: what recurs at the same height at the edge of page after page.

Both are left out, on the first page too; the running title is handed on, as it may be the title of the document. A line
that differs from page to page in a number is a title of its page (`Pump P-101`, `Certificate No. 4711`), unless the
number counts the pages and stands apart or beside nothing but words for pages.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from metier.parsing.pdf.fragments import Fragment
from metier.parsing.pdf.headings import body_size
from metier.parsing.pdf.layout import TextLine, rows_of
from metier.text.language import words_in_any_language

_EDGE = 0.12  # of the height of a page: where running titles stand
_LEAST = 3  # pages on which a line recurs
_WINDOW = 4  # pages within which it does: titles of chapters change
_HEIGHTS = 6.0  # points by which its height may differ
_APART = 2.5  # heights of a line by which text is parted from what runs above it
_NEXT = 1.2
_LARGE = 1.15  # of the size of most text: set as a heading
_NUMBER = re.compile(r"\d+|(?<![\w.])[ivxlc]{1,7}(?![\w.])")
_SHORT = frozenset(["p", "pg", "pp", "pag", "pág", "str", "стр", "с", "s", "seiten", "pages", "頁", "页", "ページ"])
_DIVIDERS = "|/·•–—-:.,;()[]第 \t"
_ROMAN = {"i": 1, "v": 5, "x": 10, "l": 50, "c": 100}


@dataclass(slots=True)
class _Line:
    """A line at an edge of page `page`, from 0. `key`: its text with numbers made alike; `at`: points from the edge."""

    page: int
    row: TextLine
    text: str
    key: str
    at: float
    parts: list[Fragment]
    numbers: list[int] = field(default_factory=list)


def without_running(pages: Sequence[list[Fragment]], heights: Sequence[float]) -> tuple[list[list[Fragment]], str]:
    """The fragments of each page without running titles and page numbers, and the running title at the top of the
    first page, "" where there is none. `heights`: of the pages in points."""
    body = body_size(part for parts in pages for part in parts)
    gone: set[int] = set()
    head = ""
    for upper in (True, False):
        edge = [_edge(n, *page, upper=upper) for n, page in enumerate(zip(pages, heights, strict=True))]
        recurring = _Recurring([line for lines in edge for line in lines], body, len(pages))
        for lines in edge:
            for line in _running(lines, recurring):
                gone.update(id(part) for part in line.parts)
                if upper and not line.page:
                    head = head or recurring.told(line)
    return [[part for part in parts if id(part) not in gone] for parts in pages], head


def _edge(page: int, parts: list[Fragment], height: float, *, upper: bool) -> list[_Line]:
    """Lines at the top or bottom of a page, from the edge inward."""
    near = [p for p in parts if not p.slant and (p.bottom > (1 - _EDGE) * height if upper else p.top < _EDGE * height)]
    rows = rows_of(near)
    found = []
    for row in rows if upper else reversed(rows):
        text = " ".join(row.text.split())
        held = [part for part in near if row.bottom <= part.middle <= row.top]
        key = _NUMBER.sub("0", text.casefold())
        at = height - row.top if upper else row.bottom
        found.append(_Line(page, row, text, key, at, held, [_value(n) for n in _NUMBER.findall(text.casefold())]))
    return found


def _running(lines: list[_Line], recurring: _Recurring) -> list[_Line]:
    """Those lines of an edge that are running titles, from the edge to the first that is none."""
    found: list[_Line] = []
    for place, line in enumerate(lines):
        if found and _gap(found[-1].row, line.row) > _APART * line.row.size:
            break
        following = lines[place + 1] if place + 1 < len(lines) else None
        if not recurring.has(line) or (following and _heads_table(line.row, following, recurring)):
            break
        found.append(line)
    return found


def _heads_table(row: TextLine, following: _Line, recurring: _Recurring) -> bool:
    """Whether a line of several parts stands right over another that does not recur: names of columns over values."""
    beside = len(row.parts) > 1 and len(following.row.parts) > 1
    return beside and _gap(row, following.row) < _NEXT * row.size and not recurring.has(following)


def _gap(one: TextLine, other: TextLine) -> float:
    return max(one.bottom - other.top, other.bottom - one.top)


class _Recurring:
    """Lines of one edge of all pages, by their text with numbers made alike."""

    def __init__(self, lines: list[_Line], body: float, pages: int) -> None:
        self._body, self._pages = body, pages
        self._by_key: dict[str, list[_Line]] = defaultdict(list)
        for line in lines:
            self._by_key[line.key].append(line)

    def has(self, line: _Line) -> bool:
        """Whether the line runs: it stands at this height on several pages, word for word or with their numbers."""
        alike = [other for other in self._by_key[line.key] if abs(other.at - line.at) <= _HEIGHTS]
        if not line.page and len(alike) < _LEAST and (elsewhere := self._on_later_pages(line)) is not None:
            return self.has(elsewhere)
        if len({other.page for other in alike}) < _LEAST:
            return False
        same = {other.page for other in alike if other.text == line.text}
        least = max(_LEAST, self._pages // 3) if line.row.size > _LARGE * self._body else _LEAST
        if len(same) >= least:
            return any(0 < abs(page - line.page) <= _WINDOW for page in same)
        return self._counts_pages(line, alike)

    def _on_later_pages(self, line: _Line) -> _Line | None:
        """The same words, no smaller, at another height of a later page: the first page may begin lower."""
        alike = (other for other in self._by_key[line.key] if other.page and other.text == line.text)
        return next((other for other in alike if line.row.size <= _LARGE * other.row.size), None)

    def told(self, line: _Line) -> str:
        """What a running line says on each page, without numbers of pages."""
        others = {part.text for other in self._by_key[line.key] if other.page != line.page for part in other.row.parts}
        return " – ".join(part.text for part in line.row.parts if part.text in others)

    def _counts_pages(self, line: _Line, alike: list[_Line]) -> bool:
        """Whether the numbers that differ are those of the pages, and no more than that."""
        if line.row.size > _LARGE * self._body and any(c.isalpha() for c in line.text):
            return False
        varying = [n for n in range(len(line.numbers)) if len({other.numbers[n] for other in alike}) > 1]
        for place in varying:
            offsets = Counter(other.numbers[place] - other.page for other in alike)
            offset, count = offsets.most_common(1)[0]
            if line.numbers[place] - line.page != offset or count < max(_LEAST, 0.6 * len(alike)):
                return False
            if not (self._bare(line) or _is_apart(line, place)):
                return False
        return bool(varying)

    def _bare(self, line: _Line) -> bool:
        """Whether nothing but words for pages stands beside the numbers: `3`, `Page 3`, `3 of 9`, `Seite 3 von 9`."""
        words = re.findall(r"[^\W\d_]+", _NUMBER.sub(" ", line.text.casefold()))
        others = [word for word in words if word not in words_in_any_language("files", "page") | _SHORT]
        return not others or (len(line.numbers) > 1 and len(others) == 1 and len(others[0]) <= 3)


def _is_apart(line: _Line, place: int) -> bool:
    """Whether the number stands apart from the words: in a part of its own, or behind a divider."""
    match = list(_NUMBER.finditer(line.text.casefold()))[place]
    if any(part.text.strip(_DIVIDERS).casefold() == match[0] for part in line.row.parts) and len(line.row.parts) > 1:
        return True
    before, after = line.text[: match.start()], line.text[match.end() :]
    if (before.split() or [""])[-1].casefold().strip(".,") in words_in_any_language("files", "page") | _SHORT:
        return True
    if before.strip() and after.strip():
        return False
    return (
        before[-2:].strip() in ("|", "·", "•", "–", "—") if before else after[:2].strip() in ("|", "·", "•", "–", "—")
    )


def _value(number: str) -> int:
    if number.isdecimal():
        return int(number)
    digits = [_ROMAN[c] for c in number]
    return sum(-d if any(e > d for e in digits[n + 1 : n + 2]) else d for n, d in enumerate(digits))
