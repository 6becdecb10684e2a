"""Questions that ask the same thing in nearly the same words, in any script.

Three steps, each narrower than the one before:

    MinHash + LSH       candidates, without comparing everything with everything
    exact Jaccard       over character shingles; a candidate under the threshold is dropped
    what is asked       a pair that differs in a number, a code or a name asks two things, however alike it looks

Shingles are characters, not words, because Chinese, Japanese and Thai write no spaces between words. They are taken
from text in Unicode's composed form, case-folded, with digits of every script as 0-9 and without punctuation.

The third step is what a threshold cannot do: "torque of the NV-110" and "torque of the NV-90" share more shingles
than two wordings of one question. Numbers and codes must agree exactly. Words that stand on one side only, and are no
inflection or misspelling of a word on the other, count by what is known of the answers:

    the same answer     they do not matter: a synonym, a longer wording (`leaks` says which answers tell so much)
    another answer      no word may be exchanged for another, and no rare word added: "when was X born", "where was X
                        born" and "where was Y born" are three questions
    not known           no rare word may be exchanged for a rare word, that is, a name for a name

Rare is what few of the questions given hold.

Not seen: a paraphrase in other words, a translation, an added "not", and names that trade places ("from A to B").
"""

from __future__ import annotations

import unicodedata
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import regex
from rapidfuzz.distance import OSA

from metier.text.analyzer import Analyser, ascii_digits, plain_number

if TYPE_CHECKING:
    from datasketch import MinHash, MinHashLSH

# `python benchmarks/near_duplicates.py`, seven sets, four languages, answers known: at 0.6 recall of reworded copies is
# 0.98 to 1.00 and precision 0.99 to 1.00; 0.5 finds 0.01 more and flags three times as many different questions
# (20 for 8; without answers 243 for 95), 0.7 loses up to 0.05.
THRESHOLD = 0.6
# For two questions that also have the same answer.
THRESHOLD_SAME_ANSWER = 0.4
# A word in this share of the questions, and in three at least, is common: no name of one thing.
_COMMON_SHARE = 0.02
_COMMON_LEAST = 3

# P(candidate) = 1 - (1 - s^rows)^bands for Jaccard s: 0.94 at 0.4, 0.996 at 0.5, and 0.3 at 0.2, where the exact
# comparison drops them again (Leskovec, Rajaraman, Ullman: Mining of Massive Datasets, 3.4.2).
_BANDS, _ROWS = 42, 3
_PERMUTATIONS = _BANDS * _ROWS

_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]")
_DROPPED = regex.compile(r"[\p{Cf}\p{Cc}]+")
# Punctuation that tells things apart stays: the sign and the point of a number, C++ and C#.
_PUNCTUATION = regex.compile(
    r"(?!(?<=\p{N})[.,](?=\p{N}))(?!(?<!\S)[-−+](?=\p{N}))(?!(?<=[\p{L}\p{N}][+#]*)[+#])[\p{P}\p{S}]"
)
_NUMBER = regex.compile(r"\p{N}+(?:[.,]\p{N}+)*")
_ARTICLES = regex.compile(r"[\p{Arabic}\p{Hebrew}]")  # scripts that write the article onto the word
_POSSESSIVE = regex.compile(r"(?<=[\p{L}\p{N}])['’]s\b")
_MARK = regex.compile(r"\p{L}|[ivx]+")  # type A, stage II

SameAnswer = Callable[[int, int], bool | None]  # None: not known


@dataclass(frozen=True, slots=True)
class Pair:
    """`first`, `second`: indices into what was given. `similarity`: Jaccard of the shingles, 0..1."""

    first: int
    second: int
    similarity: float


@dataclass(frozen=True, slots=True)
class _Wording:
    shingles: frozenset[str]
    words: frozenset[str]
    numbers: frozenset[str]
    unspaced: frozenset[str]  # characters of scripts without spaces, whose words are pairs of characters


def normalise(text: str) -> str:
    """What is compared: composed, case-folded, digits as 0-9, words parted by one space, no punctuation."""
    text = ascii_digits(unicodedata.normalize("NFC", _DROPPED.sub("", text)).casefold())
    return " ".join(_PUNCTUATION.sub(" ", text).split())


def shingles(normalised: str) -> frozenset[str]:
    """Three characters each, the space at either end included, or two from a character on whose script writes no
    spaces: a Han character says as much as half a word. An empty text has none."""
    padded = f" {normalised} " if normalised else ""
    if not _UNSPACED.search(padded):
        return frozenset(padded[start : start + 3] for start in range(len(padded) - 2))
    found = set()
    for start, character in enumerate(padded[:-1]):
        length = 2 if _UNSPACED.match(character) else 3
        found.add(padded[start : start + length])
    return frozenset(found)


