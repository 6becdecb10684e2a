"""Columns of a table that no lines part: strips parted by space that hardly a line reaches over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import accumulate, pairwise

import regex

from metier.parsing.core.table_cells import CURRENCY_SIGN, is_value
from metier.parsing.pdf.fragments import Fragment
from metier.parsing.pdf.layout import TextLine

_CROSSED = 0.12  # share of the lines that may reach over the space between two columns
_MOST_COLUMNS = 30
_LEADER = regex.compile(r"(?:\s?[.…·]){4,}|_{4,}")
_SIGN_BEHIND = regex.compile(rf"(?:^|\s)\(?(?:{CURRENCY_SIGN})\s?\(?$")
_SIGN_BEFORE = regex.compile(r"\)?\s?[%‰]?\)?")


def whole_values(parts: Sequence[Fragment]) -> list[Fragment]:
    """Parts with leaders cut off, and with currency signs, brackets and percent signs put to their number."""
    found: list[Fragment] = []
    for part in (piece for whole in parts for piece in _without_leader(whole)):
        last = found[-1] if found else None
        if (
            last is not None
            and (part.text[:1].isdigit() or part.text in "–—-−")
            and (sign := _SIGN_BEHIND.search(last.text))
        ):
            kept = last.text[: sign.start()].rstrip()
            share = len(kept) / len(last.text)
            found[-1:] = [replace(last, text=kept, right=last.left + share * last.width, glyphs=[])] if kept else []
            begin = last.left if not kept else last.right - 0.6 * part.size
            part = replace(part, text=sign[0].strip() + part.text, left=begin, glyphs=[])
        elif last is not None and _SIGN_BEFORE.fullmatch(part.text) and last.text[-1:].isdigit():
            found[-1] = replace(last, text=last.text + part.text, right=part.right, glyphs=[])
            continue
        found.append(part)
    return found


def _without_leader(part: Fragment) -> list[Fragment]:
    """A part without dots that lead to a number; what stands behind them as a part of its own."""
    leader = _LEADER.search(part.text)
    if leader is None:
        return [part]
    before, behind = part.text[: leader.start()].rstrip(), part.text[leader.end() :].lstrip()
    step = part.width / len(part.text)
    pieces = [
        replace(part, text=before, right=part.left + step * len(before), glyphs=[]),
        replace(part, text=behind, left=part.right - step * len(behind), glyphs=[]),
    ]
    return [piece for piece in pieces if piece.text]


def find_columns(lines: Sequence[TextLine]) -> list[tuple[float, float]] | None:
    """Left and right of each column, None where the lines have no columns in common. The lines with values tell, where
    there are enough of them: names over columns reach over several."""
    telling = [line for line in lines if any(is_value(part.text) for part in line.parts[1:])]
    if len(telling) < 3:
        telling = list(lines)
    parts = [part for line in telling for part in line.parts]
    free = _free_strips(telling, parts)
    edges = [-1e9, *free, 1e9]
    columns = []
    for left, right in pairwise(edges):
        inside = [part for part in parts if left - 1 <= part.left and part.right <= right + 1]
        if len(inside) >= min(2, len(telling)):
            columns.append((min(part.left for part in inside), max(part.right for part in inside)))
    columns = _with_rare(columns, [part for line in lines for part in line.parts])
    return columns if 2 <= len(columns) <= _MOST_COLUMNS else None


def _free_strips(lines: Sequence[TextLine], parts: Sequence[Fragment]) -> list[float]:
    """The middles of strips that hardly a line reaches over, between parts of the same line."""
    most = int(_CROSSED * len(lines))
    crossed = _crossings(parts)
    strips: list[list[float]] = []
    for left, right, over in crossed:
        if right - left < 0.1 or over > most:
            continue
        if strips and abs(strips[-1][1] - left) < 0.1:
            strips[-1][1] = right
        else:
            strips.append([left, right])
    wanted = []
    for left, right in strips:
        middle = (left + right) / 2
        both = sum(line.parts[0].left < middle and line.right > middle and not _covers(line, middle) for line in lines)
        if both >= max(2, 0.2 * len(lines)):
            inside = [each for each in crossed if left <= each[0] and each[1] <= right]
            first, last, _over = min(inside, key=lambda each: (each[2], each[0] - each[1]))
            wanted.append((first + last) / 2)  # of the widest stretch that fewest parts reach over
    return wanted


def _crossings(parts: Sequence[Fragment]) -> list[tuple[float, float, int]]:
    """The stretches between the borders of parts, from the left: left, right, and how many parts reach over each."""
    steps = Counter(part.left for part in parts)
    steps.subtract(Counter(part.right for part in parts))
    borders = sorted(steps)
    over = accumulate(steps[border] for border in borders)
    return [(left, right, count) for (left, right), count in zip(pairwise(borders), over, strict=False)]


def _covers(line: TextLine, x: float) -> bool:
    return any(part.left < x < part.right for part in line.parts)


def _with_rare(columns: list[tuple[float, float]], parts: Sequence[Fragment]) -> list[tuple[float, float]]:
    """With columns of their own for parts that stand between the others, twice at least."""
    beside = [p for p in parts if all(p.right < left or p.left > right for left, right in columns)]
    for part in beside:
        same = [p for p in beside if p.left < part.right and part.left < p.right]
        left, right = min(p.left for p in same), max(p.right for p in same)
        if len(same) > 1 and all(right < a or left > b for a, b in columns):
            columns = sorted([*columns, (left, right)])
    return columns


def place(part: Fragment, columns: Sequence[tuple[float, float]]) -> tuple[int, int]:
    """The first and last column that a part reaches into by more than a little; else the nearest."""
    touched = [
        n
        for n, (left, right) in enumerate(columns)
        if min(right, part.right) - max(left, part.left) > min(0.25 * (right - left), 0.5 * part.size)
    ]
    if touched:
        return touched[0], touched[-1]
    centre = (part.left + part.right) / 2
    nearest = min(range(len(columns)), key=lambda n: max(columns[n][0] - centre, centre - columns[n][1]))
    return nearest, nearest
