"""Who may read a document by metier.toml as it stands now, whatever the last sync knew.

    what was indexed is labelled with groups  ─┐
    metier.toml, read again when it changed   ─┴▶ both must let a reader see it

Where both say the same, as after every sync, nothing here closes anything.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from metier import sources
from metier.core import settings as settings_module
from metier.core.errors import SettingsError
from metier.core.groups import NOBODY, strictest
from metier.core.settings import FILE_NAME
from metier.core.source_settings import SourceSettings
from metier.state import quick
from metier.state.place import Place
from metier.store.base import DocumentRecord

log = logging.getLogger(__name__)
_Row = Mapping[str, Any]  # of the catalog
_Holder = tuple[SourceSettings, Callable[[str], bool]]  # and whether it holds an item


@dataclass(frozen=True, slots=True)
class Closed:
    """Documents that a reader must not see: by uri, and all whose uris begin with one of `below`."""

    uris: tuple[str, ...] = ()
    below: tuple[str, ...] = ()


@dataclass(slots=True)
class _Known:
    """What was worked out. `groups`: of each document that metier.toml gives others than it was indexed with.
    `folders`: how many documents are known below each, with its slash."""

    groups: dict[str, tuple[str, ...]] = field(default_factory=dict)
    folders: Counter[str] = field(default_factory=Counter)
    closed: dict[frozenset[str], Closed] = field(default_factory=dict)


class CurrentGroups:
    """Safe to ask from any thread. `folder`: of the expert; `state`: where its state is. `corrections`: the documents
    that were made of corrections, which are for those who may read what they correct."""

    def __init__(
        self,
        folder: Path,
        state: Place,
        corrections: Callable[[], Sequence[DocumentRecord]],
    ) -> None:
        self._folder, self._state, self._corrections = folder, state, corrections
        self._lock = threading.Lock()
        self._sources: tuple[SourceSettings, ...] = ()
        self._read_at: object = None  # what metier.toml was like when it was read
        self._looked_at: object = None  # what both were like when items were last looked at
        self._worked_out_at: object = None
        self._known = _Known()

    def groups(self) -> Mapping[str, tuple[str, ...]]:
        """Who may read now what was indexed for others, by uri."""
        return self._now().groups

    def closed_to(self, held: Collection[str]) -> Closed:
        """What a reader with these groups may not read now, though it was indexed for them."""
        known, reader = self._now(), frozenset(held)
        if not known.groups:
            return Closed()
        if reader not in known.closed:
            uris = [uri for uri, groups in known.groups.items() if reader.isdisjoint(groups)]
            known.closed[reader] = _in_short(uris, known.folders)
        return known.closed[reader]

    def _now(self) -> _Known:
        with self._lock:
            self._read()
            looked_at = (self._read_at, quick.stamp(self._state))
            if looked_at != self._looked_at:
                at = (self._read_at, quick.newest_item(self._state))
                if at != self._worked_out_at:
                    self._known = self._worked_out(quick.items(self._state))
                    self._worked_out_at = at
                self._looked_at = looked_at
            return self._known

    def _read(self) -> None:
        """The sources of metier.toml, where it has changed; where it cannot be read, those that were read last hold."""
        try:
            status = (self._folder / FILE_NAME).stat()
            now = (status.st_mtime_ns, status.st_size, status.st_ino)
        except OSError as error:
            now = (error.errno or 0, 0, 0)
        if now == self._read_at:
            return
        try:
            self._sources = settings_module.load(self._folder).sources
        except SettingsError as error:
            log.warning("who may read what is as metier.toml said before, because it cannot be read: %s", error.message)
        self._read_at = now

    def _worked_out(self, items: Sequence[_Row]) -> _Known:
        made = _Known()
        for uri, label, groups in self._groups_now(items):
            made.folders.update(_folders(uri))
            if set(groups) != set(label):
                made.groups[uri] = groups
        if made.groups:
            for record in self._corrections():
                made.folders.update(_folders(record.uri))
                if (of_original := made.groups.get(record.metadata.get("corrects", ""))) is not None:
                    made.groups[record.uri] = strictest([record.groups, of_original]) or NOBODY
        return made

    def _groups_now(self, items: Sequence[_Row]) -> Iterator[tuple[str, tuple[str, ...], tuple[str, ...]]]:
        """The uri of each item, the groups that it was indexed with, and those that it has now."""
        holders = [(each, sources.membership(each, self._folder)) for each in self._sources]
        for item in items:
            label = tuple(item["groups"])
            yield item["uri"], label, _groups_of(item, label, holders)


class GroupsOfEarlier(CurrentGroups):
    """Who may read versions of an earlier day: those for whom they were then, and for whom their documents are now. Of
    a document that is gone by now, as it was when it went; one of which that is not known is for nobody. `uris`: of all
    documents of that day."""

    def __init__(
        self, folder: Path, state: Place, corrections: Callable[[], Sequence[DocumentRecord]], uris: Collection[str]
    ) -> None:
        super().__init__(folder, state, corrections)
        self._uris = uris

    def _worked_out(self, items: Sequence[_Row]) -> _Known:
        made, there = _Known(), {item["uri"] for item in items}
        former = [item for item in quick.items(self._state, "former_items") if item["uri"] not in there]
        of_known = {uri: groups for uri, _label, groups in self._groups_now([*items, *former])}
        for record in self._corrections():
            of_original = of_known.get(record.metadata.get("corrects", ""), ())
            of_known[record.uri] = (
                strictest([record.groups, of_original]) or NOBODY if record.groups or of_original else ()
            )
        for uri in self._uris:
            made.folders.update(_folders(uri))
            if groups := of_known.get(uri, NOBODY):
                made.groups[uri] = groups
        return made


def _groups_of(item: _Row, label: tuple[str, ...], holders: Sequence[_Holder]) -> tuple[str, ...]:
    """Who may read an item: those whom its label and all sources that hold it let read it."""
    identity = item.get("identity", "")

    def are_holding(holders: Sequence[_Holder]) -> list[tuple[str, ...]]:
        return [each.groups for each, holds in holders if identity and holds(identity)]

    given = are_holding([holder for holder in holders if holder[0].groups])
    named = [each.groups for each, _ in holders if each.name == item["source"]]
    # By its name alone a source is known where it cannot be told by its path (`follow_links`, another package's).
    if not given and (label or any(named)) and not are_holding(holders):
        # Of a source that was taken out, what was for some is for nobody, until a sync takes it away.
        given = named or [NOBODY]
    groups = strictest([label, *given])
    return NOBODY if groups is None else groups


def _folders(uri: str) -> Iterator[str]:
    """Every folder that a uri lies in, with its slash."""
    at = -1
    while (at := uri.find("/", at + 1)) >= 0 and at < len(uri) - 1:
        yield uri[: at + 1]


def _in_short(uris: Sequence[str], known: Mapping[str, int]) -> Closed:
    """The same documents, as whole folders where all that is known of one is among them: a filter stays short."""
    closed = Counter(folder for uri in uris for folder in _folders(uri))
    below: set[str] = set()
    alone = []
    for uri in uris:
        whole = next((folder for folder in _folders(uri) if closed[folder] == known[folder]), None)
        below.add(whole) if whole else alone.append(uri)
    return Closed(tuple(sorted(alone)), tuple(sorted(below)))
