"""Pictures of a PDF's pages, drawn to be described, each with its place among what is read from the page."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from metier.parsing.core.pictures import png
from metier.parsing.core.readers import Builder, Context
from metier.parsing.core.tables import Grid
from metier.parsing.pdf.bidi import Box
from metier.parsing.pdf.fragments import Turn
from metier.parsing.pdf.layout import Paragraph
from metier.parsing.pdf.pictures import beside
from metier.parsing.pdf.scans import cut_out

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument

_DPI = 150
_LONGEST = 1600  # pixels of a side; vision models see no more


class PageFigures:
    """Pictures of page `number`. `boxes`: where they stand, upright; `is_page`: it is one, the whole page."""

    def __init__(
        self, document: PdfDocument, number: int, turn: Turn, boxes: Sequence[Box], items: Sequence[Paragraph | Grid],
        *, is_page: bool,
    ) -> None:  # fmt: skip
        self._document, self._number, self._turn, self._is_page = document, number, turn, is_page
        self._behind: dict[int, list[tuple[Box, str]]] = {}
        for box in boxes:
            item, caption = beside(items, box)
            self._behind.setdefault(id(item), []).append((box, caption))

    def gather(self, behind: Paragraph | Grid | None, builder: Builder, context: Context) -> None:
        """Those that stand behind an item of the page, None for its top."""
        from pypdfium2 import PdfiumError

        for box, caption in self._behind.get(id(behind), ()):
            try:
                context.pictures.add(
                    partial(self._draw, box), builder.length, page=self._number, caption=caption,
                    is_page=self._is_page, is_large=True,
                )  # fmt: skip
            except PdfiumError as error:
                context.warn(f"page {self._number}: a picture is damaged ({error})")

    def _draw(self, box: Box) -> bytes:
        longest = max(box[2] - box[0], box[3] - box[1], 1.0)
        dpi = min(_DPI, int(72 * _LONGEST / longest))
        return png(cut_out(self._document[self._number - 1], self._turn, box, dpi, in_colour=True))
