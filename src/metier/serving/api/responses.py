"""What the API gives beside answers and hits, which are the same in every interface (`serving/responses.py`).

Times are ISO 8601 in UTC, durations seconds, places characters of the parsed text.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel

from metier.core.documents import Document, Passage
from metier.core.groups import NOBODY
from metier.feedback.records import Action
from metier.serving.feedback_views import ShownCorrection, ShownThumb
from metier.serving.source_status import ShownItem, ShownSource
from metier.state.catalog import SyncRun

if TYPE_CHECKING:
    from metier.tuning.adapters import Card


class Problem(BaseModel):
    """What went wrong, in OpenAI's form."""

    class Said(BaseModel):
        message: str
        type: str
        param: str | None
        code: str | None

    error: Said


# --- documents and sources ---------------------------------------------------------------------------------------


class DocumentEntry(BaseModel):
    document: str
    document_id: str


class DocumentListResponse(BaseModel):
    """`total`: of those that the caller may see, on all pages."""

    documents: list[DocumentEntry]
    total: int


class DocumentResponse(BaseModel):
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

    @classmethod
    def of(cls, document: Document, start: int, end: int) -> Self:
        return cls(
            document=document.uri, document_id=document.id, title=document.title, media_type=document.media_type,
            language=document.language, pages=document.pages, groups=list(document.groups),
            metadata=dict(document.metadata), warnings=list(document.warnings), start=start, end=end,
            length=len(document.text), text=document.text[start:end],
        )  # fmt: skip


class DocumentPassageResponse(BaseModel):
    """A passage of the document that was asked for. `row`: key of the first table row in it, if it is made of rows."""

    passage_id: str
    text: str
    start: int
    end: int
    page: int | None
    row: str | None
    headings: list[str]

    @classmethod
    def of(cls, passage: Passage) -> Self:
        return cls(
            passage_id=passage.id, text=passage.text, start=passage.start, end=passage.end, page=passage.page,
            row=passage.row, headings=list(passage.headings),
        )  # fmt: skip


class SourceResponse(BaseModel):
    """`failed`: 0 for callers who are not told of failures. `read_at`: "" before the first sync."""

    name: str
    groups: list[str]
    indexed: int
    failed: int
    read_at: str

    @classmethod
    def of(cls, source: ShownSource) -> Self:
        return cls(
            name=source.name, groups=list(source.groups), indexed=source.indexed, failed=source.failed,
            read_at=source.read_at,
        )  # fmt: skip


class SourceItemResponse(BaseModel):
    """`state`: indexed or failed; `reason`: why it failed, or what of it could not be read. `tries`: syncs in which it
    failed for a reason that may pass; `next_try`: when it is tried again, "" = not by itself."""

    document: str
    document_id: str | None
    source: str
    state: str
    reason: str
    passages: int
    synced_at: str
    tries: int
    next_try: str

    @classmethod
    def of(cls, shown: ShownItem) -> Self:
        item = shown.item
        return cls(
            document=item.uri, document_id=shown.document_id, source=item.source, state=item.state, reason=item.reason,
            passages=item.passages, synced_at=item.synced_at, tries=item.tries, next_try=item.next_try,
        )  # fmt: skip


class SyncResponse(BaseModel):
    ended_at: str
    added: int
    changed: int
    deleted: int
    unchanged: int
    failed: int
    passages: int
    seconds: float

    @classmethod
    def of(cls, run: SyncRun) -> Self:
        return cls.model_validate(run, from_attributes=True)


# --- feedback and corrections ------------------------------------------------------------------------------------


class FeedbackResponse(BaseModel):
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

    @classmethod
    def of(cls, shown: ShownThumb) -> Self:
        said = shown.thumb
        return cls(
            id=said.id, thumb=said.thumb, question=said.question, answer=shown.answer, reason=said.reason,
            mode=said.mode, adapter=said.adapter, who=said.who, at=said.at,
        )  # fmt: skip


class ActionResponse(BaseModel):
    """`action`: accepted, dismissed, undone, reopened, or what that brought about."""

    action: str
    who: str
    at: str
    why: str

    @classmethod
    def of(cls, action: Action) -> Self:
        return cls(action=action.action, who=action.who, at=action.at, why=action.why)


class CorrectionResponse(BaseModel):
    """`state`: queued, accepted, dismissed or undone. `url`: the passage where it is now, "" where it is gone; `about`:
    its text as it was, "" where it is hidden from the caller. `look_again`: why a person should. `groups`: whom it is
    for, null = only who may read everything."""

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
    groups: list[str] | None
    url: str
    history: list[ActionResponse]

    @classmethod
    def of(cls, shown: ShownCorrection) -> Self:
        said, about = shown.correction, shown.passage or shown.source
        return cls(
            id=said.id, state=said.state, question=said.question, answer=said.answer, change=said.change,
            document=said.about.uri if said.about else "", about=about.text if about else "", text=said.text,
            why=said.why, who=said.who, at=said.at, decided_by=said.decided_by, decided_at=said.decided_at,
            look_again=said.look_again, groups=None if said.groups == NOBODY else list(said.groups),
            url=about.url if about else "",
            history=[ActionResponse.of(each) for each in shown.history],
        )  # fmt: skip


# --- adapters and runs -------------------------------------------------------------------------------------------


class AdapterResponse(BaseModel):
    """`state`: production, retired or candidate. `result`: what the run was like; `exam`: metric to value.
    `groups`: one of each it takes to use it, null where that was not noted."""

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
    groups: list[list[str]] | None

    @classmethod
    def of(cls, card: Card) -> Self:
        return cls.model_validate(card, from_attributes=True)


class ProductionResponse(BaseModel):
    """`adapter`: the one that answers now, null = the base alone."""

    adapter: AdapterResponse | None

    @classmethod
    def of(cls, card: Card | None) -> Self:
        return cls(adapter=AdapterResponse.of(card) if card else None)


class RunResponse(BaseModel):
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
