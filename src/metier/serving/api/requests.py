"""What the API takes. Whatever a model does not name is refused."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from metier.core.modes import Mode
from metier.feedback.proposals import LONGEST, Proposal
from metier.generation.base import Message
from metier.serving.ask_request import AskRequest

Text = Annotated[str, Field(max_length=LONGEST)]


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")


class TurnRequest(_Request):
    role: Literal["user", "assistant"]
    content: Text


class QuestionRequest(_Request):
    """`history`: earlier turns, oldest first; a follow-up is understood from them. `as_of`: from what was known on that
    day, 2026-10-01, or at that moment."""

    question: Text = Field(min_length=1, examples=["How tight are the blade root nuts of the NV-110?"])
    mode: Mode = Mode.RAG
    history: list[TurnRequest] = Field([], max_length=100)
    as_of: Annotated[str, Field(max_length=40)] | None = None

    def asked(self) -> AskRequest:
        history = tuple(Message(turn.role, turn.content) for turn in self.history)
        return AskRequest(self.question, self.mode, history, as_of=self.as_of)


class FeedbackRequest(_Request):
    """`passages`: ids of those that the answer cites."""

    thumb: Literal["up", "down"]
    question: Text = Field(min_length=1, examples=["How often is the gearbox oil changed?"])
    answer: Text = Field("", examples=["Every 12 months."])
    reason: Text = ""
    mode: Mode = Mode.RAG
    adapter: Annotated[str, Field(max_length=200)] | None = None
    passages: list[Annotated[str, Field(max_length=100)]] = Field([], max_length=100)


class CorrectionRequest(_Request):
    """`question` and `answer`: what is right, which stands in `document`. `change`: what happens to `passage`: pin (for
    this question), hide, or replace by `text`. `at_once`: let it take effect now (scope admin); else it waits.
    `groups`: who may read it where it names no document, [] = everybody; null = those who could read what its author
    could."""

    question: Text = Field("", examples=["How often is the gearbox oil changed?"])
    answer: Text = Field("", examples=["Every 31 months."])
    document: Text | None = None
    page: int | None = Field(None, ge=1)
    change: Literal["", "pin", "hide", "replace"] = ""
    passage: Annotated[str, Field(max_length=100)] | None = None
    text: Text = ""
    why: Text = ""
    at_once: bool = False
    groups: list[Annotated[str, Field(max_length=200)]] | None = Field(None, max_length=100)

    def proposal(self) -> Proposal:
        return Proposal(
            self.question, self.answer, document=self.document, page=self.page, change=self.change,
            passage=self.passage, text=self.text, why=self.why,
            groups=None if self.groups is None else tuple(self.groups),
        )  # fmt: skip


class DecisionRequest(_Request):
    why: Text = ""
