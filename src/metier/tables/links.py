"""Which words of a question name what of a table: a column, a value of one, the table itself, or where it stands.

Every reading of a word is kept ("upright" is a column of one table and a value in another); which of them hold
together, `interpretation` tells.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import PurePosixPath

import regex

from metier.tables.cell_values import ColumnType
from metier.tables.measured_columns import called, columns_of, dimension_of, price_and_quantity
from metier.tables.mentions import ColumnMention, Links, TableMention, ValueMention
from metier.tables.question import TableQuestion, joined_at
from metier.tables.schema import GROUP, Column, TableSchema
from metier.tables.vocabulary import (
    alike,
    is_short_for,
    measure_of,
    names_of,
    phrase_of,
    said_words,
    synonymous,
    telling,
)
from metier.text.language import Language, words_in_any_language
from metier.text.names import apart
from metier.text.phrase_cover import Span
from metier.text.phrases import fold
from metier.text.units import unit_of

_LONGEST, _LONGEST_UNSPACED = 7, 12  # words of a mention; characters where none parts them
_ALL_BUT_FUNCTION_WORDS = 0.95  # how far a value is named of which words such as "the" are missing
_KINDS = 60  # values of a column that tells of what kind its rows are
_MOST_VALUES = 40  # of one column that a part of a name may mean


_PARTS = regex.compile(r"\s[-–—|·]\s|[:;,(\[]|\.\s")  # between what a table is called and what else is said of it
_DIGIT = regex.compile(r"\p{N}")
_COMPOUND = 4  # characters before the ending of a compound

Spoken = tuple[str, ...]  # languages in which words are compared: that of the question, that of the table
Value = tuple[int, str]  # column, -1 for the name of a group, and the cell's text


def link(question: TableQuestion, tables: Sequence[TableSchema], values: Mapping[int, Sequence[Value]]) -> Links:
    """`values`: of each table by its id, the cells that share a word with the question."""
    links = Links()
    windows = list(_windows(question))
    spoken = question.language.code
    for table in tables:
        language = tuple(dict.fromkeys((spoken, table.language or spoken)))
        for window, words in windows:
            links.columns += _columns(table, window, words, language)
            named = _is_name(question, window)
            told = _values(table, window, words, values.get(table.id, ()), language, named)
            weak = question.weak.issuperset(range(*window))
            links.values += [value for value in told if not weak or _is_kind(value)]
            links.tables += _names(table, window, words, language)
            links.columns += _synonymous(table, window, words, language)
            links.tables += _synonymous_names(table, window, words, language)
        links.columns += _measured(question, table)
        links.columns += _sold(question, table)
        for bound in question.bounds:
            if bound.operator == "=" and (year := bound.year):  # of "2024 году" the column `2024`
                links.columns += _columns(table, bound.span, (str(year),), language)
    whole = {mention.span for mention in links.values if mention.share == 1}
    links.values = [each for each in links.values if each.share == 1 or each.span not in whole]
    links.columns += [each for each in map(_summed(question), links.columns) if each is not None]
    links.columns = [each for each in links.columns if not (_is_of_things(question, each) and each.column.unit)]
    return _without_pointing(links, tables)


def _without_pointing(links: Links, tables: Sequence[TableSchema]) -> Links:
    """Without what a column says that points to a row which the same words name: of "France" the country, not that of
    each river, which it leads to. Where two columns of a table point there, each says another thing ("country" and
    "border"), and they are meant where that table is named."""
    named = {table.name: table for table in tables}
    counts = Counter((t.sql, other) for t in tables for _, other, _ in t.references)
    spoken = {mention.table.sql for mention in links.tables}
    points = {
        (table.sql, own): (named[other].sql, column)
        for table in tables
        for own, other, column in table.references
        if other in named and (counts[table.sql, other] == 1 or table.sql not in spoken)
    }
    pointing = {
        (table.sql, own): named[other].sql for table in tables for own, other, _ in table.references if other in named
    }
    rows = {(value.table.sql, value.column, value.span, value.values) for value in links.values}
    called = {(mention.table.sql, mention.span) for mention in links.tables if not mention.context}

    def leads(value: ValueMention) -> bool:
        target = points.get((value.table.sql, value.column))
        return target is not None and (*target, value.span, value.values) in rows

    def is_of_named(mention: ColumnMention) -> bool:
        target = pointing.get((mention.table.sql, mention.column.sql))
        is_longer = len(said_words(apart(mention.column.name))) > mention.span[1] - mention.span[0]
        own = (mention.table.sql, mention.span) in called and not mention.measured and is_longer  # `customer_since`
        return own or (target is not None and (target, mention.span) in called)

    links.values = [each for each in links.values if not leads(each)]
    links.columns = [each for each in links.columns if not is_of_named(each)]
    return links


def _is_of_things(question: TableQuestion, mention: ColumnMention) -> bool:
    """Whether it is meant by what calls anything so: of "how many pieces" no weight tells."""
    return mention.measured and question.things.issuperset(range(*mention.span))


def _summed(question: TableQuestion) -> Callable[[ColumnMention], ColumnMention | None]:
    totals = [operation.span for operation in question.operations if operation.kind == "total"]

    def summed(mention: ColumnMention) -> ColumnMention | None:
        around = [span for span in totals if span[0] <= mention.span[0] and mention.span[1] <= span[1]]
        is_total = around and mention.column.type is ColumnType.NUMBER
        return replace(mention, span=around[0], summed=True) if is_total else None

    return summed


def _windows(question: TableQuestion) -> Iterator[tuple[Span, tuple[str, ...]]]:
    """Stretches of words that begin and end with one that says something, with those of them that do; in a script
    without spaces every stretch that says something, since "上" may be a word or a part of "上海"."""
    tokens = question.tokens
    if not question.language.spaced:
        for start in range(len(tokens)):
            for end in range(start + 1, min(len(tokens), start + _LONGEST_UNSPACED) + 1):
                if not all(token.function for token in tokens[start:end]):
                    yield (start, end), tuple(token.said for token in tokens[start:end])
        return
    for start, first in enumerate(tokens):
        if first.function:
            continue
        for end in range(start + 1, min(len(tokens), start + _LONGEST) + 1):
            if not tokens[end - 1].function:
                yield (start, end), tuple(token.said for token in tokens[start:end] if not token.function)


def _names_rows(words: tuple[str, ...], label: str, language: Spoken) -> bool:
    """Whether rows are called so by the column that names them: "products" by `Product name`, 商品 by `商品名`."""
    name, known = telling(label, language[-1]), words_in_any_language("tables", "label")
    if not Language.of(language[0]).spaced:
        said, whole = "".join(words), "".join(name)
        return whole.startswith(said) and (said == whole or whole[len(said) :] in known)
    thing = tuple(word for word in name if word not in known) or name
    if known.issuperset(words) and thing != name:
        return False  # "name" alone is none
    return len(words) in (len(thing), len(name)) and (_held(words, thing, language) or _held(words, name, language))


def _held(
    words: Sequence[str], name: Sequence[str], language: Spoken, same: Callable[[str, str, str], bool] = alike
) -> bool:
    """Whether each of `words` is another word of `name`; in a script without spaces whether they are a part of it that
    is a word, or all of it."""
    if same is alike and not Language.of(language[0]).spaced:
        part, whole = "".join(words), "".join(name)
        return part == whole or (len(part) > 1 and part in whole)
    left = list(name)
    for word in words:
        place = next((n for n, other in enumerate(left) if any(same(other, word, each) for each in language)), None)
        if place is None:
            return False
        del left[place]
    return True


def _columns(table: TableSchema, span: Span, words: tuple[str, ...], language: Spoken) -> Iterator[ColumnMention]:
    """The columns whose name has all the words, those alone of which it says most: of "price" beside `Price` and
    `Price of transport` the first."""
    found = []
    for column in table.columns:
        name = called(column, language[-1])
        if len(words) <= len(name) and _held(words, name, language):
            points = any(reference[0] == column.sql for reference in table.references)
            if points and len(words) == len(name) - 1 and name[-1] in words_in_any_language("tables", "number_name"):
                found.append(ColumnMention(span, table, column, 1.0, measured=True))
                continue
            if _is_key(table, column, name) and len(words) < len(name):
                continue
            told = _distinguishing(table, column, language[-1]) or name
            found.append(ColumnMention(span, table, column, len(words) / max(len(told), len(words))))
    best = max((mention.share for mention in found), default=0.0)
    yield from (mention for mention in found if mention.share == best)


def _synonymous(table: TableSchema, span: Span, words: tuple[str, ...], language: Spoken) -> Iterator[ColumnMention]:
    """Columns that are called otherwise: of "telephone" `Phone`, of "contact" `SupportRepId`."""
    spaced = Language.of(language[0]).spaced
    if len(words) > 2 and spaced:
        return
    for column in table.columns:
        name = called(column, language[-1])
        if len(name) > 1 and (bare := _without_number(name)) != name:
            if not any(reference[0] == column.sql for reference in table.references):
                continue  # the table itself is called so
            name = bare
        if _held(words, name, language):
            continue
        told = spaced and _held(words, name, language, _stands_for)
        names = name if spaced else (phrase_of(name, language[0]),)
        if told or _held((phrase_of(words, language[0]),), names, language, synonymous):
            yield ColumnMention(span, table, column, 1.0, measured=True)


def _stands_for(name: str, word: str, language: str) -> bool:
    """Whether a word of a column's name is said by another: a synonym, the word it is short for, its unit in full."""
    if synonymous(name, word, language) or is_short_for(name, word, language):
        return True
    return (unit := unit_of(name)) is not None and unit == unit_of(word)


