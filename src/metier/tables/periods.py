"""Tables whose columns are periods (2024, 2023; days of balance sheets): sums, averages, changes and extremes of a row
over them.

    By how much did net sales rise from 2018 to 2019?   row `Net sales`, its cells of both years, their difference
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from metier.tables.cell_values import ColumnType
from metier.tables.many_rows import tells
from metier.tables.question import Bound, TableQuestion
from metier.tables.schema import DOCUMENT, END, GROUP, ROW, START, Column, TableSchema, literal, quoted
from metier.tables.vocabulary import alike, said_words, synonymous, telling
from metier.text.phrases import searchable
from metier.text.quantities import Reading, quantities

_LEAST = 0.55  # share of the row's words, and of the question's, that must be the other's
_LEAST_OF_VALUE = 0.66  # of the question's, where a cell is looked up
_CLEARLY = 0.08  # by which a row must fit better than the next
_OTHER_DAYS = 0.2  # what it costs that the columns are of years, and the question of days
_LOOKING_UP = {"amount", "total", "days", "year", "month"}  # operations that a cell may answer
_GROUP = 0.5  # weight of a word that stands in the name of a group alone


@dataclass(frozen=True, slots=True)
class PeriodQuery:
    """`kind`: "value", "change", "percentage", "sum", "average", "most", "least" or "count"; `columns`: in the
    order in which they are told, of a change the earlier one first. `label`, `group`: of the row. `bound`: of a count,
    operator and number. `fit`: how well the row fits, 0..1."""

    table: TableSchema
    kind: str
    columns: tuple[Column, ...]
    label: str
    group: str
    fit: float
    bound: tuple[str, float] | None = None

    @property
    def sql(self) -> str:
        """The row's place and its cells."""
        return f"SELECT {DOCUMENT}, {ROW}, {START}, {END}, {self._cells}"

    @property
    def shown(self) -> str:
        """The same without the place."""
        return f"SELECT {self._cells}"

    @property
    def _cells(self) -> str:
        name = quoted(self.table.sql)
        cells = ", ".join(quoted(column.sql) for column in self.columns)
        label = quoted(self.table.labelling[0].sql)
        grouped = f" AND {GROUP} = {literal(self.group)}" if self.group else ""
        return f"{cells} FROM {name} WHERE {label} = {literal(self.label)}{grouped}"


Row = tuple[str, str]  # label, and the groups it stands under


def period_query(
    question: TableQuestion, table: TableSchema, rows: Callable[[TableSchema], Sequence[Row]]
) -> PeriodQuery | None:
    """None where the question asks for no such thing, or names no row clearly. `rows`: all of a table."""
    periods = [(column, period) for column in table.columns if (period := period_of(column.name)) is not None]
    if len(periods) < 2 or table.labelling[0].type is not ColumnType.TEXT:
        return None
    kind = _kind(question)
    if not kind or _stands_there(table, kind, question.language.code):
        return None
    if kind == "value":
        language = question.language
        periods = [each for each in periods if not language.finds(each[0].name, "query", "change", "percentage")]
    asked = [bound for bound in question.bounds if bound.quantity.dates]
    columns = _columns(question, kind, periods)
    if len(columns) < 2 if kind != "value" else len(columns) != 1:
        return None
    bound = None
    if kind == "count":
        numbers = [b for b in question.bounds if b.quantity.values and b.operator in (">", ">=", "<", "<=")]
        if len(numbers) != 1:
            return None
        bound = (numbers[0].operator, numbers[0].quantity.values[0])
    words = _asked_words(
        question, [*(bound.span for bound in question.bounds), *(extreme.span for extreme in question.extremes)]
    )
    least = _LEAST_OF_VALUE if kind == "value" else _LEAST
    found = _row(words, table, rows(table), question.language.code, least)
    if found is None:
        return None
    (label, group), fit = found
    fit -= _OTHER_DAYS * _unlike(asked, columns)
    return PeriodQuery(table, kind, tuple(columns), label, group, fit, bound)


def _stands_there(table: TableSchema, kind: str, language: str) -> bool:
    """Whether a column of the table tells it itself: `Change (%)` beside the years."""
    others = [column for column in table.columns if period_of(column.name) is None]
    asked = "together" if kind == "sum" else kind
    return any(
        tells(column.name, asked, language) or (kind == "percentage" and column.unit == "%") for column in others
    )


@lru_cache(maxsize=4096)
def period_of(name: str) -> Reading | None:
    """The year, month and day that a column is of; None where its name tells none, or several."""
    dates = [reading for each in quantities(name) for reading in each.dates[:1]]
    whole = [reading for reading in dates if reading[0] is not None]
    parts = [reading for reading in dates if reading[0] is None]
    if len({reading[0] for reading in whole}) != 1:
        return None
    year = whole[-1]
    if year[1] is None and len(parts) == 1:  # "Year ended December 31 › 2019"
        return year[0], parts[0][1], parts[0][2]
    return year


def _kind(question: TableQuestion) -> str:
    said = searchable(question.text)

    def has(name: str) -> bool:
        return bool(question.language.expression("query", name).search(said))

    if has("percentage"):
        return "percentage"
    if question.has("average"):
        return "average"
    if has("change"):
        return "change"
    if question.extremes and has("which_period"):
        return "most" if question.extremes[0].descending else "least"
    if question.has("count") and question.has("year"):
        return "count"
    if has("together"):
        return "sum"
    kinds = {operation.kind for operation in question.operations}
    return "value" if kinds <= _LOOKING_UP and not question.extremes and not question.negated else ""


