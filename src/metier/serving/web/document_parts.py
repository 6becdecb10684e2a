"""The text of a document as a page draws it: its blocks, what is cited in them marked, and its tables as tables."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise

from metier.core.documents import Block, Document
from metier.serving.document_access import VisibleDocument

Span = tuple[int, int]
_MOST = 30_000  # characters of text on one page
_MAIL_HEADERS = ("From", "To", "Cc", "Date")
_OWN_MARK = re.compile(r"[^\w\s]\s|\(?\w{1,4}[.)]\s|\d+(?:\.\d+)+\s")  # of a list item: bullet or number


@dataclass(frozen=True, slots=True)
class TextRun:
    """A stretch of text. `kind`: "first" (the first one cited), "cited", "hidden" (its text is not shown), or ""."""

    text: str
    kind: str = ""


Runs = tuple[TextRun, ...]


@dataclass(frozen=True, slots=True)
class DrawnRow:
    """A row of a table: for each column its text. `key`: what names it in its source."""

    key: str
    cited: bool
    cells: tuple[Runs, ...]


@dataclass(frozen=True, slots=True)
class Piece:
    """What is drawn as one: a block; a table with its `rows` under `names`; the `items` of a list; `pairs` of names and
    values at the top of a mail. `page`: its number where it is the first of a page, slide or sheet."""

    kind: str
    runs: Runs = ()
    level: int = 0
    page: int | None = None
    names: tuple[str, ...] = ()
    rows: tuple[DrawnRow, ...] = ()
    items: tuple[tuple[Runs, bool], ...] = ()
    pairs: tuple[tuple[str, Runs], ...] = ()


def place_of(document: Document, at: int) -> int | None:
    """The page, slide or sheet of a character."""
    blocks = [block for block in document.blocks if block.kind != "row"]
    index = bisect_right([block.start for block in blocks], at) - 1
    return blocks[max(index, 0)].page if blocks else None


def extent(document: Document, page: int) -> Span:
    """The stretch of text that was read from a page, (0, 0) where none was."""
    inside = [block for block in document.blocks if block.page == page]
    return (inside[0].start, max(block.end for block in inside)) if inside else (0, 0)


def parts(document: Document, within: Span) -> list[Span]:
    """`within` cut between blocks or rows into stretches that a browser draws without effort; at least one."""
    starts = [block.start for block in document.blocks]
    found, (at, end) = [], within
    while end - at > _MOST:
        index = bisect_right(starts, at + _MOST) - 1
        cut = starts[index] if index >= 0 else 0
        if cut <= at + _MOST // 2:
            cut = document.text.rfind(" ", at + _MOST // 2, at + _MOST) + 1 or at + _MOST
        found.append((at, cut))
        at = cut
    return [*found, (at, end)]


def pieces(shown: VisibleDocument, within: Span, cited: Span | None) -> list[Piece]:
    """What stands in `within` of the text, in order."""
    return [*_numbered(_Drawing(shown, within, cited).run())]


def printed(document: Document, page: int, cited: Span | None) -> tuple[str, list[Span]]:
    """The text of a page as it stands there: rows of tables without the names of their columns, which parsing puts
    before each value; and the stretches of it that are cited."""
    stretches: list[Span] = []
    for block, rows, names in _groups(document, extent(document, page)):
        if not rows:
            stretches.append((block.start, block.end))
            continue
        stretches += [(block.start, rows[0].start)] if names else []
        for row in rows:
            line = document.text[row.start : row.end]
            stretches += [(row.start + start, row.start + end) for _column, start, end in cells(line, names)]
    text, spans = "", []
    for start, end in stretches:
        if cited and (inside := _common((start, end), cited)):
            spans.append((inside[0] - start + len(text), inside[1] - start + len(text)))
        text += document.text[start:end] + "\n"
    return text, spans


def cells(line: str, names: Sequence[str]) -> list[tuple[int, int, int]]:
    """A row's line as (column, start, end of the value); column -1 is what stands before all columns that have a name.
    What parts cells may stand in a cell, too: without the name of a later column it belongs to the cell before."""
    found: list[tuple[int, int, int]] = []
    column, at = -1, 0
    for segment in line.split(" | "):
        end = at + len(segment)
        fitting = [i for i in range(column + 1, len(names)) if f"{segment}: ".startswith(f"{names[i]}: ")]
        if fitting:
            column = max(fitting, key=lambda i: (len(names[i]), -i))
            start = at if segment == names[column] else at + len(names[column]) + 2
            found.append((column, start, end))
        elif names and found:
            found[-1] = (*found[-1][:2], end)
        else:
            found.append((-1 if names else len(found), at, end))
        at = end + 3
    return found


class _Drawing:
    def __init__(self, shown: VisibleDocument, within: Span, cited: Span | None) -> None:
        self._document, self._blanked = shown.document, shown.blanked
        self._within, self._cited, self._next = within, cited, "first"
        self._is_mail = shown.document.media_type == "message/rfc822"

    def run(self) -> Iterator[Piece]:
        for kind, group in groupby(_groups(self._document, self._within), key=lambda each: each[0].kind):
            if kind == "list":
                yield from self._list([block for block, *_ in group])
                continue
            for block, rows, names in group:
                yield self._table(block, rows, names) if rows else self._single(block)

    def _list(self, blocks: list[Block]) -> Iterator[Piece]:
        for page, items in groupby(blocks, key=lambda block: block.page):
            texts = [(block, self._document.text[block.start : block.end]) for block in items]
            yield Piece(
                "list",
                page=page,
                items=tuple((self._runs((b.start, b.end)), _OWN_MARK.match(text) is not None) for b, text in texts),
            )

    def _single(self, block: Block) -> Piece:
        line = self._document.text[block.start : block.end]
        if self._is_mail and "\n" not in line:
            found = cells(line, _MAIL_HEADERS)
            if len(found) > 1 and found[0][0] >= 0:
                pairs = [(_MAIL_HEADERS[i], self._runs((block.start + a, block.start + b))) for i, a, b in found]
                return Piece("mail", page=block.page, pairs=tuple(pairs))
        return Piece(block.kind, self._runs((block.start, block.end)), block.level, block.page)

    def _table(self, table: Block, rows: list[Block], names: list[str]) -> Piece:
        lines = [(row, cells(self._document.text[row.start : row.end], names)) for row in rows]
        first = min((column for _row, line in lines for column, *_ in line), default=0)
        last = max((column for _row, line in lines for column, *_ in line), default=0)
        columns = range(min(first, 0), max(last + 1, len(names)))
        drawn = []
        for row, line in lines:
            places = {column: (row.start + start, row.start + end) for column, start, end in line}
            values = tuple(self._runs(places[column]) if column in places else () for column in columns)
            cited = self._cited is not None and _common((row.start, row.end), self._cited) is not None
            drawn.append(DrawnRow(row.row or "", cited, values))
        heads = tuple(names[i] if 0 <= i < len(names) else "" for i in columns) if names else ()
        return Piece("table", page=table.page, names=heads, rows=tuple(drawn))

    def _runs(self, place: Span) -> Runs:
        """The text of a place, in which cited and hidden stretches are told apart."""
        seen = _common(place, self._within)
        if seen is None:
            return ()
        edges = {*seen}
        for span in (*self._blanked, *([self._cited] if self._cited else [])):
            edges.update(each for each in span if seen[0] < each < seen[1])
        found, ordered = [], sorted(edges)
        for start, end in pairwise(ordered):
            text = self._document.text[start:end]
            if any(_common((start, end), span) for span in self._blanked):
                found.append(TextRun("", "hidden"))
            else:
                found.append(TextRun(text, self._kind((start, end))))
        return tuple(found)

    def _kind(self, place: Span) -> str:
        if self._cited is None or _common(place, self._cited) is None:
            return ""
        kind, self._next = self._next, "cited"
        return kind


def _groups(document: Document, within: Span) -> Iterator[tuple[Block, list[Block], list[str]]]:
    """Each block that has a part in `within`; a table with those of its rows that have, and the names of its columns,
    which stand on a line before its first row."""
    table: Block | None = None
    rows: list[Block] = []
    names: list[str] = []
    for block in (*document.blocks, None):
        if block is not None and block.kind == "row" and table is not None:
            if block.start > table.start and not rows:
                names = names or document.text[table.start : block.start].strip().split(" | ")
            rows.append(block)
            continue
        seen = [row for row in rows if _common((row.start, row.end), within)]
        if table is not None and (seen or (not rows and _common((table.start, table.end), within))):
            yield table, seen, names
        table, rows, names = None, [], []
        if block is None:
            return
        if block.kind == "table":
            table = block
        elif _common((block.start, block.end), within):
            yield block, [], []


def _numbered(drawn: Iterator[Piece]) -> Iterator[Piece]:
    """Pieces that begin no page, slide or sheet lose its number."""
    last = None
    for piece in drawn:
        page = piece.page if piece.page != last else None
        last = piece.page
        yield replace(piece, page=page)


def _common(one: Span, other: Span) -> Span | None:
    """The stretch that both share, None where it is empty."""
    start, end = max(one[0], other[0]), min(one[1], other[1])
    return (start, end) if start < end else None
