"""Records of a workbook of Excel 97 to 2003 ([MS-XLS], BIFF8): strings, styles, and the cells of its sheets."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from metier.parsing.core.superscripts import Piece, Position
from metier.parsing.office.cell_styles import BUILT_IN_FORMATS
from metier.parsing.office.numbers import NumberFormat

Record = tuple[int, bytes]
CellValue = float | str | bool | int  # an int is the index of a shared string
_BOF, _EOF, _CONTINUE, FILEPASS = 0x809, 0x0A, 0x3C, 0x2F
_BIFF8 = 0x600
_WORKSHEET = 0
_POSITIONS: dict[int, Position] = {1: "raised", 2: "lowered"}
_ERRORS = {0: "#NULL!", 7: "#DIV/0!", 15: "#VALUE!", 23: "#REF!", 29: "#NAME?", 36: "#NUM!", 42: "#N/A"}


@dataclass(frozen=True, slots=True)
class FontLook:
    struck: bool = False
    position: Position = ""


@dataclass(frozen=True, slots=True)
class CellFormat:
    """`indent`: in steps."""

    form: NumberFormat
    font: FontLook
    indent: int = 0


@dataclass(slots=True)
class SheetPart:
    """`start`: of its records in the stream."""

    name: str
    start: int
    hidden: bool
    holds_cells: bool


@dataclass(slots=True)
class SheetRecords:
    """Rows and columns count from 1; `cells` are row, column, value and index of the style."""

    cells: list[tuple[int, int, CellValue, int]] = field(default_factory=list)
    hidden_rows: dict[int, str] = field(default_factory=dict)
    hidden_columns: list[tuple[int, int]] = field(default_factory=list)
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)


class Workbook:
    """What stands before the sheets. Raises `struct.error` or `IndexError` where records are cut off, `ValueError`
    where the stream is of another version."""

    def __init__(self, stream: bytes) -> None:
        self._stream = stream
        self.locked = self.from_1904 = False
        self.sheets: list[SheetPart] = []
        self.strings: list[list[tuple[str, FontLook]]] = []
        self._formats = dict(BUILT_IN_FORMATS)
        self._fonts: list[FontLook] = []
        self._styles: list[tuple[int, int, int]] = []
        self._read()
        self.styles = [
            CellFormat(NumberFormat.of(self._formats.get(code, "")), self._font(font), indent)
            for font, code, indent in self._styles
        ]

    def _read(self) -> None:
        records = _records(self._stream, 0)
        first, data = next(records, (0, b""))
        if first != _BOF or struct.unpack_from("<H", data)[0] != _BIFF8:
            raise ValueError("no workbook of Excel 97 to 2003")
        shared: list[bytes] = []
        last = 0
        for kind, data in records:
            if kind == FILEPASS:
                self.locked = True
                return
            if kind == _EOF:
                break
            if kind == 0xFC:
                shared = [data]
            elif kind == _CONTINUE and last == 0xFC:
                shared.append(data)
            else:
                self._global(kind, data)
            last = last if kind == _CONTINUE else kind
        if shared:
            self.strings = list(self._shared(_Segments(shared)))

    def _global(self, kind: int, data: bytes) -> None:
        if kind == 0x22:
            self.from_1904 = struct.unpack_from("<H", data)[0] == 1
        elif kind == 0x31:
            _height, options, _colour, _weight, escapement = struct.unpack_from("<5H", data)
            self._fonts.append(FontLook(bool(options & 0x08), _POSITIONS.get(escapement, "")))
        elif kind == 0x41E:
            self._formats[struct.unpack_from("<H", data)[0]] = _text(data, 2, 2)
        elif kind == 0xE0:
            font, code = struct.unpack_from("<HH", data)
            self._styles.append((font, code, data[8] & 0x0F))
        elif kind == 0x85:
            start, state, sort = struct.unpack_from("<IBB", data)
            self.sheets.append(SheetPart(_text(data, 6, 1), start, state & 3 > 0, sort == _WORKSHEET))

    def _font(self, index: int) -> FontLook:
        index -= index > 4  # there is no font 4
        return self._fonts[index] if index < len(self._fonts) else FontLook()

    def _shared(self, data: _Segments) -> Iterator[list[tuple[str, FontLook]]]:
        """Strings, each in stretches of one look."""
        _total, count = struct.unpack("<II", data.take(8))
        for _number in range(count):
            length, options = struct.unpack("<HB", data.take(3))
            runs = struct.unpack("<H", data.take(2))[0] if options & 0x08 else 0
            extra = struct.unpack("<I", data.take(4))[0] if options & 0x04 else 0
            text = data.characters(length, bool(options & 1))
            starts = [struct.unpack("<HH", data.take(4)) for _run in range(runs)]
            data.take(extra)
            edges = [(0, None), *starts, (len(text), None)]
            yield [
                (text[start:end], self._font(font) if font is not None else FontLook())
                for (start, font), (end, _next) in itertools.pairwise(edges)
                if start < end
            ]

    def records_of(self, sheet: SheetPart) -> SheetRecords:
        """Cells of a sheet, and what of it is hidden."""
        found, depth, awaiting = SheetRecords(), 0, (0, 0, 0)
        filtered = False
        for kind, data in _records(self._stream, sheet.start):
            depth += (kind == _BOF) - (kind == _EOF)
            if depth < 1:
                break
            if depth > 1:  # a chart in the sheet
                continue
            if kind == 0x207:  # the text that a formula gave
                row, column, style = awaiting
                found.cells.append((row, column, _text(data, 0, 2), style))
            elif kind == 0x06:
                row, column, style = struct.unpack_from("<3H", data)
                awaiting = row + 1, column + 1, style
                value = _result(data[6:14])
                if value is not None:
                    found.cells.append((*awaiting[:2], value, style))
            elif kind == 0x208:
                row, options = struct.unpack_from("<H10xI", data)
                if options & 0x20:
                    found.hidden_rows[row + 1] = "collapsed row" if options & 0x07 else "hidden row"
            elif kind == 0x7D:
                first, last, width, _style, options = struct.unpack_from("<5H", data)
                if options & 1 or not width:
                    found.hidden_columns.append((first + 1, last + 1))
            elif kind == 0x9B:
                filtered = True
            elif kind == 0xE5:
                for place in range(2, 2 + 8 * struct.unpack_from("<H", data)[0], 8):
                    top, bottom, left, right = struct.unpack_from("<4H", data, place)
                    found.merged.append((top + 1, left + 1, bottom + 1, right + 1))
            else:
                found.cells.extend(_cells(kind, data))
        if filtered:
            found.hidden_rows = {
                row: "filtered row" if what == "hidden row" else what for row, what in found.hidden_rows.items()
            }
        return found


def pieces_of(string: list[tuple[str, FontLook]], *, struck: bool) -> tuple[list[Piece], int]:
    """Text and marks of a shared string; how many stretches were left out as struck through, unless `struck` has them
    read, marked."""
    found: list[Piece] = []
    left_out = 0
    for text, look in string:
        if look.struck and text.strip():
            left_out += not struck
            found.append((f"~~{text.strip()}~~", look.position) if struck else (" ", ""))
        else:
            found.append((text, look.position))
    return found, left_out


def _records(stream: bytes, start: int) -> Iterator[Record]:
    place = start
    while place + 4 <= len(stream):
        kind, length = struct.unpack_from("<HH", stream, place)
        yield kind, stream[place + 4 : place + 4 + length]
        place += 4 + length


def _cells(kind: int, data: bytes) -> Iterator[tuple[int, int, CellValue, int]]:
    if kind not in (0xFD, 0x203, 0x27E, 0xBD, 0x204, 0x205):
        return
    row, column, style = struct.unpack_from("<3H", data)
    if kind == 0xFD:
        yield row + 1, column + 1, int(struct.unpack_from("<I", data, 6)[0]), style
    elif kind == 0x203:
        yield row + 1, column + 1, float(struct.unpack_from("<d", data, 6)[0]), style
    elif kind == 0x27E:
        yield row + 1, column + 1, _short_number(struct.unpack_from("<I", data, 6)[0]), style
    elif kind == 0xBD:
        for offset in range((len(data) - 6) // 6):
            style, number = struct.unpack_from("<HI", data, 4 + 6 * offset)
            yield row + 1, column + 1 + offset, _short_number(number), style
    elif kind == 0x204:
        yield row + 1, column + 1, _text(data, 6, 2), style
    else:
        yield row + 1, column + 1, _ERRORS.get(data[6], "") if data[7] else bool(data[6]), style


def _short_number(bits: int) -> float:
    """An RK number: 30 bits of a whole number or of a float, perhaps in hundredths."""
    if bits & 2:
        value = float(struct.unpack("<i", struct.pack("<I", bits & 0xFFFFFFFC))[0] >> 2)
    else:
        value = float(struct.unpack("<d", struct.pack("<Q", (bits & 0xFFFFFFFC) << 32))[0])
    return value / 100 if bits & 1 else value


def _result(saved: bytes) -> CellValue | None:
    """Of a formula; None where it is a text, which follows, or nothing."""
    if saved[6:] != b"\xff\xff":
        return float(struct.unpack("<d", saved)[0])
    if saved[0] == 1:
        return bool(saved[2])
    return _ERRORS.get(saved[2]) if saved[0] == 2 else None


def _text(data: bytes, place: int, width: int) -> str:
    """A string behind its length (`width` bytes) and a byte that says how wide its characters are."""
    length = int.from_bytes(data[place : place + width], "little")
    start = place + width + 1
    if data[place + width] & 1:
        return data[start : start + 2 * length].decode("utf-16-le", "replace")
    return data[start : start + length].decode("latin-1")


class _Segments:
    """Bytes of a record and those that continue it. Where characters go on in another, that begins with their width."""

    def __init__(self, parts: list[bytes]) -> None:
        self._parts, self._part, self._place = parts, 0, 0

    def take(self, count: int) -> bytes:
        found = b""
        while len(found) < count:
            piece = self._parts[self._part][self._place : self._place + count - len(found)]
            self._place += len(piece)
            found += piece
            if len(found) < count:
                self._part, self._place = self._part + 1, 0
        return found

    def characters(self, count: int, wide: bool) -> str:
        found = ""
        while len(found) < count:
            part = self._parts[self._part]
            if self._place >= len(part):
                self._part, self._place = self._part + 1, 1
                part = self._parts[self._part]
                wide = bool(part[0] & 1)
            size = 2 if wide else 1
            piece = part[self._place : self._place + size * (count - len(found))]
            self._place += len(piece)
            found += piece.decode("utf-16-le" if wide else "latin-1", "replace")
        return found
