"""Passages kept and searched."""

from __future__ import annotations

from pathlib import Path

from metier.core import plugins
from metier.core.errors import SettingsError, needing
from metier.core.settings import StoreSettings
from metier.store.base import Entry, Filter, Identity, Scored, Store

__all__ = ["Entry", "Filter", "Identity", "Scored", "Store", "open_store"]


def open_store(folder: Path, settings: StoreSettings, identity: Identity, *, replace: bool = False) -> Store:
    """Open the store that `[store] backend` names, in `folder`, made on first use. Raises `SettingsError`.

    With `replace`, it is a new one, whatever made the index that is there; see `Store.publish`.
    """
    if settings.backend == "postgres":
        with needing("postgres"):
            from metier.store.postgres.store import PostgresStore
        return PostgresStore(folder, settings, identity, replace=replace)
    if settings.backend != "lance":
        make = plugins.load(plugins.STORES, settings.backend)
        if make is None:
            known = ", ".join(("lance", "postgres", *plugins.names(plugins.STORES)))
            raise SettingsError(
                f"no store is called {settings.backend!r}",
                where="store.backend",
                hint=f"Known are {known}; a package that adds it has to be installed.",
            )
        added: Store = make(folder, settings, identity, replace=replace)
        return added
    from metier.store.lance.store import LanceStore

    return LanceStore(folder, settings, identity, replace=replace)
