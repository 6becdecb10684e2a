"""BM25 over the tokens of the table: as the index weighs words for who reads everything, and for other readers as rare
as words are in what they may see.

    score = sum over the question's words of  rarity * f * (K1 + 1) / (f + K1 * (1 - B + B * length / mean length))

In scores of the whole index, whoever has a key would find out how often a word of their choice stands in documents of
others. The index chooses the candidates all the same, with its words boosted to what they weigh for the reader; what it
cannot be told is their mean length, so that some more are chosen than wanted, and scored anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from metier.store.base import Filter, Scored
from metier.store.bm25 import K1, B, inverse_frequency
from metier.store.lance.conditions import narrowed
from metier.store.lance.statistics import Statistics
from metier.store.rows import PASSAGE_COLUMNS, as_passage

_CLAUSES = 64  # words of a question that candidates are chosen by, those that weigh most
_WIDER = 1.5  # times as many candidates as wanted: enough where passages of others are three times as long


def index_tokens(table: Any) -> None:
    from lancedb.index import FTS

    plain = FTS(
        base_tokenizer="whitespace",
        lower_case=False,
        stem=False,
        remove_stop_words=False,
        ascii_folding=False,
        with_position=False,
        max_token_length=None,
    )
    table.create_index("tokens", config=plain)


def is_indexed(table: Any, *, may_index: bool = True) -> bool:
    """Whether it can be searched; indexed here where it was not yet and `may_index` holds. False where it has no
    rows."""
    if not table.list_indices():
        if not may_index or not table.count_rows():
            return False
        index_tokens(table)
    return True


def search(
    parts: Sequence[tuple[Any, str]],
    tokens: Sequence[str],
    limit: int,
    where: Filter | None,
    statistics: Statistics,
) -> list[Scored]:
    """Best passages for the tokens, of which there is one at least, best first. `parts`: tables, each with the
    condition for what of it is searched, `where` among it, "" for all of it."""
    groups = where.groups if where is not None else None
    if groups is not None or len(parts) > 1:
        return _weighed(parts, tokens, limit, groups, statistics)
    from lancedb.query import MatchQuery

    ((table, wanted),) = parts
    match = MatchQuery(" ".join(tokens), "tokens")  # type: ignore[call-arg]  # its Field(1.0) are defaults
    query = table.search(match, query_type="fts").select([*PASSAGE_COLUMNS, "_score"])
    rows = narrowed(query, wanted).limit(limit).to_list()
    return [Scored(as_passage(row), row["_score"]) for row in rows]


def _weighed(
    parts: Sequence[tuple[Any, str]],
    tokens: Sequence[str],
    limit: int,
    groups: Sequence[str] | None,
    statistics: Statistics,
) -> list[Scored]:
    """With words as rare as they are for a reader, in all parts alike."""
    from lancedb.query import BooleanQuery, FullTextQuery, MatchQuery, Occur

    asked = Counter(tokens)
    words = list(asked)
    passages, length = statistics.totals(groups)
    of_all = inverse_frequency(statistics.frequencies(words, None), statistics.totals(None)[0])
    weights = np.array(list(asked.values())) * inverse_frequency(statistics.frequencies(words, groups), passages)
    boosts = weights / np.maximum(of_all, 1e-9)
    clauses: list[tuple[Occur, FullTextQuery]] = [
        (Occur.SHOULD, MatchQuery(words[at], "tokens", boost=float(boosts[at])))  # type: ignore[call-arg]
        for at in np.argsort(-weights, kind="stable")[:_CLAUSES]
    ]
    columns = [*PASSAGE_COLUMNS, "tokens", "_score"]
    searches = (
        (table.search(BooleanQuery(clauses), query_type="fts").select(columns), wanted) for table, wanted in parts
    )
    found = pa.concat_tables(
        narrowed(query, wanted).limit(int(_WIDER * limit)).to_arrow() for query, wanted in searches
    )
    if len(parts) > 1:
        found = _once(found)
    texts: Any = found["tokens"].combine_chunks()
    scores = _scores(words, weights, texts, length / max(1, passages))
    best = np.lexsort((found["id"].to_numpy(zero_copy_only=False).astype(str), -scores))[:limit]
    rows = found.select(PASSAGE_COLUMNS).take(best).to_pylist()
    return [Scored(as_passage(row), float(score)) for row, score in zip(rows, scores[best], strict=True)]


def _once(found: pa.Table) -> pa.Table:
    """Without what several parts have alike."""
    places = {name: place for place, name in enumerate(found["id"].to_pylist())}
    return found.take(pa.array(sorted(places.values()), pa.int64()))


def _scores(words: Sequence[str], weights: np.ndarray, texts: pa.StringArray, mean_length: float) -> np.ndarray:
    """Of each of `texts`, tokens with white space between them, for `words`, each once, which weigh `weights` (n,).
    Shape (texts,)."""
    split = pc.utf8_split_whitespace(texts)
    places = pc.index_in(pc.list_flatten(split), value_set=pa.array(words, pa.string()))
    is_asked = places.is_valid()
    pairs = pc.list_parent_indices(split).filter(is_asked).to_numpy() * len(words) + places.filter(is_asked).to_numpy()
    times = np.bincount(pairs, minlength=len(texts) * len(words)).reshape(len(texts), len(words))
    norms = K1 * (1 - B + B * pc.list_value_length(split).to_numpy() / max(1.0, mean_length))
    saturated = times * (K1 + 1) / np.where(times > 0, times + norms[:, None], 1.0)
    return np.asarray(saturated @ weights)
