"""Which documents training rows were written from, and who may read what is learned of them.

A row knows its documents by the passages shown with it, those that do not answer too, and by name; and the groups that
they had when it was made. A document that was given groups since counts with those as well. One that lost its groups
does not: what a row was made under holds until it is made anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from metier.core.documents import Passage
from metier.core.groups import Required, required_by
from metier.core.questions import DocumentLookup
from metier.dataset.rows import Row
from metier.store.base import Store


@dataclass(frozen=True, slots=True)
class Provenance:
    """`documents`: uris, sorted. `groups`: what it takes to read all of them."""

    documents: tuple[str, ...] = ()
    groups: Required = ()


def written_from(passages: Iterable[Passage]) -> Provenance:
    """Of what was made of these passages."""
    by_document = {passage.uri: passage.groups for passage in passages}
    return Provenance(tuple(sorted(by_document)), required_by(by_document.values()))


def of(rows: Iterable[Row], now: Mapping[str, Sequence[str]]) -> Provenance:
    """Of all that was learned from these rows. `now`: groups of every document in the store, by uri."""
    rows = list(rows)
    documents = {uri for row in rows for uri in row.sources}
    kept = [groups for row in rows for groups in row.groups]
    return Provenance(tuple(sorted(documents)), required_by([*kept, *(now.get(uri, ()) for uri in documents)]))


def placed(row: Row, now: Mapping[str, Sequence[str]]) -> Row:
    """With what it takes to read all of its documents."""
    return replace(row, groups=of([row], now).groups)


def counts(rows: Sequence[Row], now: Mapping[str, Sequence[str]]) -> dict[Required, int]:
    """Rows by what it takes to read them, the most first; those that everybody may read are not among them."""
    found = Counter(of([row], now).groups for row in rows)
    return {groups: count for groups, count in found.most_common() if groups}


def groups_now(store: Store) -> dict[str, tuple[str, ...]]:
    """The groups of every document in the store, by uri."""
    return {record.uri: record.groups for record in store.records()}


def located(rows: Sequence[Row], store: Store) -> list[Row]:
    """Rows of an earlier version, which noted passages alone, with the documents of these. Where one is gone by now,
    the row may be of any document: it counts as one of all."""
    old = [row for row in rows if row.passages and not row.documents]
    if not old:
        return list(rows)
    homes = {p.id: p.uri for p in store.get(list({each for row in old for each in row.passages}))}
    everything = tuple(store.uris())

    def with_documents(row: Row) -> Row:
        if not row.passages or row.documents:
            return row
        found = [homes[each] for each in row.passages if each in homes]
        return replace(row, documents=tuple(found) if len(found) == len(row.passages) else everything)

    return [with_documents(row) for row in rows]


def resolved(rows: Iterable[Row], store: Store) -> list[Row]:
    """Rows that were brought in, with the documents in the store that they name, by passage or as people call them, and
    the groups of these. A name, or the title of a passage that the row shows, that may mean several means them all; one
    that means none is kept."""
    now, named = groups_now(store), list(rows)
    lookup = DocumentLookup(now)
    passages = {p.id: p.uri for p in store.get([each for row in named for each in row.passages])}

    def with_documents(row: Row) -> Row:
        names = [*row.documents, *(passage.title for passage in row.context if passage.title)]
        meant = [uri for name in names for uri in lookup.find(name)]
        elsewhere = [name for name in row.documents if not lookup.find(name)]
        told = [passages[each] for each in row.passages if each in passages]
        documents = tuple(dict.fromkeys([*meant, *told, *elsewhere]))
        return placed(replace(row, documents=documents), now)

    return [with_documents(row) for row in named]
