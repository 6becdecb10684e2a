"""Names over several columns with a line under them that says which ones.

      Actual          |      Projected
─────────────────     |  ────────────────        the lines end where the columns do that the names head
2003-04   2004-05     |  2009-10   2010-11
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from metier.parsing.core.table_cells import is_value
from metier.parsing.pdf.drawn_lines import Segment
from metier.parsing.pdf.fragments import Fragment
from metier.parsing.pdf.layout import TextLine

_BELOW, _ABOVE = 0.9, 0.3  # sizes of a name by which its line lies under the lower edge of its box, or over it
_OFF_CENTRE = 0.2  # of the length of a line, by which the name over it may stand beside its middle


@dataclass(frozen=True, slots=True)
class Spanner:
    """A level line under names: where it lies, and the first and last column that it covers, neither of them the first
    of the table."""

    line: Segment
    first: int
    last: int


def spanners(columns: Sequence[tuple[float, float]], lines: Sequence[Segment]) -> list[Spanner]:
    """The level lines that cover several columns of a table, but not its first."""
    found = []
    for line in lines:
        covered = [n for n, (left, right) in enumerate(columns) if line.start <= (left + right) / 2 <= line.end]
        if len(covered) > 1 and covered[0]:
            found.append(Spanner(line, covered[0], covered[-1]))
    return found


def spanned(part: Fragment, row: TextLine, over: Sequence[Spanner]) -> tuple[int, int] | None:
    """The first and last column that a part of a row heads by the line under it; None where no line says so."""
    for spanner in over:
        line = spanner.line
        if not (
            part.bottom - _BELOW * part.size < line.at < part.bottom + _ABOVE * part.size
            and line.start - 1 <= part.left
            and part.right <= line.end + 1
        ):
            continue
        alone = all(other is part or other.right < line.start or other.left > line.end for other in row.parts)
        off = abs((part.left + part.right) - (line.start + line.end)) / 2
        centred = off < _OFF_CENTRE * (line.end - line.start) or part.left - line.start < part.size
        if alone and centred and not is_value(part.text):
            return spanner.first, spanner.last
    return None
