"""The text of a document as a page draws it: its blocks, what is cited in them marked, and its tables as tables."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from metier.core.documents import Block, Document
from metier.core.tables import Span, Table, TableRow
from metier.serving.document_access import VisibleDocument
from metier.serving.web.document_tables import DrawnTable, grouped, header_cells
from metier.serving.web.text_runs import Runs, TextRuns, common

_MOST = 30_000  # characters of text on one page
_MAIL_HEADER = re.compile(r"(?:^| \| )(From|To|Cc|Date): ")
_OWN_MARK = re.compile(r"[^\w\s]\s|\(?\w{1,4}[.)]\s|\d+(?:\.\d+)+\s")  # of a list item: bullet or number


@dataclass(frozen=True, slots=True)
class Piece:
    """What is drawn as one: a block; a `table`; the `items` of a list; `pairs` of names and values on top of a mail.
    `page`: its number where it is the first of a page, slide or sheet."""

    kind: str
    runs: Runs = ()
    level: int = 0
    page: int | None = None
    table: DrawnTable | None = None
    items: tuple[tuple[Runs, bool], ...] = ()
    pairs: tuple[tuple[str, Runs], ...] = ()


@dataclass(frozen=True, slots=True)
class _Group:
    """Blocks that are drawn as one: a block; a table with the captions over it and those of its rows that are shown."""

    block: Block
    table: Table | None = None
    rows: tuple[TableRow, ...] = ()
    captions: tuple[Block, ...] = ()

    @property
    def kind(self) -> str:
        return self.block.kind


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
    """The text of a page as it stands there: names of columns and groups once, where they are printed, not before each
    value as parsing puts them; and the stretches of it that are cited."""
    text, spans = "", []
    for line in _lines(document, extent(document, page)):
        if isinstance(line, str):
            text += line + "\n"
            continue
        if cited and (inside := common(line, cited)):
            spans.append((inside[0] - line[0] + len(text), inside[1] - line[0] + len(text)))
        text += document.text[slice(*line)] + "\n"
    return text, spans


def _lines(document: Document, within: Span) -> Iterator[Span | str]:
    """Stretches of the document's text, and what is printed but stands elsewhere in it."""
    for group in _groups(document, within):
        if group.kind == "description":
            continue  # said of the page, not printed on it
        if group.table is None:
            yield group.block.start, group.block.end
            continue
        yield from ((block.start, block.end) for block in group.captions)
        yield group.table.unit
        yield from (cell.text for row in header_cells(group.table.header) for cell in row)
        for names, rows in grouped(group.rows, document.text):
            yield from (name for name, _depth in names)
            yield from (place for row in rows for place in row.cells if place is not None)


class _Drawing:
    def __init__(self, shown: VisibleDocument, within: Span, cited: Span | None) -> None:
        self._document, self._within = shown.document, within
        self._runs = TextRuns(shown, within, cited)
        self._is_mail = shown.document.media_type == "message/rfc822"

    def run(self) -> Iterator[Piece]:
        for kind, groups in groupby(_groups(self._document, self._within), key=lambda group: group.kind):
            if kind == "list":
                yield from self._list([group.block for group in groups])
            else:
                yield from map(self._piece, groups)

    def _list(self, blocks: list[Block]) -> Iterator[Piece]:
        for page, items in groupby(blocks, key=lambda block: block.page):
            texts = [(block, self._document.text[block.start : block.end]) for block in items]
            yield Piece(
                "list",
                page=page,
                items=tuple((self._runs.of((b.start, b.end)), _OWN_MARK.match(text) is not None) for b, text in texts),
            )

    def _piece(self, group: _Group) -> Piece:
        block = group.block
        if group.table is not None:
            captions = [self._runs.of((each.start, each.end)) for each in group.captions]
            drawn = DrawnTable.of(group.table, group.rows, self._document.text, self._runs, captions)
            return Piece("table", page=block.page, table=drawn)
        line = self._document.text[block.start : block.end]
        if self._is_mail and "\n" not in line and len(found := _mail_headers(line)) > 1:
            pairs = [(name, self._runs.of((block.start + a, block.start + b))) for name, a, b in found]
            return Piece("mail", page=block.page, pairs=tuple(pairs))
        return Piece(block.kind, self._runs.of((block.start, block.end)), block.level, block.page)


def _mail_headers(line: str) -> list[tuple[str, int, int]]:
    """Name, start and end of the value of each header; none where the line begins with something else."""
    found = [*_MAIL_HEADER.finditer(line)]
    if not found or found[0].start():
        return []
    ends = [following.start() for following in found[1:]]
    return [(header[1], header.end(), end) for header, end in zip(found, [*ends, len(line)], strict=True)]


def _groups(document: Document, within: Span) -> Iterator[_Group]:
    """What has a part in `within`. A table that an earlier version read, without a model, is a block of lines."""
    tables = {table.start: table for table in document.tables if common((table.start, table.end), within)}
    waiting: list[Block] = []  # captions that may be those of a table
    for block in document.blocks:
        if block.kind == "row" or common((block.start, block.end), within) is None:
            continue
        if block.kind == "caption":
            waiting.append(block)
            continue
        table = tables.get(block.start) if block.kind == "table" else None
        rows = tuple(row for row in table.rows if common((row.start, row.end), within)) if table else ()
        captions = _captions(document, waiting, table) if table and rows else []
        yield from map(_Group, waiting[: len(waiting) - len(captions)])
        waiting = []
        yield _Group(block, table, rows, tuple(captions)) if rows else _Group(block)
    yield from map(_Group, waiting)


def _captions(document: Document, waiting: Sequence[Block], table: Table) -> list[Block]:
    """The last of the captions that are those of the table."""
    own = [*waiting]
    while own and " ".join(document.text[own[0].start : own[0].end].split()) not in table.caption:
        own.pop(0)
    return own


def _numbered(drawn: Iterator[Piece]) -> Iterator[Piece]:
    """Pieces that begin no page, slide or sheet lose its number."""
    last = None
    for piece in drawn:
        page = piece.page if piece.page != last else None
        last = piece.page
        yield replace(piece, page=page)
