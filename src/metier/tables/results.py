"""What a query gave, as a person reads it: numbers with their unit, rows by their name, and which rows they are of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import regex

from metier.core.documents import CELL
from metier.core.tables import PATH
from metier.tables.cell_values import ColumnType, unit_in_name
from metier.tables.periods import PeriodQuery, told
from metier.tables.query import ColumnReference, Condition, ExtremeValue, Sql, TableQuery, Value, ValueOfRow
from metier.tables.runner import Result
from metier.tables.schema import GROUP, TableSchema
from metier.text.language import Language
from metier.text.units import unit_of

_DIGITS = 12
_UNITS_BEFORE = ("$", "€", "£", "¥", "₹", "৳")
_FOOTNOTE = regex.compile(r"\s*\(\d{1,2}\)$")


@dataclass(frozen=True, slots=True)
class RowPlace:
    """A row of a table in its document's text."""

    document_id: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ResultCell:
    """`text`: the value as it is written here, with its unit; `name`: of its column, "" for what names the row.
    `place`: of the cell in its row of the document, None where it is of another row; `unit`: what its document does not
    write in the cell itself."""

    name: str
    text: str
    place: int | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class ResultLine:
    """`rows`: the rows that it tells of; `cells`: what it tells of its row, where it is of one. `group`: values by
    which its rows are grouped."""

    text: str
    rows: tuple[RowPlace, ...] = ()
    cells: tuple[ResultCell, ...] = ()
    group: tuple[float | int | str | None, ...] = ()


@dataclass(frozen=True, slots=True)
class TableAnswer:
    """`lines`: what is said, each with the rows it tells of. `sql`, `filters`: how it was asked. `total`: rows there
    are, more than `lines` where they are many; of an aggregate, the rows that it is computed from."""

    lines: tuple[ResultLine, ...]
    sql: str
    filters: tuple[str, ...]
    table: TableSchema
    total: int
    aggregate: str = ""


@dataclass(frozen=True, slots=True)
class Ambiguity:
    """What a question may mean in the tables, where nothing tells which: each reading gives another answer."""

    meanings: tuple[str, ...]

    @property
    def note(self) -> str:
        return f"It may mean {' or '.join(f'“{each}”' for each in self.meanings)}: say which."


def meaning(query: TableQuery) -> str:
    """What a query asks, in words of the table: `SUM Invoice.Total (Country: Germany)`."""
    places = query.group if query.group and not query.of else query.select
    of = [query.of] if query.of is not None and query.of.column else list(places)
    names = [f"{place.table.name}.{_name_of(place)}" for place in of] or [query.table.name]
    order = f"{'max' if query.descending else 'min'} {_name_of(query.order)}" if query.order else ""
    told = "; ".join(part for part in (*filters_of(query), order) if part)
    return " ".join(part for part in (query.aggregate.upper(), ", ".join(names), f"({told})" if told else "") if part)


def _name_of(place: ColumnReference) -> str:
    column = place.table.column(place.column)
    return column.name if column else place.column


def filled(query: TableQuery, sql: Sql, result: Result) -> Result:
    """Without rows that have none of what is asked of them: who has no telephone number gives none."""
    labels = {place for place in query.select if place.column in {c.sql for c in place.table.labelling}}
    asked = [n for n, place in enumerate(query.select, start=4) if place not in labels]
    if not sql.rows or not asked:
        return result
    return replace(result, rows=tuple(row for row in result.rows if any(row[n] is not None for n in asked)))


def alike_once(lines: Sequence[ResultLine]) -> list[ResultLine]:
    """Lines that say the same as one, with the rows of all: a river has a row for each country that it runs through."""
    found: dict[str, ResultLine] = {}
    for line in lines:
        known = found.get(line.text)
        found[line.text] = line if known is None else replace(known, rows=(*known.rows, *line.rows))
    return list(found.values())


def lines_of(query: TableQuery, sql: Sql, result: Result, language: str) -> list[ResultLine]:
    """Of an aggregate its value, or a line for each group; else a line a row. `language`: in which numbers are
    written."""
    if sql.rows:
        rows = [_row(query, row, language) for row in result.rows]
        return _two_rows(query, result, rows, language) if query.compared or query.difference else rows
    found = []
    for row in result.rows:
        *names, value = row
        said = _amount(value, query.of, query, language)
        if said:
            name = " ".join(str(each) for each in names if each is not None)
            found.append(ResultLine(f"{name}: {said}" if names else said, group=tuple(names)))
    if query.difference and len(found) == 2:
        first, second = (row[-1] for row in result.rows)
        if isinstance(first, int | float) and isinstance(second, int | float):
            between = _amount(abs(first - second), query.of, query, language)
            return [ResultLine(f"{between} ({found[0].text}; {found[1].text})")]
    return found


