"""The catalog as a source: a capable model answers "which documents do you have" from a list of them, and what it says
of a document cites where that begins."""

from __future__ import annotations

from dataclasses import replace

from metier.answering.answer import Answer, Citation, Sentence
from metier.answering.collection import CollectionAnswer
from metier.answering.request import Request
from metier.core.documents import Passage

TITLE = "Catalog of the documents"
_PREFIX = "catalog:"
_QUOTED = 200  # characters of a document's beginning that are quoted


class CatalogSources:
    """`listed`: what the catalog says; `first`: the first passage of each document, by its id."""

    def __init__(self, listed: CollectionAnswer, first: dict[str, Passage]) -> None:
        self._first = first
        self.passages = tuple(self._lines(listed))

    def _lines(self, listed: CollectionAnswer) -> list[Passage]:
        """The head and each line as passages; they stand under one heading in the prompt."""
        starts = [start for start, _ in listed.lines]
        head = listed.text[: starts[0] if starts else len(listed.text)].strip()
        lines = [Passage(_PREFIX, "", head, 0, len(head), title=TITLE)]
        for info, (start, end) in zip(listed.documents, listed.lines, strict=True):
            lines.append(Passage(f"{_PREFIX}{info.id}", info.id, listed.text[start:end], start, end, title=TITLE))
        return lines

    def heard(self, request: Request) -> Request:
        """The request, whose listener gets sentences that cite documents."""
        hear = request.on_sentence
        return request if hear is None else replace(request, on_sentence=lambda sentence: hear(self._of(sentence)))

    def cited(self, answer: Answer) -> Answer:
        return replace(answer, sentences=tuple(map(self._of, answer.sentences)))

    def _of(self, sentence: Sentence) -> Sentence:
        found: list[Citation] = []
        for citation in sentence.citations:
            if not citation.passage_id.startswith(_PREFIX):
                found.append(citation)
            else:
                found.extend(self.citations_of(self._first.get(citation.document_id), citation.sentence))
        return replace(sentence, citations=tuple(found))

    @staticmethod
    def citations_of(first: Passage | None, sentence: tuple[int, int]) -> tuple[Citation, ...]:
        """The beginning of a document, none where it may not be seen."""
        if first is None:
            return ()
        end = min(len(first.text), _QUOTED)
        return (Citation.of(first.within(0, end), sentence),)
