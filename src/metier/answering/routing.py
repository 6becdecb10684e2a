"""Messages that are not looked up like a question: small talk, what is asked of the collection, of a whole document,
and what is asked of the answer before."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from metier.answering import extractive_summary
from metier.answering.answer import Answer, Sentence, Style, Support
from metier.answering.catalog_sources import CatalogSources
from metier.answering.collection import CollectionAnswer, DocumentInfo, answer_collection, match_documents
from metier.answering.document_info import DeletedDocument
from metier.answering.intent import Intent, Kind, classify
from metier.answering.lookup import Finder
from metier.answering.no_question import asks_nothing
from metier.answering.quoted import Quoter
from metier.answering.request import Found, Request
from metier.answering.style import TokenLimits
from metier.answering.whole_document import WholeDocument
from metier.answering.written import AnswerWriter
from metier.core.documents import Passage
from metier.generation.base import Message
from metier.retrieval.retriever import Retriever
from metier.store.base import Filter, Store
from metier.text.analyzer import Analyser
from metier.text.detection import detect
from metier.text.language import Language, all_languages

_TOPIC = 0.4  # share of the best score from which a document is about a topic
_FOUND = 5  # passages that a search for a document looks at
_HITS = 50
_CANNOT_EDIT = (
    "This model quotes the documents; it cannot reword an answer. A model of a billion parameters or more can: see "
    "[generation] model."
)
Documents = Callable[[Filter | None], Sequence[DocumentInfo]]
Deleted = Callable[[], Sequence[DeletedDocument]]


@dataclass(frozen=True, slots=True)
class Router:
    """Answers what is no question to be looked up. `name`, `language`: the expert's; `documents`: what the catalog
    knows of those that an asker may see, `deleted`: of those that are gone."""

    name: str
    language: str
    style: Style
    limits: TokenLimits
    store: Store
    retriever: Retriever
    analyser: Analyser
    finder: Finder
    writer: AnswerWriter
    quoter: Quoter
    whole: WholeDocument
    documents: Documents
    deleted: Deleted

    def intent(self, request: Request) -> Intent:
        spoken = all_languages(first=self.language)
        found = classify(request.whole, request.history, spoken)
        if not request.question:  # nothing but courtesy
            greeting = Intent(Kind.SMALL_TALK, "greeting", detect(request.whole, self.language))
            return found if found.kind is Kind.SMALL_TALK else greeting
        if found.kind is Kind.QUESTION and request.message:
            found = classify(request.question, request.history, spoken)
        if found.kind is Kind.QUESTION and not request.writer.labels and self._asks_nothing(request):
            return Intent(Kind.NO_QUESTION, language=detect(request.question, self.language))
        return found

    def _asks_nothing(self, request: Request) -> bool:
        spoken = dict.fromkeys((self.language, "en", detect(request.question, self.language)))

        def known(text: str) -> bool:
            tokens = self.analyser.tokens(text)
            if self.store.lexical(tokens, 1, self.retriever.visible(request.where)):
                return True
            names = " ".join(info.uri for info in self.documents(request.where))
            return not set(tokens).isdisjoint(self.analyser.tokens(names))

        return asks_nothing(request.question, map(Language.of, spoken), bool(request.history), known)

    def answer(self, request: Request, intent: Intent, language: str) -> Answer | None:
        """None where the message is to be looked up after all."""
        if intent.kind is Kind.SMALL_TALK:
            return self._small_talk(request, intent)
        if intent.kind is Kind.NO_QUESTION:
            reply = self.quoter.say(request, Language.of(intent.language).text("replies", "no_question"))
            return replace(reply, abstained=True)
        if intent.kind is Kind.EDIT and self.style is Style.QUOTED:
            return self.quoter.say(request, _last_answer(request.history), (_CANNOT_EDIT,))
        if intent.kind is Kind.COLLECTION:
            return self._collection(request, intent, language)
        if intent.kind is Kind.DOCUMENT:
            return self._document(request, intent, language)
        return None

    def _small_talk(self, request: Request, intent: Intent) -> Answer:
        if self.style is Style.QUOTED:
            reply = Language.of(intent.language).text("replies", intent.name)
            return self.quoter.say(request, reply.format(name=self.name))
        about = f"You are {self.name}, an assistant that answers questions from an organisation's documents."
        return self.writer.alone(replace(request, system=f"{about}\n{request.system}".strip()), self.style)

    def _collection(self, request: Request, intent: Intent, language: str) -> Answer | None:
        began = time.monotonic()
        visible = self.retriever.visible(request.where)

        def about(topic: str) -> list[str]:
            return self._about(topic, visible)

        known = self.documents(request.where)
        deleted = self.deleted() if request.where is None else ()  # of what is gone nobody knows who may read it now
        listed = answer_collection(request.question, intent, known, datetime.now(), about, deleted)
        if listed is None:
            return None
        first = {p.document_id: p for p in self.store.openings([info.id for info in listed.documents], visible)}
        if self.style is Style.QUOTED:
            return self._listed(request, listed, first, began)
        sources = CatalogSources(listed, first)
        more = self.finder.find([request.question], request.where, request.without, limits=self.limits)
        shown = (*sources.passages, *(p for p in more.shown if p.document_id in first))
        found = Found((request.question,), more.hits, (), (), shown, {}, time.monotonic() - began)
        return sources.cited(self.writer.answer(sources.heard(request), found, language))

    def _listed(self, request: Request, listed: CollectionAnswer, first: dict[str, Passage], began: float) -> Answer:
        """By rule: each line cites the document that it names."""
        sentences = tuple(
            Sentence(*span, Support.CARRIED, 1.0, CatalogSources.citations_of(first.get(info.id), span))
            for info, span in zip(listed.documents, listed.lines, strict=True)
        )
        answer = self.quoter.say(request, listed.text)
        return replace(answer, sentences=sentences, timings={"total": time.monotonic() - began})

    def _about(self, topic: str, where: Filter | None) -> list[str]:
        """Ids of the documents that hold most about a topic, best first."""
        hits = self.retriever.search(topic, _HITS, where)
        best = hits[0].score if hits else 0.0
        return list(dict.fromkeys(hit.passage.document_id for hit in hits if hit.score >= _TOPIC * best))

    def _document(self, request: Request, intent: Intent, language: str) -> Answer | None:
        began = time.monotonic()
        visible = self.retriever.visible(request.where)
        meant = [info.id for info in match_documents(intent.target, self.documents(request.where))]
        if not meant and intent.name == "summary":
            meant = self._speaks_of(intent.target, visible)
        passages = [
            passage for name in meant if name not in request.without for passage in self.store.passages(name, visible)
        ]
        if not passages:
            return None
        if self.style is Style.WRITTEN:
            return self.whole.answer(request, passages, language)
        sentences = extractive_summary.summary(passages, self.finder.vectors)
        return self.quoter.summary(request, sentences, time.monotonic() - began) if sentences else None

    def _speaks_of(self, target: str, where: Filter | None) -> list[str]:
        """The id of the document that is meant though it has another title: that of most of what is found."""
        found = [hit.passage.document_id for hit in self.retriever.search(target, _FOUND, where)]
        return found[:1] if found and found.count(found[0]) > _FOUND / 2 else []


def _last_answer(history: Sequence[Message]) -> str:
    return next((turn.content for turn in reversed(history) if turn.role == "assistant"), "")
