"""What Métier's stores have in common: whole documents in, passages out, by `metier.store.base.Store` alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from metier.core.documents import Block, Document, Passage, document_id, passage_id
from metier.core.settings import StoreSettings
from metier.store import open_store
from metier.store.base import Entry, Filter, Identity
from scale_engines.corpus import SHARES, Corpus

EFFORTS: tuple[int, ...] = ()  # the store decides
FILTERS = True
_TOGETHER = 50  # documents of a commit
_WHERE = {share: Filter(metadata={"share": share}) for share in SHARES} | {"all": None}


class StoreIndex:
    def __init__(self, corpus: Corpus, folder: Path, settings: StoreSettings) -> None:
        identity = Identity("drawn", "1", corpus.vectors.shape[1], "1")
        self.store = open_store(folder, settings, identity)
        waiting: list[Entry] = []
        self._numbers: dict[str, int] = {}
        for entry in self._entries(corpus):
            waiting.append(entry)
            if len(waiting) == _TOGETHER:
                self.store.replace(waiting)
                waiting = []
        self.store.replace(waiting)
        self.note = str(self.store.optimize())

    def search(self, vector: np.ndarray, k: int, share: str) -> list[int]:
        return [self._numbers[each.passage.id] for each in self.store.dense(vector, k, _WHERE[share])]

    def try_harder(self, effort: int) -> None:
        raise NotImplementedError

    def resident_bytes(self) -> int:
        return 0

    def close(self) -> None:
        pass

    def _entries(self, corpus: Corpus) -> Iterator[Entry]:
        for number, of in corpus.documents():
            texts, tokens = zip(*(corpus.text(at) for at in range(of.start, of.stop)), strict=True)
            uri, metadata = f"{number}.md", {"share": next((s for s, holds in SHARES.items() if holds(number)), "none")}
            blocks, at = [], 0
            for text in texts:
                blocks.append(Block("paragraph", at, at + len(text)))
                at += len(text) + 1
            document = Document(
                id=document_id(uri), uri=uri, title=f"Document {number}", text="\n".join(texts), blocks=tuple(blocks),
                media_type="text/plain", content_hash=str(number), language="en", metadata=metadata,
            )  # fmt: skip
            passages = [
                Passage(
                    id=passage_id(document.id, b.start, b.end, text), document_id=document.id, text=text, start=b.start,
                    end=b.end, uri=uri, title=document.title, language="en", metadata=metadata,
                )
                for b, text in zip(blocks, texts, strict=True)
            ]  # fmt: skip
            self._numbers |= {passage.id: of.start + place for place, passage in enumerate(passages)}
            yield Entry(document, passages, np.array(corpus.vectors[of]), tokens)
