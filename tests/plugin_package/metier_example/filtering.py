"""What a filter lets through, for a store without a query language of its own."""

from __future__ import annotations

import re
from functools import lru_cache

from metier.core.documents import Document, Passage
from metier.store.base import Filter


def lets_through(one: Document | Passage, where: Filter | None) -> bool:
    return where is None or (
        (where.groups is None or not one.groups or not set(one.groups).isdisjoint(where.groups))
        and (where.uri is None or _glob(where.uri).fullmatch(one.uri) is not None)
        and (where.language is None or one.language == where.language)
        and where.metadata.items() <= one.metadata.items()
        and one.id not in where.hidden
        and one.uri not in where.closed
        and not one.uri.startswith(where.closed_below)
    )


@lru_cache
def _glob(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)
