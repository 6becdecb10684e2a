"""Small models fall into loops. One that writes the same sentence again has said what it has to say."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import regex

_SENTENCE_END = regex.compile(r"[.!?।॥。！？؟\n](?=\s|$)|[。！？]")
_LONGEST_ROUND = 16  # sentences that a loop comes round to
_LEAST = 12  # characters; a shorter sentence ("Yes.") may stand twice


class _Sentences:
    """The sentences of a text that grows, each as it ends."""

    def __init__(self) -> None:
        self._text = ""
        self._checked = 0

    def feed(self, piece: str) -> Iterator[tuple[int, str]]:
        """(start, sentence without case and with single spaces) of those that `piece` ends and that are long enough."""
        self._text += piece
        for match in _SENTENCE_END.finditer(self._text, self._checked):
            start, self._checked = self._checked, match.end()
            sentence = " ".join(self._text[start : self._checked].split()).casefold()
            if len(sentence) >= _LEAST:
                yield start, sentence


class LoopStop:
    """Goes between a generator and whoever shows the text: `on_text` asks the generator to stop at a repetition."""

    def __init__(self, on_text: Callable[[str], bool | None] | None = None) -> None:
        self._on_text = on_text
        self._sentences = _Sentences()
        self._seen: set[str] = set()
        self._end: int | None = None

    def __call__(self, piece: str) -> bool:
        stop = bool(self._on_text(piece)) if self._on_text is not None else False
        for start, sentence in self._sentences.feed(piece):
            if sentence in self._seen:
                self._end = start
                return True
            self._seen.add(sentence)
        return stop

    def cut(self, text: str) -> str:
        """The finished text without the repetition."""
        return text if self._end is None else text[: self._end]


class Loop:
    """Tells when a text goes round in circles: the same sentences or lines, in the same order, again and again. For a
    model whose text leaves as it is written: nothing is cut, the writing stops. What only comes back now and then (a
    line of code, a row of a table) is no loop."""

    def __init__(self, most: int = 4) -> None:
        self._most = most
        self._sentences = _Sentences()
        self._said: list[str] = []

    def feed(self, piece: str) -> bool:
        """Whether the text now ends in sentences that stand there more than `most` times without others between."""
        has_more = False
        for _, sentence in self._sentences.feed(piece):
            if regex.search(r"\p{L}", sentence):
                self._said.append(sentence)
                has_more = True
        return has_more and any(self._goes_round(period) for period in range(1, _LONGEST_ROUND + 1))

    def _goes_round(self, period: int) -> bool:
        tail = self._said[-period * (self._most + 1) :]
        return len(tail) == period * (self._most + 1) and tail[period:] == tail[:-period]
