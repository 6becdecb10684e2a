"""What is seen of one document at a time: which page and stretch of it, what is marked, and what is next to it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlencode

from pydantic import BaseModel

from metier.core.documents import CORRECTION, Document
from metier.core.tables import Span
from metier.parsing.core import formats
from metier.parsing.core.locators import kind_of
from metier.serving.document_access import VisibleDocument
from metier.serving.web.document_parts import Piece, extent, parts, pieces, place_of, printed

_NUMBER = re.compile(r"[0-9]{1,9}")


class Wish(BaseModel):
    """What an address asks for, as it stands there. `whole`: the text alone, not page by page."""

    start: str = ""
    end: str = ""
    page: str = ""
    part: str = ""
    whole: str = ""


@dataclass(frozen=True, slots=True)
class DocumentView:
    """`cited`: what is marked; `notes`: keys of sentences about what could not be shown as it was asked for. `page`: of
    a PDF that is looked at page by page, else None; `part` of `part_count`: the stretch of text shown, from 1."""

    shown: VisibleDocument
    cited: Span | None
    notes: tuple[str, ...]
    page: int | None
    part: int
    part_count: int
    pieces: tuple[Piece, ...]

    @classmethod
    def of(cls, shown: VisibleDocument, wish: Wish) -> DocumentView:
        document, notes = shown.document, []
        cited = _span(wish, len(document.text))
        if cited is None and (wish.start or wish.end):
            notes.append("offsets")
        if cited and _is_blank(shown, cited):
            notes.append("hidden_place")
        elif shown.blanked:
            notes.append("hidden")
        page, within = None, (0, len(document.text))
        if document.media_type == formats.PDF and not wish.whole and document.pages:
            usual = place_of(document, cited[0]) if cited else None
            page = _chosen(wish.page, document.pages, usual or 1)
            within = extent(document, page)
            if wish.page and str(page) != wish.page:
                notes.append("page")
        stretches = parts(document, within)
        held = [number for number, (start, end) in enumerate(stretches, 1) if cited and start <= cited[0] < end]
        part = _chosen(wish.part, len(stretches), held[0] if held else 1)
        drawn = tuple(pieces(shown, stretches[part - 1], cited))
        return cls(shown, cited, tuple(notes), page, part, len(stretches), drawn)

    @property
    def document(self) -> Document:
        return self.shown.document

    @property
    def numbered(self) -> str:
        """What its numbers count: "slide", "sheet" or "page"."""
        return kind_of(self.document.media_type)

    @property
    def format(self) -> str:
        names = (name for name, kind in formats.SUPPORTED.items() if kind == self.document.media_type)
        return next(names, "").lstrip(".").upper()

    @property
    def is_correction(self) -> bool:
        return self.document.uri.startswith(CORRECTION)

    @property
    def passage(self) -> str | None:
        """Id of the passage that holds most of what is cited."""
        if self.cited is None:
            return None
        start, end = self.cited
        found = [(min(end, each.end) - max(start, each.start), each.id) for each in self.shown.passages]
        best = max(found, default=(0, ""), key=lambda each: each[0])
        return best[1] if best[0] > 0 else None

    def printed(self) -> tuple[str, list[Span]]:
        """The text of the page that is looked at, as it stands there, and what is cited of it."""
        return printed(self.document, self.page, self.cited) if self.page else ("", [])

    def address(self, *, page: int | None = None, part: int | None = None, whole: bool = False) -> str:
        """Of this document, elsewhere in it. The same place stays marked."""
        asked = {
            "start": self.cited[0] if self.cited else None, "end": self.cited[1] if self.cited else None,
            "page": page, "part": part, "whole": 1 if whole else None,
        }  # fmt: skip
        query = urlencode({name: value for name, value in asked.items() if value is not None})
        return f"/documents/{self.document.id}" + (f"?{query}" if query else "")

    def beside(self, step: int) -> str | None:
        """The address of the page before (-1) or after (1), None where there is none."""
        if self.page is None or not 1 <= self.page + step <= (self.document.pages or 0):
            return None
        return self.address(page=self.page + step)

    def further(self, step: int) -> str | None:
        """The address of the stretch of text before (-1) or after (1), None where there is none."""
        if not 1 <= self.part + step <= self.part_count:
            return None
        is_whole = self.page is None and self.document.media_type == formats.PDF
        return self.address(page=self.page, part=self.part + step, whole=is_whole)


def _span(wish: Wish, length: int) -> Span | None:
    if not (_NUMBER.fullmatch(wish.start) and _NUMBER.fullmatch(wish.end)):
        return None
    start, end = int(wish.start), int(wish.end)
    return (start, end) if start < end <= length else None


def _chosen(asked: str, count: int, usual: int) -> int:
    number = int(asked) if _NUMBER.fullmatch(asked) else 0
    return number if 1 <= number <= count else min(usual, count)


def _is_blank(shown: VisibleDocument, cited: Span) -> bool:
    """Whether nothing is left of what is cited, because somebody hid it."""
    touched = any(start < cited[1] and cited[0] < end for start, end in shown.blanked)
    return touched and not shown.document.text[slice(*cited)].strip()
