"""XLS: sheet by sheet, values as a person sees them, as in an XLSX. What is older than Excel 97 is read by xberg."""

from __future__ import annotations

import struct

from metier.parsing.core.decoding import tidy
from metier.parsing.core.readers import Builder, Context
from metier.parsing.core.regions import LEVEL, leading_blanks
from metier.parsing.core.superscripts import joined
from metier.parsing.legacy import xberg_reader
from metier.parsing.legacy.biff import CellFormat, CellValue, FontLook, Workbook, pieces_of
from metier.parsing.legacy.compound import Compound
from metier.parsing.office.numbers import Notation, NumberFormat
from metier.parsing.office.package import locked
from metier.parsing.office.sheets import Sheet, describe_workbook, write_sheet


def read(content: bytes, builder: Builder, context: Context) -> None:
    compound = Compound(content)
    try:
        workbook = Workbook(compound.read("Workbook"))
        reader = _Reader(workbook, context)
        sheets = [None if reader.leaves_out(number) else reader.sheet(number) for number in range(len(workbook.sheets))]
    except (struct.error, IndexError, ValueError):
        context.left_out.clear()
        xberg_reader.read(content, builder, context)
        return
    if workbook.locked:
        raise locked()
    facts = compound.facts()
    context.name_title(facts.get("title"))
    context.describe(author=facts.get("author"), subject=facts.get("subject"), keywords=facts.get("keywords"))
    written: dict[str, str] = {}
    for number, sheet in enumerate(sheets, start=1):
        if sheet is None:
            context.leave_out(f"hidden sheet {workbook.sheets[number - 1].name}")
        elif (line := write_sheet(sheet, builder, context, page=number)) is not None:
            written[sheet.name] = line
    context.pages = len(sheets)
    describe_workbook(context, [sheet.name for sheet in sheets if sheet is not None], written)


class _Reader:
    def __init__(self, workbook: Workbook, context: Context) -> None:
        self._workbook, self._context = workbook, context
        self._notation = Notation.of(context.limits.language)
        self._plain = CellFormat(NumberFormat(plain=True), FontLook())

    def leaves_out(self, number: int) -> bool:
        return self._workbook.sheets[number].hidden and not self._context.limits.hidden

    def sheet(self, number: int) -> Sheet:
        part = self._workbook.sheets[number]
        sheet, hidden = Sheet(part.name), self._context.limits.hidden
        if not part.holds_cells:
            return sheet
        records = self._workbook.records_of(part)
        for row, what in records.hidden_rows.items():
            sheet.hide_row(row, what)
        for first, last in records.hidden_columns:
            sheet.hide_columns(first, last)
        for area in records.merged:
            sheet.merge(*area)
        styles = self._workbook.styles
        for row, column, value, index in records.cells:
            style = styles[index] if index < len(styles) else self._plain
            text = self._shown(value, style)
            indent = float(style.indent * LEVEL + leading_blanks(text))
            if not (text := text.strip()):
                continue
            if style.font.struck and not hidden:
                self._context.leave_out("struck cell")
            else:
                sheet.put(row, column, f"~~{text}~~" if style.font.struck else text, indent)
        return sheet

    def _shown(self, value: CellValue, style: CellFormat) -> str:
        if isinstance(value, bool):
            return "TRUE" if value else "FALSE"
        if isinstance(value, float):
            return style.form.show(value, self._notation, from_1904=self._workbook.from_1904)
        if isinstance(value, str):
            return style.form.show_text(tidy(value))
        pieces, left_out = pieces_of(self._workbook.strings[value], struck=self._context.limits.hidden)
        if left_out:
            self._context.leave_out("struck text", left_out)
        return style.form.show_text(tidy(joined(pieces)))
