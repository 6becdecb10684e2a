"""Learn from practice questions when to refuse, and say how well that goes on cases kept apart.

Every question that the documents answer gives cases that they do not:

    twin         the same question with its document left out
    near miss    its document there, but not the passages that hold the answer: a known thing asked for what no
                 document gives
    near miss    a name in it changed into one that is in no document (NV-110 → NV-170)

So even a set without unanswerable questions teaches when to refuse, and not only where the whole subject is missing.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import regex

from metier.answering.abstention import Abstention, Labelled, fit
from metier.core.documents import Passage, document_id
from metier.core.errors import InputError
from metier.core.questions import Question
from metier.evaluation.metrics import text

_LEAST = 10  # cases of each kind below which nothing can be learned
_PRIOR = 0.25  # share of unanswerable questions reckoned with where the practice set has none of its own
_DIGITS = regex.compile(r"\p{Nd}+")
_NAME = regex.compile(r"(?<![\p{L}\p{N}])\p{L}[\p{L}\p{M}]*[-./ ]?\p{Nd}[\p{L}\p{Nd}./-]*")
Tell = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Case:
    """A question as asked in calibration. `without`: ids of documents left out; `hidden`: ids of passages left out;
    `changed`: it is not the practice question itself. `asked_as`: that question's words, for folds."""

    question: Question
    without: frozenset[str] = frozenset()
    hidden: tuple[str, ...] = ()
    changed: bool = False
    asked_as: str = ""

    @property
    def near_miss(self) -> bool:
        return bool(self.hidden) or self.changed

    @property
    def unanswerable(self) -> bool:
        return bool(self.without) or self.near_miss or not self.question.answerable


def cases(
    questions: Sequence[Question],
    passages: Callable[[str], Sequence[Passage]],
    is_known: Callable[[str], bool],
    seed: int = 0,
) -> list[Case]:
    """Every question with its twin and near misses, in an order drawn with a fixed seed: answerable and unanswerable in
    turn, so that the first ones are a fair sample; own unanswerable questions come before made ones. `passages`: of a
    document by its id; `is_known`: whether a name stands anywhere."""
    draw = random.Random(seed)
    answerable = [q for q in questions if q.answerable]
    own = [Case(q, asked_as=q.question) for q in questions if not q.answerable]
    made = []
    for question in answerable:
        if question.documents:
            made.append(Case(question, frozenset(map(document_id, question.documents)), asked_as=question.question))
        if hidden := _holding(question, passages):
            made.append(Case(question, hidden=hidden, asked_as=question.question))
        if changed := renamed(question.question, is_known, draw):
            other = replace(question, question=changed, kind="unanswerable", answers=(), documents=())
            made.append(Case(other, changed=True, asked_as=question.question))
    yes = [Case(q, asked_as=q.question) for q in answerable]
    for group in (yes, own, made):
        draw.shuffle(group)
    no = own + made
    paired = [case for pair in zip(yes, no, strict=False) for case in pair]
    return paired + yes[len(no) :] + no[len(yes) :]


def _holding(question: Question, passages: Callable[[str], Sequence[Passage]]) -> tuple[str, ...]:
    """Passages of its documents that hold an accepted answer; none where they are all that a document has."""
    if not question.answers or question.kind in ("text", "yesno", "label"):
        return ()
    of = [passage for uri in question.documents for passage in passages(document_id(uri))]
    held = [passage.id for passage in of if text.contains(passage.indexed_text, question.answers)]
    return tuple(held) if len(held) < len(of) else ()


def renamed(question: str, is_known: Callable[[str], bool], draw: random.Random) -> str | None:
    """The question with a numbered name changed into one that is in no document; None where it has none."""
    for match in _NAME.finditer(question):
        name = match.group()
        length = len(_DIGITS.findall(name)[0])
        for _ in range(20):
            digits = "".join(str(draw.randrange(1, 10)) for _ in range(length))
            other = _DIGITS.sub(digits, name, count=1)
            if other != name and not is_known(other):
                return question[: match.start()] + other + question[match.end() :]
    return None


def weights(drawn: Sequence[Case]) -> list[float]:
    """What each case counts. Where the set has unanswerable questions of its own, they and the answerable ones count as
    they come, and all made ones together half as much as they; else the made ones are a quarter of the whole."""
    own = sum(not case.question.answerable and not case.changed for case in drawn)
    made = sum(case.unanswerable for case in drawn) - own
    yes = len(drawn) - own - made
    mass = own / 2 if own >= _LEAST else yes * _PRIOR / (1 - _PRIOR)
    return [mass / made if case.without or case.near_miss else 1.0 for case in drawn]


def judge(
    drawn: Sequence[Case],
    refused: Callable[[Case], bool],
    start: Abstention,
    fitted_on: str,
    fitted_for: str,
    tell: Tell | None = None,
) -> Abstention:
    """How well a capable model refuses by itself: nothing is fitted, the figures are those of its own answers.
    `refused`: whether it declines a case."""
    said = []
    for number, case in enumerate(drawn, start=1):
        said.append(refused(case))
        if tell:
            tell(number, len(drawn))
    no = [was for was, case in zip(said, drawn, strict=True) if case.unanswerable]
    yes = [was for was, case in zip(said, drawn, strict=True) if not case.unanswerable]
    near = [was for was, case in zip(said, drawn, strict=True) if case.near_miss]
    return replace(
        start, precision=sum(no) / max(1, sum(said)), recall=sum(no) / max(1, len(no)),
        wrongly_refused=sum(yes) / max(1, len(yes)), near_misses=sum(near) / len(near) if near else None,
        questions=len(said), fitted_on=fitted_on, fitted_for=fitted_for,
    )  # fmt: skip


def learn(
    drawn: Sequence[Case],
    find: Callable[[Case], dict[str, float]],
    fitted_on: str,
    fitted_for: str,
    tell: Tell | None = None,
) -> Abstention:
    """Look every case up and fit when to refuse. `find`: features of what is found for a case. Raises `InputError`
    where there are too few cases."""
    no = sum(case.unanswerable for case in drawn)
    if min(no, len(drawn) - no) < _LEAST:
        raise InputError(
            f"{len(drawn) - no} answerable and {no} unanswerable cases are too few to learn from",
            hint=f"Give at least {_LEAST} questions with the document that answers each.",
        )
    labelled = []
    for number, (case, weight) in enumerate(zip(drawn, weights(drawn), strict=True), start=1):
        if features := find(case):  # none where nothing at all was found
            labelled.append(Labelled(features, case.unanswerable, weight, case.asked_as, case.near_miss))
        if tell:
            tell(number, len(drawn))
    return fit(labelled, fitted_on, fitted_for)
