"""Numbers at even steps from nought on, along a side of a drawing: the axis of a chart, whose labels are no table.

60 |    _
40 |   | |  _       60, 40, 20, 0 one below the other, or 0% 10% 20% beside each other
20 |   | | | |
 0 |___|_|_|_|__
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import regex

from metier.parsing.pdf.bidi import Box
from metier.parsing.pdf.fragments import Fragment

_ALIGNED = 3.0  # points between numbers that stand in one line
_UNEVEN = 0.15  # of a step
_FEWEST = 3
_NUMBER = regex.compile(r"-?\d+(?:[.,]\d+)?(?=\s?%?(?:\s|$))")
_NUMBERS = regex.compile(r"(?:-?\d+(?:[.,]\d+)?\s?%?(?:\s+|$))+")


@dataclass(frozen=True, slots=True)
class _Tick:
    value: float
    left: float
    right: float
    up: float

    @property
    def across(self) -> float:
        return (self.left + self.right) / 2


def has_axis(box: Box, parts: Sequence[Fragment]) -> bool:
    """Whether an axis stands in a box of a page. `parts`: of the page."""
    found = (tick for part in parts for tick in _ticks(part))
    ticks = [tick for tick in found if box[0] <= tick.across <= box[2] and box[1] <= tick.up <= box[3]]
    return (
        _is_axis([(tick.right, tick.up, tick.value) for tick in ticks])
        or _is_axis([(tick.left, tick.up, tick.value) for tick in ticks])
        or _is_axis([(tick.up, tick.across, tick.value) for tick in ticks])
    )


def _ticks(part: Fragment) -> Iterator[_Tick]:
    """The numbers of a text that holds nothing else, each about where it stands."""
    if not _NUMBERS.fullmatch(part.text):
        return
    numbers = _NUMBER.findall(part.text)
    step = (part.right - part.left) / len(numbers)
    for place, number in enumerate(numbers):
        left = part.left + place * step
        yield _Tick(float(number.replace(",", ".")), left, left + step, part.middle)


def _is_axis(ticks: Sequence[tuple[float, float, float]]) -> bool:
    """Whether ticks of one line go on evenly in place and value, and one of them is nought. `ticks`: where the line
    stands, where the tick stands along it, and its value."""
    lines: list[list[tuple[float, float]]] = []
    last = 0.0
    for line, place, value in sorted(ticks):
        if not lines or line - last > _ALIGNED:
            lines.append([])
        lines[-1].append((place, value))
        last = line
    return any(_goes_evenly(sorted(line)) for line in lines)


def _goes_evenly(line: Sequence[tuple[float, float]]) -> bool:
    run = list(line[:2])
    for tick in line[2:]:
        run = [*run, tick] if _is_next(run[-2:], tick) else [run[-1], tick]
        if len(run) >= _FEWEST and run[0][1] != run[1][1] and any(value == 0 for _place, value in run):
            return True
    return False


def _is_next(last: Sequence[tuple[float, float]], tick: tuple[float, float]) -> bool:
    (far, value), (further, more) = ((b[0] - a[0], b[1] - a[1]) for a, b in pairwise([*last, tick]))
    return abs(more - value) < 1e-6 * max(1.0, abs(value)) and abs(further - far) <= _UNEVEN * max(far, further)
