"""XLSX and XLSM: sheet by sheet, values as a person sees them. `page` is the sheet's number, its name a heading.

A sheet may hold several tables: an empty row or column parts them. Hidden sheets, rows and columns and what is struck
through are left out with a word, unless `[parsing] hidden` has them read.
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree

from metier.core.errors import ParseError
from metier.parsing.core.decoding import tidy
from metier.parsing.core.readers import Builder, Context
from metier.parsing.office.calculation import Calculation, Cells
from metier.parsing.office.cell_styles import CellStyles
from metier.parsing.office.charts import title_of
from metier.parsing.office.functions import CellError, Unknown
from metier.parsing.office.package import Package, core_properties, remark
from metier.parsing.office.sheets import Sheet, describe_workbook, warn_of_formulas, write_sheet
from metier.parsing.office.xlsx_cells import (
    FormulaReader,
    RichText,
    SavedCell,
    cells_of,
    local,
    place,
    raw_cells,
    rich_text,
    row_number,
    stream,
)

_LONGEST_FORMULA = 300  # characters of one that is shown in place of its result


@dataclass(frozen=True, slots=True)
class _Tab:
    """A sheet as the workbook names it. `part`: of the package, "" where it holds no cells."""

    number: int
    name: str
    part: str
    hidden: bool


def read(content: bytes, builder: Builder, context: Context) -> None:
    package = Package(content, context)
    core_properties(package, context)
    main = package.main_part("xl/workbook.xml")
    workbook, relations = package.xml(main), package.relations(main)
    if (
        any(target.endswith(".bin") for _kind, target in relations.values() if "sheet" in target)
        and "xl/workbook.bin" in package
    ):
        raise ParseError("is a binary workbook (XLSB)", hint="Save it as XLSX.")
    tabs = _tabs(workbook, relations, package)
    reader = _Workbook(package, workbook, relations, tabs, context)
    people, names, written = _people(package), [], {}
    for tab in tabs:
        if tab.hidden and not context.limits.hidden:
            context.leave_out(f"hidden sheet {tab.name}")
            continue
        names.append(tab.name)
        if not tab.part:
            context.warn(f"sheet {tab.name} holds no cells and was left out")
            continue
        sheet = reader.sheet(tab)
        _remarks(package, tab.part, people, sheet)
        if (line := write_sheet(sheet, builder, context, page=tab.number)) is not None:
            written[tab.name] = line
        _charts(package, tab.part, builder, tab.number)
    context.pages = len(tabs)
    describe_workbook(context, names, written)


def _tabs(workbook: ElementTree.Element, relations: dict[str, tuple[str, str]], package: Package) -> list[_Tab]:
    found = []
    for number, sheet in enumerate(workbook.find("x:sheets") or (), start=1):
        kind, part = relations.get(sheet.get("r:id", ""), ("", ""))
        hidden = sheet.get("state", "visible") in ("hidden", "veryHidden")
        there = kind == "worksheet" and part in package
        found.append(_Tab(number, sheet.get("name", f"Sheet {number}"), part if there else "", hidden))
    return found


class _Workbook:
    """What the sheets of a workbook share: strings, styles, and the results that formulas of one take from another."""

    def __init__(
        self,
        package: Package,
        workbook: ElementTree.Element,
        relations: dict[str, tuple[str, str]],
        tabs: list[_Tab],
        context: Context,
    ) -> None:
        self._package, self._context = package, context
        self._parts = {tab.name.casefold(): tab.part for tab in tabs if tab.part}
        by_kind = dict(relations.values())
        self._strings = self._shared_strings(by_kind.get("sharedStrings", ""))
        properties = package.optional_xml("docProps/core.xml")
        context.language = context.language or (
            properties.findtext("dc:language", "") if properties is not None else ""
        )
        language = context.language or context.limits.language
        self._styles = CellStyles(package.optional_xml(by_kind.get("styles", "")), workbook, language)
        calculated = workbook.find("x:calcPr")
        self._noughts_are_none = calculated is not None and calculated.get("fullCalcOnLoad") in ("1", "true")
        names = {name.get("name", ""): name.text or "" for name in workbook.iter("x:definedName")}
        self._calculation = Calculation(self._raw_cells, names)

    def _shared_strings(self, part: str) -> list[RichText]:
        if part not in self._package:
            return []
        found = []
        for element in stream(self._package.read(part), "si"):
            found.append(rich_text(element, struck=self._context.limits.hidden))
            element.clear()
        return found

    def _raw_cells(self, name: str) -> Cells | None:
        part = self._parts.get(name.casefold())
        return raw_cells(self._package.read(part), self._strings, self._noughts_are_none) if part else None

    def sheet(self, tab: _Tab) -> Sheet:
        sheet, number, formulas, open_formulas = Sheet(tab.name), 0, FormulaReader(), []
        for element in stream(self._package.read(tab.part), "row", "mergeCell", "col", "autoFilter"):
            kind = local(element.tag)
            if kind == "row":
                number = row_number(element, number)
                if _is_hidden(element, "ht"):
                    sheet.hide_row(number, "collapsed row" if element.get("outlineLevel", "0") != "0" else "hidden row")
                for cell in cells_of(element, number, struck=self._context.limits.hidden):
                    formula = formulas.of(cell)
                    if cell.lacks_result(self._noughts_are_none):
                        open_formulas.append((cell, formula))
                    else:
                        self._put(sheet, cell)
                element.clear()
            elif kind == "col" and _is_hidden(element, "width"):
                first, last = element.get("min", ""), element.get("max", "")
                if first.isdigit() and last.isdigit():
                    sheet.hide_columns(int(first), int(last))
            elif kind == "mergeCell" and (area := _area(element)):
                sheet.merge(*area)
            elif kind == "autoFilter" and len(element) and (area := _area(element)):
                sheet.call_hidden(area[0], area[2], "filtered row")
        for found, target in self._package.relations(tab.part).values():
            listed = self._package.optional_xml(target) if found == "table" else None
            chosen = listed.find("x:autoFilter") if listed is not None else None
            if chosen is not None and len(chosen) and (area := _area(chosen)):
                sheet.call_hidden(area[0], area[2], "filtered row")
        self._calculate(sheet, open_formulas)
        return sheet

    def _put(self, sheet: Sheet, cell: SavedCell) -> None:
        """Put what a cell shows into `sheet`."""
        text = self._text(cell)
        if text.struck:
            self._context.leave_out("struck text", text.struck)
        if not (shown := text.text.strip()):
            return
        if self._styles.is_struck(cell.style):
            if not self._context.limits.hidden:
                self._context.leave_out("struck cell")
                return
            shown = f"~~{shown}~~"
        sheet.put(cell.row, cell.column, shown, self._styles.indent(cell.style, text.text))

    def _text(self, cell: SavedCell) -> RichText:
        kind, raw = cell.kind, cell.raw
        if kind == "b":
            return RichText({"1": "TRUE", "0": "FALSE"}.get(raw, raw))
        if kind == "n" and cell.inline is None:
            shown = self._styles.show(raw, cell.style)
            if raw.strip() and not shown:
                self._context.leave_out("cell whose format hides it")
                shown = self._styles.plain(raw) if self._context.limits.hidden else ""
            return RichText(shown)
        if kind == "s":
            text = self._strings[int(raw)] if raw.isdigit() and int(raw) < len(self._strings) else RichText("")
        else:
            text = cell.inline or RichText(tidy(raw))
        return RichText(self._styles.show_text(text.text, cell.style), text.struck)

    def _calculate(self, sheet: Sheet, cells: list[tuple[SavedCell, str]]) -> None:
        """Put in the results of formulas that were never calculated, or where that is beyond us, the formulas."""
        calculated = 0
        for cell, formula in cells:
            try:
                result = self._calculation.result(sheet.name, cell.row, cell.column)
            except Unknown:
                cell.kind, cell.raw = "str", f"={formula[:_LONGEST_FORMULA]}" if formula else ""
            else:
                calculated += 1
                cell.kind, cell.raw = _saved(result)
            self._put(sheet, cell)
        if cells:
            warn_of_formulas(self._context, sheet.name, len(cells), calculated)


def _saved(result: float | str | bool | CellError | None) -> tuple[str, str]:
    """A result as a file saves it: kind and value of a cell."""
    if isinstance(result, bool):
        return "b", "1" if result else "0"
    if isinstance(result, CellError):
        return "e", result.code
    return ("str", result) if isinstance(result, str) else ("n", repr(result or 0.0))


def _is_hidden(element: ElementTree.Element, size: str) -> bool:
    """Of a row or column; `size`: the attribute of its height or width, which may be 0."""
    return element.get("hidden") in ("1", "true") or element.get(size, "1").strip("0.") == ""


def _area(element: ElementTree.Element) -> tuple[int, int, int, int] | None:
    first, _, last = element.get("ref", "").partition(":")
    start, end = place(first), place(last or first)
    return (*start, *end) if start and end else None


def _remarks(package: Package, part: str, people: dict[str, str], sheet: Sheet) -> None:
    """Comments on cells (threads rather than the copies of them for old programs)."""
    relations = list(package.relations(part).values())
    threads = [package.xml(target) for kind, target in relations if kind == "threadedComment" and target in package]
    for tree in threads:
        for comment in tree.iter("threadedComment"):
            text = " ".join(piece.text or "" for piece in comment.iter("text"))
            who = people.get(comment.get("personId", ""), "")
            sheet.remark(*_place_of(comment), remark(text, who, comment.get("dT", "")))
    for kind, target in relations:
        if kind == "comments" and (notes := package.optional_xml(target)) is not None:
            authors = [author.text or "" for author in notes.iter("x:author")]
            for comment in notes.iter("x:comment"):
                index = comment.get("authorId", "")
                who = authors[int(index)] if index.isdigit() and int(index) < len(authors) else ""
                if not (threads and who.startswith("tc={")):
                    text = "".join(piece.text or "" for piece in comment.iter("x:t"))
                    sheet.remark(*_place_of(comment), remark(text, who, ""))


def _place_of(comment: ElementTree.Element) -> tuple[int, int]:
    return place(comment.get("ref", "")) or (1, 1)


def _charts(package: Package, part: str, builder: Builder, page: int) -> None:
    """Titles of charts."""
    for kind, target in package.relations(part).values():
        for chart_kind, chart in package.relations(target).values() if kind == "drawing" else ():
            if chart_kind == "chart" and chart in package:
                builder.add("caption", title_of(package.xml(chart)), page=page)


def _people(package: Package) -> dict[str, str]:
    found = {}
    for name in package.names(r"xl/persons/"):
        if name.endswith(".xml"):
            found.update(
                {person.get("id", ""): person.get("displayName", "") for person in package.xml(name).iter("person")}
            )
    return found
