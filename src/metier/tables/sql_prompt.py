"""What a capable model is shown to write a query: the tables that have the question's words, their columns with type,
unit and examples, the values that share words with the question, and the words to be explained.

Cells and names of documents are data: shortened, on one line, quoted.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date

from metier.generation.base import Message
from metier.tables.cell_values import ColumnType
from metier.tables.mentions import ColumnMention, Links, TableMention, ValueMention
from metier.tables.query import NoPath, Value, graph, path
from metier.tables.question import TableQuestion
from metier.tables.readable import group_name, referred, unit_of_numbers
from metier.tables.schema import Column, TableSchema, literal, quoted
from metier.text.phrases import searchable

_MOST_TABLES, _MOST_COLUMNS = 8, 60
_WHOLE_DATABASE = 16  # tables of a database that are all shown; of a larger one the linked and their neighbours
_NEARLY = 0.3  # share of the best table's weight from which another is shown
_FEWEST_TABLES, _FEWEST_BRIEF = 6, 3  # that are shown in any case
_LONGEST, _MOST_VALUES, _MOST_OF_COLUMN = 100, 60, 8
_FEW_VALUES, _FEW_CHARACTERS = 30, 400  # of a column that are all shown
_NAMED_ROWS, _NAMED_CHARACTERS = 60, 3000  # names of rows that are shown, all or none
_COMPUTED = ("average", "percentage", "together")  # of `[query]`
_KINDS = {ColumnType.NUMBER: "number", ColumnType.DATE: "day", ColumnType.TEXT: "text"}
_FENCE = re.compile(r"```(?:\w+)?|</?think>")
_THOUGHT = re.compile(r"<think>.*?</think>", re.DOTALL)
_MEANING = re.compile(r"^\W{0,3}(?P<word>[^\n:=]{1,80}?)[\"'`*]*\s*[:=]\s*(?P<meaning>.{1,200})$")
_QUERY = re.compile(r"(?is)^\W{0,3}(?:(?:SQL|query)\s*:\s*)?(?P<sql>(?:SELECT|WITH)\b.*)$")

SYSTEM = """You turn a question into one SQLite query over the tables shown. Reply with these lines and nothing else:
- for each of the "Words to explain" one line, word: meaning. The meaning is "Table", "Table"."Column", a 'value' of \
one, - (the word only carries the question), or NO (the tables hold nothing of the kind).
- last the query on one line, or NO where the tables do not hold what is asked for. Something near it is not it: NO.

The query:
- one SELECT; names in double quotes as shown, texts in single quotes as the tables have them, days as 'YYYY-MM-DD'.
- It gives what is asked for: first the names of rows, then the values; no text of your own.
- Numbers are plain numbers in the unit of their column. Rows that are totals of others are left out of sums and orders.
- The most or least: ORDER BY … LIMIT n. A share in percent: 100.0 * a / b.
- Where years or parts are columns: to find the largest of them, SELECT 'column' AS "which", "column" … UNION ALL …; \
to count them, ("column" > 5) + ("other" > 5).
- Plain functions only: no windows, no recursion.

Examples over "Ship" ("Name" text, "Tonnes" number, "PortId" refers to "Port"."PortId", "Built" day), "Port" ("PortId" \
number, "Town" text):
How many vessels lie in Hull?
vessels: "Ship"
lie: -
SELECT COUNT(*) FROM "Ship" WHERE "PortId" IN (SELECT "PortId" FROM "Port" WHERE "Town" = 'Hull')
Which two towns have the most ships built since 2010?
SELECT "Port"."Town", COUNT(*) FROM "Ship" JOIN "Port" ON "Ship"."PortId" = "Port"."PortId" WHERE "Ship"."Built" >= \
'2010-01-01' GROUP BY "Port"."PortId", "Port"."Town" ORDER BY COUNT(*) DESC LIMIT 2
What is the crew of the Tern?
crew: NO
NO"""

BRIEF = "You turn a question into one SQLite query over the tables shown."

Sample = Callable[[str], Sequence[Sequence[Value | None]]]
"""Rows of a query over the tables shown, of those that may be read."""


@dataclass(frozen=True, slots=True)
class LinkedTables:
    """Tables that may be asked together, with what a question's words mean in them."""

    tables: Sequence[TableSchema]
    links: Links


@dataclass(frozen=True, slots=True)
class WrittenSql:
    """`sql`: "" where the model says that the tables do not hold it. `meanings`: of words, folded, what it says they
    mean."""

    sql: str
    meanings: Mapping[str, str] = field(default_factory=dict)


