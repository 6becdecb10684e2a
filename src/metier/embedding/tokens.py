"""A model's tokenizer: texts to token numbers, cut at the model's limit, special tokens in place.

A multilingual vocabulary of 250,000 pieces takes `tokenizers` about a second to load, too long for one question. For
such models the folder also holds the pieces as a sorted table that is mapped, not read: `_Quick` looks up which
pieces occur in a short text and gives only those to the same library, so that both ways cut alike by construction.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer, models

_UNKNOWN = 3  # number of the piece that stands for what no piece holds
QUICK_CHARACTERS = 20_000  # in all; beyond it the full tokenizer has earned its second of loading


class EmbeddingTokenizer:
    """`limit`: most tokens of a text, special ones included. Safe to call from several threads."""

    def __init__(self, folder: Path, limit: int) -> None:
        self._folder, self._limit = folder, limit
        self._full: Tokenizer | None = None
        self._quick = _Quick(folder) if (folder / "quick.pieces.npy").is_file() else None
        self._seen = 0
        self._lock = threading.Lock()
        self._head, self._tail = _special(self._quick.shell if self._quick else self._load())

    def numbers(self, texts: Sequence[str]) -> list[list[int]]:
        """Token numbers of each text, special tokens included, at most `limit`."""
        room = self._limit - len(self._head) - len(self._tail)
        return [[*self._head, *content[:room], *self._tail] for content in self._content(texts)]

    def count(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, uncut, without special tokens."""
        return [len(content) for content in self._content(texts)]

    def _content(self, texts: Sequence[str]) -> list[list[int]]:
        texts = [encodable(text) for text in texts]
        self._seen += sum(map(len, texts))
        if self._quick and self._full is None and self._seen <= QUICK_CHARACTERS:
            return [self._quick.numbers(text) for text in texts]
        encodings = self._load().encode_batch_fast(texts, add_special_tokens=False)
        return [encoding.ids for encoding in encodings]

    def _load(self) -> Tokenizer:
        with self._lock:
            if self._full is None:
                self._full = whole_tokenizer(self._folder)
            return self._full


def _special(tokenizer: Tokenizer) -> tuple[list[int], list[int]]:
    """The special tokens before and after a text. Found by looking at a text that no token of theirs occurs in."""
    whole = tokenizer.encode("a", add_special_tokens=True)
    inner = [index for index, special in enumerate(whole.special_tokens_mask) if not special]
    if not inner:
        return whole.ids, []
    return whole.ids[: inner[0]], whole.ids[inner[-1] + 1 :]


class _Quick:
    """Cuts short texts with the pieces that occur in them.

    quick.json: the tokenizer with everything but its pieces, which a `PieceTable` holds.
    """

    def __init__(self, folder: Path) -> None:
        self.shell = Tokenizer.from_file(str(folder / "quick.json"))
        self.shell.no_truncation()
        self._table = PieceTable(folder)

    def numbers(self, text: str) -> list[int]:
        normalised = self.shell.normalizer.normalize_str(text) if text else ""
        words = [word for word, _ in self.shell.pre_tokenizer.pre_tokenize_str(normalised)]
        model, numbers = self._table.model(words)
        return [numbers[token.id] for word in words for token in model.tokenize(word)]


class PieceTable:
    """The pieces of a large vocabulary as a sorted table that is mapped, not read.

    quick.pieces.npy: the pieces as UTF-8, sorted; quick.numbers.npy and quick.scores.npy: number and score of each.
    """

    def __init__(self, folder: Path) -> None:
        self._pieces = np.load(folder / "quick.pieces.npy", mmap_mode="r")
        self._numbers = np.load(folder / "quick.numbers.npy", mmap_mode="r")
        self._scores = np.load(folder / "quick.scores.npy", mmap_mode="r")
        self._worst = int(np.argmin(self._scores))  # an unknown character's score is reckoned from the worst piece's
        self._longest = self._pieces.dtype.itemsize

    def model(self, words: Iterable[str]) -> tuple[models.Unigram, list[int]]:
        """A model of just the pieces that are part of some word, and the vocabulary's number of each of its pieces."""
        places = self._occurring(set(words))
        vocabulary = [("<unk>", 0.0)] + [(self._pieces[at].decode(), float(self._scores[at])) for at in places]
        return models.Unigram(vocabulary, unk_id=0), [_UNKNOWN, *(int(self._numbers[at]) for at in places)]

    def _occurring(self, words: set[str]) -> list[int]:
        """Places in the table of all pieces that are part of some word, the worst of all pieces first."""
        parts = set()
        for word in words:
            for start in range(len(word)):
                for end in range(start + 1, min(len(word), start + self._longest) + 1):
                    parts.add(word[start:end].encode())
        candidates = np.array([part for part in parts if len(part) <= self._longest], dtype=self._pieces.dtype)
        if not len(candidates):
            return [self._worst]
        places = np.searchsorted(self._pieces, candidates)
        places = places[places < len(self._pieces)]
        found = np.isin(self._pieces[places], candidates)
        return [self._worst, *sorted({int(at) for at in places[found]} - {self._worst})]


def whole_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer of `folder` with all its pieces, which neither cuts nor pads."""
    full = Tokenizer.from_file(str(folder / "tokenizer.json"))
    full.no_truncation()
    full.no_padding()
    return full


def encodable(text: str) -> str:
    """A lone surrogate (from a broken file name, say) has no UTF-8 and would stop the tokenizer: one "?" in its place
    keeps all offsets."""
    return text.encode("utf-8", "replace").decode("utf-8")
