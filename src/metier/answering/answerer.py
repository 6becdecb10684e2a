"""From a question to an answer with its sources, or to an honest refusal."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from metier.answering import evidence, prompt
from metier.answering.abstention import Abstention
from metier.answering.citations import Aligner, Citation, Support
from metier.answering.evidence import Evidence
from metier.answering.repetition import LoopStop
from metier.answering.words import Sought, WordWeights
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
    that did not fit. `hits`: what retrieval found, best first; the first `usage.passages` were shown to the model."""

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
    features: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Written:
    """What will be said. `quoted`: a source's sentence instead of the model's."""

    text: str
    supports: list[Support]
    quoted: bool
    features: dict[str, float]


class Answerer:
    """The rooms an answer passes through. Modes: "rag", and "base" (the model alone, no documents)."""

    def __init__(
        self,
        settings: Settings,
        store: Store,
        retriever: Retriever,
        embedder: Embedder,
        analyser: Analyser,
        generator: Generator,
        abstention: Abstention,
    ) -> None:
        self._settings = settings
        self._retriever = retriever
        self._embedder = embedder
        self._analyser = analyser
        self._generator = generator
        self._abstention = abstention
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
    ) -> Answer:
        """Answer one question. `search_for`: the standalone form of a follow-up, looked up in place of `question`.
        `without`: ids of documents to leave out, which is how calibration makes a question unanswerable.
        `abstain`: overrides `[answering] abstain`."""
        if mode == "base":
            return self._base(question, history, on_text)
        began = time.monotonic()
        asked = search_for or question
        hits = self._retriever.search(asked, _CANDIDATES, where)
        hits = [hit for hit in hits if hit.passage.document_id not in without]
        found = time.monotonic() - began
        abstain = self._settings.answering.abstain if abstain is None else abstain
        language = detect(question, self._settings.language)
        if not hits:
            return self._refuse(question, (), {}, 1.0, {"retrieval": found, "total": found}, language)
        settings = self._settings
        passages = [hit.passage for hit in hits[: settings.retrieval.passages]]
        sought = Sought.of(asked, self._analyser, self._weigh)
        pieces = evidence.find(sought, self._retriever.asked(asked), passages, self._embedder, self._analyser)
        features = evidence.before(sought, hits, passages, pieces, self._analyser)
        doubt = self._abstention.before.probability(features)
        if abstain and doubt >= self._abstention.certain:
            spent = {"retrieval": found, "total": time.monotonic() - began}
            return self._refuse(question, hits, features, doubt, spent, language)
        if settings.answering.context == "sentences":
            wanted = [piece.passage for piece in pieces[: settings.answering.sentences]]
        else:
            wanted = passages
        messages, shown = prompt.fit(
            asked, wanted, self._generator, settings.generation.max_tokens, settings.answering.instruction, history
        )
        completion = self._complete(messages, on_text)
        aligner = Aligner(passages, asked, self._analyser, self._weigh, language)
        written = self._check(completion, asked, aligner, pieces)
        features |= written.features
        doubt = self._abstention.after.probability(features)
        timings = {
            "retrieval": found,
            "first_token": completion.first_token_seconds,
            "generation": completion.seconds,
            "total": time.monotonic() - began,
        }
        usage = _usage(completion, shown)
        if abstain and doubt >= self._abstention.after.threshold:
            return self._refuse(question, hits, features, doubt, timings, language, usage)
        return Answer(
            question=question,
            text=written.text,
            abstained=False,
            confidence=1 - doubt,
            mode="rag",
            model=self._generator.name,
            adapter=None,
            citations=_citations(written.supports),
            unsupported=tuple(support.sentence for support in written.supports if not support.supported),
            timings=timings,
            usage=usage,
            notes=_notes(completion, len(wanted) - shown, written.quoted),
            hits=tuple(hits),
            features=features,
        )

    def _check(self, completion: Completion, question: str, aligner: Aligner, pieces: Sequence[Evidence]) -> _Written:
        """The model's answer where the passages carry it; where they do not, or it only repeats the question, the
        best sentence of the passages in its place."""
        text = completion.text.strip()
        supports = aligner.align(text)
        declined = prompt.declines(text)
        repeated = evidence.echo(text, question, self._analyser)
        features = evidence.after(completion, supports, repeated, declined)
        carried = bool(supports) and all(support.supported for support in supports)
        if (carried and repeated < _ECHO and not declined) or not pieces:
            return _Written(text, supports, False, features)
        quote = pieces[0].passage
        return _Written(quote.text, aligner.quote(quote), True, features)

    def _base(self, question: str, history: Sequence[Message], on_text: OnText | None) -> Answer:
        began = time.monotonic()
        messages, _ = prompt.fit(
            question, (), self._generator, self._settings.generation.max_tokens,
            self._settings.answering.instruction, history,
        )  # fmt: skip
        completion = self._complete(messages, on_text)
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
            notes=_notes(completion, 0, False),
        )

    def _complete(self, messages: Sequence[Message], on_text: OnText | None) -> Completion:
        generation = self._settings.generation
        guard = LoopStop(on_text)
        completion = self._generator.complete(
            messages,
            max_tokens=generation.max_tokens,
            temperature=generation.temperature,
            seed=generation.seed,
            stop=_ONE_LINE if self._settings.answering.context == "sentences" else (),
            on_text=guard,
        )
        return replace(completion, text=guard.cut(completion.text))

    def _refuse(
        self,
        question: str,
        hits: Sequence[Hit],
        features: dict[str, float],
        doubt: float,
        timings: dict[str, float],
        language: str,
        usage: Usage | None = None,
    ) -> Answer:
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
            usage=usage or Usage(),
            hits=tuple(hits),
            features=features,
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


def _notes(completion: Completion, dropped: int, quoted: bool) -> tuple[str, ...]:
    notes = []
    if quoted:
        notes.append("The model's own words stood in no document; the sentence that fits best is quoted instead.")
    if dropped:
        notes.append(f"{dropped} passage(s) did not fit into the model's context and were left out.")
    if completion.finish_reason == "length" and not quoted:
        notes.append("The answer was cut at [generation] max_tokens.")
    return tuple(notes)
