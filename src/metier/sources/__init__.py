"""Where knowledge comes from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit

from metier.core import addresses, plugins, public_addresses
from metier.core.database_rows import DATABASES, is_database
from metier.core.errors import InputError, SettingsError, SourceError
from metier.core.source_settings import WEB, SourceSettings
from metier.sources import kept
from metier.sources.base import Item, Rejected, Source, Unreachable

__all__ = ["Item", "Rejected", "Source", "Unreachable", "check", "create", "create_all", "membership"]


OBJECT_STORES = ("s3", "gs", "gcs", "az", "abfs", "abfss")  # what follows is no host
# Who reads an address, by its scheme: module and class.
_READERS = {
    **dict.fromkeys(WEB, ("web", "WebSource")),
    **dict.fromkeys(DATABASES, ("sql", "SqlSource")),
    **dict.fromkeys(("git+https", "git+http", "git+ssh", "git+file"), ("git", "GitSource")),
    **dict.fromkeys(("imaps", "imap"), ("imap", "ImapSource")),
    **dict.fromkeys(("webdavs", "webdav"), ("webdav", "WebDavSource")),
    **dict.fromkeys(OBJECT_STORES, ("object_store", "ObjectStoreSource")),
}


def create(settings: SourceSettings, root: Path) -> Source:
    """The source for one `[[sources]]` entry; relative paths are taken from `root`, the expert's folder. Schemes of
    addresses that are not known here are those of other packages (`metier.sources`). Raises `SettingsError`."""
    if settings.url is None:
        from metier.sources.files import FileSource

        return FileSource(settings, root)
    reader = ("crawl", "CrawlSource") if settings.depth else _READERS.get(settings.scheme)
    if reader is None:
        return _added(settings.scheme, settings, root)
    module, kind = reader
    source: Source = getattr(import_module(f"metier.sources.{module}"), kind)(settings, root)
    return source


def create_all(settings: Sequence[SourceSettings], root: Path) -> list[Source]:
    """Those of all entries; what others kept that are none any more goes. Raises `SettingsError`."""
    kept.forget_others((each.name for each in settings), root)
    return [create(each, root) for each in settings]


def membership(settings: SourceSettings, root: Path) -> Callable[[str], bool]:
    """Tells by `Item.known_as` whether this source holds an item, without looking into it; of what another package
    reads it never says so."""
    if settings.url is not None and settings.scheme not in _READERS:
        return lambda identity: False
    try:
        source = create(settings, root)
    except (SourceError, SettingsError):  # which the next sync tells
        return lambda identity: False
    holds: Callable[[str], bool] = getattr(source, "holds", lambda identity: False)  # those here have it
    return holds


def check(address: str, root: Path, *, private: bool) -> None:
    """Before an address becomes a source. Raises `InputError` where it is none, holds a secret, nothing reads it, or
    its host is written as a number that is not to be asked (names are looked up when they are fetched)."""
    if (wrong := addresses.problem(address)) is not None:
        raise InputError(wrong, where=addresses.masked(address))
    create(SourceSettings(url=address), root)
    # A database its owner names, and no page or redirect does; a bucket is no host.
    if is_database(address) or address.partition("://")[0].lower() in OBJECT_STORES:
        return
    try:
        if (number := public_addresses.number(urlsplit(address).hostname or "")) is not None:
            public_addresses.refuse(number, private=private)
    except public_addresses.Refused as refused:
        raise InputError(str(refused), where=address, hint=None if private else public_addresses.HOW) from None


def _added(scheme: str, settings: SourceSettings, root: Path) -> Source:
    make = plugins.load(plugins.SOURCES, scheme)
    if make is None:
        known = ", ".join(f"{name}://" for name in (*_READERS, *plugins.names(plugins.SOURCES)))
        raise SettingsError(
            f"nothing here reads {scheme}:// addresses",
            where=f"sources: {settings.url}",
            hint=f"Known are {known}; a package that adds it has to be installed.",
        )
    source: Source = make(settings, root)
    return source
