"""What a vision model says of the pictures of a document, put into its text as blocks of their own.

The process that reads files has no network, so it hands the pictures over with the document, and here, in the process
that syncs, they are described.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import TYPE_CHECKING

from metier.core.documents import Block, Document, Picture, clean
from metier.core.errors import EndpointError
from metier.core.prefetch import ahead
from metier.text.language import Language

if TYPE_CHECKING:  # needed where a vision model is set
    from metier.generation.vision import VisionModel

_AT_ONCE = 4  # pictures that an endpoint is asked about
_BETWEEN = "\n\n"  # blocks of a document's text


@dataclass(frozen=True, slots=True)
class DescribedDocument:
    """A document with its pictures in words. `is_complete`: whether asking again would give no more."""

    document: Document
    is_complete: bool


def describe(document: Document, vision: VisionModel, stopped: Callable[[], bool]) -> DescribedDocument:
    """Each picture of `document` told behind what stands before it, in the document's language. `stopped`: whether the
    rest is to be left. What the endpoint does not describe is told in the document's warnings."""
    failed: list[EndpointError] = []
    found: list[tuple[Picture, str]] = []
    language = document.language
    pictures = ahead(document.pictures, lambda each: vision.describe(each, language), lambda _each: True, _AT_ONCE)
    for picture, described in pictures:
        if stopped():
            break
        try:
            text = clean(described() if described else "")
        except EndpointError as error:
            failed.append(error)
            continue
        if text:
            found.append((picture, f"{_label(picture, vision.name, language)} {text}"))
    warned = replace(document, pictures=(), warnings=(*document.warnings, *_told(failed)))
    return DescribedDocument(_with_blocks(warned, found), all(error.is_refusal for error in failed))


def _told(failed: Sequence[EndpointError]) -> list[str]:
    """What went wrong: a line for what is refused, and one for what may be had later."""
    found = []
    for refused in (True, False):
        errors = [error for error in failed if error.is_refusal is refused]
        if errors:
            many = "1 picture was" if len(errors) == 1 else f"{len(errors)} pictures were"
            again = "" if refused else "; the next sync asks again"
            found.append(f"{many} not described: the endpoint of parsing.vision {errors[0].what}{again}")
    return found


def _label(picture: Picture, model: str, language: str) -> str:
    """`Figure on page 3, described by NAME:`"""
    known = Language.of(language)
    kind = "figure" if not picture.page else "scan_of_page" if picture.is_page else "figure_on_page"
    figure = known.text("pictures", kind).format(page=picture.page)
    return known.text("pictures", "described").format(figure=figure, model=model)


def _with_blocks(document: Document, descriptions: Sequence[tuple[Picture, str]]) -> Document:
    """`document` with texts at the places of pictures, in the order of the text, and all behind them moved."""
    whole, places = document.text, [picture.at for picture, _text in descriptions]
    sums = [0, *accumulate(len(text) + len(_BETWEEN) for _picture, text in descriptions)]

    def by(start: int) -> int:
        return sums[bisect_right(places, start)]

    parts, new, done = [], [], 0
    for (picture, text), before in zip(descriptions, sums, strict=False):
        at = picture.at
        start = at + before + (len(_BETWEEN) if at else 0)
        new.append(Block("description", start, start + len(text), picture.page))
        parts += [whole[done:at], _BETWEEN + text if at else text + _BETWEEN]
        done = at
    moved = [
        replace(each, start=each.start + by(each.start), end=each.end + by(each.start)) for each in document.blocks
    ]
    return replace(
        document,
        text="".join([*parts, whole[done:]]) if whole else "".join(parts).removesuffix(_BETWEEN),
        blocks=tuple(sorted([*moved, *new], key=lambda block: block.start)),
        tables=tuple(table.moved(by(table.start)) for table in document.tables),
    )
