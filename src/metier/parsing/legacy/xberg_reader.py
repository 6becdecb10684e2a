"""DOC, MSG, RTF, and XLS of before Excel 97 through xberg, whose tree of the document becomes blocks here.

xberg is used for these formats only: for the newer ones our own readers keep more (slide titles, merged cells, list
numbers). Its cache, its OCR and its network are off.
"""

from __future__ import annotations

import asyncio
import functools
import json
import re
from typing import TYPE_CHECKING, Required, TypedDict

from metier.core.documents import BlockKind
from metier.core.errors import ParseError
from metier.parsing.core import formats
from metier.parsing.core.decoding import tidy
from metier.parsing.core.readers import Builder, Context
from metier.parsing.core.tables import Grid, write_rows
from metier.parsing.legacy.msg_attachments import read_attachments
from metier.parsing.office.package import locked
from metier.parsing.office.sheets import Sheet, describe_workbook, write_sheet

if TYPE_CHECKING:
    from xberg import ExtractedDocument

_EXTENSIONS = {formats.DOC: "doc", formats.XLS: "xls", formats.PPT: "ppt", formats.MSG: "msg", formats.RTF: "rtf"}
_ROW_END = "\t\t"  # how xberg ends a row of a table in a DOC
_ATTACHED = re.compile(r"Attachments:$|  \S.* \(\d[\d.]* ?[KM]?B\)$")  # how it lists what is attached to a mail
_HIDDEN = " (hidden)"  # how it ends the name of a sheet that is hidden


class _Cell(TypedDict):
    content: str
    row: int
    col: int
    col_span: int
    row_span: int


class _Table(TypedDict):
    cells: list[_Cell]


class _Node(TypedDict, total=False):
    """A node of xberg's tree; what it holds depends on its type."""

    node_type: Required[str]
    text: str | None
    level: int | None
    ordered: bool
    number: int | None
    title: str | None
    term: str
    definition: str
    grid: _Table


def read(content: bytes, builder: Builder, context: Context) -> None:
    if context.media_type == formats.ENCRYPTED_OFFICE or _encrypted(content, context.media_type):
        raise locked()
    document = _extract(content, context)
    _facts(document, context)
    nodes = document.document.nodes if document.document is not None else []
    if context.media_type == formats.MSG:
        _mail(document, builder, context)
    writer = _Writer(builder, context)
    for node in nodes:
        writer.node(json.loads(str(node.content)), str(node.content_layer))
    if context.media_type in (formats.XLS, formats.PPT):
        context.pages = writer.page
    if context.media_type == formats.XLS:
        describe_workbook(context, writer.sheets, writer.written)
    if not nodes:
        builder.add("paragraph", tidy(document.content))
    if context.media_type == formats.MSG:
        read_attachments(content, builder, context)
    for warning in document.processing_warnings:
        context.warn(str(warning.message)[:300])


@functools.cache
def _loop() -> asyncio.AbstractEventLoop:
    """One loop for the life of the worker, so that its threads never find it closed."""
    return asyncio.new_event_loop()


def _extract(content: bytes, context: Context) -> ExtractedDocument:
    import xberg

    config = xberg.ExtractionConfig(
        use_cache=False,
        disable_ocr=True,
        include_document_structure=True,
        max_archive_depth=0,
        security_limits=xberg.SecurityLimits(max_content_size=context.limits.text),
        concurrency=xberg.ConcurrencyConfig(max_threads=1),
    )
    name = f"document.{_EXTENSIONS[context.media_type]}"  # what the content is, whatever the file is called
    source = xberg.ExtractInput(kind="bytes", bytes=content, filename=name, mime_type=context.media_type)
    try:
        result = _loop().run_until_complete(xberg.extract(source, config))
    except xberg.XbergError as error:
        raise _failed(str(error)) from None
    if result.errors or not result.results:
        raise _failed("; ".join(str(error.message) for error in result.errors) or "nothing in it")
    return result.results[0]


def _failed(reason: str) -> ParseError:
    if re.search(r"password|encrypt", reason, re.IGNORECASE):
        return locked()
    return ParseError(
        f"is damaged or not what its name says ({reason[:200]})",
        hint="Open it in the program it came from and save it in a current format.",
    )


def _encrypted(content: bytes, kind: str) -> bool:
    """Whether the header of a DOC or XLS says that the rest is encrypted."""
    if kind == formats.DOC:
        position = content.find(b"\xec\xa5", 512)  # the file information block, at the start of a sector
        return position > 0 and position % 512 == 0 and bool(content[position + 11] & 0x01)
    if kind == formats.XLS:
        position = content.find(b"\x09\x08\x10\x00\x00\x06", 512)  # beginning of the workbook globals
        following = content[position + 20 : position + 24]
        return position > 0 and position % 512 == 0 and following[:2] == b"\x2f\x00" and len(following) == 4
    return False


