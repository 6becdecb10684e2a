"""Where knowledge comes from."""

from __future__ import annotations

from pathlib import Path

from metier.core.settings import SourceSettings
from metier.sources.base import Item, Source, Unreachable

__all__ = ["Item", "Source", "Unreachable", "create"]


def create(settings: SourceSettings, root: Path) -> Source:
    """The source for one `[[sources]]` entry; relative paths are taken from `root`, the expert's folder."""
    if settings.url is not None:
        from metier.sources.web import WebSource

        return WebSource(settings.url, settings.groups)
    from metier.sources.files import FileSource

    return FileSource(settings, root)
