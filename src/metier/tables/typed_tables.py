"""A table of a document with its columns typed, as it is kept: what names its rows, which rows are totals, and where
each stands in the document."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from metier.core.database_rows import DatabaseTable
from metier.core.documents import Document
from metier.core.tables import PATH, Table
from metier.tables.cell_values import ColumnType, TypedColumn, day_in, say_yes_or_no, saying_no, typed, unit_in_name
from metier.tables.schema import Column, TableSchema, unique
from metier.text.language import words_in_any_language, words_of
from metier.text.names import apart, naming

_PLURAL = 2  # letters that a plural adds
_YEARS = range(1500, 2200)
_LARGEST = 2**63  # that SQLite has whole numbers up to
_DECLARED = {"integer": ColumnType.NUMBER, "number": ColumnType.NUMBER, "date": ColumnType.DATE}


@dataclass(frozen=True, slots=True)
class TypedTable:
    """`rows`: values of the hidden columns (`schema.HIDDEN`) and of the others."""

    schema: TableSchema
    rows: list[tuple[object, ...]]


def typed_table(document: Document, table: Table) -> TypedTable | None:
    """None where it has no two columns or no row. Its schema has no number and no name in SQL yet."""
    width = max((len(row.cells) for row in table.rows), default=0)
    names = [*table.names, *[""] * width][:width]
    cells = [
        [document.text[slice(*place)] if n < len(row.cells) and (place := row.cells[n]) else "" for row in table.rows]
        for n in range(width)
    ]
    kept = [n for n in range(width) if any(cells[n])]
    if len(kept) < 2:
        return None
    columns, values = [], []
    for n, sql in zip(kept, unique([names[n] for n in kept]), strict=True):
        found = typed(names[n], cells[n], document.language)
        different = len({value for value in found.values if value is not None})
        unit = found.unit or (unit_in_name(names[n]) if found.type is ColumnType.NUMBER else "")
        years, says = _are_years(found), say_yes_or_no(found.values, document.language)
        no = tuple(saying_no(found.values, document.language))
        columns.append(Column(names[n] or sql, sql, found.type, unit, different, years, n, says, no))
        values.append(found.values)
    labels = labels_of(columns, [cells[n] for n in kept], _name(document, table))
    totals = _are_totals(cells[kept[labels[0]]])
    rows: list[tuple[object, ...]] = [
        (n, document.id, row.start, row.end, int(totals[n]), PATH.join(row.groups) or None, *(v[n] for v in values))
        for n, row in enumerate(table.rows)
    ]  # fmt: skip
    schema = TableSchema(
        id=0, sql="", name=_name(document, table), document_id=document.id, uri=document.uri, title=document.title,
        columns=tuple(columns), rows=len(rows), page=table.page, caption=table.caption, unit=table.unit, labels=labels,
        key=_key(columns, len(rows)), grouped=any(row.groups for row in table.rows), totals=any(totals),
        language=document.language, database=any(each.references for each in document.tables),
        references=table.references,
    )  # fmt: skip
    return TypedTable(schema, rows)


def declared_schema(place: DatabaseTable, table: Table, language: str) -> TableSchema:
    """What is known of a database's table by one block of its rows: its columns are of the types that the database
    declares. All that only its rows together tell is left open."""
    names = table.names
    columns = tuple(
        Column(name or sql, sql, _DECLARED.get(each.kind, ColumnType.TEXT), each.unit, place=n)
        for n, (name, sql, each) in enumerate(zip(names, unique(names), table.declared, strict=True))
    )
    return TableSchema(
        id=0, sql="", name=table.name, document_id=place.database, uri=place.table, title=table.name, columns=columns,
        rows=0, language=language, database=True, references=table.references,
    )  # fmt: skip


def declared_rows(document: Document, table: Table) -> Iterator[tuple[object, ...]]:
    """Values of the hidden columns and of the others, of each row of a block."""
    kinds = [each.kind for each in table.declared]
    text = document.text
    for row in table.rows:
        cells = (
            value_of(kind, text[slice(*place)] if place else "") for kind, place in zip(kinds, row.cells, strict=True)
        )
        yield (None, document.id, row.start, row.end, 0, None, *cells)


def value_of(kind: str, cell: str) -> float | int | str | None:
    """Of a cell whose type is declared; None where it is empty or holds no such value."""
    try:
        if kind == "integer":
            whole = int(cell)
            return whole if abs(whole) < _LARGEST else float(whole)
        if kind == "number":
            return float(cell)
    except ValueError:
        return None
    return day_in(cell) if kind == "date" else cell or None


def _are_totals(names: Sequence[str]) -> list[bool]:
    """Of each row's name whether it says no more than "total"."""
    known = words_in_any_language("tables", "total")
    said = [words_of(name) for name in names]
    return [bool(words) and known.issuperset(words) for words in said]


def _are_years(column: TypedColumn) -> bool:
    numbers = [value for value in column.values if isinstance(value, float)]
    return column.type is ColumnType.NUMBER and not column.unit and all(n in _YEARS for n in numbers)


def labels_of(columns: Sequence[Column], cells: Sequence[Sequence[str]], table: str = "") -> tuple[int, ...]:
    """Which columns name the rows: those that are called a name or title, of several the first unless all are names
    of a person; else the first one of words that is called as the `table` is, or hardly repeats; else the first."""
    words = [n for n, column in enumerate(columns) if column.type is ColumnType.TEXT]
    several = [n for n in words if columns[n].distinct > 1]
    if called := naming([columns[n].name for n in several]):
        return tuple(several[n] for n in called)
    spelled = [n for n in words if sum(any(map(str.isalpha, cell)) for cell in cells[n]) * 2 > len(cells[n])]
    telling = [n for n in spelled if columns[n].distinct * 2 > len(cells[n])]
    called_so = [n for n in spelled if table and _is_called_so(columns[n].name, table)]
    return ((called_so or telling or [0])[0],)


def _is_called_so(column: str, table: str) -> bool:
    """Whether a column is called as each row of its table is: `line` of `lines`."""
    own, words = words_of(apart(column)), words_of(apart(table))
    return len(own) == 1 and bool(words) and words[-1].startswith(own[0]) and len(words[-1]) - len(own[0]) <= _PLURAL


def _key(columns: Sequence[Column], rows: int) -> str:
    return next((column.sql for column in columns if column.distinct == rows), "")


def _name(document: Document, table: Table) -> str:
    if table.name:
        return table.name
    if table.caption:
        return table.caption
    headings = [block for block in document.blocks if block.kind == "heading" and block.end <= table.start]
    if headings:
        return document.text[headings[-1].start : headings[-1].end]
    return document.title
