"""Passages kept and searched."""

from __future__ import annotations

from pathlib import Path

from metier.core.settings import StoreSettings
from metier.store.base import Entry, Filter, Identity, Scored, Store

__all__ = ["Entry", "Filter", "Identity", "Scored", "Store", "open_store"]


def open_store(folder: Path, settings: StoreSettings, identity: Identity, *, replace: bool = False) -> Store:
    """Open the store in `folder`, made on first use.

    With `replace`, whatever index is there is thrown away first, also one that another embedder made.
    """
    from metier.store.lance.store import LanceStore

    return LanceStore(folder, settings, identity, replace=replace)
