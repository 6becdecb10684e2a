"""A training row, and the file that keeps an expert's rows.

A row is a question, the completion to learn, and what the model is shown with it. It is not kept as a finished
prompt: `Row.prompt` builds that with the same code that answers and examines, so that the three never differ.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Self

from metier.answering import prompt
from metier.core import bounded_files
from metier.core.atomic import write_text
from metier.core.documents import Passage
from metier.core.groups import Required, from_json
from metier.generation.base import Message

FILE_NAME = "dataset.jsonl"
_SHOWN = ("id", "document_id", "text", "start", "end", "headings", "page", "uri", "title")


@dataclass(frozen=True, slots=True)
class Row:
    """One example to learn from.

    `question`: the last turn of the user. `completion`: what the model is to write. `instruction`: the system prompt,
    None = the expert's own. `history`: turns before the question, oldest first. `context`: passages shown with the
    question, empty for a row that teaches the model to know by heart. `passages`: ids of the passages it was written
    from, whether they are shown or not; `documents`: uris of their documents. `groups`: what it took to read all of its
    documents when it was made. `kind`: fact, table, label, text, refusal, rehearsal. `origin`: where it came from, as
    `FILE:ROW` or `generated`.
    """

    question: str
    completion: str
    kind: str = ""
    instruction: str | None = None
    history: tuple[Message, ...] = ()
    context: tuple[Passage, ...] = ()
    passages: tuple[str, ...] = ()
    language: str = ""
    origin: str = ""
    documents: tuple[str, ...] = ()
    groups: Required = ()

    @property
    def id(self) -> str:
        """16 hex digits over what the model reads and learns: the same row has the same id wherever it came from."""
        history = [asdict(turn) for turn in self.history]
        context = [passage.text for passage in self.context]
        shown = [self.question, self.completion, self.instruction, history, context]
        return hashlib.sha256(json.dumps(shown, ensure_ascii=False).encode("utf-8", "surrogatepass")).hexdigest()[:16]

    @property
    def sources(self) -> frozenset[str]:
        """Uris of all documents that something of it was written from, those of passages that do not answer too."""
        return frozenset((*self.documents, *(passage.uri for passage in self.context if passage.uri)))

    def prompt(self) -> list[Message]:
        """The messages before the completion, as the expert itself would ask."""
        return prompt.messages(self.question, self.context, self.instruction, self.history)

    def to_json(self) -> dict[str, Any]:
        """Plain values; fields at their default are left out."""
        plain = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}
        if self.history:
            plain["history"] = [asdict(turn) for turn in self.history]
        if self.context:
            plain["context"] = [{name: getattr(each, name) for name in _SHOWN} for each in self.context]
        return plain

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> Self:
        row = cls(**plain)  # with plain values still, but all names are known
        turns = (Message(**turn) for turn in plain.get("history", ()))
        shown = plain.get("context", ())
        passages = (Passage(**each | {"headings": tuple(each.get("headings", ()))}) for each in shown)
        return replace(
            row, history=tuple(turns), context=tuple(passages), passages=tuple(row.passages),
            documents=tuple(row.documents), groups=from_json(row.groups),
        )  # fmt: skip


def load(path: Path) -> list[Row]:
    """The rows kept at `path`, none where there is no such file. Raises `InputError` naming the first bad line."""
    return bounded_files.records(path, Row.from_json, "a training row", "metier dataset")


def save(path: Path, rows: Iterable[Row]) -> None:
    """Replace the file as a whole, so that a reader sees the old rows or the new. Raises `InputError` for more than one
    file may hold."""
    write_text(path, bounded_files.joined(path, (json.dumps(row.to_json(), ensure_ascii=False) + "\n" for row in rows)))


def content_hash(rows: Sequence[Row]) -> str:
    """16 hex digits over the ids in order: what an adapter notes of the data it was trained on."""
    return hashlib.sha256("\n".join(row.id for row in rows).encode()).hexdigest()[:16]
