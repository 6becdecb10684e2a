"""Small models fall into loops. One that writes the same sentence again has said what it has to say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import regex

_SENTENCE_END = regex.compile(r"[.!?।॥。！？؟\n](?=\s|$)|[。！？]")
_LEAST = 12  # characters; a shorter sentence ("Yes.") may stand twice


class LoopStop:
    """Goes between a generator and whoever shows the text: `on_text` asks the generator to stop at a repetition."""

    def __init__(self, on_text: Callable[[str], bool | None] | None = None) -> None:
        self._on_text = on_text
        self._text = ""
        self._checked = 0
        self._seen: set[str] = set()
        self._end: int | None = None

    def __call__(self, piece: str) -> bool:
        self._text += piece
        stop = bool(self._on_text(piece)) if self._on_text is not None else False
        for match in _SENTENCE_END.finditer(self._text, self._checked):
            sentence = " ".join(self._text[self._checked : match.end()].split()).casefold()
            if len(sentence) >= _LEAST and sentence in self._seen:
                self._end = self._checked
                return True
            self._seen.add(sentence)
            self._checked = match.end()
        return stop

    def cut(self, text: str) -> str:
        """The finished text without the repetition."""
        return text if self._end is None else text[: self._end]


class Loop:
    """Tells when a text goes round in circles: one line or sentence again and again. For a model whose text leaves as
    it is written: nothing is cut, the writing stops."""

    def __init__(self, most: int = 4) -> None:
        self._most = most
        self._text = ""
        self._checked = 0
        self._seen: Counter[str] = Counter()

    def feed(self, piece: str) -> bool:
        """Whether a sentence now stands there more than `most` times."""
        self._text += piece
        for match in _SENTENCE_END.finditer(self._text, self._checked):
            sentence = " ".join(self._text[self._checked : match.end()].split()).casefold()
            self._checked = match.end()
            if len(sentence) >= _LEAST and regex.search(r"\p{L}", sentence):
                self._seen[sentence] += 1
                if self._seen[sentence] > self._most:
                    return True
        return False
