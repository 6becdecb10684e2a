"""The sheets of an ODS: cells as they were last shown, without what is hidden or struck through.

Where a cell holds a value but not how it was shown, the value is written plainly; where it holds a formula alone, what
that gives is calculated.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from xml.etree.ElementTree import Element

from metier.parsing.core.decoding import tidy
from metier.parsing.core.readers import Builder, Context
from metier.parsing.core.regions import leading_blanks
from metier.parsing.core.superscripts import Piece, Position, joined
from metier.parsing.office.calculation import Calculation, Cells
from metier.parsing.office.functions import CellError, Scalar, Unknown
from metier.parsing.office.numbers import Notation, NumberFormat, plain_number
from metier.parsing.office.package import Package, remark
from metier.parsing.office.sheets import Sheet, describe_workbook, warn_of_formulas, write_sheet

_MAX_REPEAT = 1000
_MAX_PARENTS = 20
_LONGEST_FORMULA = 300  # characters of one that is shown in place of its result
_BLANK_CM = 0.12  # about the width of a blank
_LENGTH = re.compile(r"([\d.]+)(cm|mm|in|pt)")
_CM = {"cm": 1.0, "mm": 0.1, "in": 2.54, "pt": 2.54 / 72}
_KIND = "office:value-type"
_PREFIX = re.compile(r"^(?:of|oooc|msoxl):=?|^=")
_FORMULA_PART = re.compile(r'"(?:[^"]|"")*"|\[([^\]]*)\]|;')
_DURATION = re.compile(r"-?PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:[.,]\d+)?S)?")
_HIDDEN_ROWS = {"collapse": "hidden row", "filter": "filtered row"}


@dataclass(frozen=True, slots=True)
class _Look:
    """What a style says of text and tables. `indent`: in the width of a blank."""

    struck: bool = False
    position: Position = ""
    indent: float = 0.0
    shown: bool = True


def read_sheets(part: Element, package: Package, builder: Builder, context: Context) -> None:
    """All tables of `office:spreadsheet` into `builder`, each a sheet."""
    tables = part.findall("table:table")
    reader = _Reader(package, tables, context)
    names: list[str] = []
    written: dict[str, str] = {}
    for number, table in enumerate(tables, start=1):
        name = table.get("table:name", f"Sheet {number}")
        if not (context.limits.hidden or reader.is_shown(table)):
            context.leave_out(f"hidden sheet {name}")
            continue
        names.append(name)
        if (line := write_sheet(reader.sheet(table, name), builder, context, page=number)) is not None:
            written[name] = line
    context.pages = len(tables)
    describe_workbook(context, names, written)


class _Reader:
    def __init__(self, package: Package, tables: list[Element], context: Context) -> None:
        self._context = context
        self._notation = Notation.of(context.language or context.limits.language)
        self._elements: dict[tuple[str, str], Element] = {}
        for name in ("styles.xml", "content.xml"):
            tree = package.optional_xml(name)
            for style in tree.iter("style:style") if tree is not None else ():
                self._elements[style.get("style:family", ""), style.get("style:name", "")] = style
        self._looks: dict[tuple[str, str], _Look] = {}
        self._tables = {table.get("table:name", "").casefold(): table for table in tables}
        self._calculation = Calculation(self._raw_cells)
        self._struck = 0  # stretches of text that were left out of the cell that is read
        self._open: list[tuple[int, int, Element]] = []  # formulas that have no result

    def is_shown(self, table: Element) -> bool:
        return self._look("table", table.get("table:style-name", "")).shown

    # --- cells -----------------------------------------------------------------------------------------------

    def sheet(self, table: Element, name: str) -> Sheet:
        sheet, number = Sheet(name), 0
        self._open = []
        styles = self._columns(table, sheet)
        for row, what in _rows(table, self._context):
            number = self._row(row, what, number, sheet, styles)
        self._calculate(sheet)
        return sheet

    def _columns(self, table: Element, sheet: Sheet) -> list[tuple[int, str]]:
        """Hide what is hidden; returns the last column of each run and the style of its cells."""
        styles, column = [], 0
        for element, collapsed in _columns(table):
            last = column + count(element, "table:number-columns-repeated")
            if collapsed or element.get("table:visibility", "visible") != "visible":
                sheet.hide_columns(column + 1, last)
            styles.append((last, element.get("table:default-cell-style-name", "")))
            column = last
        return styles

    def _row(self, row: Element, what: str, number: int, sheet: Sheet, columns: list[tuple[int, str]]) -> int:
        """Put the cells of a row (and its repetitions) into `sheet`; returns the number of the last row."""
        column = 1
        filled: list[tuple[int, str, float]] = []
        default = row.get("table:default-cell-style-name", "")
        times = count(row, "table:number-rows-repeated")
        for cell in row:
            if cell.tag not in ("table:table-cell", "table:covered-table-cell"):
                continue
            repeat = count(cell, "table:number-columns-repeated")
            if cell.tag == "table:table-cell" and (len(cell) or "table:formula" in cell.attrib or _KIND in cell.attrib):
                style = cell.get("table:style-name") or default or next((s for n, s in columns if n >= column), "")
                text, indent = self._shown(cell, style)
                if text:
                    filled.extend((column + offset, text, indent) for offset in range(min(repeat, _MAX_REPEAT)))
                elif _lacks_result(cell):
                    self._open.append((number + 1, column, cell))
                across, down = count(cell, "table:number-columns-spanned"), count(cell, "table:number-rows-spanned")
                if across > 1 or down > 1:
                    sheet.merge(number + 1, column, number + down, column + across - 1)
                self._remark(cell, sheet, number + 1, column)
            column += repeat
        for offset in range(min(times, _MAX_REPEAT)):
            if what and (filled or not offset):
                sheet.hide_row(number + 1 + offset, what)
            for place, text, indent in filled:
                sheet.put(number + 1 + offset, place, text, indent)
        return number + times

    def _shown(self, cell: Element, style: str) -> tuple[str, float]:
        look, hidden = self._look("table-cell", style), self._context.limits.hidden
        self._struck = 0
        text = self._text(cell)
        if not text.strip() and not any(True for _paragraph in cell.iter("text:p")):
            text = self._value(cell)
        if self._struck:
            self._context.leave_out("struck text", self._struck)
        if text.strip() and look.struck:
            if not hidden:
                self._context.leave_out("struck cell")
                return "", 0.0
            text = f"~~{text.strip()}~~"
        return text.strip(), look.indent + leading_blanks(text)

    def _value(self, cell: Element) -> str:
        """What a cell holds, where the file does not say how it was shown."""
        raw, kind = cell.get("office:value", ""), cell.get("office:value-type", "")
        try:
            if kind == "percentage":
                return NumberFormat.of("0.##%").show(float(raw), self._notation)
            if kind in ("float", "currency"):
                return f"{plain_number(float(raw), self._notation)} {cell.get('office:currency', '')}".strip()
        except ValueError:
            return raw
        if kind == "boolean":
            return cell.get("office:boolean-value", "").upper()
        if kind == "time" and (told := _DURATION.fullmatch(cell.get("office:time-value", ""))):
            hours, minutes, seconds = (int(part or 0) for part in told.groups())
            return f"{hours}:{minutes:02d}" + (f":{seconds:02d}" if seconds else "")
        return cell.get("office:date-value", "").replace("T", " ") or cell.get("office:string-value", "")

    def _remark(self, cell: Element, sheet: Sheet, row: int, column: int) -> None:
        for note in cell.findall("office:annotation"):
            who, when = (note.findtext(name) or "" for name in ("dc:creator", "dc:date"))
            text = " ".join("".join(part.itertext()) for part in note.iter("text:p"))
            sheet.remark(row, column, remark(text, who, when))

    # --- text ------------------------------------------------------------------------------------------------

    def _text(self, element: Element) -> str:
        """The paragraphs of a cell, shapes in it included."""
        lines = []
        for child in element:
            if child.tag in ("text:p", "text:h"):
                lines.append(tidy(joined(self._pieces(child, _Look()))))
            elif child.tag != "office:annotation" and not child.tag.startswith(("svg:", "office:event")):
                lines.append(self._text(child))
        return "\n".join(line for line in lines if line.strip())

    def _pieces(self, element: Element, look: _Look) -> Iterator[Piece]:
        yield self._piece(element.text, look)
        for child in element:
            if child.tag == "text:s":
                yield " " * min(count(child, "text:c"), 100), ""
            elif child.tag in ("text:tab", "text:line-break"):
                yield "\t" if child.tag == "text:tab" else "\n", ""
            elif child.tag in ("text:span", "text:a", "text:meta"):
                own = self._look("text", child.get("text:style-name", "")) if child.tag == "text:span" else _Look()
                yield from self._pieces(
                    child, replace(look, struck=look.struck or own.struck, position=own.position or look.position)
                )
            elif child.tag not in ("office:annotation", "office:annotation-end"):
                yield from self._pieces(child, look)
            yield self._piece(child.tail, look)

    def _piece(self, text: str | None, look: _Look) -> Piece:
        if not look.struck or not (text or "").strip():
            return text or "", look.position
        if self._context.limits.hidden:
            return f"~~{text}~~", look.position
        self._struck += 1
        return " ", ""

    def _look(self, family: str, name: str, depth: int = 0) -> _Look:
        key = family, name
        if key not in self._looks:
            element = self._elements.get(key)
            found = _Look()
            if element is not None:
                parent = element.get("style:parent-style-name", "")
                inherited = self._look(family, parent, depth + 1) if parent and depth < _MAX_PARENTS else _Look()
                found = _told(element, inherited)
            self._looks[key] = found
        return self._looks[key]

    # --- formulas --------------------------------------------------------------------------------------------

    def _raw_cells(self, name: str) -> Cells | None:
        table = self._tables.get(name.casefold())
        if table is None:
            return None
        found, number = Cells(), 1
        for row, _what in _rows(table, self._context):
            column = 1
            for cell in row:
                if cell.tag in ("table:table-cell", "table:covered-table-cell"):
                    if _lacks_result(cell):
                        found.formulas[number, column] = _in_usual_form(cell.get("table:formula", ""))
                    elif (value := self._raw(cell)) is not None:
                        found.values[number, column] = value
                    column += count(cell, "table:number-columns-repeated")
            number += count(row, "table:number-rows-repeated")
        return found

    def _raw(self, cell: Element) -> Scalar:
        kind = cell.get("office:value-type", "")
        if kind in ("float", "currency", "percentage"):
            try:
                return float(cell.get("office:value", ""))
            except ValueError:
                return None
        if kind == "boolean":
            return cell.get("office:boolean-value") == "true"
        return (self._text(cell) or self._value(cell)) or None

    def _calculate(self, sheet: Sheet) -> None:
        """As in an XLSX: results of formulas without one, or the formulas."""
        calculated = 0
        for row, column, cell in self._open:
            try:
                result = self._calculation.result(sheet.name, row, column)
            except Unknown:
                text = "=" + _in_usual_form(cell.get("table:formula", ""))[:_LONGEST_FORMULA]
            else:
                calculated += 1
                text = _written(result, self._notation)
            if text.strip():
                sheet.put(row, column, text)
        if self._open:
            warn_of_formulas(self._context, sheet.name, len(self._open), calculated)


def _told(style: Element, inherited: _Look) -> _Look:
    look = inherited
    for properties in style:
        line = properties.get("style:text-line-through-style") or properties.get("style:text-line-through-type")
        if line:
            look = replace(look, struck=line != "none")
        if raised := properties.get("style:text-position", ""):
            height = raised.split(" ")[0]
            lowered = height == "sub" or height.startswith("-")
            up = height == "super" or height.strip("%").strip("0")
            look = replace(look, position="lowered" if lowered else "raised" if up else "")
        if properties.tag == "style:paragraph-properties" and (
            left := _LENGTH.fullmatch(properties.get("margin-left", ""))
        ):
            look = replace(look, indent=float(left[1]) * _CM[left[2]] / _BLANK_CM)
        if properties.get("table:display") == "false":
            look = replace(look, shown=False)
    return look


def _lacks_result(cell: Element) -> bool:
    told = any(cell.get(f"office:{name}") for name in ("value", "string-value", "date-value", "time-value"))
    return bool(cell.get("table:formula")) and not (
        told
        or cell.get("office:boolean-value")
        or cell.get("office:value-type") == "string"
        or cell.find("text:p") is not None
    )


def _in_usual_form(formula: str) -> str:
    """`of:=SUM([.B2:.B4];2)` as `SUM(B2:B4,2)`."""

    def usual(match: re.Match[str]) -> str:
        if match[0] == ";":
            return ","
        if match[1] is None:
            return match[0]
        sheet, _, corner = match[1].partition(":")[0].rpartition(".")
        last = match[1].partition(":")[2].rpartition(".")[2]
        sheet = sheet.lstrip("$")
        return (f"{sheet}!" if sheet else "") + corner + (f":{last}" if last else "")

    return _FORMULA_PART.sub(usual, _PREFIX.sub("", formula))


def _written(result: Scalar | CellError, notation: Notation) -> str:
    if isinstance(result, CellError):
        return result.code
    if isinstance(result, bool):
        return "TRUE" if result else "FALSE"
    return result if isinstance(result, str) else plain_number(result or 0.0, notation)


def _rows(table: Element, context: Context, what: str = "") -> Iterator[tuple[Element, str]]:
    """Rows, and what hides them ("" where nothing does)."""
    for element in table:
        if element.tag == "table:table-row":
            yield element, _HIDDEN_ROWS.get(element.get("table:visibility", ""), what)
        elif element.tag in ("table:table-header-rows", "table:table-rows"):
            yield from _rows(element, context, what)
        elif element.tag == "table:table-row-group":
            yield from _rows(element, context, "collapsed row" if element.get("table:display") == "false" else what)


def _columns(table: Element, collapsed: bool = False) -> Iterator[tuple[Element, bool]]:
    for element in table:
        if element.tag == "table:table-column":
            yield element, collapsed
        elif element.tag in ("table:table-columns", "table:table-header-columns"):
            yield from _columns(element, collapsed)
        elif element.tag == "table:table-column-group":
            yield from _columns(element, collapsed or element.get("table:display") == "false")


def count(element: Element, name: str) -> int:
    value = element.get(name, "1")
    return max(1, int(value)) if value.isdigit() and len(value) < 9 else 1
