"""What a reader of a PDF has struck out by an annotation: left out, or marked as struck where hidden text is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from metier.parsing.core.strokes import merged, struck
from metier.parsing.pdf.bidi import Box, Glyph, is_rtl, spoken
from metier.parsing.pdf.fragments import Fragment, glyph_pieces, in_one_line, plain


def without_struck(parts: list[Fragment], boxes: Sequence[Box], *, shown: bool) -> tuple[list[Fragment], list[str]]:
    """The fragments of a page without what stands in `boxes`, and those texts. `shown`: they stay, marked."""
    if not boxes:
        return parts, []
    kept: list[Fragment] = []
    gone: list[str] = []
    for part in parts:
        runs = [(cut, list(run)) for cut, run in groupby(part.glyphs, lambda glyph: _is_in(glyph.box, boxes))]
        cut_out = [_text(run) for cut, run in runs if cut]
        gone += cut_out
        left = [glyph for cut, run in runs if not cut for glyph in run]
        if not cut_out:
            kept.append(part)
        elif shown:
            told = merged("".join(struck(_text(run)) if cut else _text(run) for cut, run in runs))
            kept.append(replace(part, text=" ".join(told.split()), pieces=[]))
        elif text := plain(_text(left)):
            edges = min(glyph.box[0] for glyph in left), max(glyph.box[2] for glyph in left)
            text = " ".join(text.split())
            kept.append(replace(part, text=text, left=edges[0], right=edges[1], glyphs=left, pieces=[], hyphen=False))
    return kept, gone


def _text(glyphs: Sequence[Glyph]) -> str:
    """Of glyphs that follow each other, with the blanks behind them."""
    text = "".join(glyph.text + " " * glyph.blank for glyph in glyphs)
    if is_rtl(text):
        return spoken(list(glyphs))
    pieces = glyph_pieces(glyphs) if glyphs else []
    return in_one_line(pieces) if pieces else text


def _is_in(box: Box, boxes: Sequence[Box]) -> bool:
    across, middle = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    return any(left <= across <= right and bottom <= middle <= top for left, bottom, right, top in boxes)