def _columns(question: TableQuestion, kind: str, periods: Sequence[tuple[Column, Reading]]) -> list[Column]:
    """Those of the periods that the question names; all where it names none, or a stretch of them."""
    named: list[Reading] = []
    stretches: list[tuple[int, int]] = []
    for bound in question.bounds:
        first = bound.quantity.dates[0] if bound.quantity.dates else None
        last = bound.other.dates[0] if bound.other is not None and bound.other.dates else None
        if first and last and first[0] and last[0] and kind not in ("change", "percentage"):
            stretches.append((min(first[0], last[0]), max(first[0], last[0])))
        named += [each for each in (first, last) if each is not None]
    if stretches:
        low, high = stretches[0]
        return [column for column, period in periods if low <= (period[0] or 0) <= high]
    found = [(column, period) for column, period in periods if any(_fits(period, each) for each in named)]
    if kind in ("change", "percentage"):
        if not named and len(periods) == 2:
            found = list(periods)
        return [column for column, _ in sorted(found, key=lambda each: _order(each[1]))] if len(found) == 2 else []
    if kind == "value":
        return [column for column, _ in found]
    whole = len([each for each in named if each[0]]) < 2
    return [column for column, _ in (periods if whole else found)]


def _unlike(asked: Sequence[Bound], columns: Sequence[Column]) -> float:
    """Share of the days asked for that are told by no column, but by its year alone."""
    days = [reading for bound in asked for reading in bound.quantity.dates[:1] if reading[2] is not None]
    periods = [period_of(column.name) for column in columns]
    missed = sum(not any(period is not None and period[1:] == day[1:] for period in periods) for day in days)
    return missed / len(days) if days else 0.0


def _fits(period: Reading, asked: Reading) -> bool:
    return all(own is None or wanted is None or own == wanted for own, wanted in zip(period, asked, strict=True))


def _order(period: Reading) -> tuple[int, int, int]:
    year, month, day = period
    return year or 0, month or 0, day or 0


def _asked_words(question: TableQuestion, read: Sequence[tuple[int, int]]) -> list[str]:
    """The words by which a row may be named."""
    language = question.language
    passed = {n for span in read for n in range(*span)}
    moving = [match.span() for match in language.expression("query", "movement").finditer(searchable(question.text))]
    operations = {n for op in question.operations if op.kind not in ("total", "amount") for n in range(*op.span)}
    return [
        token.said for n, token in enumerate(question.tokens)
        if n not in passed and n not in operations and not token.function
        and not any(start <= token.start < end for start, end in moving)
        and n not in question.weak and not token.said.isdigit()
    ]  # fmt: skip


def _row(
    words: Sequence[str], table: TableSchema, rows: Sequence[Row], language: str, least: float
) -> tuple[Row, float] | None:
    """The row whose name the words are, and how well it fits; None where no row fits, or two alike. `least`: share of
    the question's words that the row must have."""
    around = set(said_words(f"{table.title} {table.caption} {table.name}"))
    named = [(row, telling(row[0], language), telling(row[1], language) if row[1] else ()) for row in rows]
    counts = Counter(word for _, label, _ in named for word in set(label))
    scored: list[tuple[float, Row]] = []
    for row, label, group in named:
        fit = _fit(words, label, group, around, counts, language, least)
        if fit is not None:
            scored.append((fit, row))
    scored.sort(key=lambda each: -each[0])
    if not scored or (len(scored) > 1 and scored[0][0] - scored[1][0] < _CLEARLY and scored[0][1] != scored[1][1]):
        return None
    return scored[0][1], scored[0][0]


def _fit(
    words: Sequence[str],
    label: Sequence[str],
    group: Sequence[str],
    around: set[str],
    counts: Counter[str],
    language: str,
    least: float,
) -> float | None:
    def weight(word: str) -> float:
        return 1 / (1 + counts[word] / 3)

    left, told, asked, explained = list(label), 0.0, 0.0, 0.0
    for word in words:
        place = next(iter(_places(word, left, language)), None)
        if place is not None:
            told += weight(left[place])
            explained += weight(left[place])
            asked += weight(left[place])
            del left[place]
        elif word in around or any(alike(other, word, language) for other in group):
            explained += _GROUP
            asked += _GROUP
        else:
            asked += 1.0
    whole = told + sum(map(weight, left))
    if not whole or not asked or told / whole < _LEAST or explained / asked < least:
        return None
    return (told / whole + explained / asked) / 2


def _places(word: str, names: Sequence[str], language: str) -> Iterator[int]:
    for same in (alike, synonymous):
        yield from (n for n, name in enumerate(names) if same(name, word, language))


def told(query: PeriodQuery, cells: Sequence[float | None]) -> tuple[str, float, str] | None:
    """What the cells come to: the kind of what is said ("", "%" or the name of a column), the value, and the column;
    None where a cell is empty that is needed."""
    values = [cell for cell in cells if cell is not None]
    if len(values) < len(cells):
        return None
    match query.kind:
        case "value":
            return "", values[0], ""
        case "sum":
            return "", sum(values), ""
        case "average":
            return "", sum(values) / len(values), ""
        case "change":
            return "", values[1] - values[0], ""
        case "percentage":
            return None if not values[0] else ("%", 100 * (values[1] - values[0]) / abs(values[0]), "")
        case "most" | "least":
            best = (max if query.kind == "most" else min)(range(len(values)), key=values.__getitem__)
            return ("", values[best], query.columns[best].name) if values.count(values[best]) == 1 else None
    operator, number = query.bound or (">", 0.0)
    holds = {">": float.__gt__, ">=": float.__ge__, "<": float.__lt__, "<=": float.__le__}[operator]
    return "", float(sum(holds(float(value), float(number)) for value in values)), ""