def _two_rows(query: TableQuery, result: Result, rows: Sequence[ResultLine], language: str) -> list[ResultLine]:
    """Of two rows whether the first comes before the other, or by how much they differ; none where one is missing."""
    names = len(query.table.labelling)
    found: dict[str, tuple[float | int | str | None, ResultLine]] = {}
    for row, line in zip(result.rows, rows, strict=True):
        found.setdefault(" ".join(str(each) for each in row[4 : 4 + names]), (row[-1], line))
    values = [value for value, _ in found.values()]
    if len(found) != 2 or any(value is None for value in values):
        return []
    said = "; ".join(line.text for _, line in found.values())
    places = tuple(place for _, line in found.values() for place in line.rows)
    if query.compared:
        (first, _), (other, _) = (found.get(name, (None, None)) for name in query.compared)
        if first is None or other is None:
            return []
        holds = first > other if query.descending else first < other  # type: ignore[operator]
        known = Language.of(language)
        return [ResultLine(f"{(known.yes if holds else known.no)[0].capitalize()}: {said}", places)]
    one, two = values
    if not isinstance(one, int | float) or not isinstance(two, int | float):
        return []
    return [ResultLine(f"{_amount(abs(one - two), query.order, query, language)} ({said})", places)]


def period_line(query: PeriodQuery, cells: Sequence[float | None], language: str) -> str | None:
    """`Net sales: 26.7% (2018: 1,146.2; 2019: 1,452.4)`; None where a cell that is needed is empty."""
    found = told(query, cells)
    if found is None:
        return None
    sign, value, column = found
    unit = sign or (query.table.unit if query.kind != "count" else "")  # rows of a report have units of their own
    said = with_unit(round(value, 4), unit, language)
    label = _FOOTNOTE.sub("", query.label)
    name = f"{query.group}{PATH}{label}" if query.group else label
    if query.kind == "value":
        period = query.columns[0].name.split(PATH)[-1]
        return f"{name} | {_FOOTNOTE.sub('', period)}: {said}"
    if column:
        return f"{column}: {name} {said}"
    operands = "; ".join(
        f"{each.name}: {number(cell, language)}"
        for each, cell in zip(query.columns, cells, strict=True)
        if cell is not None
    )
    return f"{name}: {said} ({operands})"


def _row(query: TableQuery, row: Sequence[float | int | str | None], language: str) -> ResultLine:
    document, _, start, end, *values = row
    labels = {column.sql for column in query.table.labelling}
    only_names = all(place.table.sql == query.table.sql and place.column in labels for place in query.select)
    cells = []
    for place, value in zip(query.select, values, strict=True):
        if value is None:
            continue
        own = place.table.sql == query.table.sql
        column = place.table.column(place.column)
        is_name = only_names or len(query.select) == 1 or (own and place.column in labels)
        name = "" if is_name else _name_of(place)
        unit = (column.unit or place.table.unit) if column and column.type is ColumnType.NUMBER else ""
        unit = "" if unit and unit_of(unit_in_name(name)) == unit_of(unit) is not None else unit  # it is told once
        said = value if isinstance(value, str) else with_unit(value, unit, language)
        cells.append(ResultCell(name, said, column.place if own and column else None, unit))
    return ResultLine(joined(cells), (RowPlace(str(document), int(start or 0), int(end or 0)),), tuple(cells))


def joined(cells: Sequence[ResultCell]) -> str:
    """`Frank Harris | Email: fharris@google.com`"""
    name = " ".join(cell.text for cell in cells if not cell.name)
    told = [f"{cell.name}: {cell.text}" for cell in cells if cell.name]
    return CELL.join([name, *told] if name else told)


def _amount(value: float | int | str | None, of: ColumnReference | None, query: TableQuery, language: str) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    column = of.table.column(of.column) if of and of.column and query.aggregate != "count" else None
    unit = (column.unit or (of.table.unit if of else "")) if column else ""
    rounded = round(value, 2 if unit in _UNITS_BEFORE else 4) if query.aggregate == "avg" else value
    return with_unit(rounded, unit, language)


def with_unit(value: float, unit: str, language: str) -> str:
    """`1,234.5` with its unit before or behind it, as is usual in the language."""
    said = number(value, language, cents=unit in _UNITS_BEFORE)
    if not unit:
        return said
    if unit in _UNITS_BEFORE and not (unit == "€" and Language.of(language).decimal == ","):
        return f"-{unit}{said[1:]}" if said.startswith("-") else f"{unit}{said}"
    return f"{said}{unit}" if unit in ("%", "‰") else f"{said} {unit}"


def number(value: float, language: str, *, cents: bool = False) -> str:
    """With the marks of a language; whole numbers without a point, years without a mark. `cents`: of one with a point
    both digits behind it."""
    whole = float(value).is_integer()
    plain = f"{value:.0f}" if whole else f"{value:.{_DIGITS}g}"
    if cents and len(plain.partition(".")[2]) == 1:
        plain += "0"
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
    values = list(map(_value_told, condition.values))
    if condition.operator == "exists" and column is not None and column.type is ColumnType.NUMBER:
        return f"{name} {'=' if condition.negated else '≠'} 0"
    if condition.negated:
        return f"not {name}: {', '.join(values)}" if values else f"no {name or condition.place.table.name}"
    if condition.operator == "exists":
        return name or condition.place.table.name
    if condition.operator == "between":
        low, high = (value.removesuffix(" 23:59:59") for value in values)
        return f"{name}: {low}–{high}"
    if condition.operator in ("in", "="):
        return f"{name}: {', '.join(values)}".removeprefix(": ")
    return f"{name} {condition.operator} {values[0].removesuffix(' 23:59:59')}"


def _value_told(value: Value) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, ValueOfRow):
        return " ".join(", ".join(names) for _, names in value.called)
    if isinstance(value, ColumnReference):
        return _name_of(value)
    if isinstance(value, ExtremeValue):
        return "max" if value.query.descending else "min"
    return f"{value:g}"
