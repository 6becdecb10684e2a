"""What an answer is: its text, what of it is supported by which source, and what it cost.

Answer.text         what the user reads, whole
Answer.sentences    its sentences in order, each carried, partly carried or not, with citations and a reason
Answer.nearest      where an answer was refused: the places that came nearest
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from html import escape
from pathlib import PurePosixPath

from metier.answering.document_dates import days_of, told
from metier.core.documents import Passage
from metier.core.modes import Mode
from metier.parsing.core.locators import Locator, locator_in, sheet_of
from metier.retrieval.retriever import Hit

DESCRIPTION = "a model's description of a picture"  # what a citation of one is marked with
_SHOWN = 100  # characters of an answer in its `repr`

OnText = Callable[[str], bool | None]
"""Gets each new piece of the text as it is written, and "" now and then before; returning True stops the writing."""


class Style(StrEnum):
    """`WRITTEN`: the model's text is the answer, whole. `QUOTED`: the best sentence or row of a source is."""

    WRITTEN = "written"
    QUOTED = "quoted"


class Support(StrEnum):
    """How far the sources carry a sentence. `NONE`: it states nothing (a greeting, a lead-in, a decline)."""

    CARRIED = "carried"
    PARTLY = "partly"
    NOT = "not"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Citation:
    """A span of a source document that carries a sentence of the answer.

    `start`, `end`: character offsets into the document's parsed text, `quote` the text between them. `sentence`:
    (start, end) of the supported sentence in the answer. `corrects`: where the document is a correction, the uri of
    the one that it corrects on this page. `dated`: the day, month or year that the document is of, ISO 8601, "" where
    nothing tells it: two versions of a document often have one title. `newer`: the uri of a newer version that was
    found as well, "" where there is none. `replaces`: uris of documents that were found as well and that it says it
    takes the place of. `copies`: uris of other documents that hold the same text. `row`: of a
    table, the name of the row that is quoted, behind the groups it stands under, or its number where it has no name;
    `column`: the name of the column, where the quote lies in one cell or the sentence holds one cell of the row. Both
    are "" elsewhere. `sheet`: name of the sheet of a workbook, "" elsewhere. `described`: a model says this of a
    picture there, and the document does not.
    """

    document: str
    title: str
    page: int | None
    start: int
    end: int
    quote: str
    headings: tuple[str, ...]
    passage_id: str
    document_id: str
    sentence: tuple[int, int]
    corrects: str = ""
    dated: str = ""
    newer: str = ""
    replaces: tuple[str, ...] = ()
    copies: tuple[str, ...] = ()
    row: str = ""
    column: str = ""
    sheet: str = ""
    described: bool = False

    @property
    def numbered(self) -> Locator | None:
        """Its page, slide or sheet; of a correction, that of what it corrects."""
        return locator_in(self.corrects or self.document, self.page, self.sheet)

    @property
    def locator(self) -> str:
        """Page, slide or sheet, row and column in a line: `sheet "Prices", row NV-110`. "" where none is known."""
        return ", ".join(part for part in (str(self.numbered or ""), self.cell) if part)

    @property
    def place(self) -> str:
        """Document, page, heading, row and column in a line, and whether it is a description."""
        page, described = str(self.numbered or ""), DESCRIPTION if self.described else ""
        headings = " › ".join(name for name in self.headings if name != self.sheet)
        parts = (self.document, self.dated, page, headings, self.cell, described)
        return ", ".join(part for part in parts if part)

    @property
    def cell(self) -> str:
        """Row and column in a line, "" where no table is cited."""
        return f"row {self.row}" + (f", column {self.column}" if self.column else "") if self.row else ""

    @classmethod
    def of(cls, source: Passage, sentence: tuple[int, int]) -> Citation:
        """`source`: a passage cut down to what is quoted (`Passage.within`)."""
        return cls(
            document=source.uri, title=source.title, page=source.page, start=source.start, end=source.end,
            quote=source.text, headings=source.headings, passage_id=source.id, document_id=source.document_id,
            sentence=sentence, corrects=source.corrects, sheet=sheet_of(source), described=source.described,
            dated=told(days_of(PurePosixPath(source.uri).name, source.title, source.metadata)),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence, list item, table row or line of code of an answer.

    `start`, `end`: characters of `Answer.text`. `score`: 0..1, how well the best sources carry it. `reason`: in words
    where it is not carried ("850 is in none of the sources"), else "".
    """

    start: int
    end: int
    support: Support
    score: float
    citations: tuple[Citation, ...] = ()
    reason: str = ""

    @property
    def span(self) -> tuple[int, int]:
        return self.start, self.end

    @property
    def flagged(self) -> bool:
        """Whether a reader is warned: not carried by the sources."""
        return self.support is Support.NOT


OnSentence = Callable[[Sentence], None]
"""Gets each sentence with its support and citations as soon as it is complete, in order. One that is flagged there may
be carried in the answer, where what follows shows how its number is worked out."""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens read, of them from the cache, and written, of all that a model was asked for on the way to the answer:
    queries to tables and notes on long documents, too, as `Answerer.ask` counts them. `passages`: put into the
    prompt."""

    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    passages: int = 0


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two documents state different values for the same thing. `values`: as each writes it; `citations`: where, the
    newest first."""

    values: tuple[str, str]
    citations: tuple[Citation, Citation]


@dataclass(frozen=True, slots=True)
class TableSource:
    """How the tables were asked. `sql`: the query; `filters`: its conditions in words; `table`: the name of the one
    whose rows were looked at; `rows`: how many fit, of which `shown` are told."""

    sql: str
    filters: tuple[str, ...]
    table: str
    rows: int
    shown: int


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """`confidence`: 1 - probability that the documents hold no answer, None where nothing was looked up. `timings` in
    seconds. `notes`: what a person should know, such as passages that did not fit. `hits`: what retrieval found, best
    first; `shown`: of it what the model read. `nearest`: places worth opening where the answer was refused.
    `searched_for`: what was looked up, several where a question has parts. `finish_reason`: "stop", or "length" where
    the token limit cut the text. `tables`: where the answer was computed from tables, how. `conflicts`: what other
    documents that were found state otherwise than those that are cited."""

    question: str
    text: str
    abstained: bool
    confidence: float | None
    mode: Mode
    model: str
    adapter: str | None
    sentences: tuple[Sentence, ...]
    timings: dict[str, float]
    usage: Usage
    style: Style = Style.WRITTEN
    notes: tuple[str, ...] = ()
    hits: tuple[Hit, ...] = ()
    shown: tuple[Passage, ...] = ()
    nearest: tuple[Passage, ...] = ()
    searched_for: tuple[str, ...] = ()
    finish_reason: str = "stop"
    features: dict[str, float] = field(default_factory=dict)
    tables: TableSource | None = None
    conflicts: tuple[Conflict, ...] = ()

    @property
    def citations(self) -> tuple[Citation, ...]:
        """Those of the sentences that are carried at least in part, each place once, in the order of the answer. A
        row that is cited for several of its columns names none of them."""
        found: dict[tuple[str, int, int], Citation] = {}
        for sentence in self.sentences:
            if sentence.support in (Support.CARRIED, Support.PARTLY):
                for citation in sentence.citations:
                    place = (citation.document_id, citation.start, citation.end)
                    known = found.setdefault(place, citation)
                    if known.column != citation.column:
                        found[place] = replace(known, column="")
        return tuple(found.values())

    @property
    def unsupported(self) -> tuple[tuple[int, int], ...]:
        """(start, end) of the sentences that no source carries."""
        return tuple(sentence.span for sentence in self.sentences if sentence.flagged)

    def __repr__(self) -> str:
        said = self.text if len(self.text) <= _SHOWN else f"{self.text[:_SHOWN]}…"
        return f"<Answer {said!r}, {'refused' if self.abstained else f'{len(self.citations)} citations'}>"

    def __str__(self) -> str:
        """The text, and below it its sources by number."""
        sources = (f"[{n}] {each.place}: “{each.quote}”" for n, each in enumerate(self.citations, start=1))
        return "\n".join([self.text, *sources])

    def _repr_html_(self) -> str:
        """For notebooks: the text, what no source carries underlined, and the sources."""
        marked, at = [], 0
        for start, end in self.unsupported:
            marked += [escape(self.text[at:start]), f"<u>{escape(self.text[start:end])}</u>"]
            at = end
        sources = "".join(
            f"<li>{escape(each.place)}<br><small>{escape(each.quote)}</small></li>" for each in self.citations
        )
        text = "".join([*marked, escape(self.text[at:])])
        return f'<div style="white-space: pre-wrap">{text}</div>' + (f"<ol>{sources}</ol>" if sources else "")
