"""Blocks of a database's table, told as the one table that they are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from metier.cli.show import counted
from metier.core.database_rows import table_of

if TYPE_CHECKING:
    from metier.ingestion.work import Failure
    from metier.state.catalog import ItemState


def items_as_tables(items: Sequence[ItemState]) -> list[ItemState]:
    """Blocks of one table of which the same is to be said are one item under its address, with all their passages."""
    found: dict[object, ItemState] = {}
    for item in items:
        place = table_of(item.uri)
        key = (place.table, item.state, item.reason, item.tries, item.next_try) if place else item.uri
        if place and key in found:
            item = replace(found[key], passages=found[key].passages + item.passages)
        found[key] = replace(item, uri=place.table) if place else item
    return list(found.values())


def told_by_table(failures: Iterable[Failure]) -> list[Failure]:
    """What is to be said of several blocks of a table, once, and of how many."""
    blocks: dict[tuple[str, str], int] = {}
    told: list[Failure] = []
    for failure in failures:
        place = table_of(failure.item)
        key = (place.table, failure.reason) if place else ("", "")
        blocks[key] = blocks.get(key, 0) + 1
        if place is None or blocks[key] == 1:
            told.append(replace(failure, item=place.table) if place else failure)
    many = {key: count for key, count in blocks.items() if key[0] and count > 1}
    return [
        replace(each, reason=f"{each.reason} (in {counted(many[each.item, each.reason], 'block')} of rows)")
        if (each.item, each.reason) in many
        else each
        for each in told
    ]
