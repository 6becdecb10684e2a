"""What people decided about single passages: never show this one, show that one first for this question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from metier.retrieval.query import Query


class Curation(Protocol):
    """Asked at every search, so that what was decided holds at once, whoever decided it."""

    def hidden(self) -> tuple[str, ...]:
        """Ids of passages that are never found."""
        ...

    def pinned(self, question: str, asked: Query) -> Sequence[str]:
        """Ids of the passages that come first for this question."""
        ...

    def key(self) -> str:
        """Changes with all that was decided."""
        ...
