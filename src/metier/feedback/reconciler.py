"""Make the store, the questions and the training data follow the log.

The log says what is decided; this brings it about, and notes in the log what was done. Whatever was decided and not
brought about yet (the process was killed, a sync held the store) is done the next time. The caller holds the lock of
the store.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from metier.core.documents import Document, Passage, document_id
from metier.core.errors import MetierError
from metier.core.settings import Settings
from metier.embedding.base import Embedder
from metier.feedback import replacement_documents
from metier.feedback.learning import Learning
from metier.feedback.log import Log
from metier.feedback.passage_tracking import GONE, Followed, follow
from metier.feedback.records import LEARNED, LOST, MOVED, PLACED, REMOVED, UNLEARNED, Correction
from metier.ingestion import chunking
from metier.store.base import Entry, Store
from metier.text.analyzer import Analyser

BY = "metier"  # who does what nobody decided


@dataclass(frozen=True, slots=True)
class Reconciler:
    """`learning`: made when something is to be learned, since it imports what a model needs."""

    log: Log
    store: Store
    embedder: Embedder
    analyser: Analyser
    settings: Settings
    learning: Callable[[], Learning]

    # --- what a decision brings about ------------------------------------------------------------------------

    def finish(self) -> None:
        """Bring about all that is decided. What fails stops nothing else; the first error is raised at the end."""
        self.place()
        failed: MetierError | None = None
        for each in self.log.corrections():
            try:
                self._learn(each)
            except MetierError as error:
                failed = failed or error
        if failed is not None:
            raise failed

    def place(self) -> None:
        """Put every corrected text that is in force into the store, and take out the others. Texts that the store has
        lost, or that are for others to read now, are put there again."""
        self.store.refresh()
        corrections = self.log.corrections()
        wanted = {document_id(replacement_documents.uri(each)): each for each in corrections if is_to_stand(each)}
        for name, each in wanted.items():
            document = self._document(each)
            if self.store.hashes().get(name) != document.content_hash:
                entry = self._entry(document)
                self.store.replace([entry])
                self._note(each, PLACED, passages=[passage.id for passage in entry.passages])
            elif not each.placed:
                self._note(each, PLACED, passages=[passage.id for passage in self.store.passages(name)])
        for each in corrections:
            if each.placed and not each.in_force:
                self.store.delete([document_id(replacement_documents.uri(each))])
                self._note(each, REMOVED)

    def _learn(self, correction: Correction) -> None:
        """Add its question and training row, or take them back."""
        if not correction.in_force and correction.learned is not None:
            self.learning().unlearn(correction)
            self._note(correction, UNLEARNED)
        elif correction.in_force and correction.answer and correction.learned is None:
            ids = (correction.placed if correction.change else ()) or correction.passages
            if correction.change == "hide":
                ids = (correction.source.id,) if correction.source else ()
            found = self.store.get(ids[:1])
            self._note(correction, LEARNED, **self.learning().learn(correction, found[0] if found else None))

    def _document(self, correction: Correction) -> Document:
        groups = correction.groups
        if (about := correction.about) is not None:
            now = self.store.get(correction.passages[:1]) or self.store.document(about.document_id)
            original = now[0] if isinstance(now, list) else now
            groups = original.groups if original is not None else groups
        shape = json.dumps(self.settings.passages.model_dump())
        return replacement_documents.document(correction, groups, shape, self.settings.language)

    def _entry(self, document: Document) -> Entry:
        passages = chunking.cut(document, self.embedder.count_tokens, self.settings.passages)
        texts = [passage.indexed_text for passage in passages]
        vectors = self.embedder.embed_passages(texts)
        return Entry(document, passages, vectors, [self.analyser.tokens(text) for text in texts])

    # --- what a sync does to passages ------------------------------------------------------------------------

    def before_commit(self, entries: Iterable[Entry], moves: Mapping[str, str]) -> None:
        """Documents are about to change: follow the passages that corrections are about to their new ids, so that
        what is hidden stays hidden in between. `moves`: of documents whose files were moved the id that they had, by
        the one that they have."""
        about = self._about()
        for entry in entries:
            document, old = entry.document, moves.get(entry.document.id, "")
            for each in about.get(document.id, ()):
                if not set(each.passages) <= {passage.id for passage in entry.passages}:
                    self._moved(each, _followed(each, document.text, entry.passages))
            for each in about.get(old, ()):
                place = {"moved_from": old, "document_id": document.id, "document": document.uri}
                self._moved(each, _followed(each, document.text, entry.passages), place)

    def after_sync(self) -> list[tuple[Correction, str]]:
        """Bring about what is open, and look for the passages of all corrections that are queued or in force. Returns
        those that a person should look at again, and why."""
        for name, about in self._about().items():
            ids = [identity for each in about for identity in each.passages]
            there = {passage.id for passage in self.store.get(ids)}
            lost = [each for each in about if not each.passages or not set(each.passages) <= there]
            document = self.store.document(name) if lost else None
            passages = self.store.passages(name) if lost else []
            for each in lost:
                self._moved(each, _followed(each, document.text if document else "", passages))
        self.finish()
        return [(each, each.look_again) for each in self.log.corrections() if each.in_force and each.look_again]

    def _about(self) -> dict[str, list[Correction]]:
        """Corrections by the id of the document that they are about."""
        by_document: dict[str, list[Correction]] = {}
        for each in self.log.corrections():
            if each.about is not None and each.state in ("queued", "accepted"):
                by_document.setdefault(each.about.document_id, []).append(each)
        return by_document

    def _moved(self, correction: Correction, followed: Followed, place: Mapping[str, str] | None = None) -> None:
        if (correction.passages, correction.look_again) == (followed.passages, followed.look_again):
            return
        what = {"passages": list(followed.passages), "look_again": followed.look_again, **(place or {})}
        self._note(correction, MOVED if followed.passages else LOST, **what)

    def _note(self, correction: Correction, action: str, **detail: object) -> None:
        self.log.act(correction.id, action, who=BY, detail=detail)


def is_placed(correction: Correction, store: Store) -> bool:
    """Whether its text is in the store, or not in it, as decided."""
    there = document_id(replacement_documents.uri(correction)) in store.hashes()
    return is_to_stand(correction) == there == bool(correction.placed)


def documents_of(corrections: Iterable[Correction]) -> frozenset[str]:
    """Ids of the documents that corrections put into the store."""
    return frozenset(document_id(replacement_documents.uri(each)) for each in corrections if is_to_stand(each))


def is_to_stand(correction: Correction) -> bool:
    """Whether a text of its own should stand in the store."""
    return correction.in_force and correction.has_text


def _followed(correction: Correction, text: str, passages: Sequence[Passage]) -> Followed:
    return follow(correction.about, text, passages) if correction.about else Followed((), GONE)
