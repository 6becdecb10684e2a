"""How much of a text's words, by rarity, each source holds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

import numpy as np

from metier.answering.support.sources import PassageReader, Shown

_EXCUSED = 0.7  # how far a word that only says what the sentence is about is left out of the account
_LEAST_OWN = 0.35  # share of the weight that must be carried by the unit's own words whatever is excused
_NEIGHBOUR = 0.9  # a word in the sentence before or after counts this much
_BEFORE = 0.5  # and one in the sentence before, where a pronoun may point to it
_PLAIN, _RARE = 0.4, 0.6  # weight of any word, and what rarity adds


class Coverage:
    """Over one set of shown passages. `weigh`: rarity of tokens."""

    def __init__(self, shown: Shown, reader: PassageReader, weigh: Callable[[Sequence[str]], np.ndarray]) -> None:
        self._shown = shown
        self._reader = reader
        self._weigh = weigh
        self._unseen = float(weigh(["\ue000"])[0]) or 1.0
        places = shown.passage_of
        prose = np.array([not source.is_row for source in shown.sources], dtype=bool)
        self._joined = (places[1:] == places[:-1]) & prose[1:] & prose[:-1]

    def words(self, text: str, language: str) -> list[str]:
        return self._reader.words(text, language)

    def weights(self, words: Sequence[str]) -> np.ndarray:
        """(words,), 0.4 to 1."""
        if not words:
            return np.zeros(0)
        return _PLAIN + _RARE * np.clip(np.asarray(self._weigh(list(words))) / self._unseen, 0, 1)

    def held(self, words: Sequence[str]) -> np.ndarray:
        """(words, sources): how well each source holds each word, 0..1."""
        if not words:
            return np.zeros((0, len(self._shown.sources)), dtype=np.float32)
        return np.stack([self._shown.holding(word) for word in words])

    def topical(self, words: Sequence[str], named: Collection[str]) -> np.ndarray:
        """(words, sources): whether a word only says there what the sentence is about: it is among `named`, in a
        heading or file name, or in the lead-in of a list."""
        everywhere = np.array([word in named for word in words], dtype=bool)
        around = np.array([[word in read.around for read in self._shown.reads] for word in words], dtype=bool)
        spread = around.reshape(len(words), len(self._shown.reads))[:, self._shown.passage_of]
        for source in self._shown.sources:
            if source.parent >= 0:
                parent = self._shown.sources[source.parent].words
                spread[:, source.index] |= np.array([word in parent for word in words], dtype=bool)
        topical: np.ndarray = spread | everywhere[:, None]
        return topical

    @staticmethod
    def share(weights: np.ndarray, held: np.ndarray, topical: np.ndarray) -> np.ndarray:
        """(sources,): share of the weight that is held; topical words that are not held count little."""
        total = float(weights.sum())
        if total <= 0:
            return np.zeros(held.shape[1], dtype=np.float32)
        excused = weights @ (_EXCUSED * topical * (1 - held))
        shares: np.ndarray = (weights @ held) / np.maximum(total - excused, _LEAST_OWN * total)
        return shares

    def with_neighbours(self, held: np.ndarray) -> np.ndarray:
        """`held` of each sentence together with those beside it."""
        wide = held.copy()
        if held.shape[1] > 1:
            wide[:, 1:] = np.maximum(wide[:, 1:], _NEIGHBOUR * held[:, :-1] * self._joined)
            wide[:, :-1] = np.maximum(wide[:, :-1], _NEIGHBOUR * held[:, 1:] * self._joined)
        return wide

    def with_before(self, held: np.ndarray) -> np.ndarray:
        """`held` of each sentence and half of that of the one before it."""
        wide = held.copy()
        if held.shape[1] > 1:
            wide[:, 1:] = np.maximum(wide[:, 1:], _BEFORE * held[:, :-1] * self._joined)
        return wide

    def wider(self, weights: np.ndarray, held: np.ndarray, topical: np.ndarray) -> tuple[float, float]:
        """Share in the best passage, and in all of them together."""
        if not len(held):
            return 0.0, 0.0
        starts = np.flatnonzero(np.r_[True, np.diff(self._shown.passage_of) != 0])
        passages = np.maximum.reduceat(held, starts, axis=1)
        best = self.share(weights, passages, topical[:, starts]).max()
        everything = self.share(weights, held.max(axis=1, keepdims=True), np.all(topical, axis=1, keepdims=True))
        return float(best), float(everything[0])
