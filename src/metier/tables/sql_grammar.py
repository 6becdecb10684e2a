"""A grammar (GBNF, as llama.cpp reads it) of the queries that a question may become: over the tables shown, their
columns, the values that its words lead to, its numbers and days.

What is repeated has an end, so that a model that goes round in circles ends with a whole query.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from metier.tables.cell_values import ColumnType
from metier.tables.question import TableQuestion
from metier.tables.readable import group_name, referred
from metier.tables.schema import TableSchema, literal, quoted
from metier.tables.sql_prompt import LinkedTables
from metier.text.quantities import quantities

_MOST_TEXTS, _LONGEST = 80, 120
_SCALES = (1.0, 1e3, 1e6, 1e9)
_FIXED = r"""
query ::= select (" UNION ALL " select){0,6} order? limit?
select ::= "SELECT " "DISTINCT "? output (", " output){0,3} " FROM " read where? group?
output ::= expression | heading
expression ::= term (" " [-+*/] " " term){0,2}
term ::= aggregate | column | number | "(" scalar ")" | "(" column " " compared " " number ")"
aggregate ::= "COUNT(*)" | "COUNT(DISTINCT " column ")" | ("SUM(" | "AVG(" | "MIN(" | "MAX(") column ")"
where ::= " WHERE " condition ((" AND " | " OR ") condition){0,2}
condition ::= "NOT "? (plain | column " IN (" part ")" | column " " compared " (" scalar ")")
plain ::= column " " compared " " value | column " BETWEEN " value " AND " value |
  column " IN (" value (", " value){0,3} ")" | column " LIKE " pattern | column " IS NOT NULL" | column " IS NULL"
part ::= "SELECT " column " FROM " read (" WHERE " plain (" AND " plain){0,1})?
scalar ::= "SELECT " (aggregate | column) " FROM " read (" WHERE " plain (" AND " plain){0,1})?
group ::= " GROUP BY " column (", " column){0,2} (" HAVING " aggregate " " compared " " (number | "(" scalar ")"))?
order ::= " ORDER BY " (aggregate | column | [1-4]) (" DESC" | " ASC")?
limit ::= " LIMIT " [1-9] [0-9]?
compared ::= "=" | "<>" | ">" | ">=" | "<" | "<="
read ::= table join{0,3}
value ::= number | text | day
day ::= "'" year "-" [0-1] [0-9] "-" [0-3] [0-9] "'"
meaning ::= table | column | text | "-" | "NO"
"""


def grammar_of(
    question: TableQuestion, tables: Sequence[TableSchema], groups: Sequence[LinkedTables], words: Sequence[str]
) -> str:
    """`words`: those that are explained before the query, one a line."""
    told = " ".join(f'{_terminal(word)} ": " meaning "\\n"' for word in words)
    rules = {
        "table": _any(quoted(table.sql) for table in tables),
        "column": " | ".join([_any(_columns(tables)), *_parts(tables)]),
        "heading": _any(literal(column.sql) for table in tables for column in table.columns),
        "join": _any(_joins(tables)),
        "number": _any(_numbers(question)),
        "text": _any(_texts(tables, groups)),
        "pattern": _any(f"'%{word}%'" for word in _said(question)),
        "year": _any(re.findall(r"\b\d{4}\b", question.text))
        if re.search(r"\b\d{4}\b", question.text)
        else "[12] [0-9]{3}",
    }
    lines = [f'root ::= {told} (query | "NO")', _FIXED.strip()]
    return "\n".join([*lines, *(f"{name} ::= {rule}" for name, rule in rules.items())]) + "\n"


def _any(texts: Iterable[str]) -> str:
    """One of some texts; an empty one where there are none, which the guard refuses."""
    return " | ".join(map(_terminal, dict.fromkeys(texts))) or "\"''\""


def _terminal(text: str) -> str:
    text = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else " " for c in text) + '"'


def _columns(tables: Sequence[TableSchema]) -> Iterable[str]:
    for table in tables:
        names = [column.sql for column in table.columns] + ([group_name(table)] if table.grouped else [])
        yield from (f"{quoted(table.sql)}.{quoted(name)}" for name in names)


def _parts(tables: Sequence[TableSchema]) -> list[str]:
    """Years and months of days."""
    days = [f"{quoted(t.sql)}.{quoted(c.sql)}" for t in tables for c in t.columns if c.type is ColumnType.DATE]
    return [f'"substr(" ({_any(days)}) ", 1, " ("4" | "7") ")"'] if days else []


def _joins(tables: Sequence[TableSchema]) -> Iterable[str]:
    """Along foreign keys, from either side."""
    for table, own, other, column in referred(tables):
        if other.sql != table.sql:
            on = f"{quoted(table.sql)}.{quoted(own)} = {quoted(other.sql)}.{quoted(column)}"
            yield from (f" JOIN {quoted(each.sql)} ON {on}" for each in (other, table))


def _numbers(question: TableQuestion) -> Iterable[str]:
    read = [value for each in quantities(question.text, question.language.code) for value in each.values]
    read += [float(each) for each in re.findall(r"\d+(?:\.\d+)?", question.text)]
    words = (question.language.numbers.get(token.said) for token in question.tokens)
    known: Mapping[float, None] = dict.fromkeys([*read, *(float(each) for each in words if each is not None)])
    for value in known:
        for scale in _SCALES:
            yield from (f"{value * scale:.15g}", f"{value / scale:.15g}")
    yield from ("0", "1", "100.0")


def _texts(tables: Sequence[TableSchema], groups: Sequence[LinkedTables]) -> list[str]:
    known = {table.sql for table in tables}
    mentions = [each for group in groups for each in group.links.values if each.table.sql in known]
    found = (value for each in sorted(mentions, key=lambda each: -each.share) for value in each.values)
    return [literal(value) for value in dict.fromkeys(found) if len(value) <= _LONGEST][:_MOST_TEXTS]


def _said(question: TableQuestion) -> Iterable[str]:
    return (token.said for token in question.tokens if not token.function and "'" not in token.said)