def _facts(document: ExtractedDocument, context: Context) -> None:
    metadata = document.metadata
    context.name_title(metadata.title)
    context.describe(
        author=", ".join(metadata.authors or ()),
        date=metadata.modified_at or metadata.created_at,
        created=metadata.created_at,
        subject=metadata.subject,
        keywords=", ".join(metadata.keywords or ()),
    )


def _mail(document: ExtractedDocument, builder: Builder, context: Context) -> None:
    """Headers of an Outlook message, told as `mail` tells those of an EML."""
    metadata = document.metadata
    facts = json.loads(str(metadata.format)) if metadata.format else {}
    sender = " ".join(
        filter(None, (facts.get("from_name"), f"<{facts['from_email']}>" if facts.get("from_email") else ""))
    )
    headers = {
        "from": sender,
        "to": ", ".join(facts.get("to_emails") or ()),
        "cc": ", ".join(facts.get("cc_emails") or ()),
        "date": metadata.created_at or "",
    }
    context.name_title(metadata.subject)
    context.metadata.pop("author", None)
    context.describe(**headers, attachments=", ".join(facts.get("attachments") or ()))
    if metadata.subject:
        builder.add("heading", metadata.subject, level=1)
    builder.add("paragraph", " | ".join(f"{name.title()}: {value}" for name, value in headers.items() if value))


class _Writer:
    """Turns xberg's nodes into blocks."""

    def __init__(self, builder: Builder, context: Context) -> None:
        self._builder, self._context, self._kind = builder, context, context.media_type
        self._number: int | None = None  # of the next list item, None in a list of bullets
        self._sheet: Sheet | None = None
        self.page: int | None = None
        self.sheets: list[str] = []
        self.written: dict[str, str] = {}  # sheets that held anything, with the line over their first table

    def node(self, content: _Node, layer: str) -> None:
        kind, text = content["node_type"], tidy(content.get("text") or "")
        if layer == "footer" and not any(c.isalpha() for c in text):
            return  # page numbers
        if kind == "list":
            self._number = 1 if content.get("ordered") else None
        elif kind == "list_item":
            label = f"{self._number}. " if self._number is not None else ""
            self._number = self._number + 1 if self._number is not None else None
            self._builder.add("list", label + text, page=self.page)
        elif kind in ("title", "heading"):
            if self._kind == formats.XLS:
                self._open_sheet(text)
                return
            self._builder.add("heading", text, page=self.page, level=min(6, content.get("level") or 1))
        elif kind == "slide":
            self.page = content.get("number") or (self.page or 0) + 1
            self._builder.add("heading", tidy(content.get("title") or ""), page=self.page, level=1)
        elif kind == "table":
            self._table(content["grid"])
        elif kind == "paragraph" and _ROW_END in text and self._kind == formats.DOC:
            rows = [row.split("\t") for row in text.split(_ROW_END)]
            width = max(map(len, rows))
            write_rows(self._builder, [row + [""] * (width - len(row)) for row in rows], page=self.page)
        elif kind == "definition_item":
            self._builder.add("list", f"{content.get('term', '')}: {content.get('definition', '')}", page=self.page)
        elif kind not in ("metadata_block", "image", "page_break"):
            block: BlockKind = "code" if kind == "code" else "paragraph"
            if not (self._kind == formats.MSG and _ATTACHED.match(content.get("text") or "")):
                self._builder.add(block, text, page=self.page)

    def _open_sheet(self, name: str) -> None:
        """The sheet that the next table is of; none where it is hidden."""
        self.page = (self.page or 0) + 1
        hidden, name = name.endswith(_HIDDEN), name.removesuffix(_HIDDEN)
        self._sheet = None if hidden and not self._context.limits.hidden else Sheet(name)
        if self._sheet is None:
            self._context.leave_out(f"hidden sheet {name}")
        else:
            self.sheets.append(name)

    def _table(self, table: _Table) -> None:
        if self._kind == formats.XLS and self._sheet is None:
            return
        if self._sheet is not None:
            for cell in table["cells"]:
                if cell["content"].strip():
                    self._sheet.put(cell["row"] + 1, cell["col"] + 1, tidy(cell["content"]).strip())
            line = write_sheet(self._sheet, self._builder, self._context, page=self.page)
            if line is not None:
                self.written[self._sheet.name] = line
            return
        grid, last = Grid(), -1
        for cell in sorted(table["cells"], key=lambda cell: (cell["row"], cell["col"])):
            while last < cell["row"]:
                grid.start_row()
                last += 1
            grid.cell(tidy(cell["content"]), columns=cell["col_span"], rows=cell["row_span"])
        grid.write(self._builder, page=self.page)
