"""The contract of a reader: it tells whether a passage answers a question, and where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from metier.core.documents import Passage


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader says of one question and one passage.

    `answerable`: probability, 0 to 1, that the passage answers the question; calibrated on held-out examples. It is
    of this pair alone: it knows of no other passage and not how many there are. `start`, `end`: the best span,
    characters of the passage's text; both 0 where the passage has no text. `span_score`: probability, 0 to 1, of that
    span among all spans and none. `sentences`: of each sentence (`metier.text.sentences.sentence_spans`), the
    log-odds, in nats, that the answer lies in it and not nowhere; -inf for one that was not read.
    """

    answerable: float
    start: int
    end: int
    span_score: float
    sentences: tuple[float, ...] = ()


class Reader(Protocol):
    """Reads question and passage together. Light to construct; the weights are loaded at the first call. Several
    threads may call `read`.

    `name` is how it is listed; `fingerprint` changes whenever the same pair could be read otherwise. Raises
    `ModelError` with what to do when the weights are missing or damaged.
    """

    @property
    def name(self) -> str: ...

    @property
    def fingerprint(self) -> str: ...

    def read(self, question: str, passages: Sequence[Passage]) -> list[Reading]:
        """One reading a passage, in their order. Headings are read before the text, offsets are into the text."""
        ...

    def close(self) -> None:
        """Free what is held open. A later call opens it again."""
        ...
