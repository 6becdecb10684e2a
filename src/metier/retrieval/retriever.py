"""Find the passages that answer a question: dense and lexical search, fused, filtered, at need reranked. What people
hid is part of the filter; what they pinned comes first."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import zip_longest

import numpy as np

from metier.core.documents import Passage
from metier.core.reading import Groups, readers_groups
from metier.core.settings import RetrievalSettings
from metier.embedding.base import Embedder
from metier.retrieval import multi_hop
from metier.retrieval.curation import Curation
from metier.retrieval.fusion import Fusion, dense_evidence, fuse
from metier.retrieval.query import Query, below_nearest, known_share, pooled
from metier.retrieval.reranking import Reranker
from metier.store.base import Filter, MultilingualStore, Scored, Store
from metier.store.bm25 import inverse_frequency
from metier.text.analyzer import Analyser
from metier.text.phrases import has_words

_REMEMBERED = 64  # questions, each some kilobytes
_LANES = 8  # lexical searches at once
_LANGUAGES = 6  # beside the nearest that are searched by themselves
_TOKENISED = 2048  # texts whose tokens are remembered, each some kilobytes
_SHOWN = 80  # characters of a passage in the `repr` of a hit
_SECOND = 10  # passages that a second search brings for each passage that gave names


@dataclass(frozen=True, slots=True, repr=False)
class Hit:
    """A passage found. `score` orders the hits: the reranker's where there is one, else the fused evidence in nats.
    `dense` is the cosine similarity, raised where passages of its language lie farther from the question at large
    (`Query.below`), `lexical` the BM25 score; None where that side did not return the passage.
    `pinned`: somebody said that it answers the question; it has at least the best score. `copies`: uris of the other
    documents that were found to hold the same text, where copies were put together."""

    passage: Passage
    score: float
    dense: float | None
    lexical: float | None
    pinned: bool = False
    copies: tuple[str, ...] = ()

    def __repr__(self) -> str:
        text = " ".join(self.passage.text[:_SHOWN].split())
        return f"<Hit {self.score:.2f} {self.passage.uri}: {text!r}>"


class Candidates:
    """What dense and lexical search returned for one question, before it is ordered."""

    def __init__(self, dense: list[Scored], lexical: list[Scored], wanted: int, query: Query) -> None:
        self._dense = {hit.passage.id: hit for hit in dense}
        self._lexical = {hit.passage.id: hit for hit in lexical}
        self._passages = {name: hit.passage for name, hit in (self._lexical | self._dense).items()}
        names = list(self._passages)
        self._evidence = dense_evidence(_column(names, self._dense, wanted), query.mean, query.deviation)
        self._known = query.known
        self._other = np.array([self._passages[name].language in query.below for name in names], dtype=bool)
        self._bm25 = _column(names, self._lexical, wanted)

    def ranked(self, weight: float) -> list[Hit]:
        """All candidates, best first, with the dense side weighing `weight`."""
        scores = fuse(self._evidence, self._bm25, weight, self._known)
        # In another language than the question's, words that are shared are chance: cosines alone tell.
        scores = np.where(self._other, np.maximum(scores, self._evidence), scores)
        names = list(self._passages)
        return [
            Hit(
                self._passages[names[i]],
                float(scores[i]),
                _score(self._dense, names[i]),
                _score(self._lexical, names[i]),
            )
            for i in np.argsort(-scores, kind="stable")
        ]


class Retriever:
    """Search over one store."""

    def __init__(
        self,
        store: Store,
        embedder: Embedder,
        analyser: Analyser,
        settings: RetrievalSettings,
        fusion: Fusion,
        reranker: Reranker | None = None,
        curation: Curation | None = None,
    ) -> None:
        self._store = store
        self._embedder = embedder
        self._analyser = analyser
        self._settings = settings
        self.fusion = fusion
        self._reranker = reranker
        self._curation = curation
        self._queries: OrderedDict[tuple[Groups, str], Future[Query]] = OrderedDict()
        self._making = threading.Lock()
        self._tokens_of = lru_cache(_TOKENISED)(analyser.tokens)
        self._beside = ThreadPoolExecutor(_LANES, thread_name_prefix="metier-lexical")

    def refresh(self) -> None:
        """See what was synced since, by this process or another."""
        self._store.refresh()
        with self._making:
            self._queries.clear()

    def search(self, question: str | Query, limit: int, where: Filter | None = None) -> list[Hit]:
        """Best passages first, at most `limit`. An empty store gives an empty list, and so do signs without a word."""
        if not has_words(question if isinstance(question, str) else question.text):
            return []
        query = self.query(question)
        hits = self._rerank(query.text, self.candidates(query, limit, where).ranked(self.fusion.weight))
        return self._pinned_first(query, hits, where)[:limit]

    def search_all(self, questions: Sequence[str | Query], limit: int, where: Filter | None = None) -> list[Hit]:
        """Best passages for a question and its parts. `questions`: the whole first, then what it was split into
        (`decomposition.split`). The best of each part and of the whole come first, then their second best, and so on.
        For a question without parts, passages that a second step finds (`multi_hop`) are moved up. At most `limit`;
        scores never rise."""
        queries = list({query.text: query for query in map(self.query, questions)}.values())
        lists = [self.search(query, limit, where) for query in queries]
        if len(lists) > 1:
            return _in_turn(lists)[:limit]
        return _in_turn([self._second_step(queries[0], lists[0], where)])[:limit]

    def candidates(self, question: str | Query, limit: int = 0, where: Filter | None = None) -> Candidates:
        """What both sides return; `limit` raises `[retrieval] candidates` where more hits are asked for."""
        wanted, where = max(limit, self._settings.candidates), self.visible(where)
        tokens = question.tokens if isinstance(question, Query) else self._analyser.tokens(question)
        lexical = self._beside.submit(self._store.lexical, tokens, wanted, where)  # both sides wait for native code
        query = self.query(question)
        return Candidates(self._dense(query, wanted, where), lexical.result(), wanted, query)

    def _dense(self, query: Query, wanted: int, where: Filter | None) -> list[Scored]:
        """The nearest, of each language what is nearest in it: an embedder puts what is in the question's language
        nearer than what answers it in another, so cosines are raised to those of the nearest language."""
        found = self._store.dense(query.vector, wanted, where)
        if not query.below or (where is not None and where.language is not None):
            return found
        others = sorted(query.below, key=lambda code: query.below[code])[:_LANGUAGES]
        by_language = [replace(where or Filter(), language=code) for code in others]
        more = (self._store.dense(query.vector, wanted, each) for each in by_language)
        hits = {hit.passage.id: hit for hit in (*found, *(hit for each in more for hit in each))}
        raised = [replace(h, score=h.score + query.below.get(h.passage.language, 0.0)) for h in hits.values()]
        return sorted(raised, key=lambda hit: -hit.score)[:wanted]

    def _second_step(self, query: Query, hits: list[Hit], where: Filter | None) -> list[Hit]:
        """The hits, and what a second search finds with the names that the best of them give (`multi_hop`). Pinned
        ones and those of a reranker stay as they are."""
        if self._reranker is not None or not hits or hits[0].pinned:
            return hits
        rarest = float(inverse_frequency(np.ones(1), self._size())[0])
        passages, scores = [hit.passage for hit in hits], [hit.score for hit in hits]
        asked_again = multi_hop.rephrased(query, passages, self._tokens_of, self._weigh, rarest)
        if asked_again:
            return self._found_again(asked_again, hits, where)
        found = multi_hop.steps(query.tokens, passages, scores, self._tokens_of, self._weigh, rarest)
        if not found:
            return hits
        known, floor = {passage.id for passage in passages}, hits[-1].score
        wanted = list(dict.fromkeys(token for step in found for token in step.tokens))
        others = self._store.lexical(wanted, _SECOND * len(found), self.visible(where))  # a search has a fixed cost
        hits = [*hits, *(Hit(o.passage, floor, None, None) for o in others if o.passage.id not in known)]
        places = multi_hop.order(found, [h.passage for h in hits], [h.score for h in hits], self._tokens_of)
        return [hits[place] for place in places]

    def _found_again(self, questions: Sequence[str], hits: list[Hit], where: Filter | None) -> list[Hit]:
        """The hits, and in turn with them the best of the question in other words; what is new has the last score."""
        by_id, floor = {hit.passage.id: hit for hit in hits}, hits[-1].score
        again = _in_turn([self.search(question, len(hits), where) for question in questions])
        moved = [by_id.get(hit.passage.id) or replace(hit, score=floor) for hit in again]
        return multi_hop.interleaved(moved, hits)

    def _weigh(self, tokens: Sequence[str]) -> np.ndarray:
        """What tokens weigh by their rarity, in nats; 0 for those that the index does not know."""
        counts = self._store.frequencies(tokens)
        return np.where(counts > 0, inverse_frequency(counts, self._size()), 0.0)

    def _size(self) -> int:
        return self._store.counts()[1]

    def query(self, question: str | Query) -> Query:
        """The question as search sees it. The last ones are remembered, since what was searched for is then weighed;
        who asks the same at the same time waits for the first."""
        if isinstance(question, Query):
            return question
        key = (readers_groups(), question)  # the words of a question weigh what they do in what its reader may see
        with self._making:
            made = self._queries.get(key)
            mine = made is None
            if made is None:
                made = self._queries[key] = Future()
                while len(self._queries) > _REMEMBERED:
                    self._queries.popitem(last=False)
            self._queries.move_to_end(key)
        if mine:
            try:
                made.set_result(self._make(question))
            except BaseException as error:
                with self._making:
                    if self._queries.get(key) is made:
                        del self._queries[key]
                made.set_exception(error)
                raise
        return made.result()

    def asked(self, question: str) -> Query:
        return self.query(question)

    def _make(self, question: str) -> Query:
        vector = self._embedder.embed_queries([question])[0]
        tokens = tuple(self._analyser.tokens(question))
        counts = self._store.frequencies(list(dict.fromkeys(tokens)))
        known = known_share(counts, self._size())
        languages = self._store.languages(vector) if isinstance(self._store, MultilingualStore) else {}
        at_large = pooled(languages) if languages else self._store.background(vector)
        return Query(question, vector, *at_large, tokens, known, below_nearest(languages))

    def visible(self, where: Filter | None) -> Filter | None:
        """The filter that also leaves out what people hid."""
        hidden = self._curation.hidden() if self._curation is not None else ()
        if not hidden:
            return where
        where = where or Filter()
        return replace(where, hidden=(*where.hidden, *hidden))

    def is_pinned(self, question: str) -> bool:
        """Whether a person said where this question is answered."""
        return self._curation is not None and bool(self._curation.pinned(question, self.query(question)))

    def _pinned_first(self, query: Query, hits: list[Hit], where: Filter | None) -> list[Hit]:
        names = self._curation.pinned(query.text, query) if self._curation is not None else ()
        if not names:
            return hits
        found = {hit.passage.id: hit for hit in hits}
        missing = [name for name in names if name not in found]
        found |= {p.id: Hit(p, 0.0, None, None) for p in self._store.get(missing, self.visible(where))}
        best = max((hit.score for hit in hits), default=0.0)
        first = [replace(found[name], score=best, pinned=True) for name in dict.fromkeys(names) if name in found]
        return first + [hit for hit in hits if hit.passage.id not in names]

    def _rerank(self, question: str, hits: list[Hit]) -> list[Hit]:
        if self._reranker is None:
            return hits
        head, tail = hits[: self._settings.rerank_candidates], hits[self._settings.rerank_candidates :]
        scores = self._reranker.score(question, [hit.passage.indexed_text for hit in head])
        ranked = [Hit(hit.passage, float(s), hit.dense, hit.lexical) for hit, s in zip(head, scores, strict=True)]
        return sorted(ranked, key=lambda hit: -hit.score) + tail


def _in_turn(lists: Sequence[Sequence[Hit]]) -> list[Hit]:
    """The first of each list, then the second of each; each passage once, pinned ones before all others."""
    merged: dict[str, Hit] = {}
    for row in zip_longest(*lists):
        for hit in row:
            if hit is not None:
                merged.setdefault(hit.passage.id, hit)
    hits = sorted(merged.values(), key=lambda hit: not hit.pinned)
    # What was moved up has the score of those behind it, whose own say how good they are.
    scores: Iterable[float] = np.maximum.accumulate([hit.score for hit in reversed(hits)])[::-1] if hits else []
    return [replace(hit, score=float(score)) for hit, score in zip(hits, scores, strict=True)]


def _column(names: list[str], found: dict[str, Scored], wanted: int) -> np.ndarray:
    """One side's scores. What a full list left out scores at most what its last entry does; that is taken for it."""
    floor = min(hit.score for hit in found.values()) if len(found) >= wanted else -np.inf
    return np.array([found[name].score if name in found else floor for name in names])


def _score(found: dict[str, Scored], name: str) -> float | None:
    return float(found[name].score) if name in found else None
