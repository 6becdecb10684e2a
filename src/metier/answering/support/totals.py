"""Totals of tables: what the numbers of a column add up to, over all rows and over those that share a cell.

Order | Crew   | Status  | Sum
31    | Crew 1 | billed  | 19,850        "the billed orders come to 49,630"
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cached_property

from metier.answering.support.agreement import is_among
from metier.answering.support.row_quantities import CELL_TEXT
from metier.answering.support.sources import MOST_ROWS, Shown, SourceUnit
from metier.text.quantities import Quantity

_FEWEST = 3  # digits of a total that does not come out by chance


class Totals:
    """Over one set of shown passages, as far as they show a table."""

    def __init__(self, shown: Shown) -> None:
        self._shown = shown

    def has(self, said: Quantity) -> bool:
        """Whether a number is such a total."""
        return bool(said.values) and said.digits >= _FEWEST and is_among(said, self._known)

    @cached_property
    def _known(self) -> list[Quantity]:
        tables = [rows for rows in self._shown.tables.values() if 1 < len(rows) <= MOST_ROWS]
        return [total for rows in tables for total in _totals(rows)]


def _totals(rows: Sequence[SourceUnit]) -> Iterator[Quantity]:
    groups: dict[tuple[str, str], list[Quantity]] = defaultdict(list)
    for row in rows:
        cells = list(CELL_TEXT.finditer(row.text))
        texts = {cell[0].strip() for cell in cells}
        for cell in cells:
            column = cell[0].partition(":")[0].strip()
            inside = [q for q in row.quantities if cell.start() <= q.start < cell.end() and q.values]
            if len(inside) == 1:
                for shared in ("", *texts):
                    groups[column, shared].append(inside[0])
    for numbers in groups.values():
        units = {q.unit for q in numbers}
        if len(numbers) > 1 and len(units) == 1:
            total = sum(q.values[0] for q in numbers)
            yield Quantity(0, 0, f"{total:g}", (total,), max(q.decimals for q in numbers), numbers[0].unit)
