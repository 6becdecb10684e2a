"""What people said of answers and passages, as far as a caller may know: corrections and thumbs."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from metier.core.documents import Passage
from metier.core.errors import InputError
from metier.core.modes import WITH_ADAPTER
from metier.feedback.active_overrides import hidden_ids
from metier.feedback.proposals import Proposal
from metier.feedback.records import Action, CitedPassage, Correction, Feedback
from metier.serving.auth.access import Caller, Forbidden
from metier.serving.responses import document_url
from metier.serving.service import ExpertService

_VERBS = {"accepted": ("undo",), "undone": ("accept",), "dismissed": ("undo",), "queued": ("accept", "dismiss")}


@dataclass(frozen=True, slots=True)
class PassageLink:
    """A passage as it was when it was named. `url`: where it is now, "" where its document is gone; `text`: "" where
    it is hidden from this caller."""

    passage: Passage
    url: str
    text: str


@dataclass(frozen=True, slots=True)
class ShownCorrection:
    """`verbs`: what may be decided about it now."""

    correction: Correction
    passage: PassageLink | None
    source: PassageLink | None
    history: tuple[Action, ...]
    verbs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ShownThumb:
    """`answer`: "" where what it cites is hidden from this caller. `sources`: name and url of what it cites; `passage`:
    id of the first of it, "" where it cites nothing."""

    thumb: Feedback
    answer: str
    sources: tuple[tuple[str, str], ...]
    passage: str


class FeedbackView:
    """What of corrections and thumbs a caller sees."""

    def __init__(self, service: ExpertService, caller: Caller) -> None:
        self._expert, self._caller = service.expert, caller
        self._documents: Collection[str] = set(service.reading.documents(caller).values())
        self._hidden = set(hidden_ids(service.expert.corrections.all()))

    def correction(self, correction: Correction) -> ShownCorrection:
        history = self._expert.corrections.history(correction.id, self._caller.document_filter())
        about = correction.about
        return ShownCorrection(
            correction,
            self._place(correction.passage, correction.passages if correction.passage is about else ()),
            self._place(correction.source, correction.passages if correction.source is about else ()),
            tuple(history),
            _VERBS[correction.state] if self._caller.may("admin") else (),
        )

    def thumbs(self) -> list[ShownThumb]:
        """Down first, the newest first. Who may read an answer is known by what it cites; one that cites nothing is
        for those alone who may read anything: who gave it is a name, and names are not unique. What an adapter wrote
        is for those who may use it."""
        seen = self._expert.corrections.feedback(self._caller.document_filter())
        if self._caller.groups is not None:
            usable = {card.reference for card in self._expert.adapters.cards(self._caller.groups)}
            seen = [each for each in seen if each.citations and (not _by_adapter(each) or each.adapter in usable)]
        ordered = sorted(seen, key=lambda each: (each.thumb == "down", each.id), reverse=True)
        return [self._thumb(each) for each in ordered]

    def passage(self, identity: str) -> Passage | None:
        """One that may still be found."""
        found = self._expert.runtime.store.get([identity], self._caller.document_filter()) if identity else []
        return found[0] if found and found[0].id not in self._hidden else None

    def _place(self, passage: Passage | None, now: Sequence[str]) -> PassageLink | None:
        if passage is None:
            return None
        found = self._expert.runtime.store.get(now or [passage.id], self._caller.document_filter())
        url = ""
        if found:
            url = document_url(found[0].document_id, found[0].start, found[-1].end)
        elif passage.document_id in self._documents:
            url = f"/documents/{passage.document_id}"
        return PassageLink(passage, url, passage.text if self._shows((passage.id, *now)) else "")

    def _thumb(self, thumb: Feedback) -> ShownThumb:
        cited = {each.get("passage_id", ""): each for each in thumb.citations}
        sources = [
            (
                each.get("title") or each.get("document") or "",
                document_url(each["document_id"], each["start"], each["end"]),
            )
            for each in cited.values()
            if each.get("document_id") in self._documents
        ]
        return ShownThumb(thumb, thumb.answer if self._shows(cited) else "", tuple(sources), next(iter(cited), ""))

    def _shows(self, passages: Collection[str]) -> bool:
        """Whether the text of all these may be shown: what is hidden is for those alone who decide about that."""
        return self._caller.may("admin") or self._hidden.isdisjoint(passages)


def _by_adapter(thumb: Feedback) -> bool:
    return thumb.adapter is not None or thumb.mode in WITH_ADAPTER


async def correct_for(service: ExpertService, caller: Caller, said: Proposal, *, at_once: bool) -> Correction:
    """Make a correction of what the caller says. `at_once`: it takes effect now, which is for those who may
    decide; of others it waits, or what `[feedback] at_once` says. Raises `Forbidden` for who may not."""
    decides = caller.may("admin")
    if at_once and not decides:
        raise Forbidden("this key may not decide about corrections", hint="Send it without `at_once`: it will wait.")
    return await service.work.run(
        lambda stop: service.expert.corrections.add(
            said.question, said.answer, document=said.document, page=said.page, change=said.change,
            passage=said.passage, text=said.text, why=said.why, who=caller.name, groups=said.groups,
            where=caller.document_filter(), accept=at_once if decides else None,
        ),
        share=caller.share,
    )  # fmt: skip


def outcome_of(correction: Correction) -> str:
    """What became of it: queued, in_force, or soon, when a sync that holds the store is done."""
    return "queued" if not correction.in_force else "soon" if correction.unfinished else "in_force"


def cited_by(service: ExpertService, caller: Caller, passages: Sequence[str]) -> list[CitedPassage]:
    """What is kept of the passages that an answer cites. Raises `InputError` where one is not there for this caller:
    who may read an answer is known by what it cites."""
    found = service.expert.runtime.store.get(passages, caller.document_filter())
    if len(found) < len(set(passages)):
        raise InputError("a passage that this answer cites is gone", hint="Ask again.")
    return [CitedPassage.of(each) for each in found]
