"""For whom something is being read just now: what they may not see must not show in anything that is worked out, in the
rarity of a word no more than in a text.

    with reading_as(where.groups):
        store.frequencies(tokens)       # in what these groups open
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Groups = tuple[str, ...] | None  # None: everything is read, as by the owner
_groups: ContextVar[Groups] = ContextVar("groups", default=None)


@contextmanager
def reading_as(groups: Groups) -> Iterator[None]:
    """What is called in here is for a reader with these groups. A thread that is started in here knows of it where it
    runs in a copy of the context."""
    token = _groups.set(None if groups is None else tuple(sorted(set(groups))))
    try:
        yield
    finally:
        _groups.reset(token)


def readers_groups() -> Groups:
    """Sorted, each once."""
    return _groups.get()
