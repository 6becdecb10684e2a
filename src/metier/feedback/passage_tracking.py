"""Where a passage stands after its document changed: an id names a place and a text, and both may be others now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from metier.core.documents import Passage

GONE = "its passage is gone: look again"
CUT_OTHERWISE = "its passage is cut otherwise now: look again"
_MOSTLY = 0.5  # share of a passage that must be of the old text for the passage to count as it


@dataclass(frozen=True, slots=True)
class Followed:
    """`passages`: ids, none where it is gone. `look_again`: why a person should, "" where the text is as it was."""

    passages: tuple[str, ...]
    look_again: str = ""


def follow(old: Passage, text: str, passages: Sequence[Passage]) -> Followed:
    """Where `old` stands in a document that now has `text` and is cut into `passages`."""
    same = [passage for passage in passages if passage.text == old.text]
    if same:
        nearest = min(same, key=lambda passage: (passage.headings != old.headings, abs(passage.start - old.start)))
        return Followed((nearest.id,))
    places = _places(old.text, text)
    if not places:
        return Followed((), GONE)
    start = min(places, key=lambda place: abs(place - old.start))
    inside = [p.id for p in passages if _shared(p, start, start + len(old.text)) >= _MOSTLY * len(p.text)]
    return Followed(tuple(inside), CUT_OTHERWISE if inside else GONE)


def _places(wanted: str, text: str) -> list[int]:
    places, at = [], text.find(wanted)
    while at >= 0:
        places.append(at)
        at = text.find(wanted, at + 1)
    return places


def _shared(passage: Passage, start: int, end: int) -> int:
    return max(0, min(passage.end, end) - max(passage.start, start))
