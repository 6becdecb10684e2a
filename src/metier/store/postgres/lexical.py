"""BM25 over the postings, exactly, with the words of a question that are rare looked at first.

    words, rarest first ─▶ their postings ─▶ the passages that score best so far ─▶ which of them the filter opens
    what the common words could still add is known (K1 + 1 times what each weighs): the passages that might win are
    scored in full by their own tokens, and only where that does not settle it are all postings read.

Words weigh what they do in what the reader's groups open, so that nothing else shows in a score.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from metier.store.bm25 import K1, B, inverse_frequency
from metier.store.postgres.conditions import Narrowing
from metier.store.postgres.connections import Connection
from metier.store.postgres.postings import Postings, scores

_READ_AT_FIRST = 200_000  # postings: those of rare words up to this many
_WIDER = 5  # times as many candidates as wanted are scored in full
_FEWEST = 200  # of them


@dataclass(frozen=True, slots=True)
class AskedWords:
    """The words of a question, those that weigh most first. `weights` and `counts`: (words,), how much each adds to a
    score at most K1 + 1 times, and in how many passages it stands. `mean_length`: tokens of a passage."""

    words: list[str]
    weights: np.ndarray
    counts: np.ndarray
    mean_length: float

    @classmethod
    def of(
        cls, connection: Connection, postings: Postings, tokens: Sequence[str], groups: Sequence[str] | None
    ) -> AskedWords:
        asked = Counter(tokens)
        words = list(asked)
        counted, totals = postings.counted(connection, words, groups), postings.totals(connection, groups)
        counts = counted()
        weights = np.array([asked[word] for word in words]) * inverse_frequency(counts, totals.passages)
        order = np.argsort(-weights, kind="stable").tolist()
        return cls([words[at] for at in order], weights[order], counts[order], totals.tokens / max(1, totals.passages))

    def score(self, tokens: str) -> float:
        """Of a passage, by its tokens with a space between them."""
        held = tokens.split(" ") if tokens else []
        times = Counter(held)
        norm = K1 * (1 - B + B * len(held) / max(1.0, self.mean_length))
        return sum(
            float(weight) * times[word] * (K1 + 1) / (times[word] + norm)
            for word, weight in zip(self.words, self.weights, strict=True)
            if times[word]
        )


def best_passages(
    connection: Connection,
    postings: Postings,
    passages: str,
    words: AskedWords,
    limit: int,
    wanted: Narrowing,
    groups: Sequence[str] | None,
) -> dict[int, float]:
    """Numbers of the best of `passages`, a table, with their scores, of those that `wanted` lets through."""
    if not words.counts.any():
        return {}
    first = max(1, int(np.searchsorted(np.cumsum(words.counts), _READ_AT_FIRST, "right")))
    read = postings.of(connection, words.words[:first], groups)
    rest = float(words.weights[first:].sum()) * (K1 + 1)
    candidates = _Candidates(connection, passages, wanted, limit)
    if rest:
        found = candidates.rescored(*scores(read, words.weights[:first], words.mean_length), rest, words)
        if found is not None:
            return found
        read += postings.of(connection, words.words[first:], groups)
    return candidates.best(*scores(read, words.weights, words.mean_length))


@dataclass(frozen=True, slots=True)
class _Candidates:
    connection: Connection
    passages: str
    wanted: Narrowing
    limit: int

    def best(self, numbers: np.ndarray, scored: np.ndarray) -> dict[int, float]:
        """Of passages with their scores in full: looked at a part at a time, until the limit is reached."""
        order, found, size = np.argsort(-scored, kind="stable"), dict[int, float](), max(self.limit, _FEWEST)
        at = 0
        while at < len(order) and len(found) < self.limit:
            part = order[at : at + size]
            let_through = {row["number"] for row in self._rows(numbers[part], "number")}
            pairs = zip(numbers[part].tolist(), scored[part].tolist(), strict=True)
            found |= {number: score for number, score in pairs if number in let_through}
            at, size = at + size, 4 * size
        return _top(found, self.limit)

    def rescored(
        self, numbers: np.ndarray, partial: np.ndarray, rest: float, words: AskedWords
    ) -> dict[int, float] | None:
        """Of passages of whose scores `rest` may be missing: those that may be among the best by their tokens. None
        where others may be better."""
        order = np.argsort(-partial, kind="stable")
        part = order[: max(_WIDER * self.limit, _FEWEST)]
        rows = self._rows(numbers[part], "number, tokens")
        found = _top({row["number"]: words.score(row["tokens"]) for row in rows}, self.limit)
        missed = float(partial[order[len(part)]]) + rest if len(part) < len(order) else rest
        return found if len(found) == self.limit and min(found.values()) >= missed else None

    def _rows(self, numbers: np.ndarray, columns: str) -> list[dict[str, Any]]:
        return self.connection.execute(
            f"SELECT {columns} FROM {self.passages} WHERE number = ANY(%s::int[]) AND {self.wanted.sql}",
            [numbers.tolist(), *self.wanted.values],
        ).fetchall()


def _top(found: dict[int, float], limit: int) -> dict[int, float]:
    return dict(sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))[:limit])
