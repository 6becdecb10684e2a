"""What is found for a question: hits, the best sentences, what the model will read, and what can be measured of it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import regex
from rapidfuzz import fuzz, process

from metier.answering import context, evidence
from metier.answering.answer import Style
from metier.answering.coverage import QuestionCoverage, is_foreign
from metier.answering.evidence import Evidence
from metier.answering.mismatch import at_another_time, days_missing, of_another_number
from metier.answering.quote_spans import asks_for_list, holds_steps
from metier.answering.request import Found
from metier.answering.sentence_vectors import SentenceVectors
from metier.answering.style import TokenLimits
from metier.answering.term_weights import SAME_WORD, Sought, Weigh, alike, content_tokens
from metier.answering.version_selection import outdated
from metier.core.documents import Passage
from metier.core.log_odds import log_odds, probability
from metier.core.settings import Settings
from metier.embedding.base import Embedder
from metier.generation.base import Generator, Message
from metier.reader.base import Reader, Reading
from metier.retrieval.retriever import Hit, Retriever
from metier.store.base import Filter, Store
from metier.text.analyzer import Analyser
from metier.text.detection import detect
from metier.text.language import Language
from metier.text.phrases import fold

_CANDIDATES = 50  # hits looked up; calibration leaves out those of one document
_READ = 12  # passages that a reader reads: it costs some milliseconds each
_READ_FOR_WORDS = 4  # of them, those that hold most of the question's words
_SKIMMED = 40  # hits among which these are
_SHORTEST = 5  # letters of a word that may be misspelt
_MISSPELT = 80  # similarity (0..100) of a misspelt word and the right one
_FOUND = 2.0  # log-odds that a passage loses which search found much weaker than the best (decision 10)
_FOREIGN = 1.5  # log-odds that a reader gives too little where question and passage are in two languages
_ABOUT = 4.0  # log-odds that a passage loses which holds nothing of what a follow-up is about
_OLD = 3.0  # log-odds that a passage loses where a newer version of its document was found, too
_OTHER = 4.0  # log-odds that a passage loses which speaks of another time or numbered thing than the question
_FIELD = 2.0  # log-odds that a passage gains with the field or cell that is named: a reader was made for sentences
_STEPS = 3.5  # log-odds that numbered steps gain where steps are asked for: a reader wants a sentence that says it
_WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+")
_NUMBERED = regex.compile(r"([\p{L}\p{M}]{2,})[ -](\p{N}{1,3})(?![\p{N}.,:/-]*\p{N}|\p{L})")
_SAMPLE = 8  # passages whose tokens are counted, from which those of others are estimated


class Finder:
    """Looks things up in one store. `passages`: how many the quoted style chooses from."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        retriever: Retriever,
        embedder: Embedder,
        analyser: Analyser,
        weigh: Weigh,
        reader: Reader | None,
        generator: Generator,
        style: Style,
        passages: int,
    ) -> None:
        self._settings = settings
        self._store = store
        self._retriever = retriever
        self.vectors = SentenceVectors(embedder)
        self._analyser = analyser
        self._weigh = weigh
        self._reader = reader
        self._generator = generator
        self._style = style
        self._passages = passages

    def find(
        self,
        questions: Sequence[str],
        where: Filter | None = None,
        without: frozenset[str] = frozenset(),
        passages: int | None = None,
        limits: TokenLimits | None = None,
        about: str = "",
    ) -> Found:
        """For a question, or the parts of one: the whole first. `passages`: chosen from so many, None = as set.
        `limits`: of the written style; None = what the quoted style reads. `about`: words that the passage must hold
        most of, those of a follow-up behind an earlier question."""
        began = time.monotonic()
        asked = questions[0]
        found = self._search(questions, where)
        hits = context.without_copies([hit for hit in found if hit.passage.document_id not in without])
        read = [hit for hit in hits if hit.pinned] or hits
        if limits is not None and self._style is Style.WRITTEN:
            visible = self._retriever.visible(where)
            built = context.build(read, self._store, limits.sources, self.counter([h.passage for h in read]), visible)
            seconds = time.monotonic() - began
            first = tuple(hit.passage for hit in read[:_READ])
            return Found(tuple(questions), tuple(hits), first, (), built.passages, {}, seconds, built.dropped)
        read = [hit for hit in read if not hit.passage.described]  # it is not quoted
        coverage = self.coverage(asked)
        pieces, best, features = self._weighed(asked, coverage, read, passages or self._passages, about)
        shown = best
        if limits is None or limits.reads_sentences:
            shown = [piece.passage for piece in pieces[: self._settings.answering.sentences]]
        seconds = time.monotonic() - began
        return Found(
            tuple(questions),
            tuple(hits),
            tuple(best),
            tuple(pieces),
            tuple(shown),
            features,
            seconds,
            coverage=coverage,
        )

    def _search(self, questions: Sequence[str], where: Filter | None) -> list[Hit]:
        return self._retriever.search_all(questions, _CANDIDATES, where)

    def _weighed(
        self, asked: str, coverage: QuestionCoverage, hits: Sequence[Hit], count: int, about: str
    ) -> tuple[list[Evidence], list[Passage], dict[str, float]]:
        """Pieces of the best passages, best first, these passages, and the features of abstention."""
        language = coverage.language
        chosen = self.candidates(coverage, hits, count)
        candidates = [hit.passage for hit in chosen]
        reader = self._reader
        readings = self._readings(reader, asked, coverage, chosen, about) if reader and candidates else []
        order = sorted(range(len(readings)), key=lambda n: -readings[n].answerable) or range(len(candidates))
        best = [candidates[n] for n in order][:count]
        readings = [readings[n] for n in order][:count] if readings else []
        pieces = evidence.find(coverage, self._retriever.asked(asked), best, self.vectors, readings)
        features = self._features(asked, language, coverage.sought, best, readings) if best else {}
        return pieces, best, features

    def coverage(self, asked: str) -> QuestionCoverage:
        language = detect(asked, self._settings.language)
        return QuestionCoverage(asked, Sought.of(asked, self._analyser, self._weigh, language), self._analyser)

    def candidates(self, coverage: QuestionCoverage, hits: Sequence[Hit], count: int) -> list[Hit]:
        """The hits that are read: the best, and of the next those that hold most of the question's words, for a table's
        rows are found beside many that are like them."""
        if self._reader is None:
            return list(hits[:count])
        most = max(count, _READ)
        if len(hits) <= most:
            return list(hits)
        first = hits[: most - _READ_FOR_WORDS]
        rest = sorted(hits[len(first) : _SKIMMED], key=lambda hit: -coverage.of(hit.passage))
        return [*first, *rest[:_READ_FOR_WORDS]]

    def _readings(
        self, reader: Reader, asked: str, coverage: QuestionCoverage, hits: Sequence[Hit], about: str
    ) -> list[Reading]:
        """What the reader says, weighed with what search found, so that of passages which answer alike the one found
        first comes first, a newer version of a document before an older one, and what is of the time or the numbered
        thing that is asked for before what is of another."""
        passages = [hit.passage for hit in hits]
        language = coverage.language
        readings = reader.read(self._spelled(asked, passages), passages)
        best = max(hits[0].score, 1e-6)
        weights = np.array([log_odds(reading.answerable) for reading in readings])
        weights = weights + _FOUND * np.array([hit.score / best - 1 for hit in hits])
        weights = weights + _FOREIGN * np.array([is_foreign(passage, language) for passage in passages])
        old = outdated(asked, passages)
        other_time = at_another_time(asked, passages, language)
        other_number = of_another_number(asked, passages, language)
        weights = weights - _OLD * np.array(old) - _OTHER * (np.array(other_time) | np.array(other_number))
        weights = weights + _FIELD * np.array([coverage.asks_for_field(passage) for passage in passages])
        if asks_for_list(asked, language):
            weights = weights + _STEPS * np.array([holds_steps(passage.text) for passage in passages])
        if about:
            spoken = detect(about, self._settings.language)
            held = np.array([self._coverage(about, spoken, passage, self._tokens_of(passage)) for passage in passages])
            weights = weights - _ABOUT * np.where(np.isnan(held), 0.0, 1 - held)
        return [replace(r, answerable=probability(w)) for r, w in zip(readings, weights, strict=True)]

    def _spelled(self, asked: str, passages: Sequence[Passage]) -> str:
        """The question with words that are not in the index spelled as words of the passages that are nearly the
        same: a reader knows words, not what they look like."""
        words = [word for word in _WORD.findall(asked) if len(word) >= _SHORTEST and word.isalpha()]
        tokens = [self._analyser.tokens(word)[0] for word in words]
        counts: Iterable[int] = self._store.frequencies(tokens) if tokens else []
        unknown = [word for word, count in zip(words, counts, strict=True) if not count]
        if not unknown:
            return asked
        known = sorted({word for passage in passages for word in _WORD.findall(passage.text) if len(word) >= _SHORTEST})
        for word in unknown:
            found = process.extractOne(word.casefold(), known, scorer=fuzz.ratio, score_cutoff=_MISSPELT)
            if found is not None and found[0][0].casefold() == word[0].casefold():
                asked = asked.replace(word, found[0])
        return asked

    def _features(
        self, asked: str, language: str, sought: Sought, best: Sequence[Passage], readings: Sequence[Reading]
    ) -> dict[str, float]:
        """See `abstention`. NaN where one cannot be known: without a reader, or between two languages."""
        texts = [self._tokens_of(passage) for passage in best]
        around = {token for text in texts for token in text}
        names = [name for name in sought.names if name not in around and not alike(name, around, SAME_WORD)]
        counts: Iterable[int] = self._store.frequencies(names) if names else []
        elsewhere = self._numbered_elsewhere(asked, language, texts)
        names = list(dict.fromkeys([*names, *(number for number in elsewhere if number in sought.names)]))
        days, missing = days_missing(asked, best, language)
        named = max(1, len(sought.names) + days)
        top = readings[0] if readings else None
        return {
            "answerable": log_odds(top.answerable) if top else math.nan,
            "place": log_odds(top.span_score) if top else math.nan,
            "unnamed": (len(names) + missing) / named,
            "unknown": sum(count == 0 for count in counts) / named,
            "coverage": self._coverage(asked, language, best[0], texts[0]),
        }

    def _tokens_of(self, passage: Passage) -> list[str]:
        """Of its text with headings, title and file name."""
        return self._analyser.tokens(f"{passage.indexed_text} {passage.title} {passage.uri}")

    def _numbered_elsewhere(self, asked: str, language: str, texts: Sequence[Sequence[str]]) -> list[str]:
        """Numbers that belong to the word before them ("week 14", "room 3") and stand in these texts, as tokens, beside
        other words alone."""
        common = Language.of(language).function_words
        pairs = [(w, n) for w, n in _NUMBERED.findall(asked) if fold(w) not in common]
        if not pairs:
            return []
        found = []
        for word, number in pairs:
            first, second = self._analyser.tokens(word)[0], self._analyser.tokens(number)[0]
            known = any(first in text for text in texts)
            together = any({(first, second), (second, first)} & set(pairwise(text)) for text in texts)
            if known and not together:
                found.append(second)
        return found

    def _coverage(self, asked: str, language: str, passage: Passage, text: Sequence[str]) -> float:
        """Share of the question's content words in a passage, `text` its tokens; each counts the same."""
        if passage.language and passage.language.split("-")[0] != language.split("-")[0]:
            return math.nan
        tokens = content_tokens(asked, language, self._analyser)
        if not tokens:
            return math.nan
        there = set(text)
        return sum(token in there or alike(token, there, SAME_WORD) for token in tokens) / len(tokens)

    def counter(self, passages: Sequence[Passage]) -> Callable[[str], int]:
        """Tokens of a text, estimated from how long these passages are in tokens."""
        sample = "\n".join(passage.text for passage in passages[:_SAMPLE]) or "?"
        ratio = self._generator.count_tokens([Message("user", sample)]) / len(sample)
        return lambda text: int(ratio * len(text)) + 1
