"""Answers, hits and citations as JSON: one model each, made from what an expert returns, the same in every interface.

    AnswerResponse.of(expert.ask(question))
    SearchResponse.of(query, expert.search(query))

The API and the tools of the Model Context Protocol describe themselves by these models; OpenAI's routes, the page and
`metier ask --json` write them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

from pydantic import BaseModel

from metier.answering.answer import Answer, Citation, Conflict, Sentence, Style, Support, TableSource, Usage
from metier.core.documents import Passage
from metier.core.modes import Mode
from metier.parsing.core.locators import locator_of
from metier.retrieval.retriever import Hit


def document_url(document_id: str, start: int, end: int) -> str:
    """Where a server of this expert shows a span of a document, as a path of it."""
    return f"/documents/{document_id}?start={start}&end={end}"


class _Place(BaseModel):
    document: str
    document_id: str
    title: str
    page: int | None
    locator: str
    start: int
    end: int
    text: str
    headings: list[str]
    passage_id: str
    described: bool
    url: str


class PassageResponse(_Place):
    """A place in a document. `page`: number of its page, slide or sheet; `locator`: the same in words (`sheet
    "Prices"`), empty where the format has none; `start`, `end`: where `text` stands in it; `described`: a model says
    it of a picture that stands there; `url`: where the server shows it."""

    @classmethod
    def of(cls, passage: Passage) -> Self:
        return cls(
            document=passage.uri, document_id=passage.document_id, title=passage.title, page=passage.page,
            locator=str(locator_of(passage) or ""), start=passage.start, end=passage.end, text=passage.text,
            headings=list(passage.headings), passage_id=passage.id, described=passage.described,
            url=document_url(passage.document_id, passage.start, passage.end),
        )  # fmt: skip


class HitResponse(_Place):
    """A passage found. `score` orders; `dense`: cosine similarity, `lexical`: BM25, null where that search did not
    return it. `start`, `end`: where `text` stands in the document; `described`: a model says it of a picture there;
    `url`: where the server shows it."""

    score: float
    dense: float | None
    lexical: float | None

    @classmethod
    def of(cls, hit: Hit) -> Self:
        place = PassageResponse.of(hit.passage).model_dump()
        return cls(**place, score=hit.score, dense=hit.dense, lexical=hit.lexical)


class SearchResponse(BaseModel):
    """`hits`: best first."""

    query: str
    hits: list[HitResponse]

    @classmethod
    def of(cls, query: str, hits: Iterable[Hit]) -> Self:
        return cls(query=query, hits=[HitResponse.of(hit) for hit in hits])


class CitationResponse(BaseModel):
    """`page`: number of its page, slide or sheet; `locator`: that, row and column in words (`sheet "Prices", row
    NV-110`), empty where none is known; `start`, `end`: where `quote` stands in the document; `sentence`: which part
    of the answer it carries; `corrects`: where the document is a correction, the one that it corrects; `dated`: the
    day, month or year that the document is of, empty where nothing tells it; `newer`: a newer version of it, or
    what replaces it; `replaces`: what it says it takes the place of;
    `copies`: other documents that hold the same text; `row`, `column`: of a table, what names the row that is quoted,
    and the column where one cell is meant; `described`: a model says it of a picture there, and the document does
    not; `url`: where the server shows it."""

    document: str
    document_id: str
    title: str
    page: int | None
    locator: str
    start: int
    end: int
    quote: str
    headings: list[str]
    passage_id: str
    corrects: str
    dated: str
    newer: str
    replaces: list[str]
    copies: list[str]
    row: str
    column: str
    described: bool
    sentence: list[int]
    url: str

    @classmethod
    def of(cls, citation: Citation) -> Self:
        return cls(
            document=citation.document, document_id=citation.document_id, title=citation.title, page=citation.page,
            locator=citation.locator, start=citation.start, end=citation.end, quote=citation.quote,
            headings=list(citation.headings), passage_id=citation.passage_id, corrects=citation.corrects,
            dated=citation.dated, newer=citation.newer, replaces=list(citation.replaces), copies=list(citation.copies),
            row=citation.row, column=citation.column, described=citation.described, sentence=list(citation.sentence),
            url=document_url(citation.document_id, citation.start, citation.end),
        )  # fmt: skip


class SentenceResponse(BaseModel):
    """`start`, `end`: of the answer; `support`: how far the documents carry it, none where it states nothing;
    `score`: 0..1; `reason`: in words where it is not carried."""

    start: int
    end: int
    support: Support
    score: float
    reason: str
    citations: list[CitationResponse]

    @classmethod
    def of(cls, sentence: Sentence) -> Self:
        return cls(
            start=sentence.start, end=sentence.end, support=sentence.support, score=sentence.score,
            reason=sentence.reason, citations=[CitationResponse.of(each) for each in sentence.citations],
        )  # fmt: skip


class UsageResponse(BaseModel):
    """Tokens of the prompt, of them read from the cache, and of the answer; passages put into the prompt."""

    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    passages: int

    @classmethod
    def of(cls, usage: Usage) -> Self:
        return cls.model_validate(usage, from_attributes=True)


class TableSourceResponse(BaseModel):
    """How the tables of the documents were asked: `sql`, its conditions in words, the table whose rows were looked at,
    how many `rows` fit, and of them `shown`."""

    sql: str
    filters: list[str]
    table: str
    rows: int
    shown: int

    @classmethod
    def of(cls, source: TableSource) -> Self:
        return cls(
            sql=source.sql, filters=list(source.filters), table=source.table, rows=source.rows, shown=source.shown
        )  # fmt: skip


class ConflictResponse(BaseModel):
    """Two documents state different values for the same thing: as each writes it, and where, the newest first."""

    values: list[str]
    citations: list[CitationResponse]

    @classmethod
    def of(cls, conflict: Conflict) -> Self:
        return cls(values=list(conflict.values), citations=[CitationResponse.of(each) for each in conflict.citations])


class AnswerResponse(BaseModel):
    """All of an answer but what was searched for it. `confidence`: that the documents answer this; `style`: written by
    the model, or quoted from a document; `finish_reason`: length where the limit cut the text; `unsupported`: parts of
    the text that no passage carries; `searched_for`: what was looked up; `nearest`: what came nearest where the answer
    was refused; `tables`: how they were asked, null where passages answered;
    `conflicts`: what other documents state otherwise; `timings`: seconds."""

    question: str
    text: str
    abstained: bool
    confidence: float | None
    mode: Mode
    model: str
    adapter: str | None
    style: Style
    finish_reason: str
    sentences: list[SentenceResponse]
    citations: list[CitationResponse]
    unsupported: list[list[int]]
    searched_for: list[str]
    nearest: list[PassageResponse]
    notes: list[str]
    tables: TableSourceResponse | None
    conflicts: list[ConflictResponse]
    timings: dict[str, float]
    usage: UsageResponse

    @classmethod
    def of(cls, answer: Answer) -> Self:
        return cls(
            question=answer.question, text=answer.text, abstained=answer.abstained, confidence=answer.confidence,
            mode=answer.mode, model=answer.model, adapter=answer.adapter, style=answer.style,
            finish_reason=answer.finish_reason,
            sentences=[SentenceResponse.of(each) for each in answer.sentences],
            citations=[CitationResponse.of(each) for each in answer.citations],
            unsupported=[list(span) for span in answer.unsupported], searched_for=list(answer.searched_for),
            nearest=[PassageResponse.of(each) for each in answer.nearest], notes=list(answer.notes),
            tables=TableSourceResponse.of(answer.tables) if answer.tables else None,
            conflicts=[ConflictResponse.of(each) for each in answer.conflicts],
            timings=answer.timings, usage=UsageResponse.of(answer.usage),
        )  # fmt: skip