def chosen(question: TableQuestion, groups: Sequence[LinkedTables], *, brief: bool = False) -> list[TableSchema]:
    """The tables that have most of the question's words, of which one that few tables have counts more, and what they
    are joined by. `brief`: of a database no others."""
    tables = {table.sql: table for group in groups for table in group.tables}
    words = {table.sql: _explained(question, group.links, table) for group in groups for table in group.tables}
    known = Counter(place for places in words.values() for place in places)
    scores = {name: sum(1 / known[place] for place in places) for name, places in words.items() if places}
    ranked = sorted(scores, key=lambda name: -scores[name])
    always = _FEWEST_BRIEF if brief else _FEWEST_TABLES
    near = [name for n, name in enumerate(ranked) if n < always or scores[name] >= scores[ranked[0]] * _NEARLY]
    found = {name: tables[name] for name in near[:_MOST_TABLES]}
    for group in groups:
        linked = sorted((table for table in group.tables if table.sql in found), key=lambda each: -scores[each.sql])
        if linked and group.tables[0].database:
            beside = _joining(linked, group.tables) if brief else _together(linked, group.tables)
            found.update({table.sql: table for table in beside})
    return list(found.values())[: max(_MOST_TABLES, _WHOLE_DATABASE)]


def _together(linked: Sequence[TableSchema], tables: Sequence[TableSchema]) -> list[TableSchema]:
    if len(tables) <= _WHOLE_DATABASE:
        return list(tables)
    names = {table.name for table in linked}
    beside = names | {reference[1] for table in linked for reference in table.references}
    return [t for t in tables if t.name in beside or any(reference[1] in names for reference in t.references)]


def _joining(linked: Sequence[TableSchema], tables: Sequence[TableSchema]) -> list[TableSchema]:
    """What lies between the first of them, which has most of the words, and the others."""
    steps, found = graph(tables), list[TableSchema]()
    for table in linked[1:]:
        with suppress(NoPath):
            found += [other for _, other, _ in path(steps, linked[0], table)]
    return found


def _explained(question: TableQuestion, links: Links, table: TableSchema) -> set[int]:
    """Tokens that say something and that a link to the table explains."""
    mentions: list[ColumnMention | ValueMention | TableMention] = [*links.columns, *links.values, *links.tables]
    places = {place for each in mentions if each.table.sql == table.sql for place in range(*each.span)}
    return {place for place in places if not question.tokens[place].function}


def content_words(question: TableQuestion) -> list[int]:
    """Tokens that say something and that no rule reads as what is to be done ("how many", "together", "never")."""
    text = searchable(question.text)
    computing: set[int] = set()
    for kind in _COMPUTED:
        for match in question.language.expression("query", kind).finditer(text):
            computing.update(range(*match.span()))
    tokens = question.tokens
    free = (n for n in sorted(question.free) if n not in question.weak and not tokens[n].function)
    denying = question.language.negations
    return [n for n in free if tokens[n].start not in computing and tokens[n].said not in denying]


def to_explain(question: TableQuestion, groups: Sequence[LinkedTables], tables: Sequence[TableSchema]) -> list[str]:
    """The words of a question that say something, but those of names that are whole values of the tables shown."""
    known = {table.sql for table in tables}
    values = (each for group in groups for each in group.links.values if each.table.sql in known)
    named = {place for each in values if each.share == 1 and each.named for place in range(*each.span)}
    left = [n for n in content_words(question) if n not in named]
    if question.language.spaced:
        return list(dict.fromkeys(question.words((n, n + 1)) for n in left))
    stretches: list[tuple[int, int]] = []
    for n in left:
        if stretches and stretches[-1][1] == n:
            stretches[-1] = (stretches[-1][0], n + 1)
        else:
            stretches.append((n, n + 1))
    return list(dict.fromkeys(map(question.words, stretches)))


def prompt(
    question: TableQuestion,
    tables: Sequence[TableSchema],
    groups: Sequence[LinkedTables],
    words: Sequence[str],
    sample: Sample,
    today: date,
) -> list[Message]:
    """`words`: those to be explained."""
    refers = _refers(tables)
    lines = [line for table in tables for line in _described(table, refers, sample)]
    return _asked(SYSTEM, question, [*lines, *_near(groups, tables)], words, today)


def brief_prompt(
    question: TableQuestion,
    tables: Sequence[TableSchema],
    groups: Sequence[LinkedTables],
    words: Sequence[str],
    today: date,
) -> list[Message]:
    """As `prompt`, for a model that was tuned on such queries: no rules, no examples, of values those alone that the
    question's words lead to."""
    refers = _refers(tables)
    lines = [_in_a_line(table, refers) for table in tables]
    return _asked(BRIEF, question, [*lines, *_near(groups, tables)], words, today)


def _asked(
    system: str, question: TableQuestion, shown: Sequence[str], words: Sequence[str], today: date
) -> list[Message]:
    lines = [*shown, "", f"Today is {today.isoformat()}."]
    if words:
        lines.append(f"Words to explain: {', '.join(words)}")
    lines.append(f"Question: {' '.join(question.text.split())}")
    return [Message("system", system), Message("user", "\n".join(lines))]


def _refers(tables: Sequence[TableSchema]) -> dict[tuple[str, str], str]:
    """Where each column that points to a row leads, by the names of its table and itself."""
    return {(table.sql, own): f"{quoted(other.sql)}.{quoted(column)}" for table, own, other, column in referred(tables)}