def _synonymous_names(
    table: TableSchema, span: Span, words: tuple[str, ...], language: Spoken
) -> Iterator[TableMention]:
    names = _called_as_table(table, language[-1])
    if any(_held(words, name, language) for name in names):
        return
    spaced, said = Language.of(language[0]).spaced, (phrase_of(words, language[0]),)
    for name in names:
        told = spaced and len(words) == len(name) and _held(words, name, language, synonymous)
        if told or _held(said, (phrase_of(name, language[0]),), language, synonymous):
            yield TableMention(span, table, synonym=True)
            return


def _is_key(table: TableSchema, column: Column, name: Sequence[str]) -> bool:
    """Whether it is a number that names rows, of this table or another: it is meant only where it is named in full."""
    pointing = any(reference[0] == column.sql for reference in table.references)
    return pointing or (len(name) > 1 and _without_number(name) != name)


def _without_number(name: Sequence[str]) -> tuple[str, ...]:
    """The words of `customer_id` without "id", and of "رقم العميل" without the first."""
    if name[0] in words_in_any_language("tables", "number_name_first"):
        return tuple(name[1:])
    return tuple(name[:-1] if name[-1] in words_in_any_language("tables", "number_name") else name)


def _distinguishing(table: TableSchema, column: Column, language: str) -> tuple[str, ...]:
    """The words of a column's name that not all columns beside it have: of `Year ended June 30 › 2024` the year."""
    names = [called(other, language) for other in table.columns if other is not column]
    own = called(column, language)
    return tuple(word for word in own if sum(word in name for name in names) < max(1, len(names) - 1))


