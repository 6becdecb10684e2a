"""The contract of a reader: it tells whether a passage answers a question, and where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from metier.documents import Passage


@dataclass(frozen=True, slots=True)
class Reading:
    """One question read against one passage.

    `answerable`: probability, 0..1, that the passage answers the question; it depends on these two alone, not on the
    size of the corpus. `start`, `end`: characters of the passage's text where the answer stands. `span_score`:
    probability that it stands there.
    """

    answerable: float
    start: int
    end: int
    span_score: float


class Reader(Protocol):
    """Light to construct; weights are loaded at the first call that needs them. Several threads may call `read`.
    `fingerprint` changes with the weights. Raises `ModelError` with what to do."""

    name: str
    fingerprint: str

    def read(self, question: str, passages: Sequence[Passage]) -> list[Reading]:
        """A reading for each passage, in order; its headings are read too, offsets are into its text."""
        ...
