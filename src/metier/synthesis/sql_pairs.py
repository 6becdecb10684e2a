"""Questions to an expert's own tables with the SQL that answers them: what an adapter for queries learns.

tables ─▶ a kind of query, columns, values that stand there ─▶ templates of the language ─▶ question and SQL
       ─▶ asked as a user's would be: kept where the query passes every check and gives something

How a question is put: `[query_templates]` of the language's file. The first two wordings of a kind are trained on, the
others show what the adapter makes of words that it did not see.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import regex

from metier.synthesis.question_templates import plain
from metier.tables.cell_values import ColumnType
from metier.tables.readable import referred
from metier.tables.schema import Column, TableSchema, literal, quoted
from metier.tables.vocabulary import names_of, said_words, synonyms_of
from metier.text.language import Language, words_in_any_language
from metier.text.names import apart

KINDS = (
    "count", "different", "total", "average", "highest", "lowest", "most_of", "least_of", "first_of", "latest_of",
    "earliest_of", "listed", "look_up", "per_group", "most_rows", "total_of_group", "not_held",
)  # fmt: skip
IDLE, NOT_HELD = "-", "NO"
_ROWS = 400  # of a table, from which values are drawn
_FEW = 60  # values of a column that rows are grouped by
_LONGEST = 60  # characters of a value in a question
_FILTERED = 0.6  # of the questions that can have a condition
_OTHERWISE, _NOUNS = 0.25, 3  # how often another word is taken; of a line of synonyms so many
_TRAINED_ON = 2  # wordings of a kind; those behind them are held out
_PART = regex.compile(r"\{(\w+)\}")

Pieces = tuple[tuple[str, str], ...]
"""Stretches of a question, each with what it means, as a reply explains a word: a quoted name, a value, "-"."""
Rows = Callable[[TableSchema, Sequence[Column], int], Sequence[Sequence[float | int | str | None]]]


@dataclass(frozen=True, slots=True)
class SqlPair:
    """`sql`: "" where the tables do not hold what is asked. `pieces`: the question's. `held_out`: its wording is none
    to train on."""

    kind: str
    pieces: Pieces
    sql: str
    held_out: bool

    @property
    def question(self) -> str:
        return "".join(text for text, _ in self.pieces)

    def reply(self, words: Sequence[str]) -> str:
        """What is to be written where these words are to be explained."""
        return "\n".join([*(f"{word}: {self._meaning(word)}" for word in words), self.sql or NOT_HELD])

    def _meaning(self, word: str) -> str:
        """Of the first piece that has the word, or where no spaces part words is in it."""
        meant = [(text, meaning) for text, meaning in self.pieces if meaning != IDLE and text.strip()]
        found = (meaning for text, meaning in meant if word in text or text in word)
        return next(found, IDLE)


@dataclass(frozen=True, slots=True)
class _Condition:
    """Which rows are meant. `joins`: what stands behind the table that is read."""

    pieces: Pieces = ()
    where: tuple[str, ...] = ()
    joins: str = ""


@dataclass(frozen=True, slots=True)
class _Table:
    """What may be asked of a table. `numbers` can be added up or compared, `groups` have few values, `told` say
    something of a row. `parents`: own column, the table that it leads to, and the column there."""

    schema: TableSchema
    numbers: list[Column]
    groups: list[Column]
    dates: list[Column]
    told: list[Column]
    parents: list[tuple[str, TableSchema, str]]


class SqlPairs:
    """Draws pairs from tables that can be asked together. `rows`: values of some rows of a table."""

    def __init__(self, tables: Sequence[TableSchema], rows: Rows, language: Language, seed: int) -> None:
        self._tables, self._all = list(_askable(tables)), tables
        self._rows, self._language, self._random = rows, language, random.Random(f"{seed}:{tables[0].uri}")
        self._read: dict[str, Sequence[Sequence[float | int | str | None]]] = {}
        self._synonyms = _nouns(language)
        self._kinds = [kind for kind in KINDS if language.query_templates.get(kind)]

    def draw(self) -> SqlPair | None:
        """The next one; None where what was drawn cannot be asked of its table."""
        if not self._kinds or not self._tables:
            return None
        kind, table = self._random.choice(self._kinds), self._random.choice(self._tables)
        match kind:
            case "count" | "listed":
                return self._of_rows(kind, table)
            case "different" | "total" | "average" | "highest" | "lowest":
                return self._of_column(kind, table)
            case "most_of" | "least_of" | "first_of":
                return self._ranked(kind, table, table.numbers)
            case "latest_of" | "earliest_of":
                return self._ranked(kind, table, table.dates)
            case "look_up":
                return self._looked_up(table)
            case "not_held":
                return self._not_held(table)
        return self._grouped(kind, table)

    # --- kinds -----------------------------------------------------------------------------------------------

    def _of_rows(self, kind: str, table: _Table) -> SqlPair | None:
        which = self._condition(table)
        if kind == "listed":
            if not which.where:
                return None
            shown = ", ".join(_named(table.schema, column) for column in table.schema.labelling)
            return self._pair(kind, table, f"SELECT {shown} {_read(table.schema, which)}", which)
        return self._pair(kind, table, f"SELECT COUNT(*) {_read(table.schema, which)}", which)

    def _of_column(self, kind: str, table: _Table) -> SqlPair | None:
        columns = table.groups if kind == "different" else table.numbers
        if not columns:
            return None
        column, which = self._random.choice(columns), self._condition(table)
        if any(_named(table.schema, column) in each for each in which.where):
            return None
        value = f"{_FUNCTIONS[kind]}{_named(table.schema, column)})"
        return self._pair(kind, table, f"SELECT {value} {_read(table.schema, which)}", which, column)

    def _ranked(self, kind: str, table: _Table, columns: Sequence[Column]) -> SqlPair | None:
        if not columns:
            return None
        column, which = self._random.choice(columns), self._condition(table)
        count = self._random.choice((2, 3, 5, 10)) if kind == "first_of" else 1
        place = _named(table.schema, column)
        shown = [_named(table.schema, each) for each in table.schema.labelling]
        select = ", ".join(dict.fromkeys([*shown, place]))
        order = f"ORDER BY {place} {'ASC' if kind in ('least_of', 'earliest_of') else 'DESC'} LIMIT {count}"
        sql = f"SELECT {select} {_read(table.schema, which)} {order}"
        return self._pair(kind, table, sql, which, column, number=(self._number(count), str(count)))

    def _looked_up(self, table: _Table) -> SqlPair | None:
        named = self._row_of(table.schema)
        columns = [each for each in table.told if each not in table.schema.labelling]
        if named is None or not columns:
            return None
        column = self._random.choice(columns)
        sql = f"SELECT {_named(table.schema, column)} {_read(table.schema, named)}"
        return self._pair("look_up", table, sql, _Condition(), column, name=named.pieces[0])

    def _not_held(self, table: _Table) -> SqlPair | None:
        """Asks for a measure that no table here has."""
        named = self._row_of(table.schema)
        language = self._language.code
        known = {word for each in self._all for column in each.columns for word in said_words(apart(column.name))}
        measures = [measure for measure in self._language.phrases.get("measures", {}) if names_of(measure, language)]
        if named is None or not measures:
            return None
        lacking = names_of(self._random.choice(measures), language)[0]
        meant = synonyms_of(lacking, language)
        if any(meant & synonyms_of(word, language) for word in known):
            return None
        return self._pair("not_held", table, "", _Condition(), column=(lacking, NOT_HELD), name=named.pieces[0])

    def _grouped(self, kind: str, table: _Table) -> SqlPair | None:
        group = self._group(table)
        if group is None or (kind == "total_of_group" and not table.numbers):
            return None
        said, shown, keys, which = group
        column = self._random.choice(table.numbers) if kind == "total_of_group" else None
        value = f"SUM({_named(table.schema, column)})" if column else "COUNT(*)"
        sql = f"SELECT {shown}, {value} {_read(table.schema, which)} GROUP BY {keys}"
        if kind == "most_rows":
            sql += f" ORDER BY {value} DESC LIMIT 1"
        return self._pair(kind, table, sql, which, column, group=said)

    def _group(self, table: _Table) -> tuple[tuple[str, str], str, str, _Condition] | None:
        """What rows are counted by, a column or what they lead to: as it is said, shown, grouped, and joined."""
        ways: list[Column | tuple[str, TableSchema, str]] = [*table.groups, *table.parents]
        if not ways:
            return None
        way = self._random.choice(ways)
        if isinstance(way, Column):
            place = _named(table.schema, way)
            return (_said(way.name), place), place, place, _Condition()
        own, parent, pointed = way
        shown = ", ".join(_named(parent, each) for each in parent.labelling)
        key = f"{quoted(parent.sql)}.{quoted(pointed)}"
        joins = _joined(table.schema, own, parent, pointed)
        which = _Condition(joins=joins)
        return (self._name(parent), quoted(parent.sql)), shown, f"{key}, {shown}", which

    # --- conditions ------------------------------------------------------------------------------------------

    def _condition(self, table: _Table) -> _Condition:
        ways = [self._with_value] * 2 + [self._of_parent] * 2 + [self._bounded, self._in_year]
        if self._random.random() > _FILTERED:
            return _Condition()
        return self._random.choice(ways)(table) or _Condition()

    def _with_value(self, table: _Table) -> _Condition | None:
        if not table.groups:
            return None
        column = self._random.choice(table.groups)
        value = self._value(table.schema, column)
        if not isinstance(value, str):
            return None
        place = _named(table.schema, column)
        pieces = self._put("with_value", column=(_said(column.name), place), value=(value, literal(value)))
        return _Condition(pieces, (f"{place} = {literal(value)}",)) if pieces else None

    def _of_parent(self, table: _Table) -> _Condition | None:
        """Of the rows that lead to a row of another table."""
        if not table.parents:
            return None
        own, parent, pointed = self._random.choice(table.parents)
        named = self._row_of(parent)
        if named is None:
            return None
        pieces = self._put("of_row", name=named.pieces[0], row=(self._name(parent), quoted(parent.sql)))
        return _Condition(pieces, named.where, _joined(table.schema, own, parent, pointed)) if pieces else None

    def _bounded(self, table: _Table) -> _Condition | None:
        if not table.numbers:
            return None
        column = self._random.choice(table.numbers)
        value = self._value(table.schema, column)
        if not isinstance(value, float | int) or value <= 0:
            return None
        kind, sign = self._random.choice((("with_more", ">"), ("with_less", "<")))
        place, written = _named(table.schema, column), f"{value:.15g}"
        pieces = self._put(kind, column=(_said(column.name), place), value=(written, written))
        return _Condition(pieces, (f"{place} {sign} {written}",)) if pieces else None

    def _in_year(self, table: _Table) -> _Condition | None:
        if len(table.dates) != 1:
            return None
        place, day = _named(table.schema, table.dates[0]), self._value(table.schema, table.dates[0])
        if not isinstance(day, str) or not day[:4].isdigit():
            return None
        pieces = self._put("in_year", year=(day[:4], place))
        where = f"{place} BETWEEN '{day[:4]}-01-01' AND '{day[:4]}-12-31'"
        return _Condition(pieces, (where,)) if pieces else None

    def _row_of(self, table: TableSchema) -> _Condition | None:
        """A row by its name: the one piece is the name."""
        labels = table.labelling
        if not labels or any(column.type is not ColumnType.TEXT for column in labels):
            return None
        values = self._random.choice(self._rows_of(table) or [[None]])
        by_column = dict(zip(table.columns, values, strict=False))
        names = [by_column.get(column) for column in labels]
        if any(not isinstance(name, str) or not 0 < len(name) <= _LONGEST for name in names):
            return None
        where = tuple(
            f"{_named(table, column)} = {literal(str(name))}" for column, name in zip(labels, names, strict=True)
        )
        return _Condition(((" ".join(map(str, names)), quoted(table.sql)),), where)

    def _value(self, table: TableSchema, column: Column) -> float | int | str | None:
        rows = self._rows_of(table)
        value = self._random.choice(rows)[table.columns.index(column)] if rows else None
        return None if isinstance(value, str) and len(value) > _LONGEST else value

    def _rows_of(self, table: TableSchema) -> Sequence[Sequence[float | int | str | None]]:
        if table.sql not in self._read:
            self._read[table.sql] = self._rows(table, table.columns, _ROWS)
        return self._read[table.sql]

    # --- words -----------------------------------------------------------------------------------------------

    def _pair(
        self,
        kind: str,
        table: _Table,
        sql: str,
        which: _Condition,
        column: Column | tuple[str, str] | None = None,
        **parts: tuple[str, str],
    ) -> SqlPair | None:
        if isinstance(column, Column):
            column = (self._other_word(_said(column.name)), _named(table.schema, column))
        name, place = self._name(table.schema), quoted(table.schema.sql)
        parts |= {"row": (name, place), "rows": (self._plural(name), place)}
        if column is not None:
            parts |= {"column": column, "columns": (self._plural(column[0]), column[1])}
        wordings = self._wordings(kind, parts)
        if not wordings:
            return None
        template = self._random.choice(wordings)
        held_out = template in self._language.query_templates[kind][_TRAINED_ON:]
        return SqlPair(kind, _filled(template, parts, which.pieces), sql, held_out)

    def _put(self, kind: str, **parts: tuple[str, str]) -> Pieces:
        wordings = self._wordings(kind, parts)
        return _filled(self._random.choice(wordings), parts, ()) if wordings else ()

    def _wordings(self, kind: str, parts: Mapping[str, tuple[str, str]]) -> Sequence[str]:
        """A row whose name is a number is named with its table: "invoice 200"."""
        templates = self._language.query_templates.get(kind, ())
        is_numbered = parts.get("name", ("", ""))[0].isdigit()
        return [template for template in templates if not is_numbered or "{row}" in template]

    def _name(self, table: TableSchema) -> str:
        return self._other_word(_said(table.name))

    def _other_word(self, name: str) -> str:
        """Now and then another word for the same."""
        if name not in self._synonyms or self._random.random() > _OTHERWISE:
            return name
        return self._random.choice(self._synonyms[name])

    def _plural(self, name: str) -> str:
        """By the first of the endings that the name has; as it stands in a language that has none."""
        for line in self._language.query_templates.get("plurals", ()):
            ending, plural = line.split("|")
            if name.endswith(ending):
                return name[: len(name) - len(ending)] + plural
        return name

    def _number(self, number: int) -> str:
        words = [word for word, value in self._language.numbers.items() if value == number]
        return self._random.choice([str(number), *words[:1]])


def _nouns(language: Language) -> dict[str, Sequence[str]]:
    """Words of `[synonyms]` with those that mean the same: of each line the first, which are nouns."""
    lines = (line.split()[:_NOUNS] for line in language.text_lines("synonyms", "words"))
    return {word: [other for other in line if other != word] for line in lines for word in line if len(line) > 1}


_FUNCTIONS = {"different": "COUNT(DISTINCT ", "total": "SUM(", "average": "AVG(", "highest": "MAX(", "lowest": "MIN("}


def _askable(tables: Sequence[TableSchema]) -> Iterator[_Table]:
    """With the columns of each by what may be asked of them: no keys, and nothing that leads elsewhere."""
    ways = list(referred(tables))
    leading = {(table.sql, own) for table, own, _, _ in ways}
    numbered = words_in_any_language("tables", "number_name")
    for table in tables:
        plain_columns = [
            column for column in table.columns
            if column.sql != table.key
            and (table.sql, column.sql) not in leading
            and not numbered.intersection(said_words(apart(column.name)))
            and column.distinct > 1
        ]  # fmt: skip
        if not plain_columns or not table.labels:
            continue
        by_type = {kind: [column for column in plain_columns if column.type is kind] for kind in ColumnType}
        texts = [column for column in by_type[ColumnType.TEXT] if column not in table.labelling]
        yield _Table(
            table,
            numbers=[column for column in by_type[ColumnType.NUMBER] if not column.years],
            groups=[column for column in texts if column.distinct <= min(_FEW, table.rows // 2)],
            dates=by_type[ColumnType.DATE],
            told=plain_columns,
            parents=[(own, other, to) for one, own, other, to in ways if one is table is not other],
        )


def _filled(template: str, parts: Mapping[str, tuple[str, str]], which: Pieces) -> Pieces:
    pieces: list[tuple[str, str]] = []
    end = 0
    for found in _PART.finditer(template):
        pieces.append((template[end : found.start()], IDLE))
        pieces += which if found[1] == "which" else [parts[found[1]]]
        end = found.end()
    return tuple(piece for piece in (*pieces, (template[end:], IDLE)) if piece[0])


def _said(name: str) -> str:
    """A name as a sentence has it: "BillingCountry" is "billing country"."""
    words = plain(apart(name)).split()
    return " ".join(word if word.isupper() else word.lower() for word in words)


def _read(table: TableSchema, which: _Condition) -> str:
    where = f" WHERE {' AND '.join(which.where)}" if which.where else ""
    return f"FROM {quoted(table.sql)}{which.joins}{where}"


def _joined(table: TableSchema, own: str, other: TableSchema, column: str) -> str:
    on = f"{quoted(table.sql)}.{quoted(own)} = {quoted(other.sql)}.{quoted(column)}"
    return f" JOIN {quoted(other.sql)} ON {on}"


def _named(table: TableSchema, column: Column) -> str:
    return f"{quoted(table.sql)}.{quoted(column.sql)}"
