"""PPT of PowerPoint 97 to 2003 ([MS-PPT]): slides in order, titles, text, tables by the place of their cells, notes."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from metier.core.documents import BlockKind
from metier.core.errors import ParseError
from metier.parsing.core.decoding import tidy
from metier.parsing.core.readers import Builder, Context
from metier.parsing.core.superscripts import Piece, joined
from metier.parsing.core.tables import Grid
from metier.parsing.legacy.compound import Compound
from metier.parsing.legacy.ppt_styles import placed
from metier.parsing.office.package import locked

_DOCUMENT, _SLIDE, _NOTES, _LIST, _PERSIST, _ATOM_NOTES, _ATOM_SLIDE = 1000, 1006, 1008, 4080, 1011, 1009, 1007
_HEADER, _CHARS, _BYTES, _STYLES, _OUTLINE_REF, _USER_EDIT, _DIRECTORY = 3999, 4000, 4008, 4001, 3998, 4085, 6002
_GROUP, _SHAPE, _TEXTBOX, _PROPERTIES, _MORE_PROPERTIES, _CHILD_ANCHOR = 0xF003, 0xF004, 0xF00D, 0xF00B, 0xF122, 0xF00F
_TITLES, _IS_TABLE, _SHOW_INFO = (0, 6), 0x039F, 1017
_FOOTERS = (7, 8, 9, 10)  # placeholder ids: date, slide number, footer, header
_PLACEHOLDER, _CLIENT_DATA = 3011, 0xF011
_MAX_DEPTH = 30
_DAMAGED = "Open it in PowerPoint or LibreOffice and save it as PPTX."


@dataclass(slots=True)
class PptRecord:
    """One record: its type, instance, and the bytes of its body; containers hold more records in it."""

    kind: int
    instance: int
    body: bytes
    container: bool

    def children(self) -> Iterator[PptRecord]:
        return records(self.body)

    def first(self, kind: int) -> PptRecord | None:
        return next((child for child in self.children() if child.kind == kind), None)


@dataclass(slots=True)
class Text:
    """Text of a shape: its role (TextTypeEnum) and its pieces, each raised, lowered or on the line."""

    role: int = 4
    pieces: list[Piece] = field(default_factory=list)

    @property
    def paragraphs(self) -> list[str]:
        """Lines of text; those of a paragraph stand apart in the file by a mark of their own."""
        found: list[list[Piece]] = [[]]
        for text, position in self.pieces:
            for number, part in enumerate(text.split("\r")):
                if number:
                    found.append([])
                found[-1].append((part.replace("\x0b", "\n"), position))
        lines = (tidy(joined(pieces)).strip() for pieces in found)
        return [line for line in lines if line]


def records(data: bytes) -> Iterator[PptRecord]:
    """The records in `data`, one after the other, as far as they fit."""
    place = 0
    while place + 8 <= len(data):
        version, kind, length = struct.unpack_from("<HHI", data, place)
        if place + 8 + length > len(data):
            return
        yield PptRecord(kind, version >> 4, data[place + 8 : place + 8 + length], version & 0xF == 0xF)
        place += 8 + length


def read(content: bytes, builder: Builder, context: Context) -> None:
    """Put the slides into `builder`. Raises `ParseError` where the file is encrypted or its tables are broken."""
    streams = Compound(content)
    stream, user = streams.read("PowerPoint Document"), streams.read("Current User")
    if not stream:
        raise ParseError("is damaged: it holds no slides", hint=_DAMAGED)
    if len(user) >= 16 and struct.unpack_from("<I", user, 12)[0] == 0xF3D1C4DF:
        raise locked()
    facts = streams.facts()
    context.name_title(facts.pop("title", None))
    context.describe(**facts)
    try:
        show = _Show(stream, struct.unpack_from("<I", user, 16)[0] if len(user) >= 20 else 0)
    except struct.error as error:
        raise ParseError(f"is damaged: its slides cannot be found ({error})", hint=_DAMAGED) from None
    context.pages = len(show.slides)
    for number, (slide, outline, identifier) in enumerate(show.slides, start=1):
        if _is_hidden(slide) and not context.limits.hidden:
            context.leave_out("hidden slide")
            continue
        _Slide(builder, number, outline).write(slide, show.notes.get(identifier))


class _Show:
    """Slides in the order in which they are shown, each with its outline text, and notes by the id of their slide."""

    def __init__(self, stream: bytes, edit: int) -> None:
        self._stream = stream
        self._places = self._directory(edit)
        document = next((r for place in self._places.values() if (r := self._at(place)) and r.kind == _DOCUMENT), None)
        if document is None:
            raise struct.error("no document record")
        self.slides: list[tuple[PptRecord, list[Text], int]] = []
        self.notes: dict[int, PptRecord] = {}
        for child in document.children():
            if child.kind == _LIST and child.instance == 0:
                self._list(child)
            elif child.kind == _LIST and child.instance == 2:
                self._note_list(child)

    def _directory(self, edit: int) -> dict[int, int]:
        """Persist id -> place in the stream; what was saved last wins."""
        places: dict[int, int] = {}
        seen: set[int] = set()
        while edit not in seen and (atom := self._at(edit)) and atom.kind == _USER_EDIT:
            seen.add(edit)
            edit, directory = struct.unpack_from("<II", atom.body, 8)
            table = self._at(directory)
            body, place = table.body if table else b"", 0
            while place + 4 <= len(body):
                (head,) = struct.unpack_from("<I", body, place)
                first, count = head & 0xFFFFF, head >> 20
                for index in range(min(count, (len(body) - place - 4) // 4)):
                    places.setdefault(first + index, struct.unpack_from("<I", body, place + 4 + 4 * index)[0])
                place += 4 + 4 * count
            if not edit:
                break
        return places

    def _at(self, place: int) -> PptRecord | None:
        if place + 8 > len(self._stream):
            return None
        (length,) = struct.unpack_from("<I", self._stream, place + 4)
        return next(records(self._stream[place : place + 8 + length]), None)

    def _list(self, container: PptRecord) -> None:
        outline: list[Text] = []
        for atom in container.children():
            if atom.kind == _PERSIST and len(atom.body) >= 16:
                persist, identifier = struct.unpack_from("<I8xI", atom.body)
                slide, outline = self._at(self._places.get(persist, len(self._stream))), []
                if slide is not None and slide.kind == _SLIDE:
                    self.slides.append((slide, outline, identifier))
            else:
                _take(atom, outline)

    def _note_list(self, container: PptRecord) -> None:
        for atom in container.children():
            if atom.kind != _PERSIST or len(atom.body) < 4:
                continue
            notes = self._at(self._places.get(struct.unpack_from("<I", atom.body)[0], len(self._stream)))
            if notes is None or notes.kind != _NOTES:
                continue
            head = notes.first(_ATOM_NOTES)
            if head is not None and len(head.body) >= 4:
                self.notes[struct.unpack_from("<I", head.body)[0]] = notes


class _Slide:
    def __init__(self, builder: Builder, number: int, outline: list[Text]) -> None:
        self._builder, self._number, self._outline = builder, number, outline

    def write(self, slide: PptRecord, notes: PptRecord | None) -> None:
        found = list(self._shapes(slide))
        for item in found:
            if isinstance(item, Text) and item.role in _TITLES:
                self._builder.add("heading", " ".join(item.paragraphs), page=self._number, level=1)
        for item in found:
            if isinstance(item, Grid):
                item.write(self._builder, page=self._number)
            elif item.role not in _TITLES:
                kind: BlockKind = "list" if len(item.paragraphs) > 1 else "paragraph"
                for paragraph in item.paragraphs:
                    self._builder.add(kind, paragraph, page=self._number)
        for item in self._shapes(notes) if notes is not None else ():
            if isinstance(item, Text) and item.role == 2:
                self._builder.add("paragraph", "\n".join(item.paragraphs), page=self._number)

    def _shapes(self, parent: PptRecord, depth: int = 0) -> Iterator[Text | Grid]:
        for child in parent.children() if depth < _MAX_DEPTH else ():
            if child.kind == _SHAPE:
                text = self._text(child)
                if text.paragraphs and not _furniture(child):
                    yield text
            elif child.kind == _GROUP and _is_table(child):
                yield self._grid(child)
            elif child.container and child.kind != _LIST:
                yield from self._shapes(child, depth + 1)

    def _text(self, shape: PptRecord) -> Text:
        box = shape.first(_TEXTBOX)
        found: list[Text] = []
        for atom in box.children() if box is not None else ():
            if atom.kind == _OUTLINE_REF and len(atom.body) >= 4:
                index: int = struct.unpack_from("<I", atom.body)[0]
                if index < len(self._outline):
                    return self._outline[index]
            _take(atom, found)
        return found[0] if found else Text()

    def _grid(self, group: PptRecord) -> Grid:
        """Cells put into rows and columns by their corners, as a table is a group of boxes."""
        cells = []
        for shape in group.children():
            anchor = shape.first(_CHILD_ANCHOR) if shape.kind == _SHAPE else None
            if anchor is not None and len(anchor.body) >= 16 and shape.first(_TEXTBOX) is not None:
                cells.append((struct.unpack_from("<4i", anchor.body), self._text(shape)))
        lefts = sorted({box[0] for box, _text in cells})
        tops = sorted({box[1] for box, _text in cells})
        grid, row = Grid(), None
        for (left, top, right, bottom), text in sorted(cells, key=lambda cell: (cell[0][1], cell[0][0])):
            if top != row:
                for _step in range(1 if row is None else tops.index(top) - tops.index(row)):
                    grid.start_row()
                row = top
            across, down = sum(left <= x < right for x in lefts), sum(top <= y < bottom for y in tops)
            grid.cell(" ".join(text.paragraphs), columns=across, rows=down)
        return grid


def _take(atom: PptRecord, texts: list[Text]) -> None:
    """Add what a text atom says to `texts`: a header starts a text, characters and their styles belong to the last."""
    if atom.kind == _HEADER and len(atom.body) >= 4:
        texts.append(Text(struct.unpack_from("<I", atom.body)[0]))
    elif atom.kind in (_CHARS, _BYTES):
        written = atom.body.decode("utf-16-le" if atom.kind == _CHARS else "latin-1", "replace")
        if not texts:
            texts.append(Text())
        texts[-1].pieces.append((written, ""))
    elif atom.kind == _STYLES and texts and texts[-1].pieces:
        texts[-1].pieces[-1:] = placed(texts[-1].pieces[-1][0], atom.body)


def _is_hidden(slide: PptRecord) -> bool:
    info = slide.first(_SHOW_INFO)
    return info is not None and len(info.body) >= 12 and bool(info.body[10] & 0x04)


def _furniture(shape: PptRecord) -> bool:
    data = shape.first(_CLIENT_DATA)
    place = data.first(_PLACEHOLDER) if data is not None else None
    return place is not None and len(place.body) >= 5 and place.body[4] in _FOOTERS


def _is_table(group: PptRecord) -> bool:
    head = group.first(_SHAPE)
    for child in head.children() if head is not None else ():
        if child.kind in (_PROPERTIES, _MORE_PROPERTIES):
            for index in range(min(child.instance, len(child.body) // 6)):
                name, value = struct.unpack_from("<HI", child.body, 6 * index)
                if name & 0x3FFF == _IS_TABLE:
                    return bool(value & 1)
    return False
