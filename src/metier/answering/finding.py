"""What is found for a question: hits, the best sentences, what the model will read, and what can be measured of it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence

import regex

from metier.answering import context, evidence
from metier.answering.answer import Style
from metier.answering.evidence import Evidence
from metier.answering.request import Found
from metier.answering.sentence_vectors import SentenceVectors
from metier.answering.style import Limits
from metier.answering.versions import outdated
from metier.answering.words import Sought, Weigh, alike
from metier.documents import Passage
from metier.embedding.base import Embedder
from metier.generation.base import Generator, Message
from metier.language import detect
from metier.reader.base import Reader, Reading
from metier.retrieval.analysis import Analyser
from metier.retrieval.retriever import Hit, Retriever
from metier.settings import Settings
from metier.store.base import Filter, Store
from metier.text.language import Language
from metier.text.phrases import fold

_CANDIDATES = 50  # hits looked up; calibration leaves out those of one document
_READ = 12  # passages that a reader reads: it costs some milliseconds each
_OLD = 1.5  # log-odds that a passage loses where a newer version of its document was found, too
_MOST_LOG_ODDS = 8.0
_SAME_WORD = 85  # similarity (0..100) of two forms of one word
_WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+")
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
        limits: Limits | None = None,
    ) -> Found:
        """For a question, or the parts of one: the whole first. `passages`: chosen from so many, None = as set.
        `limits`: of the written style; None = what the quoted style reads."""
        began = time.monotonic()
        asked = questions[0]
        found = self._search(questions, where)
        hits = context.without_copies([hit for hit in found if hit.passage.document_id not in without])
        read = [hit for hit in hits if hit.pinned] or hits
        if limits is not None and self._style is Style.WRITTEN:
            visible = self._retriever.visible(where)
            built = context.build(read, self._store, limits.sources, self.counter([h.passage for h in read]), visible)
            seconds = time.monotonic() - began
            best = tuple(hit.passage for hit in read[:_READ])
            return Found(tuple(questions), tuple(hits), best, (), built.passages, {}, seconds, built.dropped)
        pieces, best, features = self._weighed(asked, read, passages or self._passages)
        shown = best
        if limits is None or limits.reads_sentences:
            shown = [piece.passage for piece in pieces[: self._settings.answering.sentences]]
        seconds = time.monotonic() - began
        return Found(tuple(questions), tuple(hits), tuple(best), tuple(pieces), tuple(shown), features, seconds)

    def _search(self, questions: Sequence[str], where: Filter | None) -> list[Hit]:
        return self._retriever.search_all(questions, _CANDIDATES, where)

    def _weighed(
        self, asked: str, hits: Sequence[Hit], count: int
    ) -> tuple[list[Evidence], list[Passage], dict[str, float]]:
        """Pieces of the best passages, best first, these passages, and the features of abstention."""
        candidates = [hit.passage for hit in hits[: max(count, _READ if self._reader else count)]]
        readings = self._reader.read(asked, candidates) if self._reader and candidates else []
        order = _by_reading(readings, hits, outdated(asked, candidates)) if readings else range(len(candidates))
        best = [candidates[n] for n in order][:count]
        readings = [readings[n] for n in order][:count] if readings else []
        sought = Sought.of(asked, self._analyser, self._weigh, detect(asked, self._settings.language))
        pieces = evidence.find(sought, self._retriever.asked(asked), best, self.vectors, self._analyser, readings)
        features = self._features(asked, sought, best, readings) if best else {}
        return pieces, best, features

    def _features(
        self, asked: str, sought: Sought, best: Sequence[Passage], readings: Sequence[Reading]
    ) -> dict[str, float]:
        """See `abstention`. NaN where one cannot be known: without a reader, or between two languages."""
        around = set(self._analyser.tokens(" ".join(f"{p.indexed_text} {p.title} {p.uri}" for p in best)))
        names = [name for name in sought.names if name not in around and not alike(name, around, _SAME_WORD)]
        counts = self._store.frequencies(names) if names else []
        named = max(1, len(sought.names))
        top = max(readings, key=lambda reading: reading.answerable, default=None)
        return {
            "answerable": _log_odds(top.answerable) if top else math.nan,
            "place": _log_odds(top.span_score) if top else math.nan,
            "unnamed": len(names) / named,
            "unknown": sum(count == 0 for count in counts) / named,
            "coverage": self._coverage(asked, best[0]),
        }

    def _coverage(self, asked: str, passage: Passage) -> float:
        """Share of the question's content words in a passage with its headings and title; each counts the same."""
        code = detect(asked, self._settings.language)
        if passage.language and passage.language.split("-")[0] != code.split("-")[0]:
            return math.nan
        common = Language.of(code).function_words
        content = [word for word in _WORD.findall(asked) if fold(word) not in common]
        tokens = list(dict.fromkeys(token for word in content for token in self._analyser.tokens(word)))
        if not tokens:
            return math.nan
        there = set(self._analyser.tokens(f"{passage.indexed_text} {passage.title} {passage.uri}"))
        return sum(token in there or alike(token, there, _SAME_WORD) for token in tokens) / len(tokens)

    def counter(self, passages: Sequence[Passage]) -> Callable[[str], int]:
        """Tokens of a text, estimated from how long these passages are in tokens."""
        sample = "\n".join(passage.text for passage in passages[:_SAMPLE]) or "?"
        ratio = self._generator.count_tokens([Message("user", sample)]) / len(sample)
        return lambda text: int(ratio * len(text)) + 1


def _by_reading(readings: Sequence[Reading], hits: Sequence[Hit], old: Sequence[bool]) -> list[int]:
    """Places of the hits in the order in which they answer: the reader's log-odds, and a little of what search found,
    so that of passages which answer alike the one found first comes first, and a newer version before an older one."""
    best = max(hits[0].score, 1e-6)
    weights = [_log_odds(r.answerable) + hits[n].score / best - _OLD * old[n] for n, r in enumerate(readings)]
    return sorted(range(len(readings)), key=lambda n: -weights[n])


def _log_odds(probability: float) -> float:
    clipped = min(max(probability, 1e-6), 1 - 1e-6)
    return max(-_MOST_LOG_ODDS, min(_MOST_LOG_ODDS, math.log(clipped / (1 - clipped))))
