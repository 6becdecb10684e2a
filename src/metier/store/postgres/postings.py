"""Which words stand in which passages, how often, and how long those are: what BM25 is worked out of.

    a commit ─▶ a segment: of each word and each set of groups one row, with eight bytes for each passage
    ten segments of about one size ─▶ one of ten times that size, so that there are never many
    a passage goes ─▶ a row that takes its words from the counts; its number stays, and nothing is found by it

Words are kept as 64-bit hashes, sets of groups in full, so that the policies of the tables hold here as well
(docs/decisions/0023-postgres.md says what else was measured).
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from metier.store.base import Filter
from metier.store.bm25 import K1, B
from metier.store.postgres.conditions import Narrowing, condition
from metier.store.postgres.connections import Connection
from metier.store.postgres.copying import copy_into

POSTING = np.dtype([("number", "<u4"), ("times", "<u2"), ("length", "<u2")])
_LONGEST = 65_535
_FAN_IN = 10  # segments of about one size that become one
_LARGEST = 200_000  # passages of a segment that is merged no further
_STALE = 1.3  # times as many postings as there are passages for, after which they are written anew
_AT_ONCE = 20_000  # passages
_SPARSE = 100  # times as many numbers as postings, from which on they are sorted rather than counted
_COLUMNS = {"token": "int8", "segment": "int4", "groups": "text[]", "count": "int4", "postings": "bytea"}


class IndexedPassage(NamedTuple):
    """A passage as it is indexed. `tokens`: with a space between them."""

    number: int
    groups: tuple[str, ...]
    tokens: str


class CorpusTotals(NamedTuple):
    documents: int
    passages: int
    tokens: int


@lru_cache(maxsize=100_000)
def hash_of(token: str) -> int:
    return int.from_bytes(hashlib.blake2b(token.encode(), digest_size=8).digest(), "little", signed=True)


def label_of(groups: Sequence[str]) -> int:
    """Of a set of groups: what its passages are found by, for a condition that an index serves whoever asks."""
    return hash_of("\n".join(sorted(groups)))


class Postings:
    """Of the generation `number`."""

    def __init__(self, number: int) -> None:
        self._generation = number

    # --- reading ---------------------------------------------------------------------------------------------

    def counts(self, connection: Connection, tokens: Sequence[str], groups: Sequence[str] | None) -> np.ndarray:
        """In how many passages each token occurs; shape (n,), int64."""
        return self.counted(connection, tokens, groups)()

    def counted(
        self, connection: Connection, tokens: Sequence[str], groups: Sequence[str] | None
    ) -> Callable[[], np.ndarray]:
        """What gives `counts`, which is asked here."""
        wanted, hashes = self._wanted(groups), [hash_of(token) for token in tokens]
        cursor = connection.execute(
            f"SELECT token, sum(count) AS count FROM postings_{self._generation} "
            f"WHERE token = ANY(%s::bigint[]) AND {wanted.sql} GROUP BY token",
            [hashes, *wanted.values],
        )

        def told() -> np.ndarray:
            known = {row["token"]: int(row["count"]) for row in cursor}
            return np.array([known.get(each, 0) for each in hashes], dtype=np.int64)

        return told

    def totals(self, connection: Connection, groups: Sequence[str] | None) -> CorpusTotals:
        wanted = self._wanted(groups)
        row = (
            connection.execute(
                "SELECT sum(documents) AS documents, sum(passages) AS passages, sum(tokens) AS tokens "
                f"FROM segments_{self._generation} WHERE {wanted.sql}",
                wanted.values,
            ).fetchone()
            or {}
        )
        return CorpusTotals(*(int(row.get(name) or 0) for name in CorpusTotals._fields))

    def labels(self, connection: Connection, groups: Sequence[str] | None) -> list[int]:
        """Of each set of groups that there are passages for."""
        wanted = self._wanted(groups)
        rows = connection.execute(
            f"SELECT DISTINCT groups FROM segments_{self._generation} WHERE {wanted.sql}", wanted.values
        )
        return [label_of(row["groups"]) for row in rows]

    def of(self, connection: Connection, tokens: Sequence[str], groups: Sequence[str] | None) -> list[np.ndarray]:
        """Of each word its postings, of `POSTING`, in no order; those of passages that are gone among them."""
        wanted, parts = self._wanted(groups), {hash_of(token): list[bytes]() for token in tokens}
        cursor = connection.cursor(binary=True).execute(
            f"SELECT token, postings FROM postings_{self._generation} WHERE token = ANY(%s::bigint[]) AND {wanted.sql}",
            [list(parts), *wanted.values],
        )
        for row in cursor:
            parts[row["token"]].append(row["postings"])
        return [np.frombuffer(b"".join(parts[hash_of(token)]), POSTING) for token in tokens]

    def _wanted(self, groups: Sequence[str] | None) -> Narrowing:
        return condition(None if groups is None else Filter(groups=tuple(groups)))

    # --- writing, in the transaction of a commit -------------------------------------------------------------

    def change(
        self,
        connection: Connection,
        segment: int,
        added: Iterable[IndexedPassage],
        gone: Iterable[IndexedPassage],
        documents: Mapping[tuple[str, ...], int],
    ) -> None:
        """`documents`: of each set of groups how many more there are, or fewer."""
        rows, totals = _segment(added, gone)
        copy_into(
            connection, f"postings_{self._generation}", _COLUMNS,
            ((token, segment, list(groups), count, data) for (groups, token), (count, data) in rows.items()),
        )  # fmt: skip
        with connection.cursor() as cursor:
            cursor.executemany(
                f"INSERT INTO segments_{self._generation} VALUES (%s, %s::text[], %s, %s, %s)",
                [
                    (
                        segment,
                        list(groups),
                        documents.get(groups, 0),
                        totals[groups, "passages"],
                        totals[groups, "tokens"],
                    )
                    for groups in {each for each, _ in totals} | set(documents)
                ],
            )
        self._merge(connection)

    def _merge(self, connection: Connection) -> None:
        """Ten segments of about one size become one."""
        sizes = connection.execute(
            f"SELECT segment, sum(passages) AS passages FROM segments_{self._generation} GROUP BY segment"
        ).fetchall()
        tiers = defaultdict[int, list[int]](list)
        for row in sizes:
            if row["passages"] < _LARGEST:
                tiers[len(str(abs(int(row["passages"]))))].append(row["segment"])
        for segments in tiers.values():
            if len(segments) >= _FAN_IN:
                self._join(connection, segments)

    def _join(self, connection: Connection, segments: Sequence[int]) -> None:
        g, of = self._generation, [list(segments)]
        connection.execute(
            f"WITH old AS (DELETE FROM postings_{g} WHERE segment = ANY(%s::int[]) RETURNING *) "
            f"INSERT INTO postings_{g} SELECT token, max(segment), groups, sum(count), string_agg(postings, ''::bytea) "
            "FROM old GROUP BY token, groups",
            of,
        )
        connection.execute(f"UPDATE postings_{g} SET segment = %s WHERE segment = ANY(%s::int[])", [max(segments), *of])
        connection.execute(
            f"WITH old AS (DELETE FROM segments_{g} WHERE segment = ANY(%s::int[]) RETURNING *) "
            f"INSERT INTO segments_{g} SELECT max(segment), groups, sum(documents), sum(passages), sum(tokens) "
            "FROM old GROUP BY groups",
            of,
        )

    def renew(self, connection: Connection, segment: int, stale: float = _STALE) -> None:
        """Write them anew from the passages, where much of what they say is of passages that are gone."""
        g = self._generation
        row = connection.execute(
            f"SELECT coalesce(sum(octet_length(postings)) / {POSTING.itemsize}, 0) AS kept, "
            f"coalesce(sum(count), 0) AS held FROM postings_{g}"
        ).fetchone()
        if row is None or row["kept"] <= stale * row["held"]:
            return
        connection.execute(f"DELETE FROM postings_{g}; DELETE FROM segments_{g}")
        of_documents = connection.execute(f"SELECT groups, count(*) AS count FROM documents_{g} GROUP BY groups")
        documents = {tuple(each["groups"]): int(each["count"]) for each in of_documents.fetchall()}
        with connection.cursor("passages") as cursor:  # on the server, so that memory holds a part
            cursor.itersize = _AT_ONCE
            cursor.execute(f"SELECT number, groups, tokens FROM passages_{g} ORDER BY number")
            while part := cursor.fetchmany(_AT_ONCE):
                added = [IndexedPassage(each["number"], tuple(each["groups"]), each["tokens"]) for each in part]
                self.change(connection, segment, added, (), documents)
                segment, documents = segment - 1, {}  # each of its own, below those that come


def _segment(
    added: Iterable[IndexedPassage], gone: Iterable[IndexedPassage]
) -> tuple[dict[tuple[tuple[str, ...], int], tuple[int, bytes]], Counter[tuple[tuple[str, ...], str]]]:
    """Of each set of groups and each token by how much its count changes, with the postings that come; and of each set
    by how many passages and tokens."""
    numbers = defaultdict[tuple[tuple[str, ...], int], list[tuple[int, int, int]]](list)
    counts, totals = Counter[tuple[tuple[str, ...], int]](), Counter[tuple[tuple[str, ...], str]]()
    for sign, passages in ((1, added), (-1, gone)):
        for passage in passages:
            words = passage.tokens.split(" ") if passage.tokens else []
            totals[passage.groups, "passages"] += sign
            totals[passage.groups, "tokens"] += sign * len(words)
            for word, times in Counter(words).items():
                key = (passage.groups, hash_of(word))
                counts[key] += sign
                if sign > 0:
                    numbers[key].append((passage.number, min(times, _LONGEST), min(len(words), _LONGEST)))
    made = {
        key: (count, np.array(numbers[key], POSTING).tobytes() if key in numbers else b"")
        for key, count in counts.items()
        if count or key in numbers
    }
    return made, totals


def scores(postings: Sequence[np.ndarray], weights: np.ndarray, mean_length: float) -> tuple[np.ndarray, np.ndarray]:
    """BM25 of all passages that hold one of the words. `postings`: of each word; `weights`: (words,). Returns the
    numbers of the passages, ascending, and their scores, (passages,)."""
    together = np.concatenate(postings) if postings else np.empty(0, POSTING)
    if not len(together):
        return np.empty(0, np.int64), np.empty(0)
    times, lengths = together["times"].astype(np.float64), together["length"].astype(np.float64)
    norms = K1 * (1 - B + B * lengths / max(1.0, mean_length))
    saturated = times * (K1 + 1) / (times + norms) * np.repeat(weights, [len(each) for each in postings])
    numbers = together["number"].astype(np.int64)
    lowest = int(numbers.min())
    if int(numbers.max()) - lowest > _SPARSE * len(numbers):
        held, places = np.unique(numbers, return_inverse=True)
        return held, np.bincount(places, weights=saturated, minlength=len(held))
    sums = np.bincount(numbers - lowest, weights=saturated)  # a tenth of the time that sorting takes
    found = np.flatnonzero(sums)
    return found + lowest, sums[found]
