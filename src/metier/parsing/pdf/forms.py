"""What is filled into a form as text beside its label: `Measured pressure: 16.4 bar`, `☑ Leak test passed`.

A form looks like this to a person, while the file holds labels in one place and what is filled in in another. Fields
in a row with nothing between them are the cells of a table: they stay where they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median

from metier.parsing.pdf.annotations import FormField
from metier.parsing.pdf.bidi import Box, Glyph
from metier.parsing.pdf.fragments import Fragment, Turn
from metier.parsing.pdf.layout import rows_of
from metier.parsing.pdf.notes import letters

_FAR = 22.0  # sizes of the text between a label and its field
_NEAR = 2.5  # and between a box and the text that says what it ticks
_CLOSE = 1.2  # and between a label and the field below it
_LABEL = 40  # characters of a label, at most; what is longer is a sentence with a field in it
_SLACK = 3.0  # points


@dataclass(slots=True)
class _Filled:
    """A field with what is to be written, upright. `line`: the box of its first line."""

    text: str
    box: Box
    line: Box
    field: FormField
    size: float


def with_fields(parts: list[Fragment], fields: list[FormField], turn: Turn) -> list[Fragment]:
    """The fragments of a page with those of its form, upright."""
    return _Form(parts, fields, turn).filled() if fields else parts


class _Form:
    def __init__(self, parts: list[Fragment], fields: list[FormField], turn: Turn) -> None:
        self._parts, self._taken = parts, set[int]()  # ids of the labels that have a field
        size = median(part.size for part in parts) if parts else 10.0
        self._fields = [self._read(field, turn.upright(field.box), size) for field in fields]
        self._boxes = [each.box for each in self._fields]

    def filled(self) -> list[Fragment]:
        for each in sorted(self._fields, key=lambda one: (-one.line[3], one.line[0])):
            cell = self._is_cell(each)
            if cell or not (self._beside(each) or self._below(each)):
                self._parts = [*self._parts, _alone(each, named=not cell)]
        return self._parts

    def _read(self, field: FormField, box: Box, size: float) -> _Filled:
        """A field with its text; what the page draws of it is taken out."""
        inside = [part for part in self._parts if _within(part, box)] if field.drawn else []
        gone = {id(part) for part in inside}
        self._parts = [part for part in self._parts if id(part) not in gone]
        own = inside[0].size if inside else min(size, box[3] - box[1])
        return _Filled(_shown(field, inside), box, _first_line(box, own, inside), field, own)

    def _is_cell(self, each: _Filled) -> bool:
        """Whether another field stands beside this one with no text between them, and others above or below."""
        others = [box for box in self._boxes if box != each.box]
        beside = [box for box in others if min(box[3], each.box[3]) > max(box[1], each.box[1])]
        if not beside or not any(abs(box[0] - each.box[0]) < _SLACK for box in others):
            return False
        nearest = min(beside, key=lambda box: max(box[0] - each.box[2], each.box[0] - box[2]))
        first, second = sorted((nearest, each.box))
        level = [part for part in self._parts if _level(part, each.line)]
        return not any(first[2] - 1 < part.left and part.right < second[0] + 1 for part in level)

    def _beside(self, each: _Filled) -> bool:
        """Put a field to the text at its left, or a tick to the text at its right; False where there is none."""
        level = [part for part in self._parts if _level(part, each.line)]
        left = [part for part in level if part.right <= each.box[0] + _SLACK and not part.rtl]
        right = [part for part in level if part.left >= each.box[2] - _SLACK]
        before = max(left, key=lambda part: part.right, default=None)
        after = min(right, key=lambda part: part.left, default=None)
        gap = each.box[0] - before.right if before else float("inf")
        next_gap = after.left - each.box[2] if after else float("inf")
        if after and each.field.is_box and next_gap < _NEAR * after.size and next_gap <= gap + after.size:
            return self._put(each, after, ahead=not after.rtl)
        if after and after.rtl and next_gap < min(gap, _FAR * after.size):
            return self._put(each, after)
        if before is None or gap > _FAR * before.size:
            return False
        between = [box for box in self._boxes if before.right <= box[0] and box[2] <= each.box[0]]
        if any(min(box[3], each.line[3]) > max(box[1], each.line[1]) for box in between):
            return False
        return self._put(each, before, inline=next_gap < _NEAR * each.size)

    def _below(self, each: _Filled) -> bool:
        """Put a field to the label over it; False where there is none."""
        over = [
            part
            for part in self._parts
            if -_SLACK <= part.bottom - each.box[3] < _CLOSE * part.size
            and abs(part.left - each.box[0]) < 2 * part.size
            and part.right <= each.box[2] + 2 * part.size
        ]
        label = min(over, key=lambda part: part.bottom, default=None)
        return False if label is None or each.field.is_box else self._put(each, label)

    def _put(self, each: _Filled, label: Fragment, *, ahead: bool = False, inline: bool = False) -> bool:
        """`inline`: the text goes on behind the field."""
        glyph = Glyph(each.text, each.line, blank=True)
        if ahead:
            label.text, label.glyphs, label.filled = f"{each.text} {label.text}", [glyph, *label.glyphs], True
        else:
            named = label.text[-1:].isalnum() and len(label.text) < _LABEL and id(label) not in self._taken
            mark = ":" if named and not inline and not each.field.is_box else ""
            label.text, label.glyphs = f"{label.text}{mark} {each.text}", [*label.glyphs, glyph]
            label.filled = not inline and (each.field.is_box or f": {each.text}" in label.text)
        label.left, label.right = min(label.left, each.box[0]), max(label.right, min(each.box[2], _end(each)))
        label.hyphen = False
        self._taken.add(id(label))
        return True


def _shown(field: FormField, inside: list[Fragment]) -> str:
    """What a field shows: its value as it is drawn, a number with its unit."""
    drawn = " ".join(row.text for row in rows_of(inside)) if inside else ""
    return field.text if letters(field.text) in letters(drawn) or not drawn.strip() else drawn


def _within(part: Fragment, box: Box) -> bool:
    return box[0] - 1 <= (part.left + part.right) / 2 <= box[2] + 1 and box[1] - 1 <= part.middle <= box[3] + 1


def _first_line(box: Box, size: float, inside: list[Fragment]) -> Box:
    """The line of a field in which its text begins: the middle of a low one, the top of a high one."""
    left, bottom, right, top = box
    if inside:
        first = max(inside, key=lambda part: part.top)
        return left, first.bottom, right, first.top
    if top - bottom > 2.6 * size:
        return left, top - 1.4 * size, right, top - 0.2 * size
    middle = (bottom + top) / 2
    return left, middle - 0.6 * size, right, middle + 0.6 * size


def _level(part: Fragment, line: Box) -> bool:
    shared = min(part.top, line[3]) - max(part.bottom, line[1])
    return shared > 0.4 * min(part.top - part.bottom, line[3] - line[1])


def _end(each: _Filled) -> float:
    """Where the text of a field ends, by and large."""
    return each.box[0] + 0.55 * each.size * len(each.text)


def _alone(each: _Filled, *, named: bool) -> Fragment:
    """A field as a fragment of its own, behind what the form calls it."""
    label = each.field.label.rstrip(": ") if named else ""
    text = each.text if not label else f"{each.text} {label}" if each.field.is_box else f"{label}: {each.text}"
    glyph = Glyph(each.text, each.line)
    left, bottom, right, top = each.line
    right = max(left + 1, min(right, _end(each)))
    return Fragment(text, left, bottom, right, top, each.size, filled=bool(label), glyphs=[glyph])
