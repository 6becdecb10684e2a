"""From a question to an answer with its sources, or to an honest refusal."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace

from metier.answering import evidence, prompt
from metier.answering.abstention import Abstention
from metier.answering.citations import Aligner, Citation, Support
from metier.answering.decisions import is_decision
from metier.answering.evidence import Evidence
from metier.answering.repetition import LoopStop
from metier.answering.sentence_vectors import SentenceVectors
from metier.answering.words import Sought, WordWeights
from metier.documents import Passage
from metier.embedding.base import Embedder
from metier.generation.base import Completion, Generator, Message
from metier.language import detect
from metier.retrieval.analysis import Analyser
from metier.retrieval.retriever import Hit, Retriever
from metier.settings import Settings
from metier.store.base import Filter, Store

OnText = Callable[[str], bool | None]
_ECHO = 0.95  # an answer with this share of the question's own words says nothing
_ONE_LINE = ("\n",)  # a model too small for passages says what it knows in its first line
_CANDIDATES = 50  # hits looked up; calibration leaves out those of one document


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of the prompt, of them read from the cache, and of the answer; passages put into the prompt."""

    prompt_tokens: int = 0
    cached_tokens: int = 0
    completion_tokens: int = 0
    passages: int = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """`confidence`: 1 - probability that the documents hold no answer. `unsupported`: (start, end) of sentences of
    `text` that no shown passage carries. `timings` in seconds. `notes`: what a person should know, such as passages
    that did not fit. `hits`: what retrieval found, best first; `shown`: of it what the model read, passages or
    sentences."""

    question: str
    text: str
    abstained: bool
    confidence: float | None
    mode: str
    model: str
    adapter: str | None
    citations: tuple[Citation, ...]
    unsupported: tuple[tuple[int, int], ...]
    timings: dict[str, float]
    usage: Usage
    notes: tuple[str, ...] = ()
    hits: tuple[Hit, ...] = ()
    shown: tuple[Passage, ...] = ()
    features: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Writer:
    """Who writes, and how. `adapter`: None = the base alone; `labels`: what that adapter was taught to decide between,
    normalised. `fresh`: the prompt is read anew, so that the answer does not depend on what was asked before."""

    adapter: str | None = None
    labels: Collection[str] = ()
    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """What was found for a question. `passages`: the best hits, of pinned ones those alone, from which `pieces` are
    the sentences, best first; `shown`: what the model reads, passages or sentences as set. `seconds`: of the search."""

    hits: tuple[Hit, ...]
    passages: tuple[Passage, ...]
    pieces: tuple[Evidence, ...]
    shown: tuple[Passage, ...]
    features: dict[str, float]
    seconds: float


@dataclass(frozen=True, slots=True)
class _Written:
    """What will be said. `quoted`: a source's sentence instead of the model's."""

    text: str
    supports: list[Support]
    quoted: bool
    features: dict[str, float]


_BASE = Writer()
MODES = ("base", "rag", "tuned", "rag+tuned")
FROM_DOCUMENTS = ("rag", "rag+tuned")
WITH_ADAPTER = ("tuned", "rag+tuned")


