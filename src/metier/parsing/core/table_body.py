"""Rows of a table with the names they stand under, told from indents, or from names that have no values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from metier.parsing.core.table_cells import RawRow, is_alone
from metier.parsing.core.table_header import LONGEST_NAME
from metier.text.language import words_in_any_language
from metier.text.phrases import compose, fold

HALF_STEP = 0.01  # less than any text is set in by


@dataclass(frozen=True, slots=True)
class BodyRow:
    """`number`: of the row in the source. `groups`: the names it stands under, the outermost first."""

    number: int
    cells: list[str]
    groups: tuple[str, ...] = ()


def grouped(rows: Sequence[RawRow], headed: bool) -> list[BodyRow]:
    """Rows with the names they stand under: those less far set in, or a name without values until the next or a total.
    A group's own row is left out where rows stand under it."""
    found: list[BodyRow] = []
    path: list[tuple[float | None, str, bool]] = []  # indent, name, has values
    told = any(row.indent for row in rows)
    for place, row in enumerate(rows):
        label = row.cells[0].strip()
        alone = is_alone(row)
        following = rows[place + 1] if place + 1 < len(rows) else None
        leads = following is not None and headed and not is_alone(following) and bool(following.cells[0].strip())
        depth = row.indent
        if told and row.indent is not None:
            deeper = following is not None and following.indent is not None and following.indent > row.indent
            if alone and leads and not deeper:
                depth = row.indent - HALF_STEP  # a name without values over rows that are set in as far as it is
            leads = deeper or (alone and leads)
            while path and (path[-1][0] or 0) >= (depth or 0):
                path.pop()
            while is_total(label) and path and path[-1][2]:  # a total that is set in is no part of the row above
                path.pop()
        elif alone:
            path.clear()
        under = tuple(name for _indent, name, _valued in path)
        if alone and leads and len(row.cells) > 1 and len(label) <= LONGEST_NAME:
            path.append((depth, label.rstrip(" :"), False))
            continue
        found.append(BodyRow(row.number, _once(row, headed), under))
        if told and leads and label:
            path.append((row.indent, label.rstrip(" :"), True))
        if under and is_total(label) and len(found) > 1 and found[-2].groups[: len(under)] == under:
            if not told:
                path.clear()
            elif row.indent is not None and path and path[-1][0] == row.indent - HALF_STEP:
                path.pop()
    return found


def _once(row: RawRow, headed: bool) -> list[str]:
    """A row whose merged cells are told in their first column only: where nothing names the columns, or all are one."""
    if not row.wide or (headed and len(set(row.cells)) > 1):
        return row.cells
    return [cell if not n or cell != row.cells[n - 1] else "" for n, cell in enumerate(row.cells)]


def still_under(last: BodyRow, rows: Sequence[BodyRow], indents: Mapping[int, float | None]) -> list[BodyRow]:
    """Rows at the top of a page under the groups of the last row before it, until one stands at the left, under a group
    of its own, or is a total."""
    if not last.groups or is_total(last.cells[0]):
        return list(rows)
    told = any(indents.values())
    found: list[BodyRow] = []
    for place, row in enumerate(rows):
        if row.groups or (told and not indents.get(row.number)):
            return [*found, *rows[place:]]
        found.append(replace(row, groups=last.groups))
        if is_total(row.cells[0]):
            return [*found, *rows[place + 1 :]]
    return found


def is_total(label: str) -> bool:
    return fold(compose(label.split(" ")[0])).strip(":") in words_in_any_language("tables", "total")
