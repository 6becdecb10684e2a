"""Which row of a table a citation quotes, and which column where one cell is meant: where the quote lies in it, or
where the sentence of the answer holds no other cell of the row, or no other figure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import regex

from metier.answering.answer import Answer, Citation
from metier.core.documents import CELL, Document
from metier.core.tables import Table, TableRow

_AROUND = regex.compile(r"^[\p{Sc}\s(]+|[\p{Sc}\s)]+$")  # around a number, which a sentence may write in another way


def with_cells(answer: Answer, document: Callable[[str], Document | None]) -> Answer:
    """The answer, each of its citations of a table with the names of row and column. `document`: by its id. It is
    called for those alone whose passage may hold rows, since it reads the whole of a document: 3 ms for a usual one, 80
    ms where it has a table of 5,000 rows."""
    passages = {passage.id: passage for passage in (*answer.shown, *(hit.passage for hit in answer.hits))}
    known = cache(document)

    def told(citation: Citation) -> Citation:
        passage = passages.get(citation.passage_id)
        if passage and passage.row is None and CELL not in passage.text and ": " not in citation.quote:
            return citation
        found = known(citation.document_id)
        table = found.table_at(citation.start, citation.end) if found else None
        row = table.row_at(citation.start, citation.end) if table else None
        if not found or not table or not row:
            return citation
        said = answer.text[slice(*citation.sentence)]
        return replace(citation, row=row.name(found.text), column=_column(citation, table, row, found.text, said))

    sentences = (replace(each, citations=tuple(map(told, each.citations))) for each in answer.sentences)
    return replace(answer, sentences=tuple(sentences))


def _column(citation: Citation, table: Table, row: TableRow, text: str, said: str) -> str:
    """The name of the column of the one cell that is meant, "" where there is none."""
    names = [*table.names, *[""] * len(row.cells)]
    inside = row.column_at(citation.start, citation.end)
    if inside is not None:
        return names[inside]
    values = [(name, text[slice(*place)]) for name, place in zip(names[1:], row.cells[1:], strict=False) if place]
    held = [(name, value) for name, value in values if name and f"{name}: {value}" in said]
    held = held or [(name, value) for name, value in values if _stands_in(value, said)]
    figures = [(name, value) for name, value in held if any(map(str.isdigit, value))]
    return (figures or held)[0][0] if len(figures or held) == 1 else ""


def _stands_in(value: str, said: str) -> bool:
    bare = _AROUND.sub("", value)
    whole = rf"(?<![\p{{L}}\p{{N}}]|\p{{N}}[.,]){regex.escape(bare)}(?![\p{{L}}\p{{N}}]|[.,]\p{{N}})"
    return any(map(str.isalnum, bare)) and regex.search(whole, said) is not None
