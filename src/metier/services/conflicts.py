"""Sources that contradict each other, over all documents: what one states and another states otherwise.

passages ─▶ statements with a value ─▶ those that share their two rarest words ─▶ `contradiction` of each pair
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations

from metier.answering.answer import Citation, Conflict
from metier.answering.conflicts import in_order
from metier.answering.contradictions import Statement, contradiction, statements
from metier.answering.evidence import quotable
from metier.core.documents import Passage
from metier.store.base import Filter, Store
from metier.text.analyzer import Analyser

_RAREST = 4  # words of a statement by which others are found that speak of the same thing
_MANY = 60  # statements with the same two words: they are a form that is filled in
OnDocument = Callable[[int, int, str], None]
"""Hears how many documents were read, of how many, and which."""


def conflicts(
    store: Store, analyser: Analyser, language: str, where: Filter | None = None, on_document: OnDocument | None = None
) -> list[Conflict]:
    """All pairs of documents' statements that contradict each other, each pair of places once, by document. `language`:
    of documents that tell none; `where`: what may be read."""
    found = list(_statements(store, analyser, language, where, on_document))
    counts = Counter(word for each in found for word in each.words)
    told: dict[tuple[str, str], Conflict] = {}
    seen: set[tuple[int, int]] = set()
    for alike in _alike(found, counts):
        for first, second in combinations(alike, 2):
            if (first, second) in seen or found[first].piece.document_id == found[second].piece.document_id:
                continue
            seen.add((first, second))
            values = contradiction(found[first], found[second], found)
            if values is not None:
                places = (_cited(found[first].piece), _cited(found[second].piece))
                told.setdefault((places[0].quote, places[1].quote), in_order(values, *places))
    return sorted(told.values(), key=lambda each: (each.citations[0].document, each.citations[0].start))


def _statements(
    store: Store, analyser: Analyser, language: str, where: Filter | None, on_document: OnDocument | None
) -> Iterator[Statement]:
    records = store.records(where)
    for number, record in enumerate(records):
        if on_document is not None:
            on_document(number, len(records), record.uri)
        passages: Sequence[Passage] = store.passages(record.id, where)
        yield from statements(passages, [quotable(each) for each in passages], analyser, language)


def _alike(found: Sequence[Statement], counts: Counter[str]) -> Iterator[list[int]]:
    """Statements that may speak of the same thing, by their places."""
    by_words: dict[tuple[str, str], list[int]] = defaultdict(list)
    for place, each in enumerate(found):
        rarest = sorted(each.words, key=lambda word: (counts[word], word))[:_RAREST]
        for pair in combinations(sorted(rarest), 2) if len(rarest) > 1 else [(word, "") for word in rarest]:
            by_words[pair].append(place)
    yield from (places for places in by_words.values() if 1 < len(places) <= _MANY)


def _cited(piece: Passage) -> Citation:
    return Citation.of(piece, (0, 0))
