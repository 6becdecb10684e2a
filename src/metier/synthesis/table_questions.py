"""Questions on facts of tables, without a model: a claim that is true or false, and two rows compared.

    Turbine: WT-07 | Rated power: 4.2 MW      →  Is the rated power of WT-07 3.6 MW?                      no
    Turbine: WT-12 | Rated power: 3.6 MW      →  Which of WT-07 and WT-12 has the higher rated power?     WT-07

A false claim takes its value from another row of the same column. Two rows are compared where both cells are one number
in the same unit, and the number is no year, no name of the row and written so that every reader takes it for the same.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

import regex

from metier.answering.closed_answers import decisions_of
from metier.core.questions import Question
from metier.core.tables import PATH
from metier.parsing.core.table_cells import is_period
from metier.store.base import Filter, Store
from metier.synthesis import by_rule, two_fact_templates
from metier.synthesis.filters import stands_in
from metier.synthesis.pairs import QAPair
from metier.text.analyzer import ascii_digits, plain_number
from metier.text.language import Language, in_any_language
from metier.text.near_duplicates import normalise
from metier.text.phrases import any_of

# "4.2 MW", "€ 12", "17%"; a letter at the number makes a name of it (S3, 4B).
_NUMBER = regex.compile(
    r"(?P<before>(?:\p{Sc}|[A-Z]{3}\s)?)\s?(?P<sign>[+−-]?)(?P<number>\p{N}[\p{N}.,]*)"
    r"(?P<after>(?:\s?[%‰°\p{Sc}]|\s)[^\p{N}]{0,12})?"
)
_THOUSANDS = regex.compile(r"[.,]\d{3}(?!\d)")
_YEARS = range(1900, 2101)
_POOL = 50  # facts of a column that are kept to be compared with


@dataclass(frozen=True, slots=True)
class Fact:
    """A cell of a table. `siblings`: the cells of the same column in the document's other rows."""

    pair: QAPair
    siblings: tuple[QAPair, ...]


@dataclass(frozen=True, slots=True)
class Built:
    """A question made of facts. `facts`: as pairs that ask this question, each with the cell that holds its part."""

    question: Question
    facts: tuple[QAPair, ...]


def facts(
    store: Store, seed: str, language: str, where: Filter | None = None, among: Collection[str] | None = None
) -> Iterator[Fact]:
    """All facts of all tables in the documents that the filter lets through, one of each document in turn, in an order
    drawn by `seed`. `among`: uris of documents, None = all."""
    documents = [identity for uri, identity in sorted(store.uris(where).items()) if among is None or uri in among]
    random.Random(seed).shuffle(documents)
    waiting = deque(_of_document(store, identity, seed, language) for identity in documents)
    while waiting:
        fact = next(waiting[0], None)
        if fact is None:
            waiting.popleft()
        else:
            yield fact
            waiting.rotate(-1)


def _of_document(store: Store, identity: str, seed: str, language: str) -> Iterator[Fact]:
    document = store.document(identity)
    if document is None:
        return
    passages = [passage for passage in store.passages(identity) if not passage.described]
    ruled = by_rule.pairs(document, passages, language)
    cells = [pair for pairs in ruled.values() for pair in pairs if pair.kind == "table"]
    by_column: dict[tuple[str, str], list[QAPair]] = {}
    for cell in cells:
        by_column.setdefault((cell.attribute, cell.unit), []).append(cell)
    random.Random(f"{seed}:{identity}").shuffle(cells)
    for cell in cells:
        yield Fact(cell, tuple(other for other in by_column[cell.attribute, cell.unit] if other.row != cell.row))


# --- claims --------------------------------------------------------------------------------------------------


def claim(fact: Fact, is_true: bool, draw: random.Random) -> Built | None:
    """Asks whether a cell holds what it holds, or what another row of the column holds. None where the language has no
    words for it, or no other row says anything else."""
    pair = fact.pair
    decisions = decisions_of(pair.language)
    elsewhere = [other.answer for other in fact.siblings if _differ(pair.answer, other.answer)]
    values = [pair.answer] if is_true else elsewhere
    if decisions is None or not values:
        return None
    text = two_fact_templates.claim(pair.language, pair.subject, pair.attribute, draw.choice(values), pair.unit)
    if text is None:
        return None
    question = replace(question_of(pair), question=text, kind="yesno", choices=decisions)
    return Built(replace(question, answers=(decisions[0 if is_true else 1],)), (replace(pair, question=text),))


