"""What a reader is trained on: a question, a passage, whether the one is answered in the other, and where."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import regex

from metier.text.sentences import sentence_spans

SHORT, LONG = 480, 850  # characters of a passage; about 110 and 200 tokens of English
WORD = regex.compile(r"[\p{L}\p{M}\p{N}]+")


@dataclass(frozen=True, slots=True)
class Example:
    """`answerable`: whether the passage answers. `span`: characters of `text`; None where unknown, or unanswerable.
    `kind`: where it comes from and how it was made ("tydi-en", "tydi-en:cut"), for figures by kind.
    `group`: the document it is from; no group is both trained on and held out."""

    question: str
    headings: tuple[str, ...]
    text: str
    answerable: bool
    span: tuple[int, int] | None
    kind: str
    group: str

    def to(self, **changes) -> Example:
        return replace(self, **changes)


def words(text: str) -> list[str]:
    return [word.casefold() for word in WORD.findall(text)]


def window(
    text: str, span: tuple[int, int], rng: random.Random, limit: int | None = None
) -> tuple[str, tuple[int, int]]:
    """Whole sentences or rows around `span`, at most about `limit` characters, and the span in them."""
    limit = limit or (LONG if rng.random() < 0.3 else SHORT)
    pieces = sentence_spans(text)
    inside = [i for i, (a, b) in enumerate(pieces) if a < span[1] and b > span[0]]
    if not inside:
        return text, span
    first, last = inside[0], inside[-1]
    while True:
        sides = [side for side in (-1, 1) if 0 <= (first - 1 if side < 0 else last + 1) < len(pieces)]
        if not sides:
            break
        side = rng.choice(sides)
        low, high = (first - 1, last) if side < 0 else (first, last + 1)
        if pieces[high][1] - pieces[low][0] > limit:
            break
        first, last = low, high
    start, end = min(pieces[first][0], span[0]), max(pieces[last][1], span[1])
    return text[start:end], (span[0] - start, span[1] - start)


def without(text: str, span: tuple[int, int]) -> str | None:
    """`text` with the sentences or rows of `span` cut out; None where too little is left."""
    kept = [(a, b) for a, b in sentence_spans(text) if not (a < span[1] and b > span[0])]
    rest = "".join(text[a:b] + ("\n" if "\n" in text[b : b + 1] else " ") for a, b in kept).strip()
    return rest if len(rest) > 60 else None


class Bm25:
    """Texts nearest to a query by their words (Robertson and Zaragoza, 2009; k1 1.2, b 0.75)."""

    def __init__(self, texts: Sequence[str]) -> None:
        counts = [Counter(words(text)) for text in texts]
        lengths = np.array([sum(count.values()) for count in counts], np.float32)
        self._norm = 1.2 * (0.25 + 0.75 * lengths / max(1.0, lengths.mean()))
        self._postings: dict[str, list[tuple[int, int]]] = {}
        for index, count in enumerate(counts):
            for word, times in count.items():
                self._postings.setdefault(word, []).append((index, times))
        self._size = len(texts)

    def nearest(self, query: str, count: int) -> list[int]:
        scores = np.zeros(self._size, np.float32)
        for word in set(words(query)):
            posting = self._postings.get(word)
            if not posting:
                continue
            places, times = np.array(posting).T
            idf = np.log(1 + (self._size - len(places) + 0.5) / (len(places) + 0.5))
            scores[places] += idf * times * 2.2 / (times + self._norm[places])
        return [int(i) for i in np.argsort(-scores, kind="stable")[:count] if scores[i] > 0]


def held_out(group: str, share: float = 0.1) -> bool:
    """The same groups are held out in every run, whatever the seed: by their name alone."""
    import hashlib

    return int.from_bytes(hashlib.sha256(group.encode()).digest()[:4], "big") / 2**32 < share
