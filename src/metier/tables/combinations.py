"""Which mentions of a question hold beside each other: they do not overlap, and leave little unexplained."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from metier.tables.cell_values import ColumnType
from metier.tables.measured_columns import said_whole
from metier.tables.mentions import ColumnMention, Links, TableMention, ValueMention
from metier.tables.question import Bound, Extreme, QuestionOperation, Relation, TableQuestion
from metier.text.phrase_cover import Span
from metier.text.units import unit_of

_WAYS = 48  # combinations that are looked at
_BEAM = 160
_UNEXPLAINED = 1.0  # what a word costs that nothing explains
_PART, _WORD, _MEASURED, _SYNONYM, _CONTEXT, _UNASKED, _WEAK = 0.3, 0.5, 0.15, 0.1, 0.12, 0.5, 0.04
_BY_LABEL, _NUMBERED = 0.02, 0.3
_CALLING = 0.25  # "delivered", where there is a table of deliveries
_WEAK_COLUMN = 0.1  # "kind" of "which kind of dish", where a column is called so
_BEHIND = 3  # words between a comparison and the column that it is with
_LOWERED, _MANY = 0.2, 100  # a word that is no name where names have capitals; values of a column of names
_NEARLY = 0.9  # share of a value's words from which it counts as named in full
_OPTIONAL = ("by", "people", "days", "places", "amount", "extent", "stock")  # what a question means without them, too

Mention = ColumnMention | ValueMention | TableMention | QuestionOperation | Extreme | Bound | Relation


@dataclass(frozen=True, slots=True)
class Mentions:
    """Those of one combination by what they are. `named`: of `tables` those that are called by their name."""

    columns: tuple[ColumnMention, ...]
    values: tuple[ValueMention, ...]
    tables: tuple[TableMention, ...]
    bounds: tuple[Bound, ...]
    extremes: tuple[Extreme, ...]
    relations: tuple[Relation, ...]
    operations: Mapping[str, QuestionOperation]

    @classmethod
    def of(cls, mentions: Sequence[Mention]) -> Self:
        return cls(
            columns=tuple(each for each in mentions if isinstance(each, ColumnMention)),
            values=tuple(each for each in mentions if isinstance(each, ValueMention)),
            tables=tuple(each for each in mentions if isinstance(each, TableMention)),
            bounds=tuple(each for each in mentions if isinstance(each, Bound)),
            extremes=tuple(each for each in mentions if isinstance(each, Extreme)),
            relations=tuple(each for each in mentions if isinstance(each, Relation)),
            operations={each.kind: each for each in mentions if isinstance(each, QuestionOperation)},
        )

    def name(self, place: int) -> bool:
        """Whether a token is part of what they name: of "Nothing Else Matters" no word denies."""
        named: list[ValueMention | ColumnMention | TableMention] = [*self.values, *self.columns, *self.tables]
        return any(mention.span[0] <= place < mention.span[1] for mention in named)

    def names(self, span: Span) -> bool:
        """Whether these words are a value or a table."""
        named: list[ValueMention | TableMention] = [*self.values, *self.tables]
        return any(each.span[0] <= span[0] and span[1] <= each.span[1] for each in named)

    @property
    def named(self) -> list[TableMention]:
        return [mention for mention in self.tables if not mention.context]


def combinations(question: TableQuestion, links: Links) -> list[tuple[Mentions, float]]:
    """Mentions that do not overlap, with what they leave unexplained, the best first."""
    read: list[QuestionOperation | Extreme | Bound] = [*question.operations, *question.extremes, *question.bounds]
    told = [m for m in links.columns if m.share == 1 and not m.measured]
    whole = {mention.span: span for mention in told if (span := said_whole(question, mention.column)) is not None}
    read = [
        each for each in read if not (_is_optional(each) and any(_holds(span, each.span) for span in whole.values()))
    ]
    starting: dict[int, list[Mention]] = {}
    for mention in [*read, *question.relations, *links.columns, *links.values, *links.tables]:
        starting.setdefault(mention.span[0], []).append(mention)
    lowered = _lowered(question)
    columns = {mention.span for mention in told}
    beams: list[list[tuple[float, list[Mention]]]] = [[] for _ in range(len(question.tokens) + 1)]
    beams[0] = [(0.0, [])]
    own = {n: _unasked(each) / (each.span[1] - each.span[0]) for each in read for n in range(*each.span)}
    own |= {n: _UNASKED for each in _before_numbers(question, links) for n in range(*each.span)}
    own |= {n: _UNEXPLAINED for span in whole for n in range(*span)}
    held = {mention.span for mention in links.columns}  # of "wie hoch" height is meant where something has one
    own |= dict.fromkeys(_before_units(question, links), 0.0)
    own |= {n: _UNEXPLAINED for each in question.measured if each.span in held for n in range(*each.span)}
    called = {mention.span[0] for mention in links.tables if not mention.context and not mention.by_label}
    called |= {mention.span[0] for mention in links.values if question.weak.issuperset(range(*mention.span))}
    if not question.has("amount"):  # "who has not paid": where a column says yes and no to that, it is asked
        called |= {mention.span[0] for mention in links.columns if mention.column.yes_no}
    column_starts = {span[0] for span in columns}
    for place in range(len(question.tokens)):
        beam = sorted(beams[place], key=lambda each: each[0])[:_BEAM]
        for cost, mentions in beam:
            weak = _CALLING if place in question.calling else _WEAK_COLUMN if place in column_starts else _WEAK
            said = weak if place in question.weak - called else _UNEXPLAINED if place in question.free else 0.0
            skipped = max(said, own.get(place, 0.0))
            beams[place + 1].append((cost + skipped, mentions))
            for mention in starting.get(place, ()):
                priced = cost + _price(mention) + lowered(mention)
                if question.negated and isinstance(mention, ColumnMention) and mention.column.yes_no:
                    priced -= _SYNONYM * mention.measured  # "who has not paid": `Pd`, rather than an amount
                if isinstance(mention, TableMention) and mention.span in columns and question.has("different"):
                    priced += _PART  # of "how many different jobs" the kinds, not the rows
                if isinstance(mention, Extreme) and any(_is_within(mention.span, span) for span in columns):
                    priced += _PART  # of "the minimum stock" the column
                beams[mention.span[1]].append((priced, [*mentions, mention]))
    return [(Mentions.of(mentions), cost) for cost, mentions in sorted(beams[-1], key=lambda each: each[0])[:_WAYS]]


def _before_units(question: TableQuestion, links: Links) -> list[int]:
    """The "per" of "per hour", which groups nothing where a column is of what an hour earns."""
    per = [each.span for each in question.operations if each.kind == "each"]
    numbers = {n for m in links.columns if m.column.type is ColumnType.NUMBER for n in range(*m.span)}
    return [
        n for span in per for n in range(*span)
        if span[1] in numbers and unit_of(question.words((span[1], span[1] + 1))) is not None
    ]  # fmt: skip


def _before_numbers(question: TableQuestion, links: Links) -> list[Relation]:
    """What bounds by a column of numbers behind it."""
    starts = {
        m.span[0] for m in links.columns if m.column.type is ColumnType.NUMBER and m.share == 1 and not m.measured
    }
    return [each for each in question.relations if starts.intersection(range(each.span[1], each.span[1] + _BEHIND))]


def _lowered(question: TableQuestion) -> Callable[[Mention], float]:
    """What it costs that a word in small letters is one of very many names ("money" of a track), where whoever asks
    writes capitals."""
    writes_capitals = question.text[:1].isupper()

    def cost(mention: Mention) -> float:
        if not writes_capitals or not isinstance(mention, ValueMention) or mention.named:
            return 0.0
        column = mention.table.column(mention.column)
        return _LOWERED if column is not None and column.distinct > _MANY else 0.0

    return cost


def _holds(span: Span, other: Span) -> bool:
    return span[0] <= other[0] and other[1] <= span[1]


def _is_within(span: Span, other: Span) -> bool:
    return _holds(other, span) and span != other


def _unasked(mention: QuestionOperation | Extreme | Bound) -> float:
    """What it costs to pass over it."""
    if not isinstance(mention, QuestionOperation):
        return _UNEXPLAINED
    if mention.kind == "total":
        return _UNEXPLAINED if mention.of_money else _MEASURED
    return 0.0 if _is_optional(mention) else _UNASKED


def _is_optional(mention: Mention) -> bool:
    return isinstance(mention, QuestionOperation) and mention.kind in _OPTIONAL


def _price(mention: Mention) -> float:
    match mention:
        case ColumnMention(measured=True):
            return _MEASURED
        case ColumnMention(share=share):
            return _PART * (1 - min(share, 1.0))
        case ValueMention(number=True):
            return _NUMBERED
        case ValueMention(share=share, named=named):
            return (1 - share) if share > _NEARLY else (_PART if named else _WORD) * (2 - share)
        case TableMention(by_label=True):
            return _BY_LABEL
        case TableMention(synonym=True):
            return _SYNONYM
        case TableMention(context=context):
            return _CONTEXT if context else 0.0
    return 0.0
