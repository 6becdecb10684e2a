"""The sentences and rows of the found passages that bear most on a question.

A reader (`metier.reader`) tells for each passage whether it answers the question, and where; the sentence or row that
holds the place is the evidence. Where there is no reader, a sentence is weighed by its cosine with the question (its
heading path in front, so that "840 Nm" knows what it is about) and by the share of the question's words, by rarity,
that it and its headings hold. The best ones are what a small model reads best, and what is quoted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from metier.answering.coverage import QuestionCoverage, is_foreign
from metier.answering.sentence_vectors import SentenceVectors
from metier.answering.term_weights import SAME_WORD, alike, function_tokens
from metier.core.documents import CELL, Passage
from metier.reader.base import Reading
from metier.retrieval.query import Query
from metier.text.analyzer import Analyser
from metier.text.sentences import is_heading_like, is_leadin, is_question, sentence_spans

_WORDS = 0.5  # weight of the covered words beside the cosine; from practice questions of the sample company
_EMBEDDED = 12  # sentences whose cosine is taken, those with most of the question's words; embedding takes time
_REACHES = 12  # characters of a sentence from which on it belongs to the answer
_LONGEST = 600  # characters of sentences quoted together
_HELD = 7.0  # nats by which a sentence with all of the question's words is likelier than one with none (decision 10)
_IN_COLUMN = 1.0  # nats for a row with a date or measure of the question in the column that the question names
_NAMED = 1.0  # nats for a word of a row's name that the question has
_TITLED = 0.6  # share of a heading's words that the question has, from which it says nothing
_READ = 2.0  # how much more what a reader points at weighs than what only resembles the question


@dataclass(frozen=True, slots=True)
class Evidence:
    """One sentence or table row, or the sentences that an answer spans: a `passage` cut down to it. `covered`: share of
    the question's words in it and its headings; `cosine` with the question, 0 at the mean of the corpus; `answers`:
    how likely it answers, by the reader, None where it points elsewhere; `weight` orders the evidence."""

    passage: Passage
    covered: float
    cosine: float
    weight: float
    answers: float | None = None


def find(
    coverage: QuestionCoverage,
    asked: Query,
    passages: Sequence[Passage],
    vectors: SentenceVectors,
    readings: Sequence[Reading] = (),
) -> list[Evidence]:
    """Sentences of the passages, best first. `readings`: of each passage, none without a reader; `answerable` may be
    weighed by what else is known of the passage. Cosines are taken from
    the mean of the corpus upwards, because an embedder whose cosines lie close together would else leave the choice to
    the words."""
    pieces, said, answers = _pieces(passages, readings, coverage)
    if not pieces:
        return []
    covered = np.array([coverage.of(piece) for piece in said])
    read = np.array([-1.0 if probability is None else probability for probability in answers])
    order = np.lexsort((-covered, -read))[: _EMBEDDED + (read >= 0).sum()]
    best = vectors.of([said[i].indexed_text for i in order])
    cosines = (best @ asked.vector - asked.mean) / max(1e-6, 1 - asked.mean)
    found = [
        Evidence(
            pieces[i], float(covered[i]), float(cosine),
            float(cosine + _WORDS * covered[i] + _READ * (1 + read[i]) * (read[i] >= 0)), answers[i],
        )
        for i, cosine in zip(order, cosines, strict=True)
    ]  # fmt: skip
    return sorted(found, key=lambda evidence: -evidence.weight)


def _pieces(
    passages: Sequence[Passage], readings: Sequence[Reading], coverage: QuestionCoverage
) -> tuple[list[Passage], list[Passage], list[float | None]]:
    """What may be quoted, the same with the questions before it, and the reader's probability for the one in each
    passage that it points at."""
    pieces: list[Passage] = []
    said: list[Passage] = []
    answers: list[float | None] = []
    for number, passage in enumerate(passages):
        cut = sentence_spans(passage.text, passage.language or "en")
        spans = quotable(passage)
        spans = [s for s in spans if not _is_its_title(passage.text[slice(*s)], coverage)] or spans
        spans = [s for s in spans if not is_question(passage.text[slice(*s)])] or spans  # what follows it answers
        pointed = answering_span(passage, spans, readings[number], coverage) if readings else None
        for span in spans if pointed is None or pointed in spans else (*spans, pointed):
            pieces.append(passage.within(*span))
            said.append(passage.within(_asked_from(passage, cut, span), span[1]))
            answers.append(readings[number].answerable if span == pointed else None)
    return pieces, said, answers


def _asked_from(passage: Passage, cut: Sequence[tuple[int, int]], span: tuple[int, int]) -> int:
    """Where the questions begin that stand before one of the sentences in `cut`, which says what they ask; its own
    start where none do."""
    start = span[0]
    for first, last in reversed([each for each in cut if each[1] <= start]):
        if not is_question(passage.text[first:last]):
            break
        start = first
    return start


def quotable(passage: Passage) -> list[tuple[int, int]]:
    """(start, end) of the sentences and rows of a passage that say something by themselves: neither its headings again
    nor a lead-in with nothing behind it. All of them where nothing else is there; none of what a model says of a
    picture, which the document does not say."""
    if passage.described:
        return []
    spans = sentence_spans(passage.text, passage.language or "en")
    known = {name.casefold().strip() for name in (*passage.headings, passage.title)}

    has_rows = CELL in passage.text and any(is_row(passage.text[a:b]) for a, b in spans)

    def says_something(number: int, text: str) -> bool:
        following = passage.text[slice(*spans[number + 1])] if number + 1 < len(spans) else ""
        if (has_rows and CELL in text and not is_row(text)) or _is_header(text, following):
            return False
        return text.casefold().strip(" #*:") not in known and not (number == len(spans) - 1 and is_leadin(text))

    said = [span for number, span in enumerate(spans) if says_something(number, passage.text[slice(*span)])]
    return said or spans


def _is_its_title(text: str, coverage: QuestionCoverage) -> bool:
    """Whether a line looks like a heading and hardly says more than the question: "Cleaning the oven" is no answer to
    how it is cleaned. A name with a value that the question does not have is one: "Officer on duty: T. Reed"."""
    if not is_heading_like(text):
        return False
    sought = coverage.sought
    value = coverage.analyser.tokens(text.partition(": ")[2])
    if value and not any(token in sought.tokens or alike(token, sought.tokens, SAME_WORD) for token in value):
        return False
    common = function_tokens(sought.language, coverage.analyser) if sought.language else frozenset()
    words = [token for token in coverage.analyser.tokens(text) if token not in common and not token.isdigit()]
    asked = sum(token in sought.tokens or alike(token, sought.tokens, SAME_WORD) for token in words)
    return bool(words) and asked >= _TITLED * len(words)


def _is_header(line: str, following: str) -> bool:
    """Whether a line holds the names of the columns of the row behind it, perhaps of one that has a single cell."""
    names, cells = line.split(CELL), following.split(CELL)
    return all(": " in cell and cell.partition(": ")[0] in names for cell in cells)


def is_row(text: str) -> bool:
    """A row of a table carries the names of its columns (`Turbine: WT-07 | Rated power: 4.2 MW`)."""
    return CELL in text and sum(": " in cell for cell in text.split(CELL)) * 2 >= text.count(CELL) + 1


def answering_span(
    passage: Passage, spans: Sequence[tuple[int, int]], reading: Reading, coverage: QuestionCoverage
) -> tuple[int, int] | None:
    """Of `spans`, (start, end) of the passage's sentences and rows, the one that answers, or several that follow each
    other as one; None where the reader points at none. One alone is chosen by the reader and by the question's words in
    it: a reader knows what kind of thing is asked for, words tell rows and sentences apart that are alike in kind. The
    few words that two languages share tell nothing."""
    pointed = _pointed(passage, spans, reading)
    if pointed in spans and not is_foreign(passage, coverage.language):
        return _likeliest(passage, spans, reading, coverage)
    return pointed


def _pointed(passage: Passage, spans: Sequence[tuple[int, int]], reading: Reading) -> tuple[int, int] | None:
    """What holds the span that a reader points at: one sentence or row, or sentences that follow each other where it
    reaches well into the next."""
    shared = [min(end, reading.end) - max(start, reading.start) for start, end in spans]
    touched = [n for n, characters in enumerate(shared) if characters > 0]
    if not touched:
        return _behind_question(passage, spans, reading)
    best = max(touched, key=shared.__getitem__)
    if any(CELL in passage.text[slice(*spans[n])] for n in touched):
        return spans[best]
    first, last = touched[0], touched[-1]
    while first < best and shared[first] < _REACHES:
        first += 1
    while last > best and shared[last] < _REACHES:
        last -= 1
    whole = (spans[first][0], spans[last][1])
    asks = any("?" in passage.text[a[1] : b[0]] for a, b in pairwise(spans[first : last + 1]))  # another begins there
    return whole if whole[1] - whole[0] <= _LONGEST and not asks else spans[best]


def _behind_question(passage: Passage, spans: Sequence[tuple[int, int]], reading: Reading) -> tuple[int, int] | None:
    """The first of `spans` behind a question that a reader points at, which is no answer itself."""
    cut = sentence_spans(passage.text, passage.language or "en")
    at = next((span for span in cut if span[0] <= reading.start < span[1]), None)
    if at is None or not is_question(passage.text[slice(*at)]):
        return None
    return next((span for span in spans if span[0] >= at[1]), None)


def _likeliest(
    passage: Passage, spans: Sequence[tuple[int, int]], reading: Reading, coverage: QuestionCoverage
) -> tuple[int, int]:
    cut = sentence_spans(passage.text, passage.language or "en")
    told = dict(zip(cut, reading.sentences, strict=True))

    def weight(span: tuple[int, int]) -> float:
        first = _asked_from(passage, cut, span)
        text = passage.text[first : span[1]]
        words = set(coverage.analyser.tokens(text))
        held = _HELD * coverage.sought.covered(words, text, passage.language)
        named = _NAMED * coverage.names_row(text) if CELL in text else 0.0
        said = max(told[each] for each in cut if first <= each[0] <= span[0])
        return said + held + named + _IN_COLUMN * coverage.in_column_of_question(text, passage.language)

    return max(spans, key=weight)


def echo(answer: str, question: str, analyser: Analyser) -> float:
    """Share of the answer's words that the question already had; 1 for an answer that says nothing new."""
    words, asked = analyser.tokens(answer), set(analyser.tokens(question))
    return sum(word in asked for word in words) / max(1, len(words))
