"""The data model: a document, its blocks, and the passages cut from it.

    Document.text     one string, the parsed text; every offset counts characters into it
    Block             a stretch of that text with a role: heading, paragraph, list item, table, row, code, description
    Passage           a stretch small enough to embed; `document.text[p.start:p.end] == p.text`, always

A table is written row by row, each row on a line of its own and carrying its column names
(`Turbine: WT-07 | Rated power: 4.2 MW`), so that any slice of it can be read alone.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from metier.core.tables import PATH, DeclaredColumn, Reference, Span, Table, TableRow, column_names

_UNWANTED = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")

# Scheme of the uri of what a person put in place of a passage; `corrects` in its metadata is the uri of that.
CELL = " | "  # between the cells of a row
CORRECTION = "correction:"

BlockKind = Literal["heading", "paragraph", "list", "table", "row", "code", "quote", "caption", "description"]
DESCRIBED = "described"  # key in the metadata of a passage that is the description of a picture


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of `Document.text` with a role.

    `start`, `end`: character offsets into the document's text. `page`: 1-based page, slide or sheet number, None
    where the format has none. `level`: 1 to 6 for headings, 0 otherwise. `row`: for `row` blocks, what names the
    row in its source (1-based row number as a string, or the primary key of a database row).
    A `table` block spans its rows; each row follows as a `row` block inside that span. A `description` is what a model
    says of a picture that stands there: no text of the document, and never quoted as such.
    """

    kind: BlockKind
    start: int
    end: int
    page: int | None = None
    level: int = 0
    row: str | None = None


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of a document that its text does not tell. `content`: PNG, JPEG, GIF or WebP. `at`: how many characters
    of the document's text stand before it. `page`: as of a block. `caption`: "" where it has none. `is_page`: a whole
    page, as of a scan."""

    content: bytes
    at: int
    page: int | None = None
    caption: str = ""
    is_page: bool = False


@dataclass(frozen=True, slots=True)
class Document:
    """One item of a source, parsed.

    `id`: stable for the item (hash of its uri), whatever its content. `uri`: how the source names it (a path
    relative to the source's root, a URL, `database.sqlite#table`). `content_hash`: SHA-256 of the
    raw bytes, hexadecimal; of what is indexed with "-" and a signature of all else that shaped it (settings, groups).
    `media_type`: MIME type. `language`: BCP-47 code or "" where unknown. `groups`: who may read it; empty = all.
    `metadata`: flat strings (author, date, sheet names, e-mail headers), usable as search filters.
    `warnings`: what the reader could not read (a page without text, a dropped sheet), in words.
    `tables`: each table block as rows and cells, in the order of the text; none in what an earlier version has read.
    `pictures`: those that are still to be described, in the order of the text; a store keeps none.
    """

    id: str
    uri: str
    title: str
    text: str
    blocks: tuple[Block, ...]
    media_type: str
    content_hash: str = ""
    language: str = ""
    pages: int | None = None
    groups: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    pictures: tuple[Picture, ...] = ()

    def table_at(self, start: int, end: int) -> Table | None:
        """The table that holds the characters `start`..`end` of the text; None where that is no single table."""
        index = bisect_right(self.tables, start, key=lambda table: table.start) - 1
        return self.tables[index] if index >= 0 and end <= self.tables[index].end else None


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of a document, small enough to embed, that knows its exact place.

    `headings`: path from the document's title down to the nearest heading. `page`: page on which it starts.
    `row`: key of the first table row in it, if it is made of rows. `uri` and `title` are the document's.
    """

    id: str
    document_id: str
    text: str
    start: int
    end: int
    headings: tuple[str, ...] = ()
    page: int | None = None
    row: str | None = None
    uri: str = ""
    title: str = ""
    language: str = ""
    groups: tuple[str, ...] = ()
    metadata: Mapping[str, str] = field(default_factory=dict)

    @property
    def indexed_text(self) -> str:
        """What is embedded and searched: the heading path, then the text."""
        return f"{' › '.join(self.headings)}\n{self.text}" if self.headings else self.text

    @property
    def described(self) -> bool:
        """Whether a model says this of a picture, and the document does not."""
        return DESCRIBED in self.metadata

    @property
    def corrects(self) -> str:
        """Uri of the document that this corrects, "" where it is no correction."""
        return self.metadata.get("corrects", "") if self.uri.startswith(CORRECTION) else ""

    def within(self, start: int, end: int) -> Passage:
        """This passage cut down to `start`..`end` of its text; it keeps its id, which names the passage it is from."""
        return replace(self, text=self.text[start:end], start=self.start + start, end=self.start + end)


def described(metadata: Mapping[str, str]) -> dict[str, str]:
    """The metadata of a passage that is the description of a picture, of its document's."""
    return {**metadata, DESCRIBED: "figure"}


def document_id(uri: str) -> str:
    """16 hex digits of SHA-256 over the NFC form of `uri`: the same item keeps its id when its content changes."""
    return _digest(unicodedata.normalize("NFC", uri))


def passage_id(document: str, start: int, end: int, text: str) -> str:
    """16 hex digits over document, place and text: an unchanged passage keeps its id from sync to sync."""
    return _digest(f"{document}\0{start}\0{end}\0{text}")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


class TextBuilder:
    """Collects the text of a document and the blocks in it, so that every offset is right by construction.

    Text is kept in Unicode's composed form (NFC), so that the same word is the same characters in every document, and
    without control characters and lone surrogates, which no store can hold.
    """

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self.blocks: list[Block] = []
        self.tables: list[Table] = []

    @property
    def text(self) -> str:
        return "".join(self._parts)

    @property
    def length(self) -> int:
        """Of the text, in characters."""
        return self._length

    def add(self, kind: BlockKind, text: str, *, page: int | None = None, level: int = 0) -> None:
        """Append a block of text, separated from the one before by an empty line. Blank text is dropped."""
        text = clean(text).strip()
        if not text:
            return
        self._separate("\n\n")
        start = self._append(text)
        self.blocks.append(Block(kind, start, self._length, page, level))

    def add_table(
        self,
        rows: Sequence[Sequence[str]],
        *,
        header: bool | int = True,
        page: int | None = None,
        keys: Sequence[str] | None = None,
        groups: Sequence[Sequence[str]] | None = None,
        caption: str = "",
        unit: str = "",
        notes: Sequence[str] = (),
        pairs: bool = False,
        name: str = "",
        references: Sequence[Reference] = (),
        declared: Sequence[DeclaredColumn] = (),
        beside: Sequence[Sequence[str]] | None = None,
    ) -> None:
        """Append a table. `rows`: cells as strings, rectangular or ragged; the first `header` of them (True: one) name
        the columns. Of the rows after the header: `keys` names each in its source (default: its 1-based number among
        `rows`), `groups` says under which names it stands. `unit`: what holds for all values. `pairs`: rows are a
        name and its value (`Rated power: 4.2 MW`). `caption`: where none is given, a caption right before the table.
        `name`, `references`, `declared`: see `Table`; rows that are a part of a database's table have no line of names
        above them. `beside`: what is told of each cell behind it ("17 (Acme Ltd)"), and is no part of its value."""
        rows = [[_line(cell) for cell in row] for row in rows]
        if not any(any(row) for row in rows):
            return
        if not caption and self.blocks and self.blocks[-1].kind == "caption":
            caption = self._parts[-1]
        count = int(header)
        heads, body = tuple(tuple(row) for row in rows[:count]), rows[count:]
        names, unit = column_names(heads), _line(unit)
        self._separate("\n\n")
        start, written = self._length, []
        if any(names) and not declared:
            self._append(CELL.join(name for name in names if name))
        for place, cells in enumerate(body):
            if any(cells):
                if self._length > start:
                    self._separate("\n")
                key = keys[place] if keys else str(place + count + 1)
                under = tuple(map(_line, groups[place])) if groups else ()
                told = beside[place] if beside else ()
                written.append(self._row(names, cells, key, under, unit, pairs, told))
        self.blocks.append(Block("table", start, self._length, page))
        self.blocks.extend(Block("row", row.start, row.end, page, 0, row.key) for row in written)
        said = (_line(caption), unit, tuple(map(_line, notes)))
        of_database = (name, tuple(references), tuple(declared))
        self.tables.append(Table(heads, tuple(written), start, self._length, *said, page, *of_database))

    def _row(
        self,
        names: Sequence[str],
        cells: Sequence[str],
        key: str,
        groups: tuple[str, ...],
        unit: str,
        pairs: bool,
        beside: Sequence[str],
    ) -> TableRow:
        """Append a row: each cell behind the name of its column, the first behind the groups and before the unit."""
        start = self._length
        places: list[Span | None] = []
        for index, cell in enumerate(cells):
            if not cell:
                places.append(None)
                continue
            if self._length > start:
                self._append((" " if cells[0].endswith(":") else ": ") if pairs else CELL)
            name = names[index] if index < len(names) else ""
            if name and name != cell:
                self._append(f"{name}: ")
            if not index and groups:
                self._append(PATH.join(groups) + PATH)
            places.append((self._append(cell), self._length))
            if beside and beside[index]:
                self._append(f" {_line(beside[index])}")
            if not index and unit:
                self._append(f" {unit}" if unit[0] in "([" else f" ({unit})")
        return TableRow(start, self._length, key, tuple(places), groups)

    def _separate(self, separator: str) -> None:
        if self._length:
            self._append(separator)

    def _append(self, text: str) -> int:
        start = self._length
        self._parts.append(text)
        self._length += len(text)
        return start


def _line(text: str) -> str:
    return clean(" ".join(text.split())).strip()


def clean(text: str) -> str:
    """In Unicode's composed form (NFC), without control characters and lone surrogates."""
    return unicodedata.normalize("NFC", _UNWANTED.sub("", text))
