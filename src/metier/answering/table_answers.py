"""An answer that the tables give, with the rows that it is of: no model retells it."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace

from metier.answering.answer import Answer, Citation, OnText, Sentence, Style, Support, TableSource, Usage
from metier.answering.request import Request
from metier.core.documents import Document, Passage
from metier.core.tables import TableRow
from metier.generation.base import Generator
from metier.retrieval.retriever import Retriever
from metier.store.base import Filter, Store
from metier.tables.asking import TableAsker
from metier.tables.results import Ambiguity, ResultCell, ResultLine, RowPlace, TableAnswer, joined
from metier.tables.sql_writer import SqlWriter

_NEAR = 4000  # characters around a row among which its passage begins
_CITED = 10  # rows of one line
_MANY = 200  # documents


class TableAnswerer:
    """`generator`: the model that would write otherwise; where it is `capable`, it is asked for queries before the
    rules, and behind them where an adapter was tuned for it."""

    def __init__(
        self, asker: TableAsker, store: Store, retriever: Retriever, generator: Generator, capable: bool
    ) -> None:
        self._asker, self._store, self._retriever = asker, store, retriever
        self._generator, self._capable = generator, capable

    def answer(self, request: Request, asked: str, language: str) -> Answer | Ambiguity | None:
        """None where the question is none for the tables, or a person has said where it is answered."""
        began, where = time.monotonic(), self._retriever.visible(request.where)

        def visible(documents: Collection[str]) -> Collection[str]:
            return self._readable(documents, where) - request.without - self._changed(where)

        found = self._asker.ask(asked, language, visible, self._writer(request))
        if found is None or self._retriever.is_pinned(asked):
            return None
        if isinstance(found, Ambiguity):
            return found
        return self._made(request, asked, found, where, time.monotonic() - began)

    def _writer(self, request: Request) -> SqlWriter | None:
        adapter = request.writer.sql_adapter
        if adapter is None and not self._capable:
            return None
        return SqlWriter(self._generator, adapter, capable=self._capable, listen=_stops(request.on_text))

    def _readable(self, documents: Collection[str], where: Filter | None) -> set[str]:
        """Those that the filter lets through. A table of a database has thousands of them: then the list of all
        documents is looked into."""
        if len(documents) > _MANY:
            return set(documents).intersection(self._store.uris(where).values())
        return {passage.document_id for passage in self._store.openings(sorted(documents), where)}

    def _changed(self, where: Filter | None) -> set[str]:
        """Documents of which a person has hidden or replaced something: a row may be among it, so none is counted."""
        return {each.document_id for each in self._store.get(where.hidden)} if where and where.hidden else set()

    def _made(self, request: Request, asked: str, found: TableAnswer, where: Filter | None, seconds: float) -> Answer:
        text, sentences, shown = "", [], {}
        sources = _Sources(self._store, where)
        for number, line in enumerate(found.lines):
            text += "\n" if number else ""
            said = sources.spelled(line)
            span = (len(text), len(text) + len(said))
            text += said
            passages = [sources.passage(place) for place in line.rows[:_CITED]]
            shown.update({(p.document_id, p.start): p for p in passages})
            cited = tuple(Citation.of(passage, span) for passage in passages)
            sentences.append(Sentence(*span, Support.CARRIED, 1.0, cited))
        if request.on_text is not None:
            request.on_text(text)
        for sentence in sentences:
            if request.on_sentence is not None:
                request.on_sentence(sentence)
        source = TableSource(found.sql, found.filters, found.table.name, found.total, len(found.lines))
        return Answer(
            question=request.question, text=text, abstained=False, confidence=1.0, mode=request.mode,
            model=self._generator.name,
            adapter=request.writer.adapter, sentences=tuple(sentences),
            timings={"retrieval": seconds, "total": seconds}, usage=Usage(), style=Style.QUOTED,
            shown=tuple(shown.values()), searched_for=(asked,), tables=source,
        )  # fmt: skip


def _stops(on_text: OnText | None) -> Callable[[str], bool | None] | None:
    """Tells a listener that there is life, and nothing of what is written; stops where the listener does."""
    return (lambda _: on_text("")) if on_text is not None else None


class _Sources:
    """Rows as passages that can be opened and cited."""

    def __init__(self, store: Store, where: Filter | None) -> None:
        self._store, self._where = store, where
        self._documents: dict[str, Document | None] = {}

    def spelled(self, line: ResultLine) -> str:
        """What a line says with its cells as the document writes them."""
        if len(line.rows) != 1 or not line.cells:
            return line.text
        row = self._row(line.rows[0])
        return line.text if row is None else joined([self._spelled(cell, *row) for cell in line.cells])

    def _spelled(self, cell: ResultCell, text: str, row: TableRow) -> ResultCell:
        place = row.cells[cell.place] if cell.place is not None and cell.place < len(row.cells) else None
        if place is None:
            return cell
        written = text[slice(*place)]
        unit = "" if not cell.unit or cell.unit in written or not written[-1:].isdigit() else f" {cell.unit}"
        return replace(cell, text=f"{written}{unit}")

    def _row(self, place: RowPlace) -> tuple[str, TableRow] | None:
        document = self._document(place.document_id)
        table = document.table_at(place.start, place.end) if document else None
        row = table.row_at(place.start, place.end) if table else None
        return (document.text, row) if document and row else None

    def passage(self, place: RowPlace) -> Passage:
        document = self._document(place.document_id)
        opening = self._store.openings([place.document_id], self._where)[0]
        if document is None:
            return opening
        table = document.table_at(place.start, place.end)
        row = replace(
            opening, text=document.text[place.start : place.end], start=place.start, end=place.end,
            page=table.page if table else None, headings=(),
        )  # fmt: skip
        found = self._around(row)
        holding = next((each for each in found if each.start <= row.start and row.end <= each.end), None)
        return holding.within(row.start - holding.start, row.end - holding.start) if holding else row

    def _around(self, row: Passage) -> Sequence[Passage]:
        return self._store.around([row], _NEAR)

    def _document(self, name: str) -> Document | None:
        if name not in self._documents:
            self._documents[name] = self._store.document(name)
        return self._documents[name]
