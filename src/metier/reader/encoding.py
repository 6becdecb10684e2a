"""Question and passage as one row of token numbers, with the place in the passage's text of every token.

    [CLS] question [SEP] heading › heading [SEP] first line [SEP] second line [SEP]

Every line end is a separator, so that a reader sees where a table's row or a list's item ends. The same code makes
the rows that readers are trained on and those they read.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer

from metier.embedding.tokens import QUICK_CHARACTERS, PieceTable, encodable, whole_tokenizer

QUESTION_TOKENS = 128
HEADING_TOKENS = 48
ROW_TOKENS = 448  # of the whole row; a longer passage is read in several
OVERLAP_TOKENS = 64  # of two neighbouring rows of one passage


@dataclass(frozen=True, slots=True)
class EncodedPair:
    """`numbers`: token numbers. `places`: for each token its (start, end) in the text, (-1, -1) for one that is not
    of the text."""

    numbers: list[int]
    places: list[tuple[int, int]]


class PairEncoder:
    """Cuts with the tokenizer of `folder`. Safe to call from several threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._quick = (folder / "quick.pieces.npy").is_file()
        self._full: Tokenizer | None = None
        self._seen = 0
        self._lock = threading.Lock()
        shell = Tokenizer.from_file(str(folder / "quick.json")) if self._quick else self._load()
        whole = shell.encode("a", add_special_tokens=True)
        special = [
            number for number, is_special in zip(whole.ids, whole.special_tokens_mask, strict=True) if is_special
        ]
        self._head, self._separator = special[0], special[-1]
        self._pieces = _Pieces(folder) if self._quick else None

    def rows(self, question: str, headings: Sequence[str], text: str) -> list[EncodedPair]:
        """One row, or several that overlap where the text is too long for one."""
        lines = list(_lines(text))
        title = " › ".join(headings)
        cut = self._cut([question, title, *(text[start:end] for start, end in lines)])
        front = [self._head, *(number for number, _ in cut[0][:QUESTION_TOKENS]), self._separator]
        if title:
            front += [*(number for number, _ in cut[1][-HEADING_TOKENS:]), self._separator]
        tokens: list[tuple[int, tuple[int, int]]] = []
        for (start, _), line in zip(lines, cut[2:], strict=True):
            tokens += [(number, (start + a, start + b)) for number, (a, b) in line]
            tokens.append((self._separator, (-1, -1)))
        room = ROW_TOKENS - len(front)
        rows = []
        for at in range(0, max(1, len(tokens) - OVERLAP_TOKENS), room - OVERLAP_TOKENS):
            part = tokens[at : at + room]
            numbers = [*front, *(number for number, _ in part)]
            places = [(-1, -1)] * len(front) + [place for _, place in part]
            rows.append(EncodedPair(numbers, places))
        return rows

    def _cut(self, texts: list[str]) -> list[list[tuple[int, tuple[int, int]]]]:
        texts = [encodable(text) for text in texts]
        self._seen += sum(map(len, texts))
        if self._pieces and self._full is None and self._seen <= QUICK_CHARACTERS:
            tokenizer, numbers = self._pieces.tokenizer(texts)
        else:
            tokenizer, numbers = self._load(), None
        encodings = tokenizer.encode_batch(texts, add_special_tokens=False)
        return [
            list(zip(map(numbers.__getitem__, e.ids) if numbers else e.ids, e.offsets, strict=True)) for e in encodings
        ]

    def _load(self) -> Tokenizer:
        with self._lock:
            if self._full is None:
                self._full = whole_tokenizer(self._folder)
            return self._full


class _Pieces:
    """A small tokenizer with just the pieces that occur in some texts: 250,000 take a second to load."""

    def __init__(self, folder: Path) -> None:
        self._shell = (folder / "quick.json").read_text(encoding="utf-8")
        self._table = PieceTable(folder)

    def tokenizer(self, texts: Sequence[str]) -> tuple[Tokenizer, list[int]]:
        """It, and the model's number of each of its pieces."""
        small = Tokenizer.from_str(self._shell)
        words: set[str] = set()
        for text in texts:
            normalised = small.normalizer.normalize_str(text) if text else ""
            words.update(word for word, _ in small.pre_tokenizer.pre_tokenize_str(normalised))
        small.model, numbers = self._table.model(words)
        return small, numbers


def _lines(text: str) -> Iterator[tuple[int, int]]:
    at = 0
    for line in text.split("\n"):
        if line.strip():
            yield at, at + len(line)
        at += len(line) + 1
