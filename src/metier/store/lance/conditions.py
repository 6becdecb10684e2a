"""A filter, and what else a search is narrowed by, as a condition in SQL of the table of passages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from metier.store.base import Filter
from metier.store.lance.table_rows import DOCUMENT
from metier.store.rows import PUBLIC


def condition(where: Filter | None, rows: str = f"position > {DOCUMENT}") -> str:
    """Those of `rows`, which is a condition itself, that the filter lets through."""
    return " AND ".join([rows, *_conditions(where)])


def narrowing(where: Filter | None) -> str:
    """Of what is found by vectors or tokens, which passages alone have, those that the filter lets through; "" for all
    of them."""
    return " AND ".join(_conditions(where))


def narrowed(query: Any, wanted: str) -> Any:
    """A search that finds only what meets a condition, before it ranks; "" = everything."""
    return query.where(wanted, prefilter=True) if wanted else query


def _conditions(where: Filter | None) -> list[str]:
    parts: list[str] = []
    if where is not None:
        if where.groups is not None:
            parts.append(f"array_has_any(groups, [{in_list([PUBLIC, *where.groups])}])")
        if where.uri is not None:
            parts.append(f"uri LIKE {quoted(_like(where.uri))} ESCAPE '\\'")
        if where.language is not None:
            parts.append(f"language = {quoted(where.language)}")
        parts.extend(f"array_has(metadata, {quoted(f'{key}={value}')})" for key, value in where.metadata.items())
        if where.closed:
            parts.append(f"uri NOT IN ({in_list(where.closed)})")
        parts.extend(f"uri NOT LIKE {quoted(_escaped(name) + '%')} ESCAPE '\\'" for name in where.closed_below)
        if where.hidden:
            parts.append(f"id NOT IN ({in_list(where.hidden)})")
    return parts


def _like(glob: str) -> str:
    return _escaped(glob).replace("*", "%").replace("?", "_")


def _escaped(text: str) -> str:
    """As it stands in a LIKE, so that it means itself."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def of_documents(ids: Sequence[str]) -> str:
    return f"document_id IN ({in_list(ids)})"


def in_list(texts: Sequence[str]) -> str:
    return ", ".join(map(quoted, texts))


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
