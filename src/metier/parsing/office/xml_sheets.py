"""XML Spreadsheet 2003, as older programs export it and call it .xls: sheet by sheet, values as a person sees them."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from metier.parsing.core.decoding import tidy
from metier.parsing.core.readers import Builder, Context
from metier.parsing.core.regions import LEVEL, leading_blanks
from metier.parsing.core.superscripts import Piece, Position, joined
from metier.parsing.office.moments import SHORT_DATE
from metier.parsing.office.numbers import Notation, NumberFormat
from metier.parsing.office.package import parse_xml, remark
from metier.parsing.office.sheets import Sheet, describe_workbook, write_sheet

_MAX_PARENTS = 20
# What the file calls some formats by name.
_NAMED = {
    "General Number": "",
    "General Date": f"{SHORT_DATE} h:mm",
    "Short Date": SHORT_DATE,
    "Medium Date": "d-mmm-yy",
    "Long Date": "dddd, mmmm d, yyyy",
    "Short Time": "h:mm",
    "Medium Time": "h:mm AM/PM",
    "Long Time": "h:mm:ss AM/PM",
    "Fixed": "0.00",
    "Standard": "#,##0.00",
    "Currency": "#,##0.00",
    "Euro Currency": "#,##0.00 [$€-1]",
    "Percent": "0.00%",
    "Scientific": "0.00E+00",
}
_HIDDEN_STATES = ("SheetHidden", "SheetVeryHidden")
_EPOCH = datetime.datetime(1899, 12, 30)


@dataclass(frozen=True, slots=True)
class _Style:
    form: NumberFormat = NumberFormat(plain=True)  # noqa: RUF009 - frozen
    struck: bool = False
    indent: int = 0


def read(content: bytes, builder: Builder, context: Context) -> None:
    root = parse_xml(content, context.name)
    _facts(root, context)
    reader = _Reader(root, context)
    names: list[str] = []
    written: dict[str, str] = {}
    worksheets = root.findall("Worksheet")
    for number, worksheet in enumerate(worksheets, start=1):
        name = worksheet.get("Name", f"Sheet {number}")
        if not context.limits.hidden and worksheet.findtext("WorksheetOptions/Visible") in _HIDDEN_STATES:
            context.leave_out(f"hidden sheet {name}")
            continue
        names.append(name)
        line = write_sheet(reader.sheet(worksheet, name), builder, context, page=number)
        if line is not None:
            written[name] = line
    context.pages = len(worksheets)
    describe_workbook(context, names, written)


def _facts(root: Element, context: Context) -> None:
    properties = root.find("DocumentProperties")
    told = {child.tag: child.text or "" for child in properties} if properties is not None else {}
    context.name_title(told.get("Title"))
    context.describe(
        author=told.get("Author"), date=told.get("LastSaved"), created=told.get("Created"), subject=told.get("Subject")
    )


class _Reader:
    def __init__(self, root: Element, context: Context) -> None:
        self._context = context
        self._notation = Notation.of(context.limits.language)
        self._from_1904 = root.find(".//Date1904") is not None
        self._elements = {style.get("ID", ""): style for style in root.iter("Style")}
        self._styles: dict[str, _Style] = {}

    def sheet(self, worksheet: Element, name: str) -> Sheet:
        sheet = Sheet(name)
        row_number, column_number = 0, 0
        for table in worksheet.findall("Table"):
            for column in table.findall("Column"):
                first = _number(column.get("Index"), column_number + 1)
                column_number = first + _number(column.get("Span"), 0)
                if _is_hidden(column, "Width"):
                    sheet.hide_columns(first, column_number)
            for row in table.findall("Row"):
                row_number = _number(row.get("Index"), row_number + 1)
                if _is_hidden(row, "Height"):
                    sheet.hide_row(row_number)
                self._row(row, row_number, sheet)
                row_number += _number(row.get("Span"), 0)
        return sheet

    def _row(self, row: Element, number: int, sheet: Sheet) -> None:
        column = 0
        for cell in row.findall("Cell"):
            column = _number(cell.get("Index"), column + 1)
            style = self._style(cell.get("StyleID") or row.get("StyleID") or "")
            text = self._text(cell, style)
            indent = style.indent * LEVEL + leading_blanks(text)
            if text := text.strip():
                if style.struck and not self._context.limits.hidden:
                    self._context.leave_out("struck cell")
                else:
                    sheet.put(number, column, f"~~{text}~~" if style.struck else text, float(indent))
            across, down = _number(cell.get("MergeAcross"), 0), _number(cell.get("MergeDown"), 0)
            if across or down:
                sheet.merge(number, column, number + down, column + across)
            for comment in cell.findall("Comment"):
                data = "".join(comment.itertext())
                sheet.remark(number, column, remark(data, comment.get("Author", ""), ""))
            column += across

    def _text(self, cell: Element, style: _Style) -> str:
        data = cell.find("Data")
        if data is None:
            return ""
        kind, raw = data.get("Type", "String"), data.text or ""
        if kind in ("Number", "DateTime"):
            try:
                value = float(raw) if kind == "Number" else self._days(raw)
            except ValueError:
                return raw
            return style.form.show(value, self._notation, from_1904=self._from_1904)
        if kind == "Boolean":
            return {"1": "TRUE", "0": "FALSE"}.get(raw, raw)
        return style.form.show_text(tidy(joined(self._pieces(data))))

    def _days(self, raw: str) -> float:
        """Number of a day, as formats count them: `2024-03-01T00:00:00.000`."""
        since = datetime.datetime.fromisoformat(raw.strip().rstrip("Z")) - _EPOCH
        return since / datetime.timedelta(days=1) - (1462 if self._from_1904 else 0)

    def _pieces(self, element: Element, position: Position = "") -> list[Piece]:
        """Text with its marks; struck stretches left out or marked."""
        found: list[Piece] = [(element.text or "", position)]
        for child in element:
            inner: Position = {"Sup": "raised", "Sub": "lowered"}.get(child.tag, position)  # type: ignore[assignment]
            if child.tag == "S" and "".join(child.itertext()).strip():
                if self._context.limits.hidden:
                    found.append((f"~~{''.join(child.itertext()).strip()}~~", position))
                else:
                    self._context.leave_out("struck text")
                    found.append((" ", ""))
            else:
                found.extend(self._pieces(child, inner))
            found.append((child.tail or "", position))
        return found

    def _style(self, name: str, depth: int = 0) -> _Style:
        if name not in self._styles:
            element = self._elements.get(name)
            self._styles[name] = _Style() if element is None else self._told(element, depth)
        return self._styles[name]

    def _told(self, style: Element, depth: int) -> _Style:
        parent = style.get("Parent", "")
        inherited = self._style(parent, depth + 1) if parent and depth < _MAX_PARENTS else _Style()
        form, font, alignment = (style.find(name) for name in ("NumberFormat", "Font", "Alignment"))
        code = form.get("Format", "") if form is not None else ""
        return _Style(
            NumberFormat.of(_NAMED.get(code, code)) if form is not None else inherited.form,
            font.get("StrikeThrough") == "1" if font is not None else inherited.struck,
            _number(alignment.get("Indent"), 0) if alignment is not None else inherited.indent,
        )


def _is_hidden(element: Element, size: str) -> bool:
    return element.get("Hidden") == "1" or element.get(size, "1").strip("0.") == ""


def _number(text: str | None, default: int) -> int:
    return min(int(text), 2_000_000) if text and text.isdigit() else default