def _differ(one: str, other: str) -> bool:
    """Whether both cannot be right: neither stands in the other."""
    return normalise(one) != normalise(other) and not stands_in(one, other) and not stands_in(other, one)


# --- comparisons ---------------------------------------------------------------------------------------------


class Comparer:
    """Sets a fact beside another one of the same column name, of another document where there is one."""

    def __init__(self, draw: random.Random) -> None:
        self._draw = draw
        self._pool: dict[tuple[str, str], deque[QAPair]] = {}

    def compare(self, fact: Fact) -> Built | None:
        """None where there is nothing to compare it with, or the language has no words for it."""
        pair = fact.pair
        pool = self._pool.setdefault((pair.attribute.casefold(), pair.language), deque(maxlen=_POOL))
        elsewhere = [other for other in pool if other.passage.document_id != pair.passage.document_id]
        beside = [other for other in fact.siblings if other.passage.id != pair.passage.id]
        pool.append(pair)
        for group in (elsewhere, beside, list(fact.siblings)):
            self._draw.shuffle(group)
            for other in group:
                if built := self._between(pair, other):
                    return built
        return None

    def _between(self, one: QAPair, other: QAPair) -> Built | None:
        difference = _difference(one, other)
        if not difference or normalise(one.subject) == normalise(other.subject):
            return None
        higher = one if difference > 0 else other
        first, second = self._draw.sample((one, other), 2)
        text = two_fact_templates.comparison(one.language, first.subject, second.subject, one.attribute)
        if text is None:
            return None
        question = replace(
            question_of(one),
            question=text,
            answers=(higher.subject,),
            kind="several",
            choices=(first.subject, second.subject),
            documents=tuple(dict.fromkeys((one.passage.uri, other.passage.uri))),
            page=one.passage.page if one.passage.uri == other.passage.uri else None,
            passages=tuple(dict.fromkeys((one.passage.id, other.passage.id))),
        )
        return Built(question, tuple(replace(pair, question=text) for pair in (one, other)))


def _difference(one: QAPair, other: QAPair) -> float:
    """How much more `one` has; 0 where that cannot be told."""
    mine, yours = _quantity(one), _quantity(other)
    if mine is None or yours is None or mine[1] != yours[1] or one.unit != other.unit:
        return 0.0
    if not mine[1] and all(value in _YEARS for value, _ in (mine, yours)):
        return 0.0
    return mine[0] - yours[0]


def _quantity(pair: QAPair) -> tuple[float, str] | None:
    """A number and its unit. None for anything else, a column of names, one of a year, whose rows are of all kinds, and
    a number that people read differently (1.234 is a thousand and more to some)."""
    found = _NUMBER.fullmatch(pair.answer.strip())
    if found is None or _names_things().fullmatch(pair.attribute) or is_period(pair.attribute.split(PATH)[-1]):
        return None
    number = ascii_digits(found["number"])
    if _THOUSANDS.search(number) and (Language.of(pair.language).decimal != "." or "." in number.split(",")[0]):
        return None
    try:
        value = float(plain_number(number))
    except ValueError:
        return None
    unit = f"{found['before']} {found['after'] or ''}".strip().casefold()
    return (-value if found["sign"] in ("-", "−") else value), unit


def question_of(pair: QAPair) -> Question:
    """A pair as a question of the same kind."""
    passage = pair.passage
    return Question(
        id="",
        question=pair.question,
        answers=(pair.answer,),
        documents=(passage.uri,),
        page=passage.page,
        kind=pair.kind,
        language=pair.language,
        passages=(passage.id,),
    )


@lru_cache(maxsize=1)
def _names_things() -> regex.Pattern[str]:
    """The name of a column whose numbers name something, in any language."""
    return regex.compile(rf"(?:.*[\s_])?(?:{any_of(in_any_language('tables', 'number_name'))})\.?", regex.IGNORECASE)