def numbers(normalised: str) -> frozenset[str]:
    """The numbers of a text, each in one spelling."""
    return frozenset(map(plain_number, _NUMBER.findall(normalised)))


def new_words(text: str, known: str, analyser: Analyser) -> list[str]:
    """The words of a text that stand in the known one in no form: not with another ending or article, nor misspelt.
    Numbers are no words."""
    mine, theirs = (_wording(normalise(_POSSESSIVE.sub("", each)), analyser) for each in (text, known))
    return sorted(word for word in mine.words - theirs.words if not _stands_in(word, theirs))


def is_unspaced(text: str) -> bool:
    """Whether any of it is in a script that writes no spaces between words."""
    return bool(_UNSPACED.search(text))


def between(
    first: Sequence[str],
    second: Sequence[str],
    *,
    language: str = "en",
    threshold: float = THRESHOLD,
    same_answer: SameAnswer | None = None,
) -> list[Pair]:
    """Every pair of a text of `first` and one of `second` that asks the same thing, the most alike first.

    `same_answer(i, j)`: whether the answers to `first[i]` and `second[j]` say the same thing, None where that is not
    known. The same answer makes a pair suspect at `THRESHOLD_SAME_ANSWER` already.
    """
    compare = _Comparison([*first, *second], language)
    left, right = compare.wordings[: len(first)], compare.wordings[len(first) :]
    found = Index().between([one.shingles for one in left], [one.shingles for one in right])
    pairs = compare.kept(((i, j, left[i], right[j]) for i, j in found), threshold, same_answer)
    return sorted(pairs, key=lambda pair: (-pair.similarity, pair.first, pair.second))


def within(
    texts: Sequence[str],
    *,
    language: str = "en",
    threshold: float = THRESHOLD,
    same_answer: SameAnswer | None = None,
) -> list[Pair]:
    """Every pair inside one list, `first` < `second`, in the order of `second`; else as `between`."""
    compare = _Comparison(texts, language)
    all_of_them = compare.wordings
    found = Index().within([one.shingles for one in all_of_them])
    pairs = compare.kept(((i, j, all_of_them[i], all_of_them[j]) for i, j in found), threshold, same_answer)
    return sorted(pairs, key=lambda pair: (pair.second, pair.first))


def jaccard(one: frozenset[str], other: frozenset[str]) -> float:
    """Shared shingles over all shingles of both, 0..1; 0 where there are none."""
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared) if shared else 0.0


class _Comparison:
    """The wordings of all texts, and what their words say about two of them."""

    def __init__(self, texts: Iterable[str], language: str) -> None:
        self._analyser = Analyser(language)
        self._known: dict[str, _Wording] = {}
        self._counts: Counter[str] = Counter()
        self.wordings: list[_Wording] = []
        for text in texts:
            self.add(text)

    def add(self, text: str) -> _Wording:
        """One text more; its words count from now on."""
        text = normalise(text)
        if text not in self._known:
            self._known[text] = _wording(text, self._analyser)
            self._counts.update(self._known[text].words)
        self.wordings.append(self._known[text])
        return self._known[text]

    def of(self, text: str) -> _Wording:
        """The wording of a text that is not added."""
        text = normalise(text)
        return self._known.get(text) or _wording(text, self._analyser)

    def kept(
        self, found: Iterable[tuple[int, int, _Wording, _Wording]], threshold: float, same_answer: SameAnswer | None
    ) -> list[Pair]:
        """The candidates that pass the second and the third step. Answers are compared last: they may be long."""
        lowest = min(threshold, THRESHOLD_SAME_ANSWER) if same_answer is not None else threshold
        pairs = []
        for i, j, one, other in found:
            if one.numbers != other.numbers:
                continue
            similarity = jaccard(one.shingles, other.shingles)
            if similarity < lowest:
                continue
            same = same_answer(i, j) if same_answer is not None else None
            if same or (similarity >= threshold and not self.asks_another_thing(one, other, same)):
                pairs.append(Pair(i, j, similarity))
        return pairs

    def asks_another_thing(self, one: _Wording, other: _Wording, same_answer: Literal[False] | None) -> bool:
        """The third step, see the head of this module, for answers that are not the same and numbers that agree."""
        mine = [word for word in one.words - other.words if not _stands_in(word, other)]
        yours = [word for word in other.words - one.words if not _stands_in(word, one)]
        if any(map(_MARK.fullmatch, mine)) and any(map(_MARK.fullmatch, yours)):
            return True
        if same_answer is None:
            return any(map(self._rare, mine)) and any(map(self._rare, yours))
        return bool(mine and yours) or any(map(self._rare, mine + yours))

    def _rare(self, word: str) -> bool:
        return self._counts[word] < max(_COMMON_LEAST, _COMMON_SHARE * len(self._known))


