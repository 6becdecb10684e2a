"""What kind of question it is, where the file does not say: told by its answers, and by those of the whole file.

yesno           all of its accepted answers are yes, no or maybe
unanswerable    it has neither an answer nor a document
label           the file answers all its questions with the same few short answers again and again
text            every accepted answer is longer than 25 words
fact            the rest
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from metier.answering.closed_answers import decisions, plain
from metier.core.questions import Question
from metier.dataset import labels

_LONG = 25  # words of an answer that is a text


def decide(questions: Sequence[Question]) -> list[Question]:
    """The questions of one file, those whose `kind` is "" with a kind, and labels and decisions with their choices."""
    questions = _decisions(questions)
    known = _labels(questions)
    return [_chosen(_kind(question, known), known) for question in questions]


# --- yes and no ----------------------------------------------------------------------------------------------


def _decisions(questions: Sequence[Question]) -> list[Question]:
    """Questions that are answered with yes or no, in one spelling and with the choices of their language."""
    given = [[plain(answer) for answer in question.answers] for question in questions]
    used = Counter(word for question, words in zip(questions, given, strict=True) if _open(question) for word in words)
    made = []
    for question, words in zip(questions, given, strict=True):
        spoken = _spoken(words, question.language, used) if _open(question) and words else None
        if spoken is None or question.choices:
            made.append(question)
            continue
        choices = spoken if used[spoken[2]] or spoken[2] in words else spoken[:2]
        made.append(replace(question, kind="yesno", answers=tuple(dict.fromkeys(words)), choices=choices))
    return made


def _open(question: Question) -> bool:
    return question.kind in ("", "yesno")


def _spoken(words: Sequence[str], language: str, used: Counter[str]) -> tuple[str, str, str] | None:
    """The words of the language that is spoken: of those that have all of `words` the one that the file uses most, the
    question's own where that is even."""
    known = decisions()
    fitting = [code for code, chosen in known.items() if set(words) <= set(chosen)]
    own = language.split("-")[0]
    best = max(
        fitting, key=lambda code: (sum(used[word] for word in known[code]), code == own, code == "en"), default=None
    )
    return known[best] if best else None


# --- labels, texts, facts ------------------------------------------------------------------------------------


def _labels(questions: Sequence[Question]) -> tuple[str, ...]:
    """The labels of a file: as it says itself, else its answers where they are few, short and repeated."""
    said = [question for question in questions if question.kind == "label"]
    if said:
        return tuple(dict.fromkeys(answer for question in said for answer in question.choices or question.answers))
    open_ones = [question for question in questions if not question.kind and question.answers]
    if any(len(question.answers) > 1 for question in open_ones):
        return ()
    return labels.among([answer for question in open_ones for answer in question.answers])


def _kind(question: Question, known: Sequence[str]) -> Question:
    if question.kind:
        return question
    if not question.answers:
        return replace(question, kind="fact" if question.documents else "unanswerable")
    if question.choices or set(question.answers) <= set(known):
        return replace(question, kind="label")
    long = all(labels.words(answer) > _LONG for answer in question.answers)
    return replace(question, kind="text" if long else "fact")


def _chosen(question: Question, known: tuple[str, ...]) -> Question:
    return replace(question, choices=known) if question.kind == "label" and not question.choices else question
