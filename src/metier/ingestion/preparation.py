"""One file to a document in passages: read, its language told, cut, and its words for the lexical search.

It needs neither sources nor store, so that it runs wherever files are read: here, or on a worker of a cluster.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePath
from typing import Protocol

from metier.core.documents import Document, Passage, document_id
from metier.core.errors import ParseError, SourceError
from metier.core.settings import PassageSettings
from metier.embedding.base import Embedder
from metier.ingestion import chunking
from metier.ingestion.replacements import with_replacements
from metier.parsing.core.titles import is_title, readable
from metier.text.analyzer import Analyser
from metier.text.detection import detect


class DocumentParser(Protocol):
    def parse(self, path: Path, *, uri: str, groups: Sequence[str] = ()) -> Document: ...


@dataclass(frozen=True, slots=True)
class PreparedDocument:
    """`passages`, `tokens`: one list of tokens a passage; None where pictures of the document are to be described
    first."""

    document: Document
    passages: list[Passage] | None = None
    tokens: list[list[str]] | None = None


@dataclass(frozen=True, slots=True)
class Preparation:
    """`language`: of documents that do not tell theirs. `timeout_seconds`: for cutting one. `describes`: whether
    pictures are described before a document is cut."""

    parser: DocumentParser
    embedder: Embedder
    analyser: Analyser
    language: str
    passages: PassageSettings
    timeout_seconds: float
    describes: bool = False

    def read(self, path: Path, uri: str, groups: Sequence[str], expected: str = "") -> PreparedDocument:
        """`expected`: hash of the bytes that are to be read, "" = any. Raises `ParseError`, and `SourceError` where it
        holds others."""
        document = self.parser.parse(path, uri=uri, groups=groups)
        if expected and document.content_hash != expected:  # another file took its place, perhaps one behind a link
            raise SourceError("changed while it was read", where=uri, hint="Run `metier sync` again.")
        return self.prepare(document)

    def prepare(self, document: Document) -> PreparedDocument:
        """Of a document that is parsed. Raises `ParseError` where it holds no text."""
        for said in (document.text, document.title, *document.metadata.values()):
            said.encode()  # the store keeps UTF-8 alone: half a surrogate pair must cost this document only
        language = document.language or detect(document.text, self.language)
        document = with_replacements(replace(document, id=document_id(document.uri), language=language))
        if self.describes and document.pictures:
            return PreparedDocument(document)
        return self.cut(document)

    def cut(self, document: Document) -> PreparedDocument:
        """Raises `ParseError` where it holds no text."""
        passages = chunking.cut(document, self.embedder.count_tokens, self.passages, seconds=self.timeout_seconds)
        if not passages:
            raise ParseError("; ".join(["holds no text", *document.warnings]), where=document.uri)
        name = _name_to_search(document)
        tokens = [self.analyser.tokens(f"{passage.indexed_text}\n{name}") for passage in passages]
        return PreparedDocument(document, passages, tokens)


def _name_to_search(document: Document) -> str:
    """What the file's name says beyond its title: a document is found by both. Numbers of scans say nothing."""
    name = readable(PurePath(document.uri).name)
    title = document.title.casefold()
    return " ".join(word for word in name.split() if word.casefold() not in title) if is_title(name) else ""