def _in_a_line(table: TableSchema, refers: Mapping[tuple[str, str], str]) -> str:
    """`"Ship" ("Name" text, "Tonnes" number in t, "PortId" refers to "Port"."PortId")`."""
    columns = [
        _column(table, each, (), refers.get((table.sql, each.sql), "")) for each in table.columns[:_MOST_COLUMNS]
    ]
    if table.grouped:
        columns.append(f"{quoted(group_name(table))} text")
    return f"{quoted(table.sql)} ({', '.join(columns)})"


def _described(table: TableSchema, refers: Mapping[tuple[str, str], str], sample: Sample) -> Iterator[str]:
    about = [f"{table.rows} rows"]
    if not table.database:
        about += [f"of {_short(table.title)}", *(_short(each) for each in (table.caption, table.unit) if each)]
    yield f"Table {quoted(table.sql)} ({'; '.join(about)}):"
    shown = table.columns[:_MOST_COLUMNS]
    listed = ", ".join(quoted(column.sql) for column in shown)
    rows = sample(f"SELECT {listed} FROM {quoted(table.sql)} LIMIT 3")
    for number, column in enumerate(shown):
        values = [row[number] for row in rows]
        if (
            column.type is ColumnType.TEXT
            and len(set(values)) < column.distinct <= _FEW_VALUES
            and (table.sql, column.sql) not in refers
        ):
            values = _all_of(table, column, sample) or values
        yield f"  {_column(table, column, values, refers.get((table.sql, column.sql), ''))}"
    if table.grouped:
        yield f"  {quoted(group_name(table))} text: the heading that a row stands under"
    if len(table.labels) == 1 and table.rows <= _NAMED_ROWS and table.rows > len(rows) and not table.database:
        label = table.labelling[0].sql
        group = f", {quoted(group_name(table))}" if table.grouped else ""
        told = sample(f"SELECT {quoted(label)}{group} FROM {quoted(table.sql)}")
        said = "; ".join(" under ".join(written(each) for each in row if each is not None) for row in told)
        if len(said) <= _NAMED_CHARACTERS:
            yield f"  All of {quoted(label)}: {said}"


def _all_of(table: TableSchema, column: Column, sample: Sample) -> list[Value | None]:
    """All values of a column; none where they are long together."""
    name = quoted(column.sql)
    rows = sample(f"SELECT DISTINCT {name} FROM {quoted(table.sql)} WHERE {name} IS NOT NULL")
    values = [row[0] for row in rows]
    return values if sum(len(str(value)) for value in values) <= _FEW_CHARACTERS else []


def _column(table: TableSchema, column: Column, values: Sequence[Value | None], refers: str) -> str:
    told = f"{quoted(column.sql)} {_KINDS[column.type]}"
    if column.name != column.sql:
        told += f" ({_short(column.name)})"
    if column.type is ColumnType.NUMBER and (unit := unit_of_numbers(table, column)):
        told += f" in {_short(unit)}"
    if refers:
        told += f", refers to {refers}"
    examples = dict.fromkeys(written(value) for value in values if value is not None)
    return f"{told}, e.g. {', '.join(examples)}" if examples else told


def _near(groups: Sequence[LinkedTables], tables: Sequence[TableSchema]) -> Iterator[str]:
    known = {table.sql for table in tables}
    found: dict[tuple[str, str], dict[str, None]] = {}
    for group in groups:
        for mention in sorted(group.links.values, key=lambda each: -each.share):
            if mention.table.sql in known:
                column = group_name(mention.table) if mention.column.startswith("_") else mention.column
                found.setdefault((mention.table.sql, column), {}).update(dict.fromkeys(mention.values))
    if found:
        yield "Values that share words with the question:"
    left = _MOST_VALUES
    for (table, column), values in found.items():
        shown = list(values)[: min(left, _MOST_OF_COLUMN)]
        left -= len(shown)
        if shown:
            yield f"  {quoted(table)}.{quoted(column)}: {', '.join(map(written, shown))}"


def written(value: Value) -> str:
    """A value as SQL has it, on one line; a long text is cut."""
    if isinstance(value, str):
        return literal(_short(value))
    return f"{value:.15g}"


def _short(text: str) -> str:
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def read_reply(text: str) -> WrittenSql | None:
    """None where it is neither a query nor a NO."""
    lines = [line.strip() for line in _FENCE.sub("\n", _THOUGHT.sub("", text)).splitlines() if line.strip()]
    meanings: dict[str, str] = {}
    for number, line in enumerate(lines):
        if query := _QUERY.match(line):
            sql = " ".join([query["sql"], *lines[number + 1 :]])
            return WrittenSql(sql.rstrip("; "), meanings)
        if line.strip(".*`\"' ").upper() in ("NO", "SQL: NO"):
            return WrittenSql("", meanings)
        if meaning := _MEANING.match(line):
            meanings[meaning["word"].strip("\"'`* ").casefold()] = meaning["meaning"].strip()
    return WrittenSql("", meanings) if any(each.upper() == "NO" for each in meanings.values()) else None
