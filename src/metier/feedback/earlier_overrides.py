"""What people decided, over the passages of an earlier day: what is hidden by now was not to be shown then either.

An id names a place and a text, so that the same passage may have had another one on that day.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from metier.feedback.passage_tracking import follow
from metier.feedback.records import Correction
from metier.retrieval.curation import Curation
from metier.retrieval.query import Query
from metier.store.base import EarlierStore


class EarlierOverrides:
    """See `metier.retrieval.curation.Curation`. `now`: what is decided; `corrections`: all; `there`: ids of the
    documents of today: in one that is gone by now, a passage is hidden where it says what a hidden one says."""

    def __init__(
        self, now: Curation, corrections: Sequence[Correction], earlier: EarlierStore, there: Collection[str]
    ) -> None:
        self._now = now
        closed = [each for each in corrections if each.in_force and each.change in ("hide", "replace") and each.about]
        self._hidden = tuple(dict.fromkeys(_ids(closed, earlier, there)))

    def hidden(self) -> tuple[str, ...]:
        return (*self._now.hidden(), *self._hidden)

    def pinned(self, question: str, asked: Query) -> Sequence[str]:
        return self._now.pinned(question, asked)

    def key(self) -> str:
        return self._now.key()


def _ids(closed: Sequence[Correction], earlier: EarlierStore, there: Collection[str]) -> list[str]:
    found: list[str] = []
    for each in closed:
        if each.about is not None and (document := earlier.document(each.about.document_id)) is not None:
            found += follow(each.about, document.text, earlier.passages(document.id)).passages
    said = earlier.with_texts([each.about.text for each in closed if each.about is not None])
    return found + [name for name, document in said.items() if document not in there]
