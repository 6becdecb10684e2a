"""One exam question answered in one mode, with everything that grading needs."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class ShownText:
    """A passage or sentence that the model read. `page`, `sheet`: as of a citation."""

    document: str = ""
    page: int | None = None
    passage_id: str = ""
    text: str = ""
    sheet: str = ""


@dataclass(frozen=True, slots=True)
class Cited:
    """A citation of an answer: characters `start`..`end` of the document's parsed text, which are `quote`. `page`:
    number of its page, slide or sheet; `sheet`: name of that, "" where it has none."""

    document: str = ""
    page: int | None = None
    start: int = 0
    end: int = 0
    quote: str = ""
    headings: tuple[str, ...] = ()
    passage_id: str = ""
    sheet: str = ""


@dataclass(frozen=True, slots=True)
class Record:
    """`question`: its id. `unsupported`: (start, end) of sentences of `text` that nothing the search found carries;
    `sentences`: how many there are. `found`: ids of the passages that the search found, best first, and
    `found_documents` their documents, in every mode, so that knowing by heart can be told from finding. `shown`: what
    the model read, empty in the modes without documents. `first_token`, `total`: seconds. `error`: why there is no
    answer, "" where there is one."""

    question: str
    mode: str
    text: str
    abstained: bool
    confidence: float | None
    model: str
    adapter: str | None
    citations: tuple[Cited, ...] = ()
    sentences: int = 0
    unsupported: tuple[tuple[int, int], ...] = ()
    found: tuple[str, ...] = ()
    found_documents: tuple[str, ...] = ()
    shown: tuple[ShownText, ...] = ()
    first_token: float | None = None
    total: float = 0.0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    notes: tuple[str, ...] = ()
    error: str = ""

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> Self:
        record = cls(**plain)
        return replace(
            record,
            citations=tuple(Cited(**each | {"headings": tuple(each["headings"])}) for each in plain["citations"]),
            unsupported=tuple((start, end) for start, end in plain["unsupported"]),
            shown=tuple(ShownText(**each) for each in plain["shown"]),
            found=tuple(record.found),
            found_documents=tuple(record.found_documents),
            notes=tuple(record.notes),
        )
