"""From the bytes of one file to a `Document`: what every reader is given, and the order in which readers are found.

A reader is a function `read(content: bytes, builder: Builder, context: Context) -> None` in a module of its own. It
puts text into the builder and facts about the document into the context, and raises `ParseError` where the file
cannot be read. Readers run inside the worker process and are imported when their format first turns up.
"""

from __future__ import annotations

import hashlib
import importlib
import itertools
import math
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath

from metier.core import plugins
from metier.core.documents import Document, TextBuilder, document_id
from metier.core.errors import ParseError, PluginError
from metier.core.tables import TableRow
from metier.parsing.core import formats
from metier.parsing.core.pictures import PictureCollector, captioned
from metier.parsing.core.titles import best_title, is_title, tidied

_READERS: tuple[tuple[tuple[str, ...], str], ...] = (
    ((formats.PLAIN,), "text.plain"),
    ((formats.MARKDOWN,), "text.markdown"),
    ((formats.HTML,), "text.html"),
    ((formats.PDF,), "pdf.document"),
    ((formats.DOCX,), "office.docx"),
    ((formats.XLSX,), "office.xlsx"),
    ((formats.XML_SHEET,), "office.xml_sheets"),
    ((formats.PPTX,), "office.pptx"),
    ((formats.CSV, formats.TSV), "text.delimited"),
    ((formats.JSON, formats.JSONL), "text.records"),
    ((formats.NOTEBOOK,), "text.notebook"),
    ((formats.XML,), "text.xml"),
    ((formats.EML,), "text.mail"),
    ((formats.EPUB,), "text.epub"),
    ((formats.ODT, formats.ODS, formats.ODP), "office.odf"),
    ((formats.PPT,), "legacy.ppt"),
    ((formats.XLS,), "legacy.xls"),
    ((formats.DOC, formats.MSG, formats.RTF, formats.ENCRYPTED_OFFICE), "legacy.xberg_reader"),
    ((formats.SQLITE,), "text.database"),
    ((formats.ROWS,), "text.database_rows"),
    ((formats.PNG, formats.JPEG, formats.TIFF), "text.image"),
)
_HEADINGS = 5  # that are looked at for a title
MAX_NESTING = 3  # a mail in a mail in a mail
MIB = 2**20
_MOST_BLOCKS, _MOST_COLUMNS, _MOST_CELLS = 1_000_000, 16_384, 3_000_000  # a sheet of Excel has 16,384 columns


@dataclass(frozen=True, slots=True)
class ParsingLimits:
    """What one document may cost. Sizes in bytes, time in seconds; `ocr_languages` as tesseract writes them; `hidden`:
    what its author hid or struck out is read too; `pictures`: how many are gathered to be described; `sandbox`: the
    process opens no files but programs, and no connection."""

    timeout_seconds: float = 120
    memory: int = 3072 * MIB
    file: int = 200 * MIB
    text: int = 20 * MIB
    ocr: bool = True
    ocr_languages: str = ""
    hidden: bool = False
    pictures: int = 0
    language: str = "en"
    sandbox: bool = False

    @property
    def unpacked(self) -> int:
        """Bytes that a zip-based file may unpack to, pictures included."""
        return 4 * self.file

    @property
    def message(self) -> int:
        """Bytes of a message between the process that parses and the one that asks: in JSON a character takes three
        times its bytes at most, what tables say is there twice, and there may be a million blocks, and pictures."""
        return 8 * self.text + 192 * MIB


