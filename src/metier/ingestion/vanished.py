"""Folders inside a source whose documents are gone all at once, as where a share below it is not mounted.

    they lay on a mount below the source, which is none any more      kept, however few they are
    20 and more of one folder, and no other is there instead          kept, unless some were moved elsewhere
    all rows of a database's table, or the table itself               kept
    else                                                              deleted

A file that was moved has the size and the time of change that it had. `metier sync --allow-empty` lets them all go.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from metier.core.database_rows import table_of
from metier.sources.base import Item, Source
from metier.sources.files import FileSource, moment_of, mount_of
from metier.state.catalog import ItemState

_MANY = 20  # documents; who deletes fewer means it, and hears of it by their number


def vanished(
    known: Mapping[str, ItemState], found: Iterable[Item], sources: Sequence[Source]
) -> Iterator[tuple[str, list[str]]]:
    """Folders that are not there any more, each with the uris of what was indexed in it and is to be kept. `known`:
    what the last sync knew, by uri, but for what is kept anyway; `found`: what all `sources` list now."""
    items = list(found)
    lost = _lost(known, items, {source.name: source for source in sources if isinstance(source, FileSource)})
    yield from (unmounted := _unmounted(lost)).items()
    gone = {uri for uris in unmounted.values() for uri in uris}
    yield from _emptied([uri for uri in lost if uri not in gone], known, items, lost)
    yield from _emptied_tables(known, items, {source.name for source in sources})


def _emptied_tables(
    known: Mapping[str, ItemState], items: Sequence[Item], sources: Collection[str]
) -> Iterator[tuple[str, list[str]]]:
    """By address."""
    there = {place.table for item in items if (place := table_of(item.uri))}
    by_table: dict[str, list[str]] = {}
    for uri, state in known.items():
        place = table_of(uri) if state.state == "indexed" and state.source in sources else None
        if place and place.table not in there:
            by_table.setdefault(place.table, []).append(uri)
    yield from by_table.items()


def _lost(
    known: Mapping[str, ItemState], items: Sequence[Item], files: Mapping[str, FileSource]
) -> dict[str, ItemState]:
    """What was indexed of a source of files, which would list it where it were there."""
    there = {item.known_as for item in items} | {item.uri for item in items}
    return {
        uri: state
        for uri, state in known.items()
        if state.state == "indexed"
        and uri not in there
        and state.identity not in there
        and state.source in files
        and files[state.source].would_list(state.identity, uri)
    }


def _unmounted(lost: Mapping[str, ItemState]) -> dict[str, list[str]]:
    """By mount point."""
    by_mount: dict[str, list[str]] = {}
    for uri, state in lost.items():
        if mount := mount_of(state.version):
            by_mount.setdefault(mount, []).append(uri)
    return {mount: uris for mount, uris in by_mount.items() if not os.path.ismount(mount)}


def _emptied(
    uris: Sequence[str], known: Mapping[str, ItemState], items: Sequence[Item], lost: Mapping[str, ItemState]
) -> Iterator[tuple[str, list[str]]]:
    """The outermost folders of which nothing is left."""
    moved = {moment_of(item.version) for item in items if item.version}
    indexed = Counter(each for uri, state in known.items() if state.state == "indexed" for each in _folders(uri))
    gone = Counter(each for uri in uris for each in _folders(uri))
    there = {each for item in items for each in _folders(item.uri)}
    empty = {
        each for each, count in gone.items() if count >= _MANY and count == indexed[each] and each not in there
    } - {each for uri in uris if moment_of(lost[uri].version) in moved for each in _folders(uri)}
    outermost = {each for each in empty if empty.isdisjoint(_folders(each))}
    for folder in sorted(outermost):
        yield folder, [uri for uri in uris if folder in _folders(uri)]


def _folders(uri: str) -> list[str]:
    """All that it lies in, the outermost first."""
    parts = uri.split("/")
    return ["/".join(parts[:end]) for end in range(1, len(parts))]
