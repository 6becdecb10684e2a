"""Pairs to rows: with passages as they would be shown, after RAFT, and without, to be known by heart.

RAFT (Zhang et al., "Adapting Language Model to Domain Specific RAG", 2024, arXiv:2403.10131) trains on a question with
the passage that answers it, the oracle, among others that do not, and for a share of the questions without the oracle.
Here the passages are what retrieval shows for the question, so that training sees the very prompt of answering, and
what is right without the oracle is the refusal, not the answer: an expert that looks things up must not learn to
answer from thin air.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Literal, Protocol

from metier.answering import prompt, style
from metier.answering.answer import Style
from metier.answering.answerer import Answerer
from metier.answering.refusal_messages import refusal
from metier.answering.request import Found
from metier.answering.term_weights import Sought, Weigh
from metier.core.documents import Passage
from metier.core.questions import DECIDED
from metier.core.settings import Settings
from metier.dataset import provenance
from metier.dataset.rows import Row
from metier.generation.base import Generator, Message
from metier.store.base import Filter
from metier.synthesis.filters import stands_in, supports
from metier.synthesis.pairs import QAPair
from metier.text.analyzer import Analyser
from metier.text.detection import detect

RowKind = Literal["rag", "plain", "both"]
ROW_KINDS: tuple[RowKind, ...] = ("rag", "plain", "both")

# A sentence that holds the answer and this much of what the oracle holds of the question's words answers it too.
_ANSWERED = 0.7
_TEMPLATE_BYTES = 1024  # more than any chat template adds to a prompt


class Find(Protocol):
    """`Answerer.find`."""

    def __call__(self, asked: str, *, without: frozenset[str] = frozenset()) -> Found: ...


def finding(answerer: Answerer, groups: tuple[str, ...] | None) -> Find:
    """Finds what a reader with these groups, None = all, is shown."""
    return partial(answerer.find, where=filter_for(groups))


def filter_for(groups: tuple[str, ...] | None) -> Filter | None:
    return None if groups is None else Filter(groups=groups)


@dataclass(frozen=True, slots=True)
class RowMaker:
    """`left_out`: share of the rows with passages whose oracle is left out, 0..1. `origin`: noted in every row."""

    find: Find
    generator: Generator
    analyser: Analyser
    weigh: Weigh
    settings: Settings
    kinds: RowKind
    left_out: float
    seed: int
    origin: str

    def rows(self, pair: QAPair, question: str) -> list[Row]:
        """One or two rows for one wording of a pair's question."""
        made = []
        if self.kinds != "plain":
            made.append(self._refusing(pair, question) or self._shown(pair, question))
        if self.kinds != "rag":
            made.append(self._row(pair, question))
        return made

    def refused(self, question: str, language: str) -> list[Row]:
        """A row for a question that nothing answers, with what is found for it; none where nothing is found."""
        shown = self._fitting(question, self.find(question).shown)
        if not shown:
            return []
        answering = self.settings.answering
        said = refusal(detect(question, self.settings.language), answering.refusal)
        of = provenance.written_from(shown)
        return [
            Row(
                question, said, kind="refusal", instruction=answering.instruction, context=shown,
                passages=(), language=language, origin=self.origin, documents=of.documents, groups=of.groups,
            )
        ]  # fmt: skip

    def _shown(self, pair: QAPair, question: str) -> Row:
        """What is shown for the question, the oracle in the place of the last where retrieval missed it."""
        shown = self._fitting(question, self.find(question).shown)
        oracle = self._oracle(pair, question)
        # A decision stands in no sentence: any of the document's may be what it was decided on.
        decides = pair.kind in DECIDED
        if not any(
            passage.document_id == oracle.document_id if decides else _holds(passage, oracle) for passage in shown
        ):
            shown = (*shown[:-1], oracle)
        return self._row(pair, question, context=shown)

    def _refusing(self, pair: QAPair, question: str) -> Row | None:
        """A row without the pair's document, drawn by the question alone, so that a longer run draws the same. None
        where it was not drawn, where nothing else is found, or where another document answers the question too."""
        if random.Random(f"{self.seed}:{question}").random() >= self.left_out:
            return None
        found = self.find(question, without=frozenset((pair.passage.document_id,)))
        if not found.shown or self._answered(pair, question, found):
            return None
        said = refusal(detect(question, self.settings.language), self.settings.answering.refusal)
        shown = self._fitting(question, found.shown)
        return self._row(pair, question, completion=said, context=shown, kind="refusal")

    def _answered(self, pair: QAPair, question: str, found: Found) -> bool:
        oracle = set(self.analyser.tokens(self._oracle(pair, question).indexed_text))
        enough = _ANSWERED * Sought.of(question, self.analyser, self.weigh).covered(oracle)
        return any(piece.covered >= enough and stands_in(pair.answer, piece.passage.text) for piece in found.pieces)

    def _row(
        self, pair: QAPair, question: str, *, completion: str = "", context: Sequence[Passage] = (), kind: str = ""
    ) -> Row:
        of = provenance.written_from((pair.passage, *context))
        return Row(
            question,
            completion or pair.answer,
            kind=kind or pair.kind,
            instruction=self.settings.answering.instruction,
            context=tuple(context),
            passages=(pair.passage.id,),
            language=pair.language,
            origin=self.origin,
            documents=of.documents,
            groups=of.groups,
        )

    def _oracle(self, pair: QAPair, question: str) -> Passage:
        """What must be shown: the passage, or its sentence that carries the answer where sentences are shown."""
        if not self._limits().reads_sentences:
            return pair.passage
        carried = supports(replace(pair, question=question), self.analyser, self.weigh)
        place = next((citation for support in carried for citation in support.citations), None)
        if place is None:
            return pair.passage
        return pair.passage.within(place.start - pair.passage.start, place.end - pair.passage.start)

    def _fitting(self, question: str, shown: Sequence[Passage]) -> tuple[Passage, ...]:
        """Those that answering would show: passages that do not fit into the context are left out from the tail."""
        system, room = self.settings.answering.instruction, self._limits().answer

        def build(passages: Sequence[Passage], history: Sequence[Message]) -> list[Message]:
            return prompt.messages(question, passages, system, history, self._style())

        messages = build(shown, ())
        # No token is shorter than a byte, so most prompts need not be counted, nor the model loaded for it.
        size = sum(len(message.content.encode("utf-8", "replace")) for message in messages) + _TEMPLATE_BYTES
        if size + room <= self.generator.context_tokens:
            return tuple(shown)
        _, kept = prompt.fit(build, shown, (), self.generator, room)
        return tuple(shown[:kept])

    def _style(self) -> Style:
        return style.choose(self.settings, self.generator.parameters)

    def _limits(self) -> style.TokenLimits:
        return style.limits(self.settings, self.generator, self._style())


def _holds(shown: Passage, oracle: Passage) -> bool:
    same = shown.document_id == oracle.document_id
    return same and shown.start <= oracle.start and oracle.end <= shown.end