def _wording(normalised: str, analyser: Analyser) -> _Wording:
    words = frozenset(word for word in analyser.tokens(normalised) if not any(map(str.isdigit, word)))
    signed = {word for word in normalised.split() if word[0] in "-−+" or word[-1] in "+#"}
    unspaced = frozenset(_UNSPACED.findall(normalised))
    return _Wording(shingles(normalised), words, numbers(normalised) | signed, unspaced)


def _stands_in(word: str, wording: _Wording) -> bool:
    """Whether the wording has this word in another form. A pair of characters is new wherever a particle was dropped
    (的油, 箱油): it stands there if its characters do."""
    if _UNSPACED.match(word):
        return all(character in wording.unspaced or not _UNSPACED.match(character) for character in word)
    return any(_same_word(word, each) for each in wording.words)


def _same_word(one: str, other: str) -> bool:
    """One letter amiss, or an ending or an article that was put on (বোল্ট, বোল্টের; عزم, العزم)."""
    short, long = sorted((one, other), key=len)
    if len(short) < 3 or len(long) > 2 * len(short):
        return False
    if long.startswith(short) or (_ARTICLES.match(long) and long.endswith(short) and len(long) - len(short) <= 3):
        return True
    return len(short) >= 5 and OSA.distance(one, other, score_cutoff=1) <= 1


class Seen:
    """Texts that come one after another: whether the next one asks what one of those before asked. `texts`: so far."""

    def __init__(self, language: str = "en") -> None:
        self.texts: list[str] = []
        self._compare = _Comparison((), language)
        self._index = Index()

    def like(
        self, text: str, same_answer: Callable[[int], bool | None] | None = None, *, among: int | None = None
    ) -> int | None:
        """The number of the text that is most alike, of those that ask the same thing; None where there is none.
        `same_answer(n)`: as in `between`. `among`: only the first so many."""
        wording, known = self._compare.of(text), self._compare.wordings
        near = [n for n in self._index.near(wording.shingles) if among is None or n < among]
        found = self._compare.kept(
            ((n, 0, known[n], wording) for n in near),
            THRESHOLD,
            None if same_answer is None else lambda n, _new: same_answer(n),
        )
        return max(found, key=lambda pair: (pair.similarity, -pair.first)).first if found else None

    def add(self, text: str) -> None:
        self.texts.append(text)
        self._index.add(self._compare.add(text).shingles)


class Index:
    """MinHash signatures and LSH tables: which pairs of shingle sets may be alike."""

    def __init__(self) -> None:
        self._size = 0

    def between(self, first: Sequence[frozenset[str]], second: Sequence[frozenset[str]]) -> Iterator[tuple[int, int]]:
        """Index pairs of one list and another."""
        signed = self._signatures([*first, *second])
        tables = self._tables()
        for number in range(len(first)):
            tables.insert(number, signed[number], check_duplication=False)
        for number in range(len(second)):
            yield from ((known, number) for known in sorted(tables.query(signed[len(first) + number])))

    def within(self, sets: Sequence[frozenset[str]]) -> Iterator[tuple[int, int]]:
        """Index pairs of one list, the smaller first."""
        signed = self._signatures(sets)
        tables = self._tables()
        for number, signature in enumerate(signed):
            yield from ((known, number) for known in sorted(tables.query(signature)))
            tables.insert(number, signature, check_duplication=False)

    def add(self, shingled: frozenset[str]) -> None:
        """One set more to be found by `near`, under the next number."""
        self._growing.insert(self._size, self._signatures([shingled])[0], check_duplication=False)
        self._size += 1

    def near(self, shingled: frozenset[str]) -> list[int]:
        """Numbers of the added sets that may be alike, in order."""
        return sorted(self._growing.query(self._signatures([shingled])[0])) if self._size else []

    @cached_property
    def _growing(self) -> MinHashLSH:
        return self._tables()

    def _tables(self) -> MinHashLSH:
        from datasketch import MinHashLSH  # brings scipy along, half a second

        return MinHashLSH(num_perm=_PERMUTATIONS, params=(_BANDS, _ROWS))

    def _signatures(self, sets: Sequence[frozenset[str]]) -> list[MinHash]:
        from datasketch import MinHash

        # CRC-32 is the same in every process, as `hash` is not, and ten times as fast as the usual SHA-1.
        empty = MinHash(num_perm=_PERMUTATIONS, hashfunc=zlib.crc32)
        known: dict[frozenset[str], MinHash] = {}
        for shingled in sets:
            if shingled not in known:
                known[shingled] = empty.copy()
                known[shingled].update_batch([shingle.encode() for shingle in shingled])
        return [known[shingled] for shingled in sets]
