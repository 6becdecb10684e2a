"""Rows and cells of an XLSX sheet, read as a stream, since a sheet may hold a million of them, and its strings."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree import ElementTree

from metier.core.errors import ParseError
from metier.parsing.core.decoding import tidy
from metier.parsing.core.superscripts import Piece, Position, joined
from metier.parsing.office.calculation import Cells, shifted
from metier.parsing.office.cell_styles import is_on
from metier.parsing.office.functions import CellError
from metier.parsing.office.package import refuse_entities

_REFERENCE = re.compile(r"([A-Z]{1,3})(\d{1,7})")
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
_POSITIONS: dict[str, Position] = {"superscript": "raised", "subscript": "lowered"}


@dataclass(frozen=True, slots=True)
class RichText:
    """`struck`: how many stretches that were struck through are not in it."""

    text: str
    struck: int = 0


@dataclass(slots=True)
class SavedCell:
    """`kind`: as the file has it (n number, s shared string, str, inlineStr, b, e, d). `raw`: the saved value, an index
    for a shared string. `formula`: "" where there is none, and of one that is shared with the cell that holds it."""

    row: int
    column: int
    kind: str
    raw: str
    style: str = ""
    formula: str | None = None
    shared: str = ""
    inline: RichText | None = None

    def lacks_result(self, noughts_are_none: bool) -> bool:
        """Whether it has a formula whose result was never saved. `noughts_are_none`: the file asks to be calculated
        when it is opened, as programs do that write 0 for a result they do not know."""
        if self.formula is None or self.inline is not None:
            return False
        raw = self.raw.strip()
        return (not raw and self.kind != "str") or (noughts_are_none and raw == "0" and self.kind == "n")


class FormulaReader:
    """Formulas of one sheet; one that is shared is written out where it stands."""

    def __init__(self) -> None:
        self._shared: dict[str, tuple[str, int, int]] = {}

    def of(self, cell: SavedCell) -> str:
        formula = cell.formula or ""
        if cell.shared and formula:
            self._shared[cell.shared] = formula, cell.row, cell.column
        elif cell.shared in self._shared:
            formula, row, column = self._shared[cell.shared]
            return shifted(formula, cell.row - row, cell.column - column)
        return formula


def cells_of(row: ElementTree.Element, number: int, *, struck: bool) -> Iterator[SavedCell]:
    """The cells of a row element. `struck`: read what is struck through, marked."""
    column = 0
    for element in row:
        reference = place(element.get("r", ""))
        column = reference[1] if reference else column + 1
        cell = SavedCell(number, column, element.get("t", "n"), "", element.get("s", ""))
        for child in element:
            name = local(child.tag)
            if name == "v":
                cell.raw = child.text or ""
            elif name == "is":
                cell.inline = rich_text(child, struck=struck)
            elif name == "f":
                cell.formula = (child.text or "").strip() if child.get("t") != "dataTable" else ""
                cell.shared = child.get("si", "") if child.get("t") == "shared" else ""
        yield cell


def raw_cells(content: bytes, strings: list[RichText], noughts_are_none: bool) -> Cells:
    """What formulas count with: the values of a sheet as numbers, texts and truth values, and formulas without one."""
    formulas, number = FormulaReader(), 0
    found = Cells()
    for element in stream(content, "row"):
        number = row_number(element, number)
        for cell in cells_of(element, number, struck=False):
            formula = formulas.of(cell)
            if cell.lacks_result(noughts_are_none):
                found.formulas[cell.row, cell.column] = formula
            elif (value := _value(cell, strings)) is not None:
                found.values[cell.row, cell.column] = value
        element.clear()
    return found


def _value(cell: SavedCell, strings: list[RichText]) -> float | str | bool | CellError | None:
    if cell.inline is not None:
        return cell.inline.text
    if cell.kind == "s":
        return strings[int(cell.raw)].text if cell.raw.isdigit() and int(cell.raw) < len(strings) else None
    if cell.kind == "b":
        return cell.raw == "1"
    if cell.kind == "e":
        return CellError(cell.raw)
    if cell.kind != "n":
        return cell.raw
    try:
        return float(cell.raw)
    except ValueError:
        return None


def rich_text(element: ElementTree.Element, *, struck: bool) -> RichText:
    """Text of a string item, without the reading aids (furigana) of Japanese cells."""
    if len(element) == 1 and local(element[0].tag) == "t":
        return RichText(_unescaped(element[0].text or ""))
    pieces: list[Piece] = []
    left_out = 0
    for child in element:
        name = local(child.tag)
        if name == "t":
            pieces.append((child.text or "", ""))
        elif name == "r":
            text = "".join(part.text or "" for part in child if local(part.tag) == "t")
            looks = {local(part.tag): part for part in next((p for p in child if local(p.tag) == "rPr"), ())}
            if is_on(looks.get("strike")) and text.strip():
                left_out += not struck
                text = f"~~{text.strip()}~~" if struck else " "
            raised = looks.get("vertAlign")
            pieces.append((text, _POSITIONS.get(raised.get("val", ""), "") if raised is not None else ""))
    return RichText(_unescaped(joined(pieces)), left_out)


def _unescaped(text: str) -> str:
    return tidy(_ESCAPE.sub(lambda match: chr(int(match[1], 16)), text)) if "_x" in text or "\r" in text else text


def stream(content: bytes, *names: str) -> Iterator[ElementTree.Element]:
    """Elements of these local names, each when it ends. Raises `ParseError` for broken XML."""
    refuse_entities(content)
    try:
        for _event, element in ElementTree.iterparse(io.BytesIO(content)):  # noqa: S314 - no entities: refused above
            if local(element.tag) in names:
                yield element
    except ElementTree.ParseError as error:
        raise ParseError(
            f"is damaged: a sheet is not well-formed XML ({error})",
            hint="Open it in a spreadsheet program and save it again.",
        ) from None


def row_number(element: ElementTree.Element, before: int) -> int:
    index = element.get("r", "")
    return int(index) if index.isdigit() else before + 1


def local(tag: str) -> str:
    return tag.rpartition("}")[2]


def place(reference: str) -> tuple[int, int] | None:
    """`C7` -> (7, 3)."""
    match = _REFERENCE.fullmatch(reference)
    if match is None:
        return None
    column = 0
    for letter in match[1]:
        column = column * 26 + ord(letter) - 64
    return int(match[2]), column