def _values(
    table: TableSchema,
    span: Span,
    words: tuple[str, ...],
    values: Sequence[Value],
    language: Spoken,
    named: bool,
) -> Iterator[ValueMention]:
    whole: dict[int, list[str]] = defaultdict(list)
    part: dict[int, list[str]] = defaultdict(list)
    for column, text in values:
        name = telling(text, language[-1])
        if len(words) <= len(name) and _held(words, name, language):
            (whole if len(words) == len(name) else part)[column].append(text)
    for found in (whole, part):
        for column, texts in found.items():
            if (column in whole and found is part) or len(texts) > _MOST_VALUES:
                continue
            sql = GROUP if column < 0 else table.columns[column].sql
            exact = [text for text in texts if len(said_words(text)) == span[1] - span[0]]
            if found is whole and exact:
                texts = exact
            shortest = min(len(said_words(text)) for text in texts)
            share = min(1.0, max(len(words), span[1] - span[0]) / shortest)
            if found is whole and not exact:
                share = _ALL_BUT_FUNCTION_WORDS
            yield ValueMention(span, table, sql, tuple(dict.fromkeys(texts)), share, named, "".join(words).isdigit())


def _is_kind(value: ValueMention) -> bool:
    """Whether it is all that a cell says, and several rows may say it: of a word that says little ("delivered") that is
    meant where orders are told apart by it."""
    column = value.table.column(value.column)
    return value.share == 1 and column is not None and column.distinct <= min(_KINDS, value.table.rows - 1)


def _is_name(question: TableQuestion, span: Span) -> bool:
    first, said = question.tokens[span[0]], question.words(span)
    if any(map(str.isdigit, said)):
        return True
    cased = any(character.isupper() or character.islower() for character in said)
    return not cased or (said[0].isupper() and first.start > 0)


