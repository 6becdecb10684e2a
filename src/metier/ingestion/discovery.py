"""What all sources hold now, each thing once.

    the same file in two sources     one document, under its first uri, for those whom all of them let read it
    two files with the same uri      two documents; what came later is named by more of its path
    a source out of reach, or empty  what was indexed of it stays; so does what vanished with a mount (`vanished`)

What lies behind a link is what the link leads to: items are told apart by their real paths.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from metier.core.errors import SourceError
from metier.core.groups import in_words, required_by, strictest
from metier.ingestion.vanished import vanished
from metier.sources.base import Item, Rejected, Source, Unreachable, longer
from metier.state.catalog import ItemState

_VANISHED = (
    "nothing of it is there any more, as where a share is not mounted or a table was emptied. What was indexed of it "
    "stays ({}); `metier sync --allow-empty` takes it out."
)
Told = tuple[str, str]  # an item or a source, and what is to be said of it


@dataclass(slots=True)
class DiscoveredItem:
    """An item as it is to be indexed, read from `source`. `ways`: as each source that holds it says it. `refusal`: why
    it must not be indexed, "" as a rule."""

    item: Item
    source: Source
    ways: list[tuple[Item, Source]]
    refusal: str = ""


@dataclass(slots=True)
class Discovery:
    """`found`: by uri. `kept`: uris of what could not be looked at and stays as it was indexed. `failed`: items and
    sources with the reason; `refused`: those of them that are items of a source, which is named beside them;
    `unreachable`: names of sources, and of folders in them, that were out of reach or empty as a whole. `overlaps`:
    what is in several sources."""

    found: dict[str, DiscoveredItem] = field(default_factory=dict)
    kept: set[str] = field(default_factory=set)
    failed: list[Told] = field(default_factory=list)
    refused: list[tuple[Unreachable | Rejected, str]] = field(default_factory=list)
    unreachable: list[str] = field(default_factory=list)
    overlaps: list[Told] = field(default_factory=list)


def discover(
    sources: Sequence[Source], known: Mapping[str, ItemState], *, allow_empty: bool, skipped: Collection[str] = ()
) -> Discovery:
    """Look at all of them. `known`: what the last sync knew, by uri. `allow_empty`: a source that is gone or empty has
    nothing any more, nor has a folder in it that vanished, and what was indexed of it goes. `skipped`: names of sources
    that are not looked at this time; what was indexed of them stays."""
    made = Discovery()
    before = Counter(state.source for state in known.values() if state.state == "indexed")
    items: list[tuple[Item, Source]] = []
    hidden: list[Unreachable] = []
    not_seen = {uri for uri, state in known.items() if state.source in skipped}
    for source in sources:
        if source.name in skipped:
            continue
        listed: list[Item | Unreachable | Rejected] = []
        problem = ""
        try:
            listed.extend(source.discover())
        except (SourceError, OSError) as error:
            said = error.message if isinstance(error, SourceError) else error.strerror or str(error)
            problem = said.removeprefix(f"{source.name}: ")
        count = before[source.name]
        if not listed and not problem and count:
            problem = "nothing is there any more."
        if problem and not allow_empty:
            made.unreachable.append(source.name)
            if count:
                problem += f" What was indexed of it stays ({count}); `metier sync --allow-empty` takes it out."
        if problem:
            made.failed.append((source.name, problem))
        items += [(each, source) for each in listed if isinstance(each, Item) and each.uri not in not_seen]
        made.refused += [(each, source.name) for each in listed if not isinstance(each, Item)]
        hidden += [each for each in listed if isinstance(each, Unreachable)]
    made.failed += [(each.uri, each.reason) for each, _ in made.refused]
    made.kept = not_seen | set(_kept(known, made.unreachable, hidden))
    if not allow_empty:
        unsure = {uri: state for uri, state in known.items() if uri not in made.kept}
        for folder, uris in vanished(unsure, [item for item, _ in items], sources):
            made.kept.update(uris)
            made.unreachable.append(folder)
            made.failed.append((folder, _VANISHED.format(len(uris))))
    _name(_merged(items), known, made)
    _settle_groups(made)
    return made


def _kept(known: Mapping[str, ItemState], unreachable: Collection[str], hidden: Sequence[Unreachable]) -> Iterator[str]:
    for uri, state in known.items():
        # The uri of an item may be longer than the one that its source gave it.
        if state.source in unreachable or any(f"/{each.uri}/" in f"/{uri}/" for each in hidden):
            yield uri


def _merged(items: Iterable[tuple[Item, Source]]) -> list[DiscoveredItem]:
    """Each thing once, in the order in which they were first met."""
    merged: dict[str, DiscoveredItem] = {}
    for item, source in items:
        identity = item.identity or f"{source.name}\n{item.uri}"
        if (known := merged.get(identity)) is None:
            merged[identity] = DiscoveredItem(item, source, [(item, source)])
        elif all(source is not other for _, other in known.ways):
            known.ways.append((item, source))
    return list(merged.values())


def _name(things: Sequence[DiscoveredItem], known: Mapping[str, ItemState], made: Discovery) -> None:
    """Give each a uri of its own, which stays the one that it has: first those that have one, then the others."""
    new = []
    for thing in things:
        for item, source in thing.ways:
            its = (uri for uri in (item.uri, *longer(item)) if uri in known and known[uri].source == source.name)
            if (uri := next((uri for uri in its if uri not in made.found), None)) is not None:
                thing.item, thing.source = replace(item, uri=uri), source
                made.found[uri] = thing
                break
        else:
            new.append(thing)
    for thing in new:
        names = (thing.item.uri, *longer(thing.item))
        uri = next((uri for uri in names if uri not in made.found and uri not in made.kept), None)
        if uri is None:
            made.failed.append((thing.item.uri, "has the same name as what is in another source"))
            continue
        thing.item = replace(thing.item, uri=uri)
        made.found[uri] = thing


def _settle_groups(made: Discovery) -> None:
    """Those whom all sources let read it may; where that is nobody, nothing of it is indexed."""
    alike: dict[tuple[tuple[str, ...], tuple[str, ...]], list[str]] = defaultdict(list)
    for uri, thing in made.found.items():
        if len(thing.ways) == 1:
            continue
        groups = strictest(item.groups for item, _ in thing.ways)
        names = tuple(dict.fromkeys(source.name for _, source in thing.ways))
        if groups is None:
            thing.refusal = f"is in {_counted(names)} which no group may read both: give them one in common"
        elif groups != thing.item.groups:
            thing.item = replace(thing.item, groups=groups)
        if groups is not None:
            alike[names, groups].append(uri)
    for (names, groups), uris in alike.items():
        first = uris[0] if len(uris) == 1 else f"{uris[0]} and {len(uris) - 1} more"
        verb = "is" if len(uris) == 1 else "are"
        told = f"{verb} in {_counted(names)}: read by {in_words(required_by([groups])) or 'everybody'}"
        made.overlaps.append((first, told))


def _counted(names: Sequence[str]) -> str:
    """`2 sources (docs, docs/secret)`; one that metier.toml names twice is one."""
    return f"{len(names)} sources ({', '.join(names)})" if len(names) > 1 else f"{names[0]} twice"
