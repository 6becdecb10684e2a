"""What the result of a checked query says, told by rule: names, values with their unit, conditions in words of the
tables. No word of the one who wrote the query is among it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlglot import exp

from metier.tables.guard import GuardedQuery, is_aggregated
from metier.tables.results import ResultCell, ResultLine, RowPlace, joined, number, with_unit
from metier.tables.sql_columns import Output, SqlColumns, branches

Cell = float | int | str | None
_COMPARED: dict[type[exp.Expr], str] = {exp.EQ: "", exp.NEQ: "≠", exp.GT: ">", exp.GTE: "≥", exp.LT: "<", exp.LTE: "≤"}
_DIGITS = 4


def line_of(outputs: Sequence[Output], row: Sequence[Cell], rows: tuple[RowPlace, ...], language: str) -> ResultLine:
    """One row of the result. `rows`: of the tables, that it is made from."""
    told = [(output, value) for output, value in zip(outputs, row, strict=False) if value is not None]
    if not told:
        return ResultLine("", rows)
    names = {n for n, (output, value) in enumerate(told) if _is_name(output, value, told)}
    if len(told) == 1 or names == set(range(len(told))):
        names = set(range(len(told)))
    values = [n for n in range(len(told)) if n not in names]
    if len(values) == 1 and told[values[0]][0].computed:
        name = " ".join(str(told[n][1]) for n in sorted(names))
        said = _amount(*told[values[0]], language)
        return ResultLine(f"{name}: {said}" if name else said, rows)
    cells = tuple(_cell(output, value, n in names, language) for n, (output, value) in enumerate(told))
    plain = all(output.column is not None for output, _ in told)
    of_one = plain and len({output.column.table.sql for output, _ in told if output.column}) == 1 and len(rows) == 1
    return ResultLine(joined(cells), rows, cells if of_one else ())


def _is_name(output: Output, value: Cell, told: Sequence[tuple[Output, Cell]]) -> bool:
    """Whether a value says what the others are of: what names the rows of the first table, a part of the query that is
    words, else the first of them where these are words."""
    if not isinstance(value, str):
        return False
    first = told[0][0].column
    if output.column is None:
        return True
    labels = output.column.table.labelling
    if first is not None and output.column.table.sql == first.table.sql and output.column.column in labels:
        return True
    return output is told[0][0] or all(isinstance(other, str) == (each is output) for each, other in told)


def _cell(output: Output, value: Cell, is_name: bool, language: str) -> ResultCell:
    column = output.column.column if output.column else None
    unit = output.unit if column is not None and not isinstance(value, str) else ""
    name = "" if is_name else output.name
    return ResultCell(name, _amount(output, value, language), column.place if column else None, unit)


def _amount(output: Output, value: Cell, language: str) -> str:
    if isinstance(value, str):
        return value
    shown = round(value or 0, _DIGITS) if output.computed else (value or 0)
    return with_unit(shown, output.unit, language) if output.unit else number(shown, language)


def aggregate_of(query: GuardedQuery) -> str:
    """The function that adds its rows up, "" where it gives rows as they are."""
    for select in branches(query.tree):
        found = next((each for each in select.find_all(exp.AggFunc)), None)
        if found is not None and (is_aggregated(select) or not select.args.get("from_")):
            return type(found).__name__.lower()
    return ""


def filters_of_sql(query: GuardedQuery, columns: SqlColumns, language: str) -> tuple[str, ...]:
    """Its conditions in words of the tables: `Country: Brazil`, `Price > 100`."""
    return tuple(dict.fromkeys(_filters(query, columns, language)))


def _filters(query: GuardedQuery, columns: SqlColumns, language: str) -> Iterator[str]:
    for where in query.tree.find_all(exp.Where, exp.Having):
        for node in where.find_all(*_COMPARED, exp.In, exp.Between, exp.Like):
            column = node.this.find(exp.Column)
            found = columns.of(column) if column is not None else None
            if found is None:
                continue
            name = found.column.name
            match node:
                case exp.Between():
                    said = "–".join(_said(node.args[side], language) for side in ("low", "high"))
                    yield f"{name}: {said}"
                case exp.In() if node.expressions:
                    yield f"{name}: {', '.join(_said(each, language) for each in node.expressions)}"
                case exp.Like():
                    yield f"{name}: {_said(node.expression, language).strip('%')}"
                case exp.In():
                    continue
                case _ if isinstance(node.expression, exp.Literal | exp.Neg):
                    sign = _COMPARED[type(node)]
                    said = _said(node.expression, language)
                    yield f"{name} {sign} {said}" if sign else f"{name}: {said}"


def _said(node: exp.Expr, language: str) -> str:
    if isinstance(node, exp.Neg):
        return f"-{_said(node.this, language)}"
    if isinstance(node, exp.Literal) and not node.is_string:
        return number(float(node.name), language)
    return node.name
