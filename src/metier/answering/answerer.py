"""From a question to an answer with its sources, or to an honest refusal.

question ─▶ stand-alone form ─▶ its parts ─▶ found ─▶ written (a capable model) or quoted (the packaged one)
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property

from metier.answering import style
from metier.answering.abstention import Abstention
from metier.answering.answer import Answer, Sentence, Style
from metier.answering.asked_sentences import asked_in, told_in
from metier.answering.choices import choices_of
from metier.answering.cited_cells import with_cells
from metier.answering.conflicts import newest_first, with_conflicts
from metier.answering.conversation import last_question, standalone
from metier.answering.intent import Intent, Kind
from metier.answering.lookup import Finder
from metier.answering.missing_attributes import MissingAttribute, missing_attribute
from metier.answering.quote_spans import asks_for_list
from metier.answering.quoted import Quoter
from metier.answering.request import Found, Request
from metier.answering.routing import Deleted, Documents, Router
from metier.answering.style import TokenLimits
from metier.answering.support.base import Checker
from metier.answering.table_answers import TableAnswerer
from metier.answering.term_weights import WordWeights, names
from metier.answering.version_comparison import asks_what_changed, changes, versions_among
from metier.answering.version_selection import with_newer
from metier.answering.whole_document import WholeDocument
from metier.answering.written import AnswerWriter
from metier.core.documents import CELL, Passage
from metier.core.errors import InputError
from metier.core.modes import FROM_DOCUMENTS
from metier.core.settings import Settings
from metier.embedding.base import Embedder
from metier.generation.base import Generator
from metier.generation.metering import MeteredGenerator, metered
from metier.reader.base import Reader
from metier.retrieval import decomposition
from metier.retrieval.decomposition import LONGEST
from metier.retrieval.retriever import Retriever
from metier.store.base import Filter, Store
from metier.tables.asking import TableAsker
from metier.tables.many_rows import is_of_many
from metier.text.analyzer import Analyser
from metier.text.detection import detect
from metier.text.language import Language

_PUNCTUATION = ".,;:!?()[]\"'“”„«»。，？！।؟"
_LONG_QUESTION = 30  # words
_NOTHING_SYNCED = "No documents are there to answer from: run `metier add` and `metier sync`."
_AROUND = 3000  # characters before and after what is quoted, in which the rest of a list may stand
_VERSIONS_AMONG = 12  # hits among which two versions of a document are looked for
_TABLE = 40_000  # and the rest of a table


class Answerer:
    """Answers with one set of models over one store. `passages`: how many the quoted style chooses from. `reader`,
    `checker`, `tables`: called when they are first needed. `documents`: what the catalog knows of those an asker may
    see; `deleted`: of those that are gone."""

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
        reader: Callable[[], Reader | None],
        checker: Callable[[], Checker],
        documents: Documents,
        tables: Callable[[], TableAsker],
        deleted: Deleted = tuple,
    ) -> None:
        self._settings = settings
        self._store = store
        self._retriever = retriever
        self._embedder = embedder
        self._analyser = analyser
        self._generator = MeteredGenerator(generator)
        self._abstention = abstention
        self._passages = passages
        self._new_reader = reader
        self._new_checker = checker
        self._documents = documents
        self._deleted = deleted
        self._new_tables = tables

    @cached_property
    def style(self) -> Style:
        return style.choose(self._settings, self._generator.parameters)

    @cached_property
    def limits(self) -> TokenLimits:
        return style.limits(self._settings, self._generator, self.style)

    @cached_property
    def _checker(self) -> Checker:
        return self._new_checker()

    @cached_property
    def _writer(self) -> AnswerWriter:
        return AnswerWriter(self._settings, self._generator, self._checker, self.limits)

    @cached_property
    def _quoter(self) -> Quoter:
        return Quoter(
            self._settings, self._generator, self._checker, self._analyser, self._abstention, self.limits,
            self._around, self._store.document,
        )  # fmt: skip

    def _around(self, passage: Passage, where: Filter | None, *, table: bool = False) -> list[Passage]:
        near = self._store.around([passage], _TABLE if table else _AROUND, self._retriever.visible(where))
        return [each for each in near if not each.described]

    @cached_property
    def finder(self) -> Finder:
        reader = self._new_reader() if self.style is Style.QUOTED else None
        return Finder(
            self._settings, self._store, self._retriever, self._embedder, self._analyser, WordWeights(self._store),
            reader, self._generator, self.style, self._passages,
        )  # fmt: skip

    @cached_property
    def _tables(self) -> TableAnswerer:
        capable = self.style is Style.WRITTEN
        return TableAnswerer(self._new_tables(), self._store, self._retriever, self._generator, capable)

    @cached_property
    def _router(self) -> Router:
        whole = WholeDocument(self._writer, self.limits, self.finder.counter)
        settings = self._settings
        return Router(
            settings.name, settings.language, self.style, self.limits, self._store, self._retriever, self._analyser,
            self.finder, self._writer, self._quoter, whole, self._documents, self._deleted,
        )  # fmt: skip

    # --- asking ----------------------------------------------------------------------------------------------

    def ask(self, request: Request) -> Answer:
        with metered() as completions:
            if request.mode not in FROM_DOCUMENTS:
                answer = self._writer.alone(request, self.style)
            else:
                answer = self._answered(self._without_courtesy(request))
                answer = with_cells(replace(answer, question=request.question), self._store.document)
        used = replace(
            answer.usage,
            prompt_tokens=sum(each.prompt_tokens for each in completions),
            cached_tokens=sum(each.cached_tokens for each in completions),
            completion_tokens=sum(each.completion_tokens for each in completions),
        )
        return replace(answer, usage=used)

    def _without_courtesy(self, request: Request) -> Request:
        """The request for what its message asks. A text that is to be labelled, or that names what it may be answered
        with, is taken whole."""
        message, language = request.question, self._language_of(request.question)
        if request.writer.labels or choices_of(message, language):
            return request
        question = asked_in(message, self._spoken(message), self._analyser, self._knows)
        return request if question == message else replace(request, question=question, message=message)

    def _spoken(self, message: str) -> list[Language]:
        codes = dict.fromkeys((self._language_of(message), self._settings.language.split("-")[0], "en"))
        return [Language.of(code) for code in codes]

    def _knows(self, tokens: Sequence[str]) -> bool:
        return any(count > 0 for count in self._store.frequencies(tokens))

    def _answered(self, request: Request) -> Answer:
        language = self._language_of(request.whole)
        intent = self._router.intent(request)
        if (answer := self._router.answer(request, intent, language)) is not None:
            return answer
        asked = self._looked_up(request, intent)
        if self.style is Style.QUOTED and not request.writer.labels:
            self._refuse_a_text(asked, language)
        exact = self._tables.answer(request, asked, language) if intent.kind is not Kind.EDIT else None
        if isinstance(exact, Answer):
            return exact
        answers = self._written if self.style is Style.WRITTEN else self._quoted
        answer = with_newer(answers(request, asked, language))
        answer = with_conflicts(answer, asked, self._analyser, self._settings.language)
        if answer.abstained and exact is not None:
            return replace(answer, notes=(*answer.notes, exact.note))
        if answer.abstained and not answer.hits and not self._store.counts()[1]:
            return replace(answer, notes=(*answer.notes, _NOTHING_SYNCED))
        return answer

    def _looked_up(self, request: Request, intent: Intent) -> str:
        """The question to look up: in its stand-alone form; of a wish for another form of the answer, the question that
        was answered."""
        if intent.kind is Kind.EDIT:
            return last_question(request.history) or request.question
        return standalone(request.question, request.history, self._generator, self._analyser)

    @staticmethod
    def _refuse_a_text(asked: str, language: str) -> None:
        """Raises `InputError` where more is to be looked up than a search reads: the rest would be passed over."""
        longest = max(map(len, decomposition.split(asked, language)))
        if longest > LONGEST and not choices_of(asked, language):
            raise InputError(
                f"the question has {longest:,} characters, and at most {LONGEST:,} are looked up",
                hint="Ask what you want to know in a sentence or two that end in a question mark.",
            )

    def find(
        self,
        asked: str,
        where: Filter | None = None,
        without: frozenset[str] = frozenset(),
        passages: int | None = None,
    ) -> Found:
        """What the model is shown for a question, and what can be measured about it. `passages`: chosen from so many,
        None = as set."""
        return self.finder.find([asked], where, without, passages, self.limits)

    def features(self, asked: str, where: Filter | None, without: frozenset[str] = frozenset()) -> dict[str, float]:
        """Those of abstention for a question; none where nothing is found."""
        return self.finder.find([asked], where, without).features

    def supports(self, text: str, question: str, found: Found) -> list[Sentence]:
        """How far what was found for a question carries the sentences of `text`, whoever wrote it."""
        checking = self._checker.over(found.shown or found.passages, question, self._language_of(question))
        return [checking.check(text, span) for span in checking.spans(text)]

    def _language_of(self, question: str) -> str:
        return detect(question, self._settings.language)

    def _written(self, request: Request, asked: str, language: str) -> Answer:
        choices = choices_of(asked, language)
        if choices:
            parts: tuple[str, ...] = (choices.asked,)
        elif _is_joined(asked, request):
            parts = (asked, request.question)
        else:
            parts = (asked, *self._parts(asked, request, language))
        if request.message and len(told := told_in(request.message, self._spoken(request.message))) <= LONGEST:
            parts = (*parts, told)  # a model reads the whole message, and may answer by what is known of all of it
        searched = list(dict.fromkeys(parts))
        found = self.finder.find(searched, request.where, request.without, limits=self.limits)
        if not found.shown:
            return self._quoter.refuse(request, found, language, 1.0, time.monotonic() - found.seconds)
        return self._writer.answer(request, found, language, self._absent(asked, found))

    def _quoted(self, request: Request, asked: str, language: str) -> Answer:
        if (answer := self._changed(request, asked, language)) is not None:
            return answer
        choices, joined = choices_of(asked, language), _is_joined(asked, request)
        about = request.question if joined else ""
        parts = [choices.asked if choices else asked] if choices or joined else self._parts(asked, request, language)
        began = time.monotonic()
        found = [
            self.finder.find([part], request.where, request.without, limits=self.limits, about=about) for part in parts
        ]
        found = [newest_first(each, self._analyser, self._settings.language) for each in found]
        if len(found) == 1 and not found[0].pinned and self._is_of_many(asked, language, found[0]):
            return self._quoter.refuse(request, found[0], language, 1.0, began)
        if len(found) == 1 and (lacking := self._lacking(asked, language, found[0])) is not None:
            refused = self._quoter.refuse(request, found[0], language, 1.0, began)
            notes = self._quoter.empty(found[0], language) or (lacking.note,)
            return replace(refused, notes=(*refused.notes, *notes))
        whole_list = asks_for_list(asked, language) and not choices
        return self._quoter.answer(request, found, language, whole_list=whole_list, choices=choices)

    @staticmethod
    def _is_of_many(asked: str, language: str, found: Found) -> bool:
        """Whether many rows are asked for and the best that was found is one of them: the tables could not be asked,
        and one value of many is no answer."""
        best = found.pieces[0].passage.text if found.pieces else ""
        return CELL in best and is_of_many(asked, best, language)

    @staticmethod
    def _lacking(asked: str, language: str, found: Found) -> MissingAttribute | None:
        """What the best that was found does not tell, where it is a row of a table about the thing that is asked."""
        best = found.pieces[0].passage if found.pieces and not found.pinned else None
        return missing_attribute(asked, best, language) if best is not None else None

    def _changed(self, request: Request, asked: str, language: str) -> Answer | None:
        """What differs between two versions of a document, where that is asked for; else None."""
        if not asks_what_changed(asked, language):
            return None
        began, visible = time.monotonic(), self._retriever.visible(request.where)
        hits = self._retriever.search_all([asked], _VERSIONS_AMONG, request.where)
        versions = versions_among([h.passage for h in hits if h.passage.document_id not in request.without])
        if versions is None:
            return None
        new, old = (self._store.passages(document, visible) for document in versions)
        found = changes(self.finder.coverage(asked), new, old, self.finder.vectors)
        return self._quoter.compared(request, found, time.monotonic() - began) if found else None

    def _parts(self, asked: str, request: Request, language: str) -> tuple[str, ...]:
        """What has to be looked up. By rule; a capable model splits a long question that no rule takes apart, which
        costs a call."""
        parts = decomposition.split(asked, language)
        if parts != (asked,) or self.style is Style.QUOTED or len(asked.split()) < _LONG_QUESTION:
            return parts
        return decomposition.split_by_model(asked, language, self._generator, request.writer.adapter)

    def _absent(self, asked: str, found: Found) -> str:
        """A note on what the question names and no source does, so that no other thing is taken for it."""
        named = names(asked, self._analyser, self._language_of(asked), amounts=False)
        if not named:
            return ""
        counts = self._store.frequencies(named)
        files = set(self._analyser.tokens(" ".join(f"{p.title} {p.uri}" for p in found.shown)))
        absent = [name for name, count in zip(named, counts, strict=True) if not count and name not in files]
        if not absent:
            return ""
        words = [word.strip(_PUNCTUATION) for word in asked.split()]
        spelled = [next((w for w in words if name in self._analyser.tokens(w)), name) for name in absent]
        return f"(No document of the collection mentions: {', '.join(dict.fromkeys(spelled))}.)"


def _is_joined(asked: str, request: Request) -> bool:
    """Whether a follow-up was put behind the question before it, because no rule could put it in its place."""
    return asked != request.question and asked.endswith(request.question)
