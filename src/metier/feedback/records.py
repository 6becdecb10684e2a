"""A thumb, a correction, and what was done to it.

A correction is written once and never changed. What becomes of it is a list of actions, which only grows; its state is
read off that list, so an undo is one more action and the one before stays to be seen.

    queued ─▶ accepted ─▶ undone ─▶ accepted …
       └────▶ dismissed ─▶ queued …
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal, Self, get_args

from metier.core.documents import Passage

Thumb = Literal["up", "down"]
State = Literal["queued", "accepted", "dismissed", "undone"]
Change = Literal["", "pin", "hide", "replace"]
STATES: tuple[State, ...] = get_args(State)
CHANGES: tuple[Change, ...] = get_args(Change)

# Decisions of people, and the state that each leads to.
DECISIONS: dict[str, State] = {
    "queued": "queued", "accepted": "accepted", "dismissed": "dismissed", "undone": "undone", "reopened": "queued",
}  # fmt: skip
# What a decision brought about: the corrected text stands in the store or no longer, the question and its training row
# are there or no longer; and what a sync found of the passage.
PLACED, REMOVED, LEARNED, UNLEARNED, MOVED, LOST = "placed", "removed", "learned", "unlearned", "moved", "lost"


@dataclass(frozen=True, slots=True)
class CitedPassage:
    """A passage that an answer cites, as a thumb keeps it: where it is. `start`, `end`: characters of the document."""

    document: str
    document_id: str
    title: str
    page: int | None
    start: int
    end: int
    passage_id: str

    @classmethod
    def of(cls, passage: Passage) -> Self:
        return cls(
            document=passage.uri, document_id=passage.document_id, title=passage.title, page=passage.page,
            start=passage.start, end=passage.end, passage_id=passage.id,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Feedback:
    """What somebody thought of an answer. `citations`: as plain values, with the `document_id` of each. `at`: ISO 8601,
    UTC."""

    thumb: Thumb
    question: str
    answer: str
    reason: str = ""
    mode: str = ""
    adapter: str | None = None
    citations: tuple[Mapping[str, Any], ...] = ()
    who: str = ""
    at: str = ""
    id: int = 0


@dataclass(frozen=True, slots=True)
class Action:
    """One line of the list. `action`: one of `DECISIONS`, or what one of them brought about. `detail`: plain values."""

    number: int
    correction: str
    action: str
    who: str
    at: str
    why: str = ""
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Correction:
    """To `question` the right answer is `answer`, which stands in `source`; and `change` says what happens to
    `passage`: pin it for this question, hide it, or replace its text by `text`. Both passages are kept as they were
    when the correction was made. `groups`: who may see it, those of the document.

    The others are read off the actions. `decided`: number of the last decision. `passages`: ids under which the passage
    (without a change, the source) stands now, several where it is cut otherwise; `known_ids`: all that it ever had.
    `placed`: ids of the passages that show the corrected text. `learned`: what became of the question and the training
    row, None while there are none. `look_again`: why a person should."""

    id: str
    question: str = ""
    answer: str = ""
    change: Change = ""
    passage: Passage | None = None
    source: Passage | None = None
    text: str = ""
    groups: tuple[str, ...] = ()
    why: str = ""
    who: str = ""
    at: str = ""
    state: State = "queued"
    decided: int = 0
    decided_by: str = ""
    decided_at: str = ""
    passages: tuple[str, ...] = ()
    known_ids: tuple[str, ...] = ()
    placed: tuple[str, ...] = ()
    learned: Mapping[str, Any] | None = None
    look_again: str = ""

    @property
    def in_force(self) -> bool:
        return self.state == "accepted"

    @property
    def about(self) -> Passage | None:
        """The passage that it is about, as it was."""
        return self.passage or self.source

    @property
    def documents(self) -> tuple[str, ...]:
        """Uris of the documents that it names."""
        return tuple(dict.fromkeys(each.uri for each in (self.passage, self.source) if each is not None))

    @property
    def has_text(self) -> bool:
        """Whether it brings a text of its own to be found: in the place of a passage, or an answer to a question."""
        return self.change == "replace" or (not self.change and bool(self.answer))

    @property
    def unfinished(self) -> bool:
        """Whether the last decision has not brought about all that it should."""
        if self.in_force:
            return (self.has_text and not self.placed) or (bool(self.answer) and self.learned is None)
        return bool(self.placed) or self.learned is not None

    def to_json(self) -> dict[str, Any]:
        """What was said, as plain values; what is read off the actions is left out."""
        plain = {name: getattr(self, name) for name in _SAID}
        shown = {name: asdict(plain[name]) if plain[name] else None for name in _PASSAGES}
        return plain | shown | {"groups": list(self.groups)}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        shown = {name: _passage(plain[name]) for name in _PASSAGES}
        return cls(**{**plain, **shown, "groups": tuple(plain["groups"])})

    def after(self, actions: Sequence[Action]) -> Self:
        """As it stands after these actions, in their order."""
        first = (self.about.id,) if self.about else ()
        now = replace(self, passages=first, known_ids=first)
        for action in actions:
            now = replace(now, **_effect(now, action))
        return now


_DERIVED = {"state", "decided", "decided_by", "decided_at", "passages", "known_ids", "placed", "learned", "look_again"}
_SAID = [each.name for each in fields(Correction) if each.name not in _DERIVED]
_PASSAGES = ("passage", "source")


def _passage(plain: Mapping[str, Any] | None) -> Passage | None:
    if plain is None:
        return None
    return Passage(**{**plain, **{name: tuple(plain[name]) for name in ("headings", "groups")}})


def _in_place(now: Correction, detail: Mapping[str, Any]) -> dict[str, Any]:
    """The passages that it is about, in the document that was moved to another place."""
    moved: dict[str, Any] = {}
    for name in _PASSAGES:
        passage: Passage | None = getattr(now, name)
        if passage is not None and passage.document_id == detail.get("moved_from"):
            moved[name] = replace(passage, document_id=detail["document_id"], uri=detail["document"])
    return moved


def _effect(now: Correction, action: Action) -> dict[str, Any]:
    """The fields that an action changes."""
    if state := DECISIONS.get(action.action):
        return {"state": state, "decided": action.number, "decided_by": action.who, "decided_at": action.at}
    detail, ids = action.detail, tuple(action.detail.get("passages", ()))
    effects: dict[str, dict[str, Any]] = {
        PLACED: {"placed": ids},
        REMOVED: {"placed": ()},
        LEARNED: {"learned": detail},
        UNLEARNED: {"learned": None},
        MOVED: {
            "passages": ids,
            "known_ids": tuple(dict.fromkeys((*now.known_ids, *ids))),
            "look_again": detail.get("look_again", ""),
            **_in_place(now, detail),
        },
        LOST: {"passages": (), "look_again": detail.get("look_again", "")},
    }
    return effects[action.action]