class Answerer:
    """The rooms an answer passes through. Modes: "base" (the model alone), "rag" (from the documents), and both with a
    fine-tuned adapter."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        retriever: Retriever,
        embedder: Embedder,
        analyser: Analyser,
        generator: Generator,
        abstention: Abstention,
        passages: int,
    ) -> None:
        self._settings = settings
        self._retriever = retriever
        self._vectors = SentenceVectors(embedder)
        self._analyser = analyser
        self._generator = generator
        self._abstention = abstention
        self._passages = passages
        self._weigh = WordWeights(store)

    def ask(
        self,
        question: str,
        *,
        mode: str = "rag",
        where: Filter | None = None,
        search_for: str | None = None,
        history: Sequence[Message] = (),
        on_text: OnText | None = None,
        without: frozenset[str] = frozenset(),
        abstain: bool | None = None,
        writer: Writer = _BASE,
    ) -> Answer:
        """Answer one question. `search_for`: the standalone form of a follow-up, looked up in place of `question`.
        `without`: ids of documents to leave out, which is how calibration makes a question unanswerable.
        `abstain`: overrides `[answering] abstain`. `writer`: with an adapter in the tuned modes."""
        if mode not in FROM_DOCUMENTS:
            return replace(self._alone(question, writer, history, on_text), mode=mode, adapter=writer.adapter)
        found = self.find(search_for or question, where, without)
        refusing = self._settings.answering.abstain if abstain is None else abstain
        answer = self._from_documents(question, search_for or question, found, history, on_text, refusing, writer)
        return replace(answer, mode=mode, adapter=writer.adapter)

    def find(
        self,
        asked: str,
        where: Filter | None = None,
        without: frozenset[str] = frozenset(),
        passages: int | None = None,
    ) -> Found:
        """What the model is shown for a question, and what can be measured about it. `passages`: read from so many,
        None = as set."""
        began = time.monotonic()
        hits = [
            hit for hit in self._retriever.search(asked, _CANDIDATES, where) if hit.passage.document_id not in without
        ]
        seconds = time.monotonic() - began
        read = [hit for hit in hits if hit.pinned] or hits
        best = [hit.passage for hit in read[: passages or self._passages]]
        sought = Sought.of(asked, self._analyser, self._weigh)
        pieces = evidence.find(sought, self._retriever.asked(asked), best, self._vectors, self._analyser)
        features = evidence.before(sought, hits, best, pieces, self._analyser) if hits else {}
        shown = best
        if self._settings.answering.context == "sentences":
            shown = [piece.passage for piece in pieces[: self._settings.answering.sentences]]
        return Found(tuple(hits), tuple(best), tuple(pieces), tuple(shown), features, seconds)

    def _from_documents(
        self,
        question: str,
        asked: str,
        found: Found,
        history: Sequence[Message],
        on_text: OnText | None,
        refusing: bool,
        writer: Writer,
    ) -> Answer:
        began = time.monotonic() - found.seconds
        pinned = any(hit.pinned for hit in found.hits)
        refusing = refusing and not pinned  # a person said that it is answered there
        timings = {"retrieval": found.seconds}
        doubt = self._abstention.before.probability(found.features) if found.hits else 1.0
        if not found.hits or (refusing and doubt >= self._abstention.certain):
            return self._refuse(question, found, {}, doubt, timings | {"total": time.monotonic() - began}, Usage())
        settings = self._settings
        messages, shown = prompt.fit(
            asked, found.shown, self._generator, settings.generation.max_tokens, settings.answering.instruction, history
        )
        completion = self._complete(messages, on_text, writer, logprobs=True)
        aligner = self._aligner(asked, found)
        written = self._check(completion, asked, aligner, found.pieces, writer.labels)
        features = found.features | written.features
        doubt = self._abstention.after.probability(features)
        timings |= {"first_token": completion.first_token_seconds, "generation": completion.seconds}
        timings["total"] = time.monotonic() - began
        if refusing and doubt >= self._abstention.after.threshold:
            return self._refuse(question, found, written.features, doubt, timings, _usage(completion, shown))
        return Answer(
            question=question,
            text=written.text,
            abstained=False,
            confidence=1.0 if pinned else 1 - doubt,
            mode="rag",
            model=self._generator.name,
            adapter=None,
            citations=_citations(written.supports),
            unsupported=tuple(support.sentence for support in written.supports if not support.supported),
            timings=timings,
            usage=_usage(completion, shown),
            notes=_notes(completion, len(found.shown) - shown, written.quoted, pinned),
            hits=found.hits,
            shown=found.shown[:shown],
            features=features,
        )

    def supports(self, text: str, question: str, found: Found) -> list[Support]:
        """How far what was found for a question carries the sentences of `text`, whoever wrote it."""
        return self._aligner(question, found).align(text)

    def _aligner(self, question: str, found: Found) -> Aligner:
        language = detect(question, self._settings.language)
        return Aligner(found.passages, question, self._analyser, self._weigh, language)

    def _check(
        self,
        completion: Completion,
        question: str,
        aligner: Aligner,
        pieces: Sequence[Evidence],
        labels: Collection[str],
    ) -> _Written:
        """The model's answer where the passages carry it, or it is a decision; where they do not, or it only repeats
        the question, the best sentence of the passages in its place."""
        text = completion.text.strip()
        if pieces and is_decision(text, labels):
            decided = aligner.decided(text, pieces[0].passage)
            return _Written(text, decided, False, evidence.after(completion, decided, 0.0, False))
        supports = aligner.align(text)
        declined = prompt.declines(text)
        repeated = evidence.echo(text, question, self._analyser)
        features = evidence.after(completion, supports, repeated, declined)
        carried = bool(supports) and all(support.supported for support in supports)
        if (carried and repeated < _ECHO and not declined) or not pieces:
            return _Written(text, supports, False, features)
        quote = pieces[0].passage
        return _Written(quote.text, aligner.quote(quote), True, features)

    def _alone(self, question: str, writer: Writer, history: Sequence[Message], on_text: OnText | None) -> Answer:
        """What the model says by itself: nothing is looked up, so nothing is cited."""
        began = time.monotonic()
        messages, _ = prompt.fit(
            question, (), self._generator, self._settings.generation.max_tokens,
            self._settings.answering.instruction, history,
        )  # fmt: skip
        completion = self._complete(messages, on_text, writer)
        timings = {"first_token": completion.first_token_seconds, "generation": completion.seconds}
        return Answer(
            question=question,
            text=completion.text.strip(),
            abstained=False,
            confidence=None,
            mode="base",
            model=self._generator.name,
            adapter=None,
            citations=(),
            unsupported=(),
            timings=timings | {"total": time.monotonic() - began},
            usage=_usage(completion, 0),
            notes=_notes(completion, 0, quoted=False, pinned=False),
        )

    def _complete(
        self, messages: Sequence[Message], on_text: OnText | None, writer: Writer, logprobs: bool = False
    ) -> Completion:
        generation = self._settings.generation
        guard = LoopStop(on_text)
        completion = self._generator.complete(
            messages,
            max_tokens=generation.max_tokens,
            temperature=generation.temperature,
            seed=generation.seed,
            stop=_ONE_LINE if self._settings.answering.context == "sentences" else (),
            on_text=guard,
            adapter=writer.adapter,
            fresh=writer.fresh,
            logprobs=logprobs,
        )
        return replace(completion, text=guard.cut(completion.text))

    def _refuse(
        self,
        question: str,
        found: Found,
        written: dict[str, float],
        doubt: float,
        timings: dict[str, float],
        usage: Usage,
    ) -> Answer:
        language = detect(question, self._settings.language)
        return Answer(
            question=question,
            text=prompt.refusal(language, self._settings.answering.refusal),
            abstained=True,
            confidence=1 - doubt,
            mode="rag",
            model=self._generator.name,
            adapter=None,
            citations=(),
            unsupported=(),
            timings=timings,
            usage=usage,
            hits=found.hits,
            shown=found.shown[: usage.passages],
            features=found.features | written,
        )


def _usage(completion: Completion, passages: int) -> Usage:
    return Usage(completion.prompt_tokens, completion.cached_tokens, completion.completion_tokens, passages)


def _citations(supports: Sequence[Support]) -> tuple[Citation, ...]:
    """Citations of the supported sentences, each place once, in the order of the answer."""
    found: dict[tuple[str, int, int], Citation] = {}
    for support in supports:
        if support.supported:
            for citation in support.citations:
                found.setdefault((citation.document_id, citation.start, citation.end), citation)
    return tuple(found.values())


def _notes(completion: Completion, dropped: int, quoted: bool, pinned: bool) -> tuple[str, ...]:
    notes = []
    if pinned:
        notes.append("Somebody said where this question is answered, so that alone was read.")
    if quoted:
        notes.append("The model's own words stood in no document; the sentence that fits best is quoted instead.")
    if dropped:
        notes.append(f"{dropped} passage(s) did not fit into the model's context and were left out.")
    if completion.finish_reason == "length" and not quoted:
        notes.append("The answer was cut at [generation] max_tokens.")
    return tuple(notes)