class Builder(TextBuilder):
    """A `TextBuilder` that refuses more text than `limit` bytes (UTF-8), as soon as there is too much; also more
    blocks, columns or cells than any document has: each takes ten times the memory of its text."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self._limit, self._bytes, self._cells = limit, 0, 0

    def _append(self, text: str) -> int:
        self._bytes += len(text) if text.isascii() else len(text.encode("utf-8", "replace"))
        if self._bytes > self._limit:
            raise too_much_text(self._limit)
        if len(self.blocks) > _MOST_BLOCKS:
            raise _too_many(_MOST_BLOCKS, "paragraphs, rows and headings")
        return super()._append(text)

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
        self._cells += len(cells)
        if len(cells) > _MOST_COLUMNS:
            raise _too_many(_MOST_COLUMNS, "columns in a table")
        if self._cells > _MOST_CELLS:
            raise _too_many(_MOST_CELLS, "cells in its tables")
        return super()._row(names, cells, key, groups, unit, pairs, beside)


@dataclass(slots=True)
class Context:
    """What a reader knows about its file and tells about the document.

    `name`: file name, for messages and as the last resort for a title. `depth`: 0 for a file, 1 for its attachment.
    """

    name: str
    media_type: str
    limits: ParsingLimits
    title: str = ""
    language: str = ""
    pages: int | None = None
    metadata: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)
    pictures: PictureCollector = field(default_factory=PictureCollector)
    depth: int = 0
    deadline: float = math.inf  # of time.monotonic(); OCR stops before it and keeps what was read

    def warn(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)

    def leave_out(self, what: str, count: int = 1) -> None:
        """Say that something hidden was left out; `what`: one of it, in words ("row", "hidden sheet Costs")."""
        self.left_out[what] = self.left_out.get(what, 0) + count

    def name_title(self, title: str | None) -> None:
        """Keep a title that the file carries, unless a program put it there by itself."""
        title = tidied(title)
        if title and not self.title and is_title(title, saved=True):
            self.title = title

    def part(self, name: str, media_type: str, *, depth: int = 0) -> Context:
        """For a part of the file that is read as a file of its own: its facts are not those of the whole, but what is
        left out of it, and its pictures, are of both. `depth`: how much deeper it is attached."""
        return Context(
            name, media_type, self.limits, depth=self.depth + depth, deadline=self.deadline,
            left_out=self.left_out, pictures=self.pictures,
        )  # fmt: skip

    def describe(self, **facts: str | None) -> None:
        """Keep facts about the document that are known and not blank; the first one told wins."""
        for name, value in facts.items():
            value = " ".join(str(value).split()) if value else ""
            if value and name not in self.metadata:
                self.metadata[name] = value[:1000]


def _too_many(most: int, what: str) -> ParseError:
    return ParseError(f"holds more than {most:,} {what}", hint="Split it, or leave it out with `exclude`.")


def too_much_text(limit: int) -> ParseError:
    return ParseError(
        f"holds more than {limit / MIB:g} MiB of text",
        hint="Split it, or raise parsing.max_text_mb in metier.toml.",
    )


def took_too_long(limits: ParsingLimits) -> ParseError:
    return ParseError(
        f"took longer than {limits.timeout_seconds:g} s to parse and was given up",
        hint="Split it, or raise parsing.timeout_seconds in metier.toml.",
    )


def read_document(content: bytes, *, name: str, uri: str, groups: tuple[str, ...], limits: ParsingLimits) -> Document:
    """Parse `content`. Raises `ParseError` without a `where`: the caller knows the path."""
    if not content.strip(b" \t\r\n\x00\xef\xbb\xbf"):
        raise ParseError("is empty" if not content else "holds nothing but blanks", hint="There is nothing to index.")
    kind = _kind(content, name)
    deadline = time.monotonic() + 0.9 * limits.timeout_seconds
    pictures = PictureCollector(limits.pictures)
    context = Context(_readable(PurePath(name).name), kind, limits, deadline=deadline, pictures=pictures)
    builder = Builder(limits.text)
    reader_for(kind)(content, builder, context)
    text = builder.text
    for warning in pictures.warnings:
        context.warn(warning)
    if not text.strip() and not pictures.found:
        reasons = "; ".join(context.warnings)
        raise ParseError(
            "holds no readable text" + (f" ({reasons})" if reasons else ""),
            hint="It may be empty, or hold pictures only: add the text, or leave it out with `exclude`.",
        )
    if context.left_out:
        told = ", ".join(what if count == 1 else f"{count} {what}s" for what, count in context.left_out.items())
        how = "To read it, set parsing.hidden = true in metier.toml"
        context.warn(f"left out what is hidden or struck out: {told}. {how}")
    return Document(
        id=document_id(uri),
        uri=uri,
        title=best_title([context.title.strip(), *_headings(context, builder, text)], context.name),
        text=text,
        blocks=tuple(builder.blocks),
        media_type=kind,
        content_hash=hashlib.sha256(content).hexdigest(),
        language=context.language,
        pages=context.pages,
        groups=groups,
        metadata=context.metadata,
        warnings=tuple(context.warnings),
        tables=tuple(builder.tables),
        pictures=captioned(pictures.found, builder.blocks, text),
    )


def _readable(name: str) -> str:
    """A file's name, of which bytes that are no UTF-8 are shown as such."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _headings(context: Context, builder: Builder, text: str) -> list[str]:
    """The first headings that may be the document's title; of a workbook with several sheets, or a database with
    several tables, each names one alone."""
    if ", " in context.metadata.get("sheets", "") or ", " in context.metadata.get("tables", ""):
        return []
    blocks = itertools.islice((block for block in builder.blocks if block.kind == "heading"), _HEADINGS)
    return [title for block in blocks if is_title(title := tidied(text[block.start : block.end]))]


def reader_for(kind: str) -> Callable[[bytes, Builder, Context], None]:
    """The reader of a MIME type that `formats.media_type` gives."""
    if kind.startswith(formats.ADDED):
        return _added(kind.removeprefix(formats.ADDED))
    for kinds, module in _READERS:
        if kind in kinds:
            read: Callable[[bytes, Builder, Context], None] = importlib.import_module(f"metier.parsing.{module}").read
            return read
    raise _unknown()


def _added(suffix: str) -> Callable[[bytes, Builder, Context], None]:
    try:
        read: Callable[[bytes, Builder, Context], None] | None = plugins.load(plugins.PARSERS, suffix)
    except PluginError as error:  # costs the files of this format, never the sync
        raise ParseError(f"has no reader: {error.what} ({error.where})", hint=error.hint) from error
    if read is None:
        raise _unknown()
    return read


def _kind(content: bytes, name: str) -> str:
    kind = formats.media_type(name, content)
    if kind is None:
        suffix = PurePath(name).suffix.lower()
        if suffix in formats.SUPPORTED:
            raise ParseError(
                f"is damaged, or is not what its name says: its content is not {suffix[1:].upper()}",
                hint="Open it in the program it came from and save it again.",
            )
        raise _unknown()
    return kind


def _unknown() -> ParseError:
    return ParseError(
        "is in a format that Métier does not read",
        hint="Save it as PDF, DOCX, XLSX, PPTX, HTML, Markdown, CSV or plain text, or leave it out with `exclude`.",
    )
