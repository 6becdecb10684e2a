"""The expert's own questions, kept in one file, each on its side of the line once and for all.

    practice    to learn from: weights, refusals, training rows
    exam        to be judged by, and looked at for nothing else

A question never changes sides. Which one it is on is drawn from a hash of its words, unless its file says; a question
that asks the same in other words goes to the side of the first. One that is dropped is remembered, so that an import
does not bring it back.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Self

from metier.core import bounded_files
from metier.core.atomic import write_text
from metier.core.errors import InputError
from metier.core.groups import Required, required_by
from metier.core.permissions import make_state_folder
from metier.core.questions import Question
from metier.dataset.cleaning import clean
from metier.dataset.findings import short
from metier.evaluation.questions import question_similarity, splits

FILE_NAME = "questions.jsonl"
REVIEWS = ("", "accepted", "dropped")
Review = Literal["", "accepted", "dropped"]
_SHOWN_LEAKS = 3
_OWN = ("review", "first", "versions")  # of an entry, not of its question


@dataclass(frozen=True, slots=True)
class QuestionEntry:
    """A question of the set. `review`: what a person said of it. `first`: the wording with which it came, where it was
    edited since. `versions`: hash of each of its documents when it came or was last reviewed, by uri."""

    question: Question
    review: Review = ""
    first: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)

    @property
    def dropped(self) -> bool:
        return self.review == "dropped"

    @property
    def keys(self) -> set[str]:
        """The wordings, as they are compared, under which it is known."""
        return {question_similarity.key(text) for text in (self.question.question, self.first) if text}

    def to_json(self) -> dict[str, Any]:
        extra = {"review": self.review, "first": self.first, "versions": self.versions}
        return self.question.to_json() | {name: value for name, value in extra.items() if value}

    @classmethod
    def from_json(cls, plain: dict[str, Any]) -> Self:
        rest = {name: value for name, value in plain.items() if name not in _OWN}
        question = Question.from_json(rest)
        if not isinstance(question.question, str) or plain.get("review", "") not in REVIEWS:
            raise ValueError("its question or its review is none")
        return cls(question, plain.get("review", ""), plain.get("first", ""), plain.get("versions", {}))


@dataclass(frozen=True, slots=True)
class Added:
    """What an import did. `added`: new questions, `practice` and `exam` of them; `kinds`: theirs. `known`: those that
    were there already. `dropped`: those that a person threw out before. `leaks`: those left out because they ask on one
    side what stands on the other. `differing`: known ones that come with other answers, in words. `total`: in the set
    now."""

    added: int
    practice: int
    exam: int
    known: int
    dropped: int
    leaks: int
    total: int
    kinds: dict[str, int] = field(default_factory=dict)
    differing: tuple[str, ...] = ()


class QuestionSet:
    """The questions at `path`. `practice`: share of them that is drawn to practise on, 0..1. `versions`: gives the hash
    of every document there is now, by uri. Every change is on disk when its method returns, as a whole or not at
    all."""

    def __init__(
        self,
        path: Path,
        practice: float = 0.4,
        language: str = "en",
        versions: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        self._path = path
        self._practice = practice
        self._language = language
        self._versions = versions
        self.kept: list[QuestionEntry] = bounded_files.records(
            path, QuestionEntry.from_json, "a question of the set", "metier exam"
        )

    def questions(self) -> list[Question]:
        """Those that nobody dropped, in the order in which they came."""
        return [each.question for each in self.kept if not each.dropped]

    def get(self, identity: str) -> QuestionEntry:
        """Raises `InputError` where no question has this id."""
        found = next((each for each in self.kept if each.question.id == identity), None)
        if found is None:
            raise InputError(f"there is no question {identity!r}", where=str(self._path))
        return found

    def add(self, questions: Sequence[Question], *, skip_leaks: bool = False, where: str = "questions") -> Added:
        """Take in what is new, each on its side. Raises `InputError`, naming both, where a question asks on one side
        what stands on the other, unless `skip_leaks`; the set is then as it was."""
        by_key = {key: each for each in self.kept for key in each.keys}
        new: dict[str, Question] = {}
        again: list[tuple[Question, Question]] = []  # as it comes, and as it is known
        dropped = 0
        for question in questions:
            key = question_similarity.key(question.question)
            known = by_key.get(key)
            if known is not None and known.dropped:
                dropped += 1
            elif known is not None or key in new:
                again.append((question, known.question if known else new[key]))
            else:
                new[key] = question
        moved = [(question, before) for question, before in again if _crosses(question, before)]
        placed, leaks = splits.place(list(new.values()), self.questions(), self._side, self._language)
        if not skip_leaks and (found := moved + leaks):
            raise _leaking(found, where)
        left_out = {question_similarity.key(question.question) for question, _ in leaks}
        added = self._identified(
            [question for question in placed if question_similarity.key(question.question) not in left_out]
        )
        if added:
            now = self._versions()
            self._save([*self.kept, *(QuestionEntry(each, versions=_of(each, now)) for each in added)])
        counts = Counter(question.split for question in added)
        return Added(
            added=len(added),
            practice=counts["practice"],
            exam=counts["exam"],
            known=len(again) - len(moved),
            dropped=dropped,
            leaks=len(moved) + len(left_out),
            total=len(self.questions()),
            kinds=dict(Counter(question.kind for question in added).most_common()),
            differing=tuple(_differing(again)),
        )

    def review(
        self,
        identity: str,
        review: Review,
        *,
        question: str | None = None,
        answers: Sequence[str] | None = None,
        groups: Required = (),
    ) -> QuestionEntry:
        """Note what a person said of a question, with another wording or other answers where they are given; it stays
        on its side. `groups`: what it takes to read these, beside what it took before. Raises `InputError` for a
        wording that is there already or stands on the other side."""
        if review not in REVIEWS:
            raise InputError(f"there is no review {review!r}", hint=f"Choose one of {', '.join(REVIEWS[1:])}.")
        before = self.get(identity)
        edited, first = _edited(before.question, question, answers), before.first
        edited = replace(edited, groups=required_by([*edited.groups, *groups]))
        if edited.question != before.question.question:
            self._check_wording(edited)
            first = first or before.question.question
        after = QuestionEntry(edited, review, first, _of(edited, self._versions()))
        self._save([after if each is before else each for each in self.kept])
        return after

    def _check_wording(self, edited: Question) -> None:
        if not edited.question:
            raise InputError("the question is empty", where=f"question {edited.id}")
        others = [each.question for each in self.kept if each.question.id != edited.id and not each.dropped]
        for other in others:
            if question_similarity.key(other.question) == question_similarity.key(edited.question):
                raise InputError(f"“{edited.question}” is there already", where=f"question {other.id}")
        for first, second in question_similarity.pairs([*others, edited], self._language):
            if second == len(others) and others[first].split != edited.split:
                raise _leaking([(edited, others[first])], f"question {edited.id}")

    def _side(self, key: str) -> str:
        """Drawn from the words alone, so that the same question lands on the same side in every set."""
        drawn = int(hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:8], 16) / 2**32
        return "practice" if drawn < self._practice else "exam"

    def _identified(self, questions: Iterable[Question]) -> list[Question]:
        """With ids: the file's own where no other question has it, else 16 hex digits over the words."""
        taken = {each.question.id for each in self.kept}
        made = []
        for question in questions:
            words = question_similarity.key(question.question).encode("utf-8", "surrogatepass")
            own = question.id if question.id and question.id not in taken else hashlib.sha256(words).hexdigest()[:16]
            taken.add(own)
            made.append(replace(question, id=own))
        return made

    def _save(self, kept: list[QuestionEntry]) -> None:
        make_state_folder(self._path.parent)
        lines = (json.dumps(each.to_json(), ensure_ascii=False) + "\n" for each in kept)
        write_text(self._path, bounded_files.joined(self._path, lines))
        self.kept = kept


