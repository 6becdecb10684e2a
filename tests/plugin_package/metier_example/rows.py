"""Between the rows of the file and what is searched."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from copy import copy
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from metier.core.documents import Block, Document, Passage
from metier.core.tables import Table
from metier.store.base import Entry, Filter
from metier_example.filtering import lets_through

IDENTITY, OPTIMISED = "identity", "optimised"  # ids of rows that are no document
Row = tuple[str, str, bytes]  # id, JSON, vectors


def row_of(entry: Entry) -> Row:
    document = asdict(replace(entry.document, tables=())) | {
        "tables": [table.to_json() for table in entry.document.tables]
    }
    body = document, [asdict(passage) for passage in entry.passages], [*map(list, entry.tokens)]
    return entry.document.id, json.dumps(body), entry.vectors.astype(np.float32).tobytes()


class Held:
    """Rows of the file after so many commits. `passages`, `counts` (of their tokens) and `vectors` go together: by
    document, in reading order."""

    def __init__(self, commits: int, rows: Sequence[Row], dimension: int) -> None:
        bodies = {name: json.loads(body) for name, body, _ in rows}
        arrays = {name: np.frombuffer(vectors, np.float32).reshape(-1, dimension) for name, _, vectors in rows}
        none = np.zeros((0, dimension), np.float32)
        del bodies[IDENTITY], arrays[IDENTITY]
        self.commits = commits
        self.is_optimised = OPTIMISED in bodies
        bodies.pop(OPTIMISED, None)
        arrays.pop(OPTIMISED, None)
        self.documents = {name: _document(fields) for name, (fields, _, _) in bodies.items()}
        self.passages = [_passage(fields) for _, passages, _ in bodies.values() for fields in passages]
        self.counts = [Counter(tokens) for _, _, each in bodies.values() for tokens in each]
        self.vectors = np.concatenate([none, *arrays.values()])

    def readable(self, where: Filter | None) -> Held:
        """What the groups of a filter open, whatever else it says."""
        readers = None if where is None else Filter(groups=where.groups)
        places = [at for at, passage in enumerate(self.passages) if lets_through(passage, readers)]
        part = copy(self)
        part.passages = [self.passages[at] for at in places]
        part.counts, part.vectors = [self.counts[at] for at in places], self.vectors[places]
        return part


def _document(fields: dict[str, Any]) -> Document:
    lists = {name: tuple(fields[name]) for name in ("groups", "warnings", "pictures")}
    lists |= {"tables": tuple(map(Table.from_json, fields["tables"]))}
    return Document(**fields | lists | {"blocks": tuple(Block(**block) for block in fields["blocks"])})


def _passage(fields: dict[str, Any]) -> Passage:
    return Passage(**fields | {name: tuple(fields[name]) for name in ("headings", "groups")})
