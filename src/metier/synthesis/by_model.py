"""Questions and answers that a language model writes: the expert's own, or a better one as a teacher.

The model is shown one passage and asked for lines that even a small one manages:

    Q: How often is the cable replaced?
    A: every 18 months

What it wrote is cached under all that it depends on; `filters` decides what of it is any good.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache

import regex

from metier.answering.loop_guard import LoopStop
from metier.core.documents import Passage
from metier.core.settings import GenerationSettings
from metier.generation.base import Generator, Message
from metier.generation.completion_cache import Cache, CachedCompletions, key_of
from metier.synthesis.pairs import QAPair
from metier.text.detection import detect
from metier.text.language import in_any_language
from metier.text.phrases import any_of
from metier.text.sentences import sentence_spans

PROMPT_VERSION = 1  # part of the cache's key: raise it with any change of the prompts
_PER_PASSAGE = 3
_TOKENS_PER_PAIR, _TOKENS_PER_QUESTION = 80, 40
_LEAST_TEXT = 40  # characters; a shorter passage holds nothing to ask about

_INSTRUCTION = (
    "Write questions about the text and answer each from the text. Name in every question the thing it is about, so "
    "that it can be understood without the text. Copy names and numbers exactly. Keep the answers short. Use the "
    "language of the text. Write one line Q: and one line A: for each."
)
# Invented, and of no trade: a small model copies from it.
_EXAMPLE = (
    "[Harbour guide › Cranes]\nThe tower crane at Lindholm lifts at most 12 tonnes. Its cable is replaced every 18 "
    "months by the harbour workshop.",
    "Q: How much does the tower crane at Lindholm lift at most?\nA: 12 tonnes\n"
    "Q: How often is the cable of the tower crane at Lindholm replaced?\nA: every 18 months\n"
    "Q: Who replaces the cable of the tower crane at Lindholm?\nA: the harbour workshop",
)
_REWORD = (
    "Reword the question in {count} different ways. Keep its meaning, its language, and all names and numbers. Write "
    "one question a line and nothing else."
)
_REWORD_EXAMPLE = (
    "How often is the cable of the tower crane at Lindholm replaced?",
    "At what interval does the tower crane at Lindholm get a new cable?\n"
    "How much time passes between two changes of the cable on the Lindholm tower crane?",
)

_MARK = r"[\s>#*_•-]*(?:\p{N}{1,2}[.)]\s*)?[*_]{0,2}"
_COLON = r"\s*\p{N}*\s*[*_]{0,2}\s*[:：.]\s*[*_]{0,2}\s*(?P<text>.*)"
_LISTED = regex.compile(r"[\s>*•-]*(?:\p{N}{1,2}[.)]\s+)?(?:Q\s*:\s*)?", regex.IGNORECASE)


class QAPairWriter:
    """Asks `generator`, which is loaded only if something is not in `cache`. `parallel`: passages it may be asked about
    at once. `asked`: completions it had to write."""

    def __init__(self, generator: Generator, cache: Cache, seed: int, language: str, parallel: int = 1) -> None:
        self.parallel = parallel
        self._generator = generator
        self._written = CachedCompletions(cache)
        self._seed = seed
        self._language = language

    @property
    def asked(self) -> int:
        return self._written.asked

    def write(self, passage: Passage) -> list[QAPair]:
        """Unfiltered pairs on one passage. Raises `ModelError`; what was written before is kept."""
        if len(passage.text) < _LEAST_TEXT:
            return []
        language = detect(passage.text, passage.language or self._language)
        written = self._cached("pairs", _shown(passage), _PER_PASSAGE, lambda: self._pairs(passage))
        return [QAPair(question, answer, passage, "fact", language, "model") for question, answer in parse(written)]

    def reword(self, question: str, count: int) -> list[str]:
        """Up to `count` unfiltered other wordings of a question. Raises `ModelError`."""
        written = self._cached("reword", question, count, lambda: self._wordings(question, count))
        lines = (_LISTED.sub("", line, count=1).strip() for line in written.splitlines())
        return list(dict.fromkeys(line for line in lines if line))[:count]

    def _cached(self, task: str, text: str, count: int, write: Callable[[], str]) -> str:
        key = key_of(task, text, count, PROMPT_VERSION, self._generator.fingerprint, self._seed)
        return self._written.of(key, write)

    def _pairs(self, passage: Passage) -> str:
        room = _TOKENS_PER_PAIR * _PER_PASSAGE
        return self._complete(self._fitting(passage, room), room)

    def _wordings(self, question: str, count: int) -> str:
        prompt = _conversation(_REWORD.format(count=count), _REWORD_EXAMPLE, question)
        return self._complete(prompt, _TOKENS_PER_QUESTION * count)

    def _complete(self, prompt: Sequence[Message], max_tokens: int) -> str:
        guard = LoopStop()
        done = self._generator.complete(prompt, max_tokens=max_tokens, seed=self._seed, on_text=guard, fresh=True)
        text = guard.cut(done.text)
        # A line that was cut by the limit is no answer.
        return text.rpartition("\n")[0] if done.finish_reason == "length" else text

    def _fitting(self, passage: Passage, room: int) -> list[Message]:
        """The prompt with as many leading sentences of the passage as fit into the context beside `room` tokens."""
        spans = sentence_spans(passage.text, passage.language or self._language)
        while True:
            prompt = _conversation(_INSTRUCTION, _EXAMPLE, _shown(passage))
            if self._generator.count_tokens(prompt) + room <= self._generator.context_tokens or len(spans) < 2:
                return prompt
            spans = spans[: len(spans) // 2]
            passage = replace(passage, text=passage.text[: spans[-1][1]])


def at_once(settings: GenerationSettings) -> int:
    """How many passages a model may be asked about at once: one that is in this process, where more would only wait."""
    return settings.parallel if settings.behind_endpoint else 1


def parse(written: str) -> list[tuple[str, str]]:
    """Questions and answers of what a model wrote, whatever marks and numbers it put before them; a question without
    an answer is left out, and an answer may go over several lines."""
    found: list[tuple[str, list[str]]] = []
    question = ""
    for line in written.splitlines():
        if match := _told("question", "Q").fullmatch(line):
            question, *inline = regex.split(r"\s+A\s*:\s*", match["text"], maxsplit=1)
            if inline:
                found.append((question, inline))
                question = ""
        elif match := _told("answer", "A").fullmatch(line):
            if question:
                found.append((question, [match["text"]]))
            question = ""
        elif line.strip() and question:
            question = f"{question} {line.strip()}"
        elif line.strip() and found:
            found[-1][1].append(line.strip())
    tidied = [(_tidy(question), _tidy(" ".join(answer))) for question, answer in found]
    return [(question, answer) for question, answer in tidied if question and answer]


@lru_cache(maxsize=2)
def _told(role: str, letter: str) -> regex.Pattern[str]:
    """A line that says of itself, in any language, that it is a question or an answer."""
    return regex.compile(rf"{_MARK}(?:{letter}|{any_of(in_any_language('files', role))}){_COLON}", regex.IGNORECASE)


def _conversation(instruction: str, example: tuple[str, str], text: str) -> list[Message]:
    said, written = example
    return [
        Message("system", instruction), Message("user", said), Message("assistant", written), Message("user", text),
    ]  # fmt: skip


def _shown(passage: Passage) -> str:
    place = " › ".join(passage.headings) or passage.title
    return f"[{place}]\n{passage.text}" if place else passage.text


def _tidy(text: str) -> str:
    return " ".join(text.strip().strip("*_ ").split())
