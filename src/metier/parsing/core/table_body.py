"""Rows of a table with the names they stand under, told from indents, or from names that have no values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import regex

from metier.parsing.core.table_cells import RawRow, is_alone, is_period, is_value
from metier.parsing.core.table_header import LONGEST_NAME
from metier.text.language import words_in_any_language
from metier.text.phrases import compose, fold

HALF_STEP = 0.01  # less than any text is set in by
_DIGITS = regex.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class BodyRow:
    """`number`: of the row in the source. `groups`: the names it stands under, the outermost first."""

    number: int
    cells: list[str]
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Group:
    """A name that rows stand under. `indent`: what rows under it are set in further than, None where it is not known.
    `valued`: it has values of its own. `period`: it is a year that heads a part of the table, with groups in it."""

    indent: float | None
    name: str
    valued: bool = False
    period: bool = False


def grouped(rows: Sequence[RawRow], headed: bool) -> list[BodyRow]:
    """Rows with the names they stand under: those less far set in, or a name without values until the next or a total,
    a year until the next one. A group's own row is left out where rows stand under it."""
    found: list[BodyRow] = []
    path: list[_Group] = []
    told = any(row.indent for row in rows)
    years = _years_alone(rows)
    parted = headed and (told or bool(years) or not _is_list(rows))
    for place, row in enumerate(rows):
        label = row.cells[0].strip()
        period = label in years
        alone = period or is_alone(row)
        following = rows[place + 1] if place + 1 < len(rows) else None
        leads = parted and alone and following is not None and _may_stand_under(following, period, years)
        indent = row.indent
        if told and row.indent is not None:
            deeper = following is not None and following.indent is not None and following.indent > row.indent
            if leads and not deeper:  # a name without values over rows that are set in as far as it is
                indent = row.indent - (2 if period else 1) * HALF_STEP
            leads = deeper or leads
            while path and (path[-1].indent or 0) >= (indent or 0):
                path.pop()
            while is_total(label) and path and path[-1].valued:  # a total that is set in is no part of the row above
                path.pop()
        elif alone:
            path = [group for group in path if group.period and not period]
        under = tuple(group.name for group in path)
        if alone and leads and len(row.cells) > 1 and len(label) <= LONGEST_NAME:
            path.append(_Group(indent, label.rstrip(" :"), period=period))
            continue
        found.append(BodyRow(row.number, _once(row, headed), under))
        if told and leads and label:
            path.append(_Group(row.indent, label.rstrip(" :"), valued=True))
        if under and is_total(label) and len(found) > 1 and found[-2].groups[: len(under)] == under:
            if not told:
                path = [group for group in path if group.period]
            elif row.indent is not None and path and path[-1].indent == row.indent - HALF_STEP:
                path.pop()
    return found


def _is_list(rows: Sequence[RawRow]) -> bool:
    """Whether names without values in two columns are things whose value is not known, as of a list of telephone
    numbers: the first row has one, so that it stands under no name, and none is a total."""
    labels = [row.cells[0].strip() for row in rows]
    if not rows or any(len(row.cells) != 2 or row.wide for row in rows) or is_alone(rows[0]):
        return False
    return not any(label.endswith(":") or is_total(label) for label in labels)


def _may_stand_under(row: RawRow, period: bool, years: frozenset[str]) -> bool:
    """Whether a row may be the first under a name without values: one with values, or under a year another name."""
    label = row.cells[0].strip()
    return bool(label) and label not in years and (period or not is_alone(row))


def _years_alone(rows: Sequence[RawRow]) -> frozenset[str]:
    """Years and dates that stand alone at the left and head the rows below them: two at least that differ in their
    numbers alone, and no row that has values is named so."""
    alone: set[str] = set()
    valued: set[str] = set()
    for row in rows:
        label, rest = row.cells[0].strip(), {cell.strip() for cell in row.cells[1:]} - {""}
        if is_period(label):
            (valued if rest - {label} else alone).add(label)
    shapes = Counter(_DIGITS.sub("0", label) for label in alone)
    if len(shapes) != 1 or any(map(is_value, valued)) or len(alone) < 2 - all(map(is_value, alone)):
        return frozenset()
    return frozenset(alone)


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
