"""Pairs of question and answer drawn from an expert's passages: by rule and by model, those that pass the filters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache

from metier.answering.term_weights import WordWeights, names
from metier.core.documents import Passage
from metier.core.prefetch import ahead
from metier.retrieval.retriever import Retriever
from metier.store.base import Filter, Store
from metier.synthesis import question_templates
from metier.synthesis.by_model import QAPairWriter
from metier.synthesis.filters import (
    Aligned,
    Ambiguous,
    BesideThePoint,
    Filters,
    NearDuplicates,
    RoundTrip,
    Trivial,
    UnknownNames,
)
from metier.synthesis.pairs import QAPair
from metier.synthesis.passage_order import Visit, visits
from metier.text.analyzer import Analyser

FOUND_AMONG = 10  # passages that retrieval returns, among which a question must find its own
_FAIR_SHARES = 4  # a document gives no more pairs than this many times its even share

Tell = Callable[[int, int, str], None]  # pairs kept, wanted, and what is looked at
ByModel = Callable[[], list[QAPair]]


@dataclass(slots=True)
class Counts:
    """`passages`: looked at. `written`: pairs by "rule" and "model" before the filters; `kept`: after them."""

    passages: int = 0
    written: Counter[str] = field(default_factory=Counter)
    kept: Counter[str] = field(default_factory=Counter)


class Drawing:
    """`writer`: None = by rule alone. `seen`: questions that no pair may come near; those that are kept are added.
    `where`: documents that are written from, and among which a question must find its own. `among`: uris of those that
    are written from, None = all of them."""

    def __init__(
        self,
        store: Store,
        retriever: Retriever,
        analyser: Analyser,
        language: str,
        seen: NearDuplicates,
        writer: QAPairWriter | None,
        seed: int,
        tell: Tell | None = None,
        where: Filter | None = None,
        among: Collection[str] | None = None,
    ) -> None:
        weigh = WordWeights(store)
        self.counts = Counts()
        self._store = store
        self._analyser = analyser
        self._language = language
        self._seen = seen
        self._writer = writer
        self._seed = seed
        self._where, self._among = where, among
        self._tell = tell or (lambda _done, _wanted, _note: None)

        @lru_cache(maxsize=4)
        def search(question: str) -> tuple[Passage, ...]:
            return tuple(hit.passage for hit in retriever.search(question, FOUND_AMONG, where))

        self._ambiguous = Ambiguous(search)
        trivial, unknown, found = Trivial(analyser), UnknownNames(analyser, weigh), RoundTrip(search, FOUND_AMONG)
        carried, off = Aligned(analyser, weigh), BesideThePoint(analyser, weigh)
        self.search = search
        self.filters = Filters((trivial, unknown, carried, off, seen, found, self._ambiguous))
        self._of_wordings = (trivial, unknown, found)
        self._round_trip = found

    def pairs(self, count: int, kinds: Collection[str] | None = None) -> Iterator[QAPair]:
        """Pairs that pass the filters, until there are `count` or no passage is left; of `kinds`, None = of all."""
        kept, of_document = Counter[str](), Counter[str]()
        documents = self._store.counts()[0] if self._among is None else len(self._among)
        most = max(1, -(-_FAIR_SHARES * count // max(1, documents)))

        def asks_model(visit: Visit) -> bool:
            """Where rules understand a table, the model is not asked about it."""
            return of_document[visit.passage.document_id] < most and visit.first and not visit.tabular

        for visit, by_model in self._visits(asks_model, kinds):
            document = visit.passage.document_id
            if of_document[document] >= most:
                continue
            self.counts.passages += visit.first
            self._tell(kept.total(), count, visit.passage.title or visit.passage.uri)
            for pair in self._written(visit, by_model, kinds):
                self.counts.written[pair.source] += 1
                if self.filters.keep(pair):
                    self._seen.add(pair)
                    kept[pair.source] += 1
                    self.counts.kept[pair.source] += 1
                    of_document[document] += 1
                    yield pair
                    if kept.total() == count:
                        return

    def _visits(
        self, asks_model: Callable[[Visit], bool], kinds: Collection[str] | None
    ) -> Iterator[tuple[Visit, ByModel]]:
        """All visits, each with a call that gives what the model writes of it."""
        in_order = visits(self._store, self._seed, self._language, self._where, self._among)
        writer = self._writer if kinds is None or "fact" in kinds else None
        if writer is None:
            yield from ((visit, list) for visit in in_order)
            return
        for visit, write in ahead(in_order, lambda visit: writer.write(visit.passage), asks_model, writer.parallel):
            yield visit, write or list

    def _written(self, visit: Visit, by_model: ByModel, kinds: Collection[str] | None) -> Iterator[QAPair]:
        """By rule, then by the model, which may not be needed any more."""
        yield from (self.placed(pair) for pair in visit.by_rule if kinds is None or pair.kind in kinds)
        yield from by_model()

    def placed(self, pair: QAPair) -> QAPair:
        """With the document's title before the question, where tables of other documents answer it otherwise."""
        title = pair.passage.title
        if not title or not self.is_ambiguous(pair):
            return pair
        others = tuple(question_templates.within(title, other) for other in pair.others)
        return replace(pair, question=question_templates.within(title, pair.question), others=others)

    def is_found(self, pair: QAPair) -> bool:
        """Whether the search finds a pair's passage by its question."""
        return self._round_trip(pair) is None

    def is_ambiguous(self, pair: QAPair) -> bool:
        """Whether another table answers a pair's question otherwise."""
        return self._ambiguous(pair) is not None

    def is_same(self, pair: QAPair, question: str) -> bool:
        """Whether another wording asks the same: with all names and numbers, understood alone, finding the passage."""
        reworded = QAPair(question, pair.answer, pair.passage, pair.kind, pair.language, pair.source)
        wrong = (each(reworded) for each in self._of_wordings)
        lost = set(names(pair.question, self._analyser)) - set(self._analyser.tokens(question))
        return not lost and not any(wrong)