def _names(table: TableSchema, span: Span, words: tuple[str, ...], language: Spoken) -> Iterator[TableMention]:
    names = _called_as_table(table, language[-1])
    labels = table.labelling if not table.database else ()
    is_named = len(labels) == 1 and labels[0].type is ColumnType.TEXT
    is_named = is_named and all(own != labels[0].sql for own, _, _ in table.references)
    if is_named and _names_rows(words, labels[0].name, language):
        yield TableMention(span, table, by_label=True)
    held = [name for name in names if _held(words, name, language)]
    if held:
        yield TableMention(span, table, context=all(len(words) != len(name) for name in held))
        return
    around = f"{table.title} {table.caption} {table.uri.replace('/', ' ')}"
    if _held(words, telling(around, language[-1]), language):
        yield TableMention(span, table, context=True)


def _called_as_table(table: TableSchema, language: str) -> list[tuple[str, ...]]:
    """The words of each part of its name, and of that of its file, that say something: of `border_info` the first, of
    "Delivery log - first quarter 2025" the first, too, of "Kundenliste" the beginning."""
    parts = _PARTS.split(table.name) + ([] if table.database else [PurePosixPath(table.uri).stem])
    return list(dict.fromkeys(_telling_part(part, language) for part in parts if part.strip())) or [()]


@lru_cache(maxsize=8192)
def _telling_part(name: str, language: str) -> tuple[str, ...]:
    spoken, known = Language.of(language), words_in_any_language("tables", "any_table")
    words = telling(name, language)
    if not spoken.spaced:
        name = "".join(words)
        endings = [ending for ending in known if name.endswith(ending) and name != ending]
        return words[: len(words) - max(map(len, endings), default=0)]
    periods = {fold(month) for months in spoken.months for month in months}
    own = tuple(word for word in words if word not in known and word not in periods and not _DIGIT.search(word))
    if spoken.capitalises_nouns:
        own = tuple(_without_ending(word, known) for word in own)
    return words if all(measure_of(word, language) for word in own) else own  # a price list lists no prices


def _without_ending(word: str, known: frozenset[str]) -> str:
    """ "kunden" of "kundenliste" """
    ending = max((each for each in known if word.endswith(each)), key=len, default="")
    return word.removesuffix(ending) if len(word) - len(ending) >= _COMPOUND else word


def _measured(question: TableQuestion, table: TableSchema) -> Iterator[ColumnMention]:
    """What is asked by what it measures: "how long", "people live in", "how many kilos"."""
    language = question.language.code
    for operation in question.operations:
        span = (operation.span[1], operation.span[1] + 1)
        if operation.kind == "count" and span[1] <= len(question.tokens) and (unit := unit_of(question.words(span))):
            columns = (column for column in table.columns if dimension_of(column) == unit.dimension)
            yield from (ColumnMention(span, table, column, 1.0, measured=True) for column in columns)
    for place in range(len(question.tokens)):
        for said, end in joined_at(question, place):
            for measure in question.language.phrases.get("measures", {}):
                if said in names_of(measure, language):
                    yield from _said_of(question, columns_of(table, measure, language, (place, end)))
    for measured in question.measured:
        yield from _said_of(question, columns_of(table, measured.measure, language, measured.span))


def _said_of(question: TableQuestion, columns: list[ColumnMention]) -> list[ColumnMention]:
    """Of columns of one measure those that share another word with the question: how high the *highest* point is."""
    code, said = question.language.code, {token.said for token in question.tokens if not token.function}
    shared = [m for m in columns if any(alike(w, s, code) for w in called(m.column, code) for s in said)]
    return shared or columns


def _sold(question: TableQuestion, table: TableSchema) -> Iterator[ColumnMention]:
    """The price of what was bought, where money is asked for ("turnover"): it is told by the lines of orders, too."""
    money = [operation.span for operation in question.operations if operation.of_money]
    found = price_and_quantity(table, question.language.code) if money else None
    if found is not None:
        yield from (ColumnMention(span, table, found[0], 1.0, measured=True, summed=True) for span in money)
        return
    for span in money:
        of_sales = columns_of(table, "sales", question.language.code, span)
        yield from (replace(mention, summed=True) for mention in of_sales if mention.column.type is ColumnType.NUMBER)
