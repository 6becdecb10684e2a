"""A filter, and what else a search is narrowed by, as a condition in SQL of documents or passages, and its values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from metier.store.base import Filter
from metier.store.rows import PUBLIC


class Narrowing(NamedTuple):
    """`sql`: with a %s for each of `values`."""

    sql: str
    values: tuple[Any, ...]

    def and_(self, sql: str, *values: Any) -> Narrowing:
        return Narrowing(f"{self.sql} AND ({sql})", (*self.values, *values))


def condition(where: Filter | None, *, of_passages: bool = True) -> Narrowing:
    """What the filter lets through; `hidden` says nothing of documents."""
    made = Narrowing("true", ())
    if where is None:
        return made
    if where.groups is not None:
        made = made.and_("groups && %s::text[]", [PUBLIC, *where.groups])
    if where.uri is not None:
        made = made.and_("uri LIKE %s", like(where.uri))
    if where.language is not None:
        made = made.and_("language = %s", where.language)
    if where.metadata:
        made = made.and_("metadata @> %s::text[]", [f"{key}={value}" for key, value in where.metadata.items()])
    if where.closed:
        made = made.and_("uri <> ALL(%s::text[])", list(where.closed))
    for beginning in where.closed_below:
        made = made.and_("NOT starts_with(uri, %s)", beginning)
    if where.hidden and of_passages:
        made = made.and_("id <> ALL(%s::text[])", list(where.hidden))
    return made


def like(glob: str) -> str:
    """`*` and `?` of a glob; all else means itself."""
    escaped = glob.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return escaped.replace("*", "%").replace("?", "_")


def groups_of(where: Filter | None) -> Sequence[str] | None:
    return None if where is None else where.groups
