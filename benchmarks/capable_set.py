"""The questions of `capable/`, each with a right answer as a capable model words it and one with planted errors.

`firms/` holds the same on small firms of other trades, written by people who knew nothing of Métier.
`tests/test_capable_set.py` checks those on the sample company: every quoted source stands in its document, and every
figure of a right answer stands in a quoted source or follows from it by the arithmetic given.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from scripted_endpoint import Script

from metier.generation.base import Message

DATA = Path(__file__).parent / "capable"
KINDS = (
    "fact", "steps", "list", "comparison", "calculation", "yes-no", "summary", "collection", "cross-language",
    "follow-up", "small-talk", "unanswerable",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Error:
    """A planted error: the wrong `text` (its sentence), in it the `wrong` words, `right`: what stood there."""

    text: str
    wrong: str
    kind: str
    right: str | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """`pages`: places that must be cited, each as (document, page) in one or more alternatives; a page is None where
    the document has none, or any will do. `must_name`, `must_not_name`: documents; `must_say`, `apt`: words, of `apt`
    one."""

    id: str
    kind: str
    language: str
    question: str
    good: str
    planted: str
    errors: tuple[Error, ...]
    pages: tuple[tuple[tuple[str, int | None], ...], ...] = ()
    history: tuple[Message, ...] = ()
    standalone: str = ""
    parts: tuple[str, ...] = ()
    must_name: tuple[str, ...] = ()
    must_not_name: tuple[str, ...] = ()
    must_say: tuple[str, ...] = ()
    apt: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, row: dict) -> Item:
        lists = ("parts", "must_name", "must_not_name", "must_say", "apt")
        return cls(
            **{name: row[name] for name in ("id", "kind", "language", "question", "good", "planted")},
            errors=tuple(Error(**error) for error in row["errors"]),
            pages=tuple(tuple((document, page) for document, page in place) for place in row["pages"]),
            history=tuple(Message(turn["role"], turn["content"]) for turn in row.get("history", ())),
            standalone=row.get("standalone", ""),
            **{name: tuple(row.get(name, ())) for name in lists},
        )

    def script(self, which: str) -> Script:
        return Script(self.question, getattr(self, which), self.standalone, self.parts)


def load(kind: str = "", limit: int = 0, firm: str = "") -> list[Item]:
    """Items of one kind, or of all; at most `limit` of each kind. `firm`: on the documents of one of `firms/`."""
    files = [DATA / "firms" / f"{firm}.jsonl"] if firm else [DATA / f"{name}.jsonl" for name in KINDS]
    every = [Item.from_json(json.loads(row)) for file in files for row in file.read_text("utf-8").splitlines()]
    kinds = [kind] if kind else KINDS
    return [item for name in kinds for item in [each for each in every if each.kind == name][: limit or None]]
