"""What is asked of an expert, and what was found for it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from metier.answering.answer import OnSentence, OnText
from metier.answering.coverage import QuestionCoverage
from metier.answering.evidence import Evidence
from metier.core.documents import Passage
from metier.core.modes import Mode
from metier.generation.base import Message, Sampling
from metier.retrieval.retriever import Hit
from metier.store.base import Filter


@dataclass(frozen=True, slots=True)
class WriterOptions:
    """Who writes, and how. `adapter`: None = the base alone; `labels`: what that adapter was taught to decide between,
    normalised. `sql_adapter`: the one that writes queries to tables, None = the base does where it is capable. `fresh`:
    the prompt is read again, so that the answer does not depend on what was asked before."""

    adapter: str | None = None
    labels: Collection[str] = ()
    sql_adapter: str | None = None
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """A question with all that its caller wants. `message`: what the question was found in, as it was written
    (`asked_sentences`); "" where that is the question itself. `history`: earlier turns, oldest first. `system`: an
    instruction of the caller's, added to the built-in one. `without`: ids of documents to leave out, which is how
    calibration makes a question unanswerable. `abstain`: None = as `[answering] abstain` says."""

    question: str
    mode: Mode = Mode.RAG
    where: Filter | None = None
    history: tuple[Message, ...] = ()
    system: str = ""
    sampling: Sampling = field(default_factory=Sampling)
    writer: WriterOptions = field(default_factory=WriterOptions)
    without: frozenset[str] = frozenset()
    abstain: bool | None = None
    on_text: OnText | None = None
    on_sentence: OnSentence | None = None
    message: str = ""

    @property
    def whole(self) -> str:
        """What a model reads that is shown everything."""
        return self.message or self.question


@dataclass(frozen=True, slots=True)
class Found:
    """What was found for a question. `searched_for`: what was looked up. `passages`: the best hits, of pinned ones
    those alone, from which `pieces` are the sentences and rows, best first; `shown`: what the model reads, passages or
    sentences as the style has it. `features`: those of abstention, none where there is no hit. `dropped`: hits that
    found no room. `seconds`: of the search. `coverage`: of the question's words, where sentences were weighed by it."""

    searched_for: tuple[str, ...]
    hits: tuple[Hit, ...]
    passages: tuple[Passage, ...]
    pieces: tuple[Evidence, ...]
    shown: tuple[Passage, ...]
    features: dict[str, float]
    seconds: float
    dropped: int = 0
    coverage: QuestionCoverage | None = None

    @property
    def pinned(self) -> bool:
        """Whether a person said where this question is answered."""
        return any(hit.pinned for hit in self.hits)
