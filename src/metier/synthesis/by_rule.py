"""Questions and answers that need no model: from tables, lists of facts, definitions and short sections.

A rule that is not certain of its question gives none, so this is what an expert can learn from where no good model
is at hand.
"""

from __future__ import annotations

from collections.abc import Sequence

from metier.core.documents import Document, Passage
from metier.synthesis import from_headings, from_tables
from metier.synthesis.pairs import QAPair


def pairs(document: Document, passages: Sequence[Passage], language: str) -> dict[str, list[QAPair]]:
    """By passage id, in reading order. `passages`: of `document`; `language`: the expert's own."""
    found: dict[str, list[QAPair]] = {}
    for pair in (*from_tables.pairs(document, passages, language), *from_headings.pairs(passages, language)):
        found.setdefault(pair.passage.id, []).append(pair)
    return found
