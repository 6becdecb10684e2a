"""In which order passages are drawn: one of each document in turn, so that a long document or a large table does not
crowd out the others, and the same order for the same seed however many are wanted."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from metier.core.documents import Passage
from metier.store.base import Filter, Store
from metier.synthesis import by_rule
from metier.synthesis.pairs import QAPair

_PER_VISIT = 2  # pairs by rule taken from a passage before the next one is looked at


@dataclass(frozen=True, slots=True)
class Visit:
    """A passage that is looked at. `by_rule`: some of its pairs that need no model; the rest come with later visits.
    `first`: whether it was not looked at before. `tabular`: rules find questions in its table."""

    passage: Passage
    by_rule: Sequence[QAPair]
    first: bool
    tabular: bool


def visits(
    store: Store, seed: int, language: str, where: Filter | None = None, among: Collection[str] | None = None
) -> Iterator[Visit]:
    """All passages of the documents that the filter lets through, one of each document in turn, until every pair by
    rule was given out. `among`: uris of documents, None = all."""
    documents = [identity for uri, identity in sorted(store.uris(where).items()) if among is None or uri in among]
    random.Random(seed).shuffle(documents)
    waiting = deque(_of_document(store, identity, seed, language) for identity in documents)
    while waiting:
        visit = next(waiting[0], None)
        if visit is None:
            waiting.popleft()
        else:
            yield visit
            waiting.rotate(-1)


def _of_document(store: Store, identity: str, seed: int, language: str) -> Iterator[Visit]:
    document = store.document(identity)
    if document is None:
        return
    draw = random.Random(f"{seed}:{identity}")
    passages = [passage for passage in store.passages(identity) if not passage.described]
    ruled = by_rule.pairs(document, passages, language)
    draw.shuffle(passages)
    for pairs in ruled.values():
        draw.shuffle(pairs)
    first = True
    while first or any(ruled.values()):
        for passage in passages:
            pairs = ruled.get(passage.id, [])
            tabular = any(pair.kind == "table" for pair in pairs)
            taken, ruled[passage.id] = pairs[:_PER_VISIT], pairs[_PER_VISIT:]
            if taken or first:
                yield Visit(passage, taken, first, tabular)
        first = False