def _of(question: Question, versions: Mapping[str, str]) -> dict[str, str]:
    return {uri: versions[uri] for uri in question.documents if uri in versions}


def _edited(question: Question, text: str | None, answers: Sequence[str] | None) -> Question:
    """With another wording or other answers; one that has an answer now is no longer unanswerable."""
    edited = replace(question, question=question.question if text is None else clean(text))
    if answers is None:
        return edited
    answers = tuple(answer for answer in map(clean, answers) if answer)
    if wrong := [answer for answer in answers if question.choices and answer not in question.choices]:
        raise InputError(
            f"{wrong[0]!r} is none of its choices",
            where=f"question {question.id}",
            hint=f"Choose of {', '.join(question.choices)}.",
        )
    kind = "fact" if answers and not question.answerable else question.kind
    return replace(edited, answers=answers, kind=kind)


def _crosses(question: Question, before: Question) -> bool:
    return bool(question.split and before.split) and question.split != before.split


def _differing(again: Iterable[tuple[Question, Question]]) -> list[str]:
    """Of questions that come again, those that are answered otherwise."""
    return [
        f"{question.origin} answers “{short(question.question)}” with “{short(' | '.join(question.answers))}”, "
        f"{before.origin or 'the set'} with “{short(' | '.join(before.answers))}”"
        for question, before in again
        if question.answers and not set(question.answers) & set(before.answers)
    ]


def _leaking(found: Sequence[tuple[Question, Question]], where: str) -> InputError:
    shown = "; ".join(f"{_named(one)} asks what {_named(other)} asks" for one, other in found[:_SHOWN_LEAKS])
    more = f"; and {len(found) - _SHOWN_LEAKS} more" if len(found) > _SHOWN_LEAKS else ""
    return InputError(
        f"{shown}{more}",
        where=where,
        hint="Nothing may be practised that is asked in the exam, and no question moves: fix the marks, or leave such "
        "questions out with --skip-leaks.",
    )


def _named(question: Question) -> str:
    place = question.origin or question.id
    return f"“{question.question}” ({', '.join(part for part in (place, question.split) if part)})"
