"""What shows that a query asks what the question asks, whoever wrote it: every word that says something leads to
something that the query uses, every number of the question stands in it, and it bounds nothing by what nobody said.

Who wrote it may explain a word that no link explains, by a table, a column or a value that the query uses. A name and a
number it cannot explain away.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlglot import exp

from metier.tables.cell_values import ColumnType
from metier.tables.guard import GuardedQuery
from metier.tables.question import TableQuestion
from metier.tables.question_reading import read
from metier.tables.sql_columns import SqlColumns, TableColumn, branches, sources
from metier.tables.sql_prompt import LinkedTables, content_words
from metier.tables.vocabulary import alike, said_words
from metier.text.language import words_in_any_language
from metier.text.quantities import Quantity, quantities

_MOST_IDLE = 2  # words that only carry a question
_PLAIN = {0.0, 1.0, 2.0, 100.0}  # numbers that a query may have of itself
_SCALES = (1.0, 100.0, 1e3, 1e6, 1e9, 60.0, 3600.0, 60_000.0, 3_600_000.0)
_NAME = re.compile(r"[\"'`]([^\"'`]+)[\"'`]")
_FUNCTIONS = ("COUNT(", "SUM(", "AVG(", "MIN(", "MAX(", "ORDER BY", "GROUP BY", "LIMIT", "DISTINCT")
DAY = re.compile(r"(?P<year>[12]\d{3})(?:-(?:\d\d|%)){0,2}%?(?: [\d:]+)?")
_CALCULATING = (
    exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Mod, exp.Neg, exp.Sum, exp.Avg, exp.Abs, exp.Round, exp.Cast,
    exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between,
)  # fmt: skip
_TELLING = (exp.Count, exp.Select, exp.Length, exp.EQ, exp.NEQ, exp.Is, exp.In, exp.Like, exp.Case, exp.If)
_IDLE, _NOT_HELD = {"-", "–", "—", ""}, "NO"


@dataclass(frozen=True, slots=True)
class _Used:
    """What a query uses: tables and columns by their names in lower case, texts, numbers."""

    tables: frozenset[str]
    columns: frozenset[tuple[str, str]]
    texts: tuple[str, ...]
    numbers: tuple[float, ...]


def doubts(
    question: TableQuestion,
    query: GuardedQuery,
    columns: SqlColumns,
    groups: Sequence[LinkedTables],
    meanings: Mapping[str, str],
) -> list[str]:
    """Why a query may not be what was asked, in words that a model can use; none where nothing speaks against it."""
    used = _used(query, columns)
    return [
        *_words(question, query, used, groups, meanings),
        *_numbers(question, query, used),
        *_operations(question, query, used),
        *_bounds(question, query, used, meanings),
        *_texts(query, columns),
        *_calculated_texts(query, columns),
    ]


def _used(query: GuardedQuery, columns: SqlColumns) -> _Used:
    named = {(each.table.sql.lower(), each.column.sql.lower()) for each in columns.used()}
    literals = list(query.tree.find_all(exp.Literal))
    return _Used(
        tables=frozenset(name.lower() for name in query.tables),
        columns=frozenset(named),
        texts=tuple(each.name for each in literals if each.is_string),
        numbers=tuple(float(each.name) for each in literals if not each.is_string),
    )


# --- words ---------------------------------------------------------------------------------------------------


def _words(
    question: TableQuestion,
    query: GuardedQuery,
    used: _Used,
    groups: Sequence[LinkedTables],
    meanings: Mapping[str, str],
) -> Iterator[str]:
    explained = _linked(question, used, groups)
    content = content_words(question)
    idle = 0
    for n in content:
        number = question.language.numbers.get(question.tokens[n].said)
        if n in explained or (number is not None and _is_one(float(number), used.numbers)):
            continue
        word = question.words((n, n + 1))
        meaning = _meaning(word, meanings)
        if meaning is not None and meaning.upper() == _NOT_HELD:
            yield f"the tables do not hold {word!r}"
        elif meaning in _IDLE and not _is_name(question, n):
            idle += 1
        elif meaning is None or not _holds(meaning, used, query):
            yield f"nothing in the query stands for {word!r}"
    if idle > max(_MOST_IDLE, len(content) // 2):
        yield "most words of the question lead to nothing in the query"


def _linked(question: TableQuestion, used: _Used, groups: Sequence[LinkedTables]) -> set[int]:
    """Tokens that a link leads to something that the query uses."""
    found: set[int] = set()
    for group in groups:
        for table in group.links.tables:
            if table.table.sql.lower() in used.tables:
                found.update(range(*table.span))
        for column in group.links.columns:
            if (column.table.sql.lower(), column.column.sql.lower()) in used.columns:
                found.update(range(*column.span))
        for value in group.links.values:
            if set(value.values) & set(used.texts):
                found.update(range(*value.span))
    language = question.language.code
    texts = {word for text in used.texts for word in said_words(text.strip("%"))}
    for n, token in enumerate(question.tokens):
        if any(alike(token.said, word, language) for word in texts):
            found.add(n)
    return found


def _meaning(word: str, meanings: Mapping[str, str]) -> str | None:
    folded = word.casefold()
    if folded in meanings:
        return meanings[folded]
    parted = any(character.isspace() for said in meanings for character in said)
    held = (meaning for said, meaning in meanings.items() if folded in (said.split() if parted else said))
    return next(held, None)


def _holds(meaning: str, used: _Used, query: GuardedQuery) -> bool:
    """Whether the query uses a table, a column, a value or a function that a word is said to mean."""
    said = meaning.lower()
    names = {name.strip() for name in _NAME.findall(said)} | {said.strip("\"'` ")}
    names |= {part for name in list(names) for part in name.split(".")}
    columns = {column for _, column in used.columns}
    if names & (used.tables | columns | {text.lower() for text in used.texts}):
        return True
    made = query.shown.upper()
    return any(each in meaning.upper() and each in made for each in _FUNCTIONS)


def _is_name(question: TableQuestion, place: int) -> bool:
    """Whether a word is written as a name is: with a digit, or with a capital that no sentence begins with."""
    word = question.words((place, place + 1))
    return any(map(str.isdigit, word)) or (word[0].isupper() and question.tokens[place].start > 0)


# --- numbers, operations, texts ------------------------------------------------------------------------------


def _numbers(question: TableQuestion, query: GuardedQuery, used: _Used) -> Iterator[str]:
    read = [each for each in quantities(question.text, question.language.code) if each.values or each.dates]
    written = " ".join([*used.texts, *(column for _, column in used.columns), *used.tables])
    known = [*used.numbers, *(float(each) for each in re.findall(r"\d+(?:\.\d+)?", written))]
    for quantity in read:
        values = _values(quantity)
        if values and not quantity.word and not any(_is_one(value, known) for value in values):
            yield f"{quantity.text.strip()!r} of the question is not in the query"
    words = (question.language.numbers.get(token.said) for token in question.tokens)
    said = [value for each in read for value in _values(each)] + [float(value) for value in words if value is not None]
    said += [float(each) for each in re.findall(r"\d+(?:\.\d+)?", question.text)]
    for literal in query.tree.find_all(exp.Literal):
        value = float(literal.name) if not literal.is_string else 1.0
        if value not in _PLAIN and not _is_one(value, said) and not _is_format(literal):
            yield f"{literal.name} in the query is no number of the question"


def _values(quantity: Quantity) -> list[float]:
    dates = [float(part) for day in quantity.dates for part in day[:1] if part is not None]
    return [*map(float, quantity.values), *dates]


def _is_one(value: float, known: Sequence[float]) -> bool:
    """Whether a number is among others, in any scale that units and "million" have."""
    return any(
        abs(abs(value) - abs(other) * scale) <= 1e-9 * abs(value) or abs(abs(value) * scale - abs(other)) <= 1e-9
        for other in known
        for scale in _SCALES
    )


def _is_format(literal: exp.Literal) -> bool:
    """Whether it cuts or rounds a value, or changes its unit."""
    value = float(literal.name)
    if isinstance(literal.parent, exp.Mul | exp.Div):
        return value in _SCALES or value == _addends(literal.parent.left)
    return isinstance(literal.parent, exp.Substring | exp.Round)


def _addends(node: exp.Expr) -> int:
    """How many columns are added up, of which a sum is divided by their number."""
    if isinstance(node, exp.Paren):
        return _addends(node.this)
    return _addends(node.left) + _addends(node.right) if isinstance(node, exp.Add) else 1


def _operations(question: TableQuestion, query: GuardedQuery, used: _Used) -> Iterator[str]:
    tree = query.tree
    if not tree.find(exp.Not, exp.NEQ, exp.Except, exp.Is) and _is_denied(question, used):
        yield "the question denies something and the query does not"
    if question.has("average") and not tree.find(exp.Avg, exp.Div) and not _names_average(question, query):
        yield "an average is asked for: AVG"
    ordered = tree.find(exp.Order, exp.Max, exp.Min)
    if question.extremes and not ordered and not tree.find(exp.GT, exp.GTE, exp.LT, exp.LTE):
        yield "the most or the least is asked for: ORDER BY … LIMIT"
    for select in tree.find_all(exp.Select):
        if len(sources(select)) > 1 and not _is_joined(select):
            yield "tables are read together with nothing that joins their rows"


def _is_denied(question: TableQuestion, used: _Used) -> bool:
    """Whether a word denies that is no part of a name ("Nothing Else Matters")."""
    if not question.negated:
        return False
    named = {word for name in (*used.texts, *(column for _, column in used.columns)) for word in said_words(name)}
    text = "".join(question.text[token.start : token.end] + " " for token in question.tokens if token.said not in named)
    return read(text, question.language.code).negated


def _names_average(question: TableQuestion, query: GuardedQuery) -> bool:
    named = {word for column in query.tree.find_all(exp.Column) for word in said_words(column.name)}
    places = (place for each in question.operations if each.kind == "average" for place in range(*each.span))
    return any(question.tokens[place].said in named for place in places)


def _is_joined(select: exp.Select) -> bool:
    joins = select.args.get("joins") or ()
    if all(join.args.get("on") for join in joins):
        return True
    where = select.args.get("where")
    pairs = where.find_all(exp.EQ) if where else ()
    return any(isinstance(each.left, exp.Column) and isinstance(each.right, exp.Column) for each in pairs)


def _texts(query: GuardedQuery, columns: SqlColumns) -> Iterator[str]:
    """A text among what is told must be the name of a column beside it, or what joins two names."""
    for select in branches(query.tree):
        names = {found.column for each in select.find_all(exp.Column) if (found := columns.of(each)) is not None}
        known = " ".join(f"{column.name} {column.sql}" for column in names).casefold()
        told = False
        for projection in select.expressions:
            value = projection.unalias()
            told = told or value.find(exp.Column, exp.Count) is not None
            if isinstance(value, exp.Literal) and not (value.is_string and value.name.casefold() in known):
                yield "what is told comes from the tables, not from the query"
            for literal in value.find_all(exp.Literal):
                if literal.is_string and isinstance(literal.parent, exp.DPipe) and re.search(r"\w", literal.name):
                    yield "what is told comes from the tables, not from the query"
                if literal.is_string and isinstance(literal.parent, exp.If | exp.Case | exp.Coalesce):
                    yield "what is told comes from the tables, not from the query"
        if not told:
            yield "nothing of the tables is told"


def _calculated_texts(query: GuardedQuery, columns: SqlColumns) -> Iterator[str]:
    """SQLite makes some number of any text: '1,188' is 1 to it."""
    named = [(node, column) for node in query.tree.find_all(*_CALCULATING) for column in node.find_all(exp.Column)]
    used = [column for node, column in named if _takes(node, column)]
    ranked = list(_ranking(query.tree))
    for column in (*used, *(each for each in ranked if isinstance(each, exp.Column))):
        found = columns.of(column)
        if found is not None and found.column.type is ColumnType.TEXT:
            yield f'"{found.column.sql}" holds texts: nothing is calculated or ranked by it'


def _takes(node: exp.Expr, column: exp.Column) -> bool:
    """Whether an operation works on a column itself, rather than on what counts or compares it."""
    inner = column.parent
    while inner is not None and inner is not node:
        if isinstance(inner, _TELLING):
            return False
        inner = inner.parent
    return True


def _ranking(tree: exp.Query) -> Iterator[exp.Expr]:
    """What the first rows are chosen by."""
    for query in tree.find_all(exp.Query):
        order = query.args.get("order")
        if order is None or not query.args.get("limit"):
            continue
        for ordered in order.expressions:
            by = ordered.this
            if not isinstance(by, exp.Column) or by.table:
                yield by
                continue
            for select in branches(query):
                names = [each.alias_or_name for each in branches(query)[0].expressions]
                if by.name in names and len(select.expressions) == len(names):
                    yield select.expressions[names.index(by.name)].unalias()


def _bounds(question: TableQuestion, query: GuardedQuery, used: _Used, meanings: Mapping[str, str]) -> Iterator[str]:
    """Texts by which rows are chosen though nobody asked for them."""
    language = question.language.code
    meant = " ".join(meanings.values()).casefold()
    years = {int(each) for each in re.findall(r"\d{4}", question.text)}
    said = [token.said for token in question.tokens]
    totals = words_in_any_language("tables", "total")
    for node in query.tree.find_all(exp.Where, exp.Having):
        for literal in node.find_all(exp.Literal):
            if not literal.is_string or isinstance(literal.parent, exp.TimeToStr | exp.DPipe):
                continue
            text = literal.name
            if day := DAY.fullmatch(text):
                year = int(day["year"]) - text.endswith("-01-01")  # behind the last day of a year
                if years and not years & {year, int(day["year"])}:
                    yield f"{text!r} in the query is no day of the question"
                continue
            words = said_words(text.strip("%"))
            asked = any(alike(word, other, language) for word in words for other in said) or totals.issuperset(words)
            spelled = not question.language.spaced and text.strip("%") in question.text
            if not (asked or spelled or text.casefold() in meant):
                yield f"{text!r} in the query is nothing that the question names"


def texts_looked_for(query: GuardedQuery, columns: SqlColumns) -> Iterator[tuple[TableColumn, str]]:
    """Texts that cells of a column are compared with."""
    for node in query.tree.find_all(exp.EQ, exp.In):
        sides = (node.this, node.args.get("expression"))
        column = next((side for side in sides if isinstance(side, exp.Column)), None)
        found = columns.of(column) if column is not None else None
        others = node.expressions if isinstance(node, exp.In) else sides
        for other in others if found is not None else ():
            if found is not None and isinstance(other, exp.Literal) and other.is_string:
                yield found, other.name
