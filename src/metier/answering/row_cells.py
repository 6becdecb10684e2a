"""Which row of a table a question names, and which of its cells: a table holds many rows that look alike, for years
that look alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import regex

from metier.answering.asked_columns import asked_columns, asked_figures
from metier.answering.coverage import QuestionCoverage, without_years
from metier.answering.evidence import is_row
from metier.core.documents import CELL, Passage
from metier.text.quantities import quantities
from metier.text.sentences import units

_CLEARLY = 2  # words, held and not left over, by which another row must be nearer where it has not both
_AS_MUCH = 0.02  # share of the question's words that it may lack
_MOST = 0.75  # share of them that a row holds which is quoted in place of a sentence
_NAMESAKES = 3  # rows with one name that are quoted together, at most
_ROUNDED = 0.006  # relative error of a figure that a sentence rounds


def named_row(chosen: Passage, around: Sequence[Passage], coverage: QuestionCoverage) -> Passage:
    """The row of the table of `chosen`, one of them, that the question names better: its name has no word of the
    question less, and with its groups more of them or fewer others. A row that is named in full, beside one that is not
    at all, is meant though it says less: its cell for what is asked may be empty. `around`: passages of its document in
    reading order."""
    if CELL not in chosen.text:
        return chosen
    best, held = chosen, coverage.of(chosen)
    told, left, beside = coverage.words_of_row(chosen.text)
    for row in rows_of_table(chosen, around):
        words = coverage.words_of_row(row.text)
        if row.headings != chosen.headings or words[0] < max(told, 1):
            continue
        more, fewer = words[0] + words[2] - told - beside, left - words[1]
        nearer = more + fewer >= _CLEARLY or (more + fewer > 0 and more >= 0 and fewer >= 0)
        in_full = not told and not words[1] and any(map(str.isalpha, row.text.partition(CELL)[0].rpartition(": ")[2]))
        if nearer and (in_full or coverage.of(row) >= held - _AS_MUCH):
            best, held, (told, left, beside) = row, coverage.of(row), words
    return best


def row_for_sentence(sentence: Passage, around: Sequence[Passage], coverage: QuestionCoverage) -> Passage | None:
    """The row of its document that is quoted in place of a sentence: the question has its whole name and a column of
    it, as many words as the sentence has stand in it, and the sentence does not say its figure and no other."""
    least = max(_MOST, coverage.of(sentence))
    found: list[tuple[float, int, Passage]] = []
    for row in rows_of_table(sentence, around):
        told, left, beside = coverage.words_of_row(row.text)
        if told and not left and coverage.of(row) >= least and asked_columns(row.text, coverage):
            found.append((coverage.of(row), told + beside, row))
    if not found:
        return None
    best = max(found, key=lambda each: each[:2])[2]
    return None if _says_only(sentence, asked_figures(best.text, coverage)) else best


def namesakes(chosen: Passage, around: Sequence[Passage], coverage: QuestionCoverage) -> list[Passage]:
    """A row and those near it that have its name and that the question does not tell from it, in reading order: the
    quarters of two years, one below the other. None where there are no others, or so many that they are a list."""
    name, held = without_years(chosen.text.partition(CELL)[0]), coverage.of(chosen)
    alike = {
        row.text: row for row in rows_of_table(chosen, around) if without_years(row.text.partition(CELL)[0]) == name
    }
    same = [r for r in alike.values() if r.headings == chosen.headings and abs(coverage.of(r) - held) < _AS_MUCH]
    return same if 1 < len(same) <= _NAMESAKES else []


def rows_of_table(beside: Passage, around: Sequence[Passage]) -> Iterator[Passage]:
    """The rows of tables in passages of its document, without lines of column names beside what is no such line; beside
    a row those as well that have a single cell."""
    named = is_row(beside.text)
    first = beside.text.partition(": ")[0] + ": "
    for passage in around:
        if passage.document_id != beside.document_id or CELL not in passage.text:
            continue
        for unit in units(passage.text, passage.language or "en"):
            row = passage.within(unit.start, unit.end)
            of_one = named and CELL not in row.text and row.text.startswith(first)
            if of_one or (unit.kind == "row" and (is_row(row.text) or (CELL in beside.text and not named))):
                yield row


def _says_only(sentence: Passage, figures: Sequence[str]) -> bool:
    """Whether the numbers of a sentence, but for dates, are those of the cells, rounded or in another unit ("$958.1
    million" of 958,115)."""
    wanted = [number for number in map(_leading, figures) if number is not None]
    numbers = [q.text for q in quantities(sentence.text, sentence.language or "en") if not q.dates and not q.word]
    said = [number for number in map(_leading, numbers) if number is not None]
    return bool(said) and all(any(abs(one - other) <= _ROUNDED * other for other in wanted) for one in said)


def _leading(figure: str) -> float | None:
    """The digits of a number behind its first point: 9.58115 of 958,115; None where it has no digit but 0."""
    digits = regex.sub(r"\P{N}", "", figure).lstrip("0")
    return float(f"{digits[0]}.{digits[1:] or 0}") if digits else None
