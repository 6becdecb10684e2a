"""What a generated pair must pass before it is learned from. Each filter has a name and counts what it dropped.

    trivial           the question says nothing, holds its answer, or leans on a text that will not be there
    unknown names     a name or number of the question is not in its passage: it was made up
    aligned           every sentence of the answer stands in the passage, its numbers too; a short answer word for word
    beside the point  a model's question has few words in common with the sentence that carries its answer
    near duplicate    nearly the question of an earlier pair, of the exam, or of what was imported
    round trip        retrieval does not find the passage for the question
    ambiguous         another table among what is found has another value for the same row and column, and the question
                      does not say which is meant

The cheap ones come first. No model is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, Self

import regex

from metier.answering import evidence
from metier.answering.refusal_messages import declines
from metier.answering.term_weights import Sought, Weigh
from metier.core.documents import Passage
from metier.core.questions import Question
from metier.dataset.findings import short
from metier.dataset.leaks import MAY_AGREE, NormalisedAnswer
from metier.dataset.rows import Row
from metier.synthesis.answer_coverage import Aligner, SentenceAlignment
from metier.synthesis.context_dependence import leans
from metier.synthesis.pairs import QAPair
from metier.text.analyzer import Analyser, ascii_digits
from metier.text.detection import detect, script_of
from metier.text.near_duplicates import Seen, is_unspaced, normalise

Search = Callable[[str], Sequence[Passage]]  # a question to the passages found for it, best first

_EXAMPLES = 3
_ECHO = 0.8  # share of the answer's words that the question has: the rest is filler
_CARRIED = 0.8  # of an answer sentence's weight; stricter than for citing, since this is learned from
_SHORT = 4  # words; an answer of so few is copied, not put together
# Share of the question's weight; four in ten questions that people wrote of the sample company's documents have less.
_ABOUT = 0.3
_LEAST_WORDS, _LEAST_CHARACTERS = 3, 4  # of a question, and where a script writes no spaces
_WORD = r"[\p{L}\p{M}\p{N}]"
_TOLD_BY = 20  # characters from which an answer's script says its language


class PairFilter(Protocol):
    """`name`: what a report calls it. Called with a pair, it says what is wrong, or None."""

    name: str

    def __call__(self, pair: QAPair) -> str | None: ...


@dataclass(slots=True)
class Dropped:
    """How many pairs a filter dropped, and the first of them in words."""

    count: int = 0
    examples: list[str] = field(default_factory=list)


class Filters:
    """A chain of filters; a pair is dropped by the first that finds something wrong. `dropped`: by filter name."""

    def __init__(self, chain: Sequence[PairFilter]) -> None:
        self._chain = chain
        self.dropped = {each.name: Dropped() for each in chain}

    def keep(self, pair: QAPair) -> bool:
        for each in self._chain:
            wrong = each(pair)
            if wrong is not None:
                self._count(self.dropped[each.name], pair, wrong)
                return False
        return True

    def _count(self, dropped: Dropped, pair: QAPair, wrong: str) -> None:
        dropped.count += 1
        if len(dropped.examples) < _EXAMPLES:
            dropped.examples.append(f"“{short(pair.question, 100)}” – “{short(pair.answer)}”: {wrong}")


class Trivial:
    """Questions that teach nothing, or cannot be understood alone."""

    name = "trivial"

    def __init__(self, analyser: Analyser) -> None:
        self._analyser = analyser

    def __call__(self, pair: QAPair) -> str | None:
        question, answer = normalise(pair.question), normalise(pair.answer)
        unspaced = is_unspaced(question)
        if len(question) < _LEAST_CHARACTERS or (not unspaced and len(question.split()) < _LEAST_WORDS):
            return "the question is too short to ask something"
        if words := leans(pair.question):
            return f"the question leans on something outside it: {words!r}"
        if not answer or declines(pair.answer):
            return "there is no answer"
        if stands_in(pair.answer, pair.question):
            return "the question holds the answer"
        # "20" of SK-3308-20 echoes the question and is right all the same: rules take answers from their own cell.
        if pair.source == "model" and evidence.echo(pair.answer, pair.question, self._analyser) >= _ECHO:
            return "the answer only repeats the question"
        if len(pair.answer) > len(pair.passage.text):
            return "the answer is longer than the passage"
        return self._wrong_script(pair)

    def _wrong_script(self, pair: QAPair) -> str | None:
        wanted = script_of(pair.language)
        long = len(pair.answer) >= _TOLD_BY
        for name, text in (("question", pair.question), *((("answer", pair.answer),) if long else ())):
            told = detect(text, pair.language)
            if script_of(told) != wanted and not {told, pair.language} <= {"zh", "ja"}:
                return f"the {name} is in another script than the passage"
        return None


class UnknownNames:
    """Questions about something that their passage does not name."""

    name = "unknown names"

    def __init__(self, analyser: Analyser, weigh: Weigh) -> None:
        self._analyser = analyser
        self._weigh = weigh

    def __call__(self, pair: QAPair) -> str | None:
        around = f"{pair.passage.indexed_text} {pair.passage.title} {pair.passage.uri}"
        words = set(self._analyser.tokens(around))
        sought = Sought.of(pair.question, self._analyser, self._weigh)
        missing = [name for name in sought.names if name not in words]
        return f"{', '.join(missing)} is not in the passage" if missing else None


class Aligned:
    """Answers that their passage carries: the words of each sentence stand together in it, and all numbers."""

    name = "aligned"

    def __init__(self, analyser: Analyser, weigh: Weigh) -> None:
        self._analyser = analyser
        self._weigh = weigh

    def __call__(self, pair: QAPair) -> str | None:
        worst = min((support.score for support in supports(pair, self._analyser, self._weigh)), default=0.0)
        if worst < _CARRIED:
            return f"{worst:.0%} of the answer stands in the passage"
        words = self._analyser.tokens(pair.answer)
        if len(words) <= _SHORT and not _in_a_row(words, self._analyser.tokens(pair.passage.text)):
            return "its words stand in the passage, but not together"
        return None


class BesideThePoint:
    """Pairs whose answer stands in the passage, but in a sentence that is about something else."""

    name = "beside the point"

    def __init__(self, analyser: Analyser, weigh: Weigh) -> None:
        self._analyser = analyser
        self._weigh = weigh

    def __call__(self, pair: QAPair) -> str | None:
        if pair.source == "rule":  # has its own wording, and its answer in the right place
            return None
        quotes = [c.quote for each in supports(pair, self._analyser, self._weigh) for c in each.citations]
        around = " ".join((*quotes, *pair.passage.headings, pair.passage.title))
        sought = Sought.of(pair.question, self._analyser, self._weigh)
        shared = sought.covered(set(self._analyser.tokens(around)))
        return None if shared >= _ABOUT else f"{shared:.0%} of the question stands near the answer"


class NearDuplicates:
    """Questions that were there before: in the exam, in what was imported, or among the pairs kept so far."""

    name = "near duplicate"

    def __init__(
        self, exam: Sequence[tuple[str, Sequence[str]]], known: Sequence[tuple[str, str]], language: str
    ) -> None:
        """`exam`: questions with their accepted answers. `known`: questions with their completions."""
        self._seen = Seen(language)
        self._answers: list[list[NormalisedAnswer]] = []
        self._exam = len(exam)
        for question, answers in exam:
            self.add_question(question, answers)
        for question, completion in known:
            self.add_question(question, (completion,))

    @classmethod
    def for_rows(cls, exam: Sequence[Question], rows: Sequence[Row], origin: str, language: str) -> Self:
        """For rows that a run of `origin` adds: those it added before do not stand in its way."""
        return cls(
            [(question.question, question.answers) for question in exam],
            [(row.question, row.completion) for row in rows if row.origin != origin],
            language,
        )

    def __call__(self, pair: QAPair) -> str | None:
        return self.near(pair.question, pair.answer)

    def near(self, question: str, answer: str) -> str | None:
        """What it is near to, in words; None where it is new. `answer`: "" where nothing answers it."""
        said = NormalisedAnswer.by(answer)
        agree = (lambda number: _agree(said, self._answers[number])) if answer else None
        found = self._seen.like(question, agree)
        if found is None:
            return None
        whose = "of the exam" if found < self._exam else "of an earlier row"
        return f"like “{short(self._seen.texts[found], 100)}” {whose}"

    def leaks(self, question: str, answer: str) -> bool:
        """Whether this is nearly a question of the exam."""
        said = NormalisedAnswer.by(answer)
        found = self._seen.like(question, lambda n: _agree(said, self._answers[n]), among=self._exam)
        return found is not None

    def add(self, pair: QAPair) -> None:
        """A pair that was kept: later ones are compared with it too."""
        self.add_question(pair.question, (pair.answer,))

    def add_question(self, question: str, answers: Sequence[str]) -> None:
        """A question that is no pair: later ones are compared with it too."""
        self._seen.add(question)
        self._answers.append([NormalisedAnswer.by(answer) for answer in answers])


class RoundTrip:
    """Questions that find their passage again among the first `first` that retrieval returns."""

    name = "round trip"

    def __init__(self, search: Search, first: int) -> None:
        self._search = search
        self._first = first

    def __call__(self, pair: QAPair) -> str | None:
        found = [passage.id for passage in self._search(pair.question)[: self._first]]
        return None if pair.passage.id in found else f"its passage is not among the first {self._first} found"


class Ambiguous:
    """Questions on a table that another table, found for the same question, answers otherwise."""

    name = "ambiguous"

    def __init__(self, search: Search) -> None:
        self._search = search

    def __call__(self, pair: QAPair) -> str | None:
        if not pair.subject or not pair.attribute:
            return None
        for passage in self._search(pair.question):
            if passage.id == pair.passage.id or self._is_set_apart(pair, passage):
                continue
            for line in passage.text.splitlines():
                parts = [part.removesuffix(f" {pair.unit}") for part in line.split(" | ")]
                values = [part for part in parts if part.startswith(f"{pair.attribute}: ")]
                named = any(part == pair.row or part.endswith(f": {pair.row}") for part in parts)
                if named and values and f"{pair.attribute}: {pair.answer}" not in values:
                    return f"{passage.title or passage.uri} says {short(values[0])!r}"
        return None

    def _is_set_apart(self, pair: QAPair, other: Passage) -> bool:
        title = pair.passage.title
        return bool(title) and title != other.title and pair.question.startswith(title)


def supports(pair: QAPair, analyser: Analyser, weigh: Weigh) -> list[SentenceAlignment]:
    """What carries each sentence of a pair's answer in its passage."""
    return Aligner((pair.passage,), pair.question, analyser, weigh, pair.language).align(pair.answer)


def _in_a_row(words: Sequence[str], text: Sequence[str]) -> bool:
    return any(list(text[at : at + len(words)]) == list(words) for at in range(len(text) - len(words) + 1))


def stands_in(answer: str, text: str) -> bool:
    """Whether a text holds an answer, but for case and what surrounds it; where there are spaces, as words of its own:
    "20" does not stand in "SK-3308-20"."""
    answer, text = (ascii_digits(part.casefold()) for part in (answer.strip().strip(".,;:!?。؟।"), text))
    if not answer or is_unspaced(answer):
        return bool(answer) and answer in text
    return bool(regex.search(rf"(?<!{_WORD}|[-./]\b){regex.escape(answer)}(?!{_WORD}|[-./]\p{{N}})", text))


def _agree(answer: NormalisedAnswer, others: Sequence[NormalisedAnswer]) -> bool | None:
    """As `leaks.Completions.agree`, for answers that are not labels."""
    agreed: bool | None = False if others else None
    for other in others:
        if answer.is_telling and other.is_telling and (answer.holds(other) or other.holds(answer)):
            return True
        if answer.likeness(other) >= MAY_AGREE and not answer.contradicts(other):
            agreed = None
    return agreed
