"""The systems that `peers.py` compares, one file each, run in a process of its own by `child.py`.

A peer's module imports its library at the top and holds

    PACKAGES: tuple[str, ...]                               distributions whose versions are reported
    build(documents, workdir) -> index                      timed; documents: [(id, title, text)], workdir: empty folder
    search(index, question, k) -> [document id, best first] each document once, at the rank of its best passage

and asks its library for the `k` best passages: what is found in them is what a user of the library would see.
"""

from __future__ import annotations

from collections.abc import Iterable

NAMES = ("metier", "llamaindex", "haystack", "haystack_hybrid", "txtai", "txtai_hybrid")


def full_text(title: str, text: str) -> str:
    """What every peer gets to read: the title on a line of its own, unless the text begins with it."""
    return text if not title or text.startswith(title) else f"{title}\n{text}"


def best_first(document_ids: Iterable[str]) -> list[str]:
    """Documents of ranked passages, each at the place of its best one."""
    return list(dict.fromkeys(document_ids))
