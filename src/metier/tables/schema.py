"""What is known of a table that can be asked: its columns with type and unit, and where it stands."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from metier.core.tables import Reference
from metier.tables.cell_values import ColumnType
from metier.text.units import scale_of

_THOUSAND = 1000.0
ROW, DOCUMENT, START, END, TOTAL = "_row", "_document", "_start", "_end", "_total"
GROUP = "_group"
HIDDEN = (ROW, DOCUMENT, START, END, TOTAL, GROUP)  # columns that the table of a document does not have
COLUMN_SQL = {ColumnType.NUMBER: "REAL", ColumnType.DATE: "TEXT", ColumnType.TEXT: "TEXT"}


@dataclass(frozen=True, slots=True)
class Column:
    """`name`: as the document has it, its parts joined; `sql`: as a query names it. `unit`: of its numbers, as it is
    written. `distinct`: how many values it has; `years`: whether all are years; `yes_no`: whether all say yes or no;
    `noes`: those of its values that say no, None where they are not known. `place`: of its cell in a row of the
    document."""

    name: str
    sql: str
    type: ColumnType
    unit: str = ""
    distinct: int = 0
    years: bool = False
    place: int = 0
    yes_no: bool = False
    noes: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class TableSchema:
    """`sql`: its name in a query. `name`: what people call it (of a database, a sheet, a caption, the heading above it,
    or the document's title). `unit`: what holds for all its numbers. `rows`: how many. `labels`: indices of the columns
    that name its rows, one but for first and last name. `key`: name in SQL of a column that has another value in each
    row, "" where there is none. `grouped`: whether rows stand under names of groups, which a query reads as `_group`.
    `totals`: whether some rows are totals of the others, which no aggregate counts. `database`: whether the other
    tables of its document can be asked with it.

    A table of a database is put together from many documents, the blocks of its rows: `document_id` is the address of
    its database and `uri` its own, and which document a row is of tells `_document` alone (`TableStore.documents_of`).
    """

    id: int
    sql: str
    name: str
    document_id: str
    uri: str
    title: str
    columns: tuple[Column, ...]
    rows: int
    page: int | None = None
    caption: str = ""
    unit: str = ""
    labels: tuple[int, ...] = (0,)
    key: str = ""
    grouped: bool = False
    totals: bool = False
    language: str = ""
    database: bool = False
    references: tuple[Reference, ...] = field(default=())

    def to_json(self) -> str:
        return json.dumps({name: value for name, value in asdict(self).items() if name != "id"}, ensure_ascii=False)

    @classmethod
    def from_json(cls, number: int, text: str) -> Self:
        plain: dict[str, Any] = json.loads(text)
        columns = plain["columns"]
        plain["columns"] = tuple(map(_column, columns))
        plain["labels"] = tuple(plain["labels"])
        plain["references"] = tuple((own, table, other) for own, table, other in plain["references"])
        return cls(id=number, **plain)

    @property
    def scale(self) -> float:
        """In which its numbers are told: of "in millions" a million; 1 where nothing is said."""
        words = (word.strip(".,()[]") for word in f"{self.unit} {self.caption}".split())
        return next((factor for word in words if (factor := scale_of(word)) >= _THOUSAND), 1.0)

    def column(self, sql: str) -> Column | None:
        return next((column for column in self.columns if column.sql == sql), None)

    @property
    def labelling(self) -> tuple[Column, ...]:
        return tuple(self.columns[n] for n in self.labels)


def _column(plain: Mapping[str, Any]) -> Column:
    noes = plain.get("noes")
    return Column(**{**plain, "type": ColumnType(plain["type"]), "noes": noes if noes is None else tuple(noes)})


def quoted(name: str) -> str:
    """A name as SQL writes it."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A text as SQL writes it."""
    return "'" + text.replace("'", "''") + "'"


def unique(
    names: Sequence[str], taken: Mapping[str, object] | Sequence[str] = (), instead: str = "column"
) -> Iterator[str]:
    """Each name, short, told apart from those before it (SQL has no capitals). `instead`: for one that says nothing."""
    known = {name.casefold() for name in taken}
    for place, name in enumerate(names, start=1):
        short = " ".join(name.replace('"', "'").split())[:60].strip().lstrip("_") or f"{instead} {place}"
        made, number = short, 1
        while made.casefold() in known:
            number += 1
            made = f"{short} ({number})"
        known.add(made.casefold())
        yield made
