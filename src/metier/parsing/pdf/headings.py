"""Which paragraphs of a PDF are headings: those in its bookmarks, and short ones set larger or bolder than the text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING

import regex

from metier.parsing.core.table_cells import is_value
from metier.parsing.pdf.fragments import Fragment
from metier.parsing.pdf.layout import Paragraph
from metier.text.language import in_any_language
from metier.text.phrases import any_of

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument

_LONGEST = 200
_NUMBERED = re.compile(r"(?:\d{1,2}(?:\.\d{1,2}){0,4}\.?|[A-Z]\.|[IVX]{1,5}\.)\s+\S")
_NUMBER = re.compile(r"^(?:\d{1,2}\.)+\d{0,2}\s")  # of a section
_MAX_BOOKMARKS = 5000


class Outline:
    """The bookmarks of a PDF: level by page and title."""

    def __init__(self, document: PdfDocument) -> None:
        self._levels: dict[tuple[int, str], int] = {}
        self._anywhere: dict[str, int] = {}
        for number, item in enumerate(document.get_toc(max_depth=6)):
            if number >= _MAX_BOOKMARKS:
                break
            destination = item.get_dest()
            page = destination.get_index() if destination is not None else None
            title = _folded(item.get_title())
            if title and page is not None:
                self._levels[page + 1, title] = item.level + 1
            elif title:
                self._anywhere[title] = item.level + 1

    def level(self, page: int, text: str) -> int:
        """1 to 6 where the text is that of a bookmark to this page, 0 elsewhere."""
        title = _folded(text)
        bare = _folded(re.sub(r"^[\d.]+\s+", "", text))
        for key in (title, bare):
            if level := self._levels.get((page, key), 0) or self._anywhere.get(key, 0):
                return min(6, level)
        return 0

    def __bool__(self) -> bool:
        return bool(self._levels or self._anywhere)


def heading_levels(items: list[tuple[int, Paragraph]], outline: Outline) -> dict[int, int]:
    """id of a paragraph -> its level as a heading. Sizes larger than the body's rank from level 1 downward."""
    body = body_size(paragraph for _page, paragraph in items)
    marked = {id(p): level for page, p in items if len(p.text) < _LONGEST and (level := outline.level(page, p.text))}
    large = [p for _page, p in items if id(p) not in marked and _candidate(p) and p.size > 1.12 * body]
    sizes = _ranks([p.size for p in large])
    levels = dict(marked)
    for paragraph in large:
        levels[id(paragraph)] = min(6, sizes[round(paragraph.size, 1)])
    bold_level = min(6, max(sizes.values(), default=0) + 1)
    share = sum(len(p.text) for _page, p in items if p.bold) / max(1, sum(len(p.text) for _page, p in items))
    if share < 0.3:
        for (_page, paragraph), following in zip(items, [*items[1:], (0, None)], strict=False):
            if id(paragraph) not in levels and _stands_out(paragraph, following[1]) and paragraph.size > 0.9 * body:
                levels[id(paragraph)] = min(6, bold_level + _depth(paragraph.text) + (not paragraph.bold))
    return levels


def _stands_out(paragraph: Paragraph, following: Paragraph | None) -> bool:
    """A short line in bold, or one line in italics, over text in neither."""
    if following is None or not _candidate(paragraph) or is_caption(paragraph.text):
        return False
    if paragraph.bold:
        return not following.bold
    return paragraph.italic and not following.italic and paragraph.rows == 1 and len(paragraph.text) < 80


def is_caption(text: str) -> bool:
    """ "Figure 3. ", "[표 1] ", "Abb. 2-1 " """
    return _caption().match(text) is not None


@lru_cache(maxsize=1)
def _caption() -> regex.Pattern[str]:
    words = any_of(in_any_language("files", "caption"))
    return regex.compile(rf"\[?(?:{words})\s*[\dIVX]+(?:[.\-–:]\d+)*[.:\]]?\s", regex.IGNORECASE)


def _candidate(paragraph: Paragraph) -> bool:
    text = paragraph.text.strip()
    if (
        not text
        or len(text) > _LONGEST
        or paragraph.rows > 3
        or sum(c.isalpha() for c in text) < (3 if text.isascii() else 1)
    ):
        return False
    if _is_figures(paragraph):
        return False
    if paragraph.bullet and not _NUMBERED.match(text):
        return False
    return not text.endswith((".", ",", ";", ":")) or (_NUMBERED.match(text) is not None and len(text) < 80)


def _is_figures(paragraph: Paragraph) -> bool:
    """Whether a line holds figures rather than words: a row of a table, a line of numbers."""
    words = _NUMBER.sub("", paragraph.text.strip()).split()
    figures = [word for word in words if any(map(str.isdigit, word)) and is_value(word.strip("()[],;"))]
    if paragraph.to_figure:
        return True
    letters = sum(c.isalpha() for word in words for c in word)
    return len(figures) > 1 and (2 * len(figures) > len(words) or letters < sum(map(len, figures)))


def _depth(text: str) -> int:
    """0 for `5 Results`, 1 for `5.1 Setup`."""
    match = re.match(r"\d+(?:\.\d+)*", text)
    return match[0].count(".") if match else 0


def body_size(texts: Iterable[Paragraph | Fragment]) -> float:
    """The size of the text, in points: half of it is set no larger; 0 where none has a size."""
    weights: Counter[float] = Counter()
    for each in texts:
        if each.size:
            weights[round(each.size * 2) / 2] += len(each.text)
    sizes = sorted(weights)
    sums = accumulate(weights[size] for size in sizes)
    return next((size for size, told in zip(sizes, sums, strict=True) if 2 * told >= weights.total()), 0.0)


def _ranks(sizes: list[float]) -> dict[float, int]:
    """Sizes, those within 5 % of each other as one, to 1, 2, 3, … from the largest."""
    ranks: dict[float, int] = {}
    last, rank = float("inf"), 0
    for size in sorted({round(size, 1) for size in sizes}, reverse=True):
        if size < 0.95 * last:
            rank, last = rank + 1, size
        ranks[size] = rank
    return ranks


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()[:300]
