"""Where knowledge comes from."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from metier.core import addresses, plugins, public_addresses
from metier.core.errors import InputError, SettingsError, SourceError
from metier.core.source_settings import SourceSettings
from metier.sources.base import Item, Rejected, Source, Unreachable

__all__ = ["Item", "Rejected", "Source", "Unreachable", "check", "create", "membership"]


_WEB = ("http", "https")


def create(settings: SourceSettings, root: Path) -> Source:
    """The source for one `[[sources]]` entry; relative paths are taken from `root`, the expert's folder. An address is
    one of the web, or of a scheme that another package adds (`metier.sources`). Raises `SettingsError`."""
    if settings.url is not None:
        scheme = settings.url.partition("://")[0].lower()
        if scheme not in _WEB:
            return _added(scheme, settings, root)
        from metier.sources.web import WebSource

        return WebSource(settings)
    from metier.sources.files import FileSource

    return FileSource(settings, root)


def membership(settings: SourceSettings, root: Path) -> Callable[[str], bool]:
    """Tells by `Item.known_as` whether this source holds an item, without looking into it; of what another package
    reads it never says so."""
    if settings.path is not None:
        from metier.sources.files import FileSource

        try:
            return FileSource(settings, root).holds
        except SourceError:
            return lambda identity: False
    if settings.name.partition("://")[0].lower() not in _WEB:
        return lambda identity: False
    address = addresses.identity(settings.name)
    return lambda identity: identity == address


def check(address: str, root: Path, *, private: bool) -> None:
    """Before an address becomes a source. Raises `InputError` where it is none, holds a secret, nothing reads it, or
    its host is written as a number that is not to be asked (names are looked up when they are fetched)."""
    if (wrong := addresses.problem(address)) is not None:
        raise InputError(wrong, where=addresses.masked(address))
    create(SourceSettings(url=address), root)
    try:
        if (number := public_addresses.number(urlsplit(address).hostname or "")) is not None:
            public_addresses.refuse(number, private=private)
    except public_addresses.Refused as refused:
        raise InputError(str(refused), where=address, hint=None if private else public_addresses.HOW) from None


def _added(scheme: str, settings: SourceSettings, root: Path) -> Source:
    make = plugins.load(plugins.SOURCES, scheme)
    if make is None:
        known = ", ".join(f"{name}://" for name in (*_WEB, *plugins.names(plugins.SOURCES)))
        raise SettingsError(
            f"nothing here reads {scheme}:// addresses",
            where=f"sources: {settings.url}",
            hint=f"Known are {known}; a package that adds it has to be installed.",
        )
    source: Source = make(settings, root)
    return source
