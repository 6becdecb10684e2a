"""The files that documents were read from, as they are at their sources now."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from metier import sources
from metier.core.documents import Document
from metier.core.errors import SourceError
from metier.ingestion.work import bytes_hash
from metier.runtime import Runtime
from metier.sources.base import find_indexed
from metier.sources.real_files import hash_file


@contextmanager
def original(runtime: Runtime, document: Document) -> Iterator[Path]:
    """See `Expert.original`."""
    settings = runtime.settings
    with runtime.catalog() as catalog:
        state = catalog.item(document.uri)
    chosen = next((each for each in settings.sources if state and each.name == state.source), None)
    if chosen is None:
        raise SourceError("comes from no source of this expert", where=document.uri)
    source = sources.create(chosen, runtime.folder)
    item = find_indexed(source, document.uri)
    if item is None:
        raise SourceError("is not at its source any more", where=document.uri, hint="Run `metier sync`.")
    real = item.identity if os.path.isabs(item.identity) else ""
    with source.fetch(item) as path:
        try:
            found = hash_file(path, settings.parsing.max_file_bytes, real)
        except OSError as error:
            raise SourceError(error.strerror or str(error), where=document.uri) from None
        if found != bytes_hash(document.content_hash):
            raise SourceError("has changed since it was read", where=document.uri, hint="Run `metier sync`.")
        yield path
