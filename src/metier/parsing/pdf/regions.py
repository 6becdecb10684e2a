"""Parts of a page whose text layer makes no sense, while the rest of it does: a box with a broken font, a figure whose
letters are drawn from symbols. They are found by their fonts and by their places."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache

from metier.parsing.core.legacy_fonts import LegacyFont, guessed_font, is_drawn_by, legacy_font
from metier.parsing.core.legibility import FREQUENT, illegible, illegible_piece, without_leaders
from metier.parsing.pdf.bidi import Box
from metier.parsing.pdf.fragments import Fragment

_MARKS = 3  # of a fragment that is more than a bullet or an icon
_NEAR = 1.6  # sizes between two lines of one region
_WIDER = 0.25  # of its width: how far a region is looked at beside its text
_MARGIN = 0.3  # of a size around a region, so that no letter is cut


@dataclass(slots=True)
class Region:
    """Fragments that make no sense, and why; `box` around them in points. `language`: what they are in, where that is
    known, BCP-47."""

    reason: str
    box: Box
    parts: list[Fragment] = field(default_factory=list)
    language: str = ""


def convert_guessed(parts: list[Fragment], language: str) -> None:
    """Turn text in fonts of before Unicode into what it shows, where their names do not tell but their text does."""
    texts: defaultdict[str, list[Fragment]] = defaultdict(list)
    for part in parts:
        texts[part.font].append(part)
    for held in texts.values():
        legacy = guessed_font("\n".join(part.text for part in held), language)
        if legacy is not None and legacy.convert is not None:
            for part in held:
                part.text, part.pieces = legacy.convert(part.text), []


def outside(parts: list[Fragment], regions: list[Region]) -> list[Fragment]:
    """Those of `parts` that stand in none of the regions."""
    held = {id(part) for region in regions for part in region.parts}
    return [p for p in parts if id(p) not in held and not any(_within(p, region.box) for region in regions)]


def widened(box: Box, rest: list[Fragment]) -> Box:
    """A region with the free space at its sides: a layer of text is often narrower than the picture it lies over."""
    left, bottom, right, top = box
    reach = _WIDER * (right - left)
    level = [part for part in rest if part.bottom < top and part.top > bottom]
    before = max((part.right for part in level if part.right <= left), default=left - reach)
    behind = min((part.left for part in level if part.left >= right), default=right + reach)
    return max(0.0, before, left - reach), bottom, min(behind, right + reach), top


def _within(part: Fragment, box: Box) -> bool:
    return box[0] <= part.left and part.right <= box[2] and box[1] <= part.bottom and part.top <= box[3]


def garbled(parts: list[Fragment]) -> list[Region]:
    """The parts of a page that cannot be read."""
    suspects = [part for part in parts if len("".join(part.text.split())) >= _MARKS]
    reasons = _by_font(suspects)
    bad = [part for part in suspects if part.font in reasons]
    rest = [part for part in suspects if part.font not in reasons and _is_odd(part.text)]
    found = [_region(group, reasons[group[0].font]) for group in _neighbours(bad)]
    for group in _neighbours(rest):
        reason = illegible_piece("\n".join(part.text for part in group))
        if reason:
            found.append(_region(group, reason))
    return found


def _by_font(parts: Iterable[Fragment]) -> dict[str, str]:
    """Fonts whose text makes no sense, and why: all of it, and not in one box of the page only."""
    texts: defaultdict[str, list[str]] = defaultdict(list)
    for part in parts:
        texts[part.font].append(part.text)
    reasons = {font: _reason(font, lines) for font, lines in texts.items()}
    return {font: reason for font, reason in reasons.items() if reason}


def _reason(font: str, lines: list[str]) -> str | None:
    legacy, text = _without_table(font), "\n".join(lines)
    if legacy is not None and is_drawn_by(text, legacy):
        return f"its font, {legacy.family}, shows other letters than it holds"
    return illegible_piece(text) if sum(map(_is_odd, lines)) > 0.6 * len(lines) else None


def _without_table(font: str) -> LegacyFont | None:
    legacy = legacy_font(font)
    return legacy if legacy is not None and legacy.convert is None else None


@lru_cache(4096)
def _is_odd(text: str) -> bool:
    """Whether a line may be garbage: its letters are few, of no script, or without vowels."""
    text = without_leaders(text)
    letters = [c for c in text.casefold() if c.isalpha()]
    marks = sum(not c.isspace() for c in text)
    plain = text.isascii() and "(cid:" not in text and len(letters) > 0.7 * marks
    if not plain and illegible(text):
        return True
    if 2 * len(letters) < marks:
        return not any(map(str.isdigit, text)) and marks > 5
    if not all(map(str.isascii, letters)):
        return len(letters) > 3
    return len(letters) > 5 and sum(c in FREQUENT for c in letters) < 0.45 * len(letters)


def _neighbours(parts: list[Fragment]) -> list[list[Fragment]]:
    """Fragments that stand near each other, group by group."""
    groups: list[list[Fragment]] = []
    for part in sorted(parts, key=lambda part: -part.top):
        near = [group for group in groups if any(_touch(part, other) for other in group[-40:])]
        joined = [other for group in near for other in group] + [part]
        groups = [group for group in groups if not any(group is each for each in near)] + [joined]
    return groups


def _touch(one: Fragment, other: Fragment) -> bool:
    reach = _NEAR * max(one.size, other.size)
    across = max(one.left, other.left) - min(one.right, other.right)
    down = max(one.bottom, other.bottom) - min(one.top, other.top)
    return across < reach and down < reach


def _region(parts: list[Fragment], reason: str) -> Region:
    margin = _MARGIN * max(part.size for part in parts)
    left, bottom = min(part.left for part in parts) - margin, min(part.bottom for part in parts) - margin
    right, top = max(part.right for part in parts) + margin, max(part.top for part in parts) + margin
    legacy = _without_table(parts[0].font)
    return Region(reason, (left, bottom, right, top), parts, legacy.language if legacy else "")
