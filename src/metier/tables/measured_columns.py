"""Columns by what they measure, whatever they are called: prices, weights, places, what was bought at which price."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from metier.tables.cell_values import ColumnType
from metier.tables.mentions import ColumnMention
from metier.tables.question import TableQuestion
from metier.tables.schema import Column, TableSchema
from metier.tables.vocabulary import is_called, is_short_for, names_of, said_words, telling
from metier.text.language import Language, words_in_any_language
from metier.text.names import apart
from metier.text.phrase_cover import Span
from metier.text.units import MONEY, unit_of

# What the unit of a column may be that holds a measure of `[measures]`.
DIMENSIONS: Mapping[str, Collection[str]] = {
    "price": MONEY, "length": ("length", "time"), "height": ("length",), "width": ("length",), "depth": ("length",),
    "weight": ("mass",), "size": ("area", "volume"), "speed": ("speed",), "temperature": ("temperature",),
    "strength": ("power", "force"), "time": ("date",),
}  # fmt: skip


def called(column: Column, language: str) -> tuple[str, ...]:
    """The words of a column's name that say something, without the unit at its end."""
    words, unit = telling(column.name, language), said_words(column.unit)
    return words[:-1] if len(words) > 1 and unit and words[-1] == unit[-1] else words


def stock_of(table: TableSchema, language: Language) -> list[Column]:
    """The columns that hold how many pieces are there: called a quantity, else by where they are ("On the shelf")."""
    called_so = [mention.column for mention in columns_of(table, "quantity", language.code, (0, 0))]
    return called_so or [
        column for column in table.columns
        if column.type is ColumnType.NUMBER and not column.unit and _tells_where(column, language)
    ]  # fmt: skip


def _tells_where(column: Column, language: Language) -> bool:
    """Whether its name begins with a word that says nothing alone: `In the showroom`."""
    name = said_words(apart(column.name))
    return len(name) > 1 and name[0] in language.function_words


def said_whole(question: TableQuestion, column: Column) -> Span | None:
    """Where the question says all of a column's name, which begins with a word that says nothing alone and so tells
    where something is, or how: "in the showroom", "auf Lager". An article may stand in one and not in the other."""
    if not _tells_where(column, question.language):
        return None
    articles = question.language.word_set("words", "article")
    name = [word for word in said_words(apart(column.name)) if word not in articles]
    said = [(n, token.said) for n, token in enumerate(question.tokens) if token.said not in articles]
    places = (n for n in range(len(said)) if [word for _, word in said[n : n + len(name)]] == name)
    return next(((said[n][0], said[n + len(name) - 1][0] + 1) for n in places), None)


def columns_of(table: TableSchema, measure: str, language: str, span: Span) -> list[ColumnMention]:
    """The columns that hold a measure, by the likeliest of its names that there is one for, else by their unit."""
    columns = [column for column in table.columns if column.type is not ColumnType.TEXT]
    found: list[Column] = []
    names = names_of(measure, language)
    for name in names:
        found = found or [column for column in columns if _is_called(column, name, language)]
    plain = {(name,) for name in names}
    plainly = [column for column in found if called(column, language) in plain]
    found = plainly if len(plainly) == 1 else found  # the stock rather than the minimum stock
    found = found or [column for column in columns if dimension_of(column) in DIMENSIONS.get(measure, ())]
    return [ColumnMention(span, table, column, 1.0, measured=True) for column in found]


def price_and_quantity(table: TableSchema, language: str) -> tuple[Column, Column] | None:
    """Of rows that belong to others (the lines of an order) the one price, and the one quantity that was bought at
    it."""
    if not table.references:
        return None
    prices = [m.column for m in columns_of(table, "price", language, (0, 0))]
    quantities = [m.column for m in columns_of(table, "quantity", language, (0, 0)) if m.column not in prices]
    totals = words_in_any_language("tables", "total")
    prices = [column for column in prices if not totals.intersection(said_words(apart(column.name)))]
    return (prices[0], quantities[0]) if len(prices) == len(quantities) == 1 else None


def places_of(table: TableSchema, question: TableQuestion) -> list[Column]:
    """The columns that say where something is."""
    names = names_of("place", question.language.code)
    labels = table.labelling
    return [
        c for c in table.columns if c not in labels and any(_is_called(c, n, question.language.code) for n in names)
    ]


def _is_called(column: Column, name: str, language: str) -> bool:
    """Whether a word of its name is `name`, or ends in it ("Verkaufspreis", "単価")."""
    words = called(column, language)
    if not Language.of(language).spaced:
        return name in "".join(words)
    return any(is_called(word, name, language) or is_short_for(word, name, language) for word in words)


def dimension_of(column: Column) -> str:
    """What its unit measures, "" where it has none."""
    unit = unit_of(column.unit) if column.unit else None
    return unit.dimension if unit else ""
