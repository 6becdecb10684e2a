"""What the API takes and gives. Times are ISO 8601 in UTC, durations seconds, places characters of the parsed text."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from metier.core.modes import Mode
from metier.feedback.proposals import LONGEST

Text = Annotated[str, Field(max_length=LONGEST)]


class _Taken(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Problem(BaseModel):
    """What went wrong, in OpenAI's form."""

    class Said(BaseModel):
        message: str
        type: str
        param: str | None
        code: str | None

    error: Said


class Turn(_Taken):
    role: Literal["user", "assistant"]
    content: Text


class Question(_Taken):
    """`history`: earlier turns, oldest first; a follow-up is understood from them."""

    question: Text = Field(min_length=1, examples=["How tight are the blade root nuts of the NV-110?"])
    mode: Mode = Mode.RAG
    history: list[Turn] = Field([], max_length=100)


class Citation(BaseModel):
    """`start`, `end`: where `quote` stands in the document; `sentence`: which part of the answer it carries; `dated`:
    the day, month or year that the document is of, empty where nothing tells it; `newer`: a newer version of it."""

    document: str
    document_id: str
    title: str
    page: int | None
    start: int
    end: int
    quote: str
    headings: list[str]
    passage_id: str
    dated: str
    newer: str
    sentence: list[int]
    url: str


class Sentence(BaseModel):
    """`start`, `end`: of the answer; `support`: how far the documents carry it, none where it states nothing;
    `score`: 0..1; `reason`: in words where it is not carried."""

    start: int
    end: int
    support: Literal["carried", "partly", "not", "none"]
    score: float
    reason: str
    citations: list[Citation]


class Near(BaseModel):
    """A place in a document. `start`, `end`: where `text` stands in it."""

    document: str
    document_id: str
    title: str
    page: int | None
    start: int
    end: int
    text: str
    headings: list[str]
    passage_id: str
    url: str


class Answer(BaseModel):
    """`confidence`: that the documents answer this; `style`: written by the model, or quoted from a document;
    `finish_reason`: length where the limit cut the text; `unsupported`: parts of the text that no passage carries;
    `searched_for`: what was looked up; `nearest`: what came nearest where the answer was refused."""

    question: str
    text: str
    abstained: bool
    confidence: float | None
    mode: str
    model: str
    adapter: str | None
    style: Literal["written", "quoted"]
    finish_reason: str
    sentences: list[Sentence]
    citations: list[Citation]
    unsupported: list[list[int]]
    searched_for: list[str]
    nearest: list[Near]
    notes: list[str]
    timings: dict[str, float]
    usage: dict[str, int]


class Hit(Near):
    """`score` orders; `dense`: cosine similarity, `lexical`: BM25, null where that search did not return it."""

    score: float
    dense: float | None
    lexical: float | None


class Hits(BaseModel):
    query: str
    hits: list[Hit]


class Listed(BaseModel):
    document: str
    document_id: str


class Documents(BaseModel):
    """`total`: of those that the caller may see, on all pages."""

    documents: list[Listed]
    total: int


class Document(BaseModel):
    """`text`: from `start` to `end` of `length` characters."""

    document: str
    document_id: str
    title: str
    media_type: str
    language: str
    pages: int | None
    groups: list[str]
    metadata: dict[str, str]
    warnings: list[str]
    start: int
    end: int
    length: int
    text: str


class Passage(BaseModel):
    passage_id: str
    text: str
    start: int
    end: int
    page: int | None
    row: str | None
    headings: list[str]


class Source(BaseModel):
    """`failed`: 0 for callers who are not told of failures. `read_at`: "" before the first sync."""

    name: str
    groups: list[str]
    indexed: int
    failed: int
    read_at: str


class Item(BaseModel):
    """`state`: indexed or failed; `reason`: why it failed, or what of it could not be read."""

    document: str
    document_id: str | None
    source: str
    state: str
    reason: str
    passages: int
    synced_at: str


class Sync(BaseModel):
    ended_at: str
    added: int
    changed: int
    deleted: int
    unchanged: int
    failed: int
    passages: int
    seconds: float


class Thumb(_Taken):
    """`passages`: ids of those that the answer cites."""

    thumb: Literal["up", "down"]
    question: Text = Field(min_length=1, examples=["How often is the gearbox oil changed?"])
    answer: Text = Field("", examples=["Every 12 months."])
    reason: Text = ""
    mode: Mode = Mode.RAG
    adapter: Annotated[str, Field(max_length=200)] | None = None
    passages: list[Annotated[str, Field(max_length=100)]] = Field([], max_length=100)


class GivenThumb(BaseModel):
    """`answer`: "" where what it cites is hidden from the caller."""

    id: int
    thumb: str
    question: str
    answer: str
    reason: str
    mode: str
    adapter: str | None
    who: str
    at: str


class Proposal(_Taken):
    """`question` and `answer`: what is right, which stands in `document`. `change`: what happens to `passage`: pin (for
    this question), hide, or replace by `text`. `at_once`: let it take effect now (scope admin); else it waits."""

    question: Text = Field("", examples=["How often is the gearbox oil changed?"])
    answer: Text = Field("", examples=["Every 31 months."])
    document: Text | None = None
    page: int | None = Field(None, ge=1)
    change: Literal["", "pin", "hide", "replace"] = ""
    passage: Annotated[str, Field(max_length=100)] | None = None
    text: Text = ""
    why: Text = ""
    at_once: bool = False


class Decision(_Taken):
    why: Text = ""


class Act(BaseModel):
    """`action`: accepted, dismissed, undone, reopened, or what that brought about."""

    action: str
    who: str
    at: str
    why: str


class Correction(BaseModel):
    """`state`: queued, accepted, dismissed or undone. `url`: the passage where it is now, "" where it is gone; `about`:
    its text as it was, "" where it is hidden from the caller. `look_again`: why a person should."""

    id: str
    state: str
    question: str
    answer: str
    change: str
    document: str
    about: str
    text: str
    why: str
    who: str
    at: str
    decided_by: str
    decided_at: str
    look_again: str
    url: str
    history: list[Act]


class Adapter(BaseModel):
    """`state`: production, retired or candidate. `result`: what the run was like; `exam`: metric to value."""

    name: str
    version: int
    state: str
    base: str
    base_fingerprint: str
    dataset: str
    created: str
    settings: dict[str, Any]
    result: dict[str, Any]
    exam: dict[str, Any]


class Production(BaseModel):
    """`adapter`: the one that answers now, null = the base alone."""

    adapter: Adapter | None


class Run(BaseModel):
    """`state`: finished, which made `adapter`, or unfinished: it goes on, or was interrupted. `last`: of its curve;
    `updated`: when that was written, "" before the first step. `checkpoint`: the step that `metier tune --resume` would
    go on from, null where there is none: before the first, and of a run that is finished."""

    name: str
    state: Literal["finished", "unfinished"]
    adapter: str | None
    updated: str
    steps: int
    last: dict[str, Any] | None
    checkpoint: int | None
