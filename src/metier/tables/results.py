"""What a query gave, as a person reads it: numbers with their unit, rows by their name, and which rows they are of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from metier.core.documents import CELL
from metier.core.tables import PATH
from metier.tables.periods import PeriodQuery, told
from metier.tables.query import Condition, Place, Sql, TableQuery
from metier.tables.runner import Result
from metier.tables.schema import GROUP, Column
from metier.text.language import Language

_DIGITS = 12
_UNITS_BEFORE = ("$", "€", "£", "¥", "₹", "৳")


@dataclass(frozen=True, slots=True)
class RowPlace:
    """A row of a table in its document's text."""

    document_id: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Line:
    """`rows`: the rows that it tells of."""

    text: str
    rows: tuple[RowPlace, ...] = ()


def lines_of(query: TableQuery, sql: Sql, result: Result, language: str) -> list[Line]:
    """Of an aggregate its value, or a line for each group; else a line a row. `language`: in which numbers are
    written."""
    if sql.rows:
        return [_row(query, row, language) for row in result.rows]
    found = []
    for row in result.rows:
        *names, value = row
        said = _amount(value, query.of, query, language)
        if said:
            found.append(Line(f"{' '.join(str(name) for name in names if name is not None)}: {said}" if names else said))
    if query.difference and len(found) == 2:
        first, second = (row[-1] for row in result.rows)
        between = _amount(abs(float(first) - float(second)), query.of, query, language)
        return [Line(f"{between} ({found[0].text}; {found[1].text})")]
    return found


def period_line(query: PeriodQuery, cells: Sequence[float | None], language: str) -> str | None:
    """`Net sales: 26.7% (2018: 1,146.2; 2019: 1,452.4)`; None where a cell that is needed is empty."""
    found = told(query, cells)
    if found is None:
        return None
    sign, value, column = found
    unit = sign or (query.columns[0].unit or query.table.unit if query.kind != "count" else "")
    said = with_unit(round(value, 4), unit, language)
    name = f"{query.group}{PATH}{query.label}" if query.group else query.label
    if column:
        return f"{column}: {name} {said}"
    operands = "; ".join(
        f"{each.name}: {number(cell, language)}" for each, cell in zip(query.columns, cells, strict=True) if cell is not None
    )
    return f"{name}: {said} ({operands})"


def _row(query: TableQuery, row: Sequence[float | int | str | None], language: str) -> Line:
    document, _, start, end, *cells = row
    labels = {column.sql for column in query.table.labelling}
    name: list[str] = []
    told: list[str] = []
    only_names = all(place.table.sql == query.table.sql and place.column in labels for place in query.select)
    for place, cell in zip(query.select, cells, strict=True):
        if cell is None:
            continue
        column = place.table.column(place.column)
        said = _cell(cell, column, place, language)
        if only_names or len(query.select) == 1 or (place.table.sql == query.table.sql and place.column in labels):
            name.append(said)
        else:
            told.append(f"{column.name if column else place.column}: {said}")
    text = CELL.join([" ".join(name), *told] if name else told)
    return Line(text, (RowPlace(str(document), int(start or 0), int(end or 0)),))


def _cell(value: float | int | str, column: Column | None, place: Place, language: str) -> str:
    if isinstance(value, str) or column is None:
        return str(value)
    return with_unit(value, column.unit or place.table.unit, language)


def _amount(value: float | int | str | None, of: Place | None, query: TableQuery, language: str) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    column = of.table.column(of.column) if of and of.column and query.aggregate != "count" else None
    unit = (column.unit or (of.table.unit if of else "")) if column else ""
    rounded = round(value, 4) if query.aggregate == "avg" else value
    return with_unit(rounded, unit, language)


def with_unit(value: float, unit: str, language: str) -> str:
    """`1,234.5` with its unit before or behind it, as it was written."""
    said = number(value, language)
    if not unit:
        return said
    if unit in _UNITS_BEFORE:
        return f"-{unit}{said[1:]}" if said.startswith("-") else f"{unit}{said}"
    return f"{said}{unit}" if unit in ("%", "‰") else f"{said} {unit}"


def number(value: float, language: str) -> str:
    """With the marks of a language; whole numbers without a point, years without a mark."""
    whole = float(value).is_integer()
    plain = f"{value:.0f}" if whole else f"{value:.{_DIGITS}g}"
    digits, _, fraction = plain.partition(".")
    if len(digits.lstrip("-")) > 4:
        digits = f"{int(digits):,}"
    decimal = Language.of(language).decimal
    if decimal == ",":
        digits = digits.replace(",", "\u202f")
    return f"{digits}{decimal}{fraction}" if fraction else digits


def filters_of(query: TableQuery) -> list[str]:
    """The conditions in words of the table: `Country: Germany`, `Price > 100`."""
    return [_told(condition) for condition in query.conditions]


def _told(condition: Condition) -> str:
    column = condition.place.table.column(condition.place.column)
    name = column.name if column else "" if condition.place.column == GROUP else condition.place.column
    values = [each if isinstance(each, str) else f"{each:g}" for each in condition.values]
    if condition.operator == "between":
        low, high = (value.removesuffix(" 23:59:59") for value in values)
        return f"{name}: {low}–{high}"
    if condition.operator in ("in", "="):
        return f"{name}: {', '.join(values)}".removeprefix(": ")
    return f"{name} {condition.operator} {values[0].removesuffix(' 23:59:59')}"
