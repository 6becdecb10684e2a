"""Stretches of a document's text, in which what is cited and what somebody hid are told apart."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from metier.core.tables import Span
from metier.serving.document_access import VisibleDocument


@dataclass(frozen=True, slots=True)
class TextRun:
    """A stretch of text. `kind`: "first" (the first one cited), "cited", "hidden" (its text is not shown), or ""."""

    text: str
    kind: str = ""


Runs = tuple[TextRun, ...]


class TextRuns:
    """Makes the runs of one page. `within`: what of the text is shown; `cited`: of it, what is marked."""

    def __init__(self, shown: VisibleDocument, within: Span, cited: Span | None) -> None:
        self.cited = cited
        self._text, self._blanked, self._within = shown.document.text, shown.blanked, within
        self._next = "first"

    def of(self, place: Span) -> Runs:
        """The text of a place, as far as it is shown."""
        seen = common(place, self._within)
        if seen is None:
            return ()
        edges = {*seen}
        for span in (*self._blanked, *([self.cited] if self.cited else [])):
            edges.update(each for each in span if seen[0] < each < seen[1])
        found = []
        for start, end in pairwise(sorted(edges)):
            if any(common((start, end), span) for span in self._blanked):
                found.append(TextRun("", "hidden"))
            else:
                found.append(TextRun(self._text[start:end], self._kind((start, end))))
        return tuple(found)

    def _kind(self, place: Span) -> str:
        if self.cited is None or common(place, self.cited) is None:
            return ""
        kind, self._next = self._next, "cited"
        return kind


def common(one: Span, other: Span) -> Span | None:
    """The stretch that both share, None where it is empty."""
    start, end = max(one[0], other[0]), min(one[1], other[1])
    return (start, end) if start < end else None
