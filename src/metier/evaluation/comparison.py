"""The same questions to every mode, one question at a time, so that a slow minute of the machine hits all alike.

    for each question, in an order drawn once        for each mode, which goes first in turn
        known under all that makes the answer?  ─▶  taken      else  ─▶  asked, kept at once

Every answer is on disk before the next question is asked: a run that was killed, or stopped by a model that gave up,
goes on where it was. A changed document, setting, model or adapter is another key, so what is taken is never stale.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from metier.answering.answer import Answer, Sentence, Support
from metier.answering.request import Found
from metier.core.errors import InputError, ModelError
from metier.core.modes import FROM_DOCUMENTS
from metier.core.questions import Question
from metier.evaluation.records import Cited, Record, ShownText
from metier.generation.completion_cache import Cache, key_of
from metier.parsing.core.locators import sheet_of

ANSWERS_FILE = "answers.jsonl"
_VERSION = 2  # of what is kept; raised when the same answer would be kept otherwise
_FOUND = 20  # places in the ranking that are kept

Tell = Callable[[int, int, str], None]  # done, of how many, what is asked


class Examined(Protocol):
    """What of the expert is needed."""

    def ask(self, question: str, mode: str) -> Answer: ...

    def find(self, question: str) -> Found: ...

    def supports(self, text: str, question: str, found: Found) -> list[Sentence]: ...


Asked = tuple[Question, str]  # and the mode
AskMany = Callable[[Sequence[Asked]], Iterator[tuple[int, Record]]]  # place of what was asked, as answers come


@dataclass(frozen=True, slots=True)
class Comparison:
    """`made_of`: for each mode, all that an answer depends on beside the question, as plain values. `cache`: answers
    that are known. `elsewhere`: asks what is not, None = `examined` is asked, here."""

    examined: Examined
    made_of: Mapping[str, object]
    cache: Cache
    elsewhere: AskMany | None = None

    def run(self, questions: Sequence[Question], tell: Tell | None = None) -> list[Record]:
        """A record for every question in every mode. Raises `ModelError` where a model gives up; what was answered
        until then is kept."""
        asks = [(question, mode) for at, question in enumerate(questions) for mode in turns(list(self.made_of), at)]
        keys = [key_of(_VERSION, question.question, mode, self.made_of[mode]) for question, mode in asks]
        times, known = Counter(keys), {key: self.cache.get(key) for key in keys}
        missing = {key: ask for key, ask in zip(keys, asks, strict=True) if known[key] is None}
        left, total = list(missing), len(asks)
        done = sum(known[key] is not None for key in keys)

        def told(at: int) -> None:
            if tell and at < len(left):
                question, mode = missing[left[at]]
                tell(done, total, f"{mode}: {question.question}")

        told(0)
        try:
            for count, (at, record) in enumerate((self.elsewhere or self.ask_here)(list(missing.values())), start=1):
                known[left[at]] = said = json.dumps(record.to_json(), ensure_ascii=False)
                self.cache.put(left[at], said)
                done += times[left[at]]
                told(count)
        except ModelError as error:
            raise _stopped(error, done, total) from error
        if tell:
            tell(total, total, "")
        return [
            replace(Record.from_json(json.loads(known[key] or "")), question=question.id)
            for key, (question, _mode) in zip(keys, asks, strict=True)
        ]

    def ask_here(self, asks: Sequence[Asked]) -> Iterator[tuple[int, Record]]:
        """Of each, its place and what was answered, in their order. Raises `ModelError`."""
        for at, (question, mode) in enumerate(asks):
            yield at, self.answer(question, mode)

    def answer(self, question: Question, mode: str) -> Record:
        """Asked anew. Raises `ModelError`."""
        try:
            answer = self.examined.ask(question.question, mode)
        except InputError as error:  # the question alone does not fit into the model
            return Record(question.id, mode, "", False, None, "", None, error=str(error))
        found = self.examined.find(question.question)
        return record_of(question, answer, found, self.examined.supports)


def turns(modes: Sequence[str], number: int) -> Iterator[str]:
    """The modes, beginning with another one for every question."""
    first = number % len(modes)
    yield from modes[first:]
    yield from modes[:first]


def drawn(questions: Sequence[Question], limit: int | None, seed: int = 0) -> list[Question]:
    """The questions in an order drawn once, the first `limit` of them. A larger limit adds to a smaller one."""
    order = sorted(questions, key=lambda question: question.id)
    random.Random(seed).shuffle(order)
    return order[:limit]


def record_of(
    question: Question, answer: Answer, found: Found, supports: Callable[[str, str, Found], list[Sentence]]
) -> Record:
    """What is kept of an answer. One that was written without documents is held against what the search finds."""
    from_documents = answer.mode in FROM_DOCUMENTS
    held = answer.sentences
    if not from_documents:
        held = tuple(supports(answer.text, question.question, found)) if answer.text and not answer.abstained else ()
    stated = [sentence for sentence in held if sentence.support is not Support.NONE]
    return Record(
        question=question.id,
        mode=answer.mode,
        text=answer.text,
        abstained=answer.abstained,
        confidence=answer.confidence,
        model=answer.model,
        adapter=answer.adapter,
        citations=tuple(
            Cited(c.document, c.page, c.start, c.end, c.quote, c.headings, c.passage_id, c.sheet)
            for c in answer.citations
        ),
        sentences=len(stated),
        unsupported=tuple(sentence.span for sentence in stated if sentence.flagged),
        found=tuple(hit.passage.id for hit in found.hits[:_FOUND]),
        found_documents=tuple(hit.passage.uri for hit in found.hits[:_FOUND]),
        shown=tuple(ShownText(p.uri, p.page, p.id, p.text, sheet_of(p)) for p in answer.shown),
        first_token=answer.timings.get("first_token"),
        total=answer.timings["total"],
        prompt_tokens=answer.usage.prompt_tokens,
        completion_tokens=answer.usage.completion_tokens,
        notes=answer.notes,
    )


def _stopped(error: ModelError, done: int, total: int) -> ModelError:
    kept = f"{done} of {total} answers are kept: run the same command again to go on."
    return type(error)(error.what, where=error.where, hint=f"{error.hint or ''} {kept}".strip())
