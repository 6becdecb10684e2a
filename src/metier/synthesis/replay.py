"""Rows that keep a model what it was: general questions, with the answers that it gives before it is tuned.

A model that learns one thing forgets others (catastrophic forgetting). Rehearsing what it knew beside what it learns
helps, and no data from elsewhere is needed for it: the model itself writes the questions and answers them
(pseudorehearsal: Robins 1995, Connection Science 7(2); for language models: Huang et al. 2024, "Mitigating Catastrophic
Forgetting in Large Language Models with Self-Synthesized Rehearsal"). Whether its answers are true does not matter:
they are what it says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from metier.answering import prompt, style
from metier.answering.loop_guard import LoopStop
from metier.core.questions import Question
from metier.core.settings import Settings
from metier.dataset.formats import merge
from metier.dataset.rows import Row, load, save
from metier.generation.base import Generator, Message
from metier.generation.completion_cache import Cache, CachedCompletions, key_of
from metier.synthesis.context_dependence import leans
from metier.synthesis.filters import NearDuplicates
from metier.text.detection import detect
from metier.text.language import Language

ORIGIN = KIND = "rehearsal"
PROMPT_VERSION = 1  # part of the cache's key
_QUESTION_TOKENS = 48
_WARMTH = 0.8  # temperature at which questions are written, so that the same topic gives another one each time
_TRIES = 4  # questions written for each that is wanted, at most
_ENDS = ("?", "？", "؟", "።")
_TOPICS = (
    "volcanoes", "rivers", "deserts", "the Moon", "planets", "stars", "the weather", "clouds", "oceans", "mountains",
    "trees", "flowers", "birds", "fish", "insects", "dogs", "horses", "whales", "dinosaurs", "the human heart", "bones",
    "sleep", "bread", "fruit", "coffee", "tea", "cooking", "farming", "clothes", "houses", "bridges", "roads", "trains",
    "ships", "aeroplanes", "bicycles", "cars", "engines", "electricity", "magnets", "light", "sound", "heat", "water",
    "iron", "gold", "salt", "glass", "paper", "computers", "telephones", "radio", "the internet", "clocks", "calendars",
    "maps", "money", "trade", "banks", "work", "schools", "books", "poems", "languages", "the alphabet", "numbers",
    "fractions", "triangles", "music", "songs", "the piano", "painting", "theatre", "film", "games", "chess",
    "football", "swimming", "running", "holidays", "kings", "queens", "wars", "peace", "laws", "elections", "cities",
    "islands", "Africa", "Asia", "Europe", "South America", "China", "India", "Brazil", "Greece", "Rome", "Egypt",
    "explorers", "inventors", "doctors", "medicine", "teeth", "eyes", "families", "children", "friendship", "colours",
    "the seasons", "rain", "snow", "earthquakes", "space flight", "measuring", "atoms", "plants in winter",
)  # fmt: skip

Tell = Callable[[int, int, str], None]  # rows written, wanted, and the topic


@dataclass(frozen=True, slots=True)
class Rehearsed:
    """`rows` were written; `added` of them were new, and `total` are in the dataset now. `asked`: completions the model
    had to write, the others were cached."""

    rows: int
    added: int
    total: int
    asked: int


def add(
    path: Path, generator: Generator, cache: Cache, settings: Settings, count: int, seed: int,
    exam: Sequence[Question], tell: Tell | None,
) -> Rehearsed:  # fmt: skip
    """Add up to `count` rows to the dataset at `path`, one topic after the other; fewer where the model writes no more
    that are usable. `generator`: the model as it is now. `exam`: questions that no row may come near. Raises
    `ModelError`; what was written before is cached."""
    known, origin = load(path), f"{ORIGIN}:{seed}"
    seen = NearDuplicates.for_rows(exam, known, origin, settings.language)
    run = _Run(generator, CachedCompletions(cache), settings, seed)
    made = list(run.rows(count, seen, origin, tell or (lambda _done, _wanted, _topic: None)))
    merged = merge(known, made)
    save(path, merged)
    return Rehearsed(len(made), len(merged) - len(known), len(merged), run.written.asked)


class _Run:
    def __init__(self, generator: Generator, written: CachedCompletions, settings: Settings, seed: int) -> None:
        self.written = written
        self._generator, self._settings, self._seed = generator, settings, seed

    def rows(self, count: int, seen: NearDuplicates, origin: str, tell: Tell) -> Iterator[Row]:
        made = 0
        for number in range(count * _TRIES):
            topic = _TOPICS[number % len(_TOPICS)]
            tell(made, count, topic)
            question = self._question(topic, number)
            if question is None or seen.near(question, ""):
                continue
            seen.add_question(question, ())
            answer = self._answer(question)
            if not answer:
                continue
            made += 1
            language = detect(question, self._settings.language)
            yield Row(question, answer, KIND, language=language, origin=origin)
            if made == count:
                return

    def _question(self, topic: str, number: int) -> str | None:
        """None where it is none that stands alone: a small model also writes essays."""
        own = Language.of(self._settings.language)
        within = f" in {own.english_name}" if own.english_name and own.code != "en" else ""
        asked = Message("user", f"Write one short question about {topic}{within}.")
        text = self._complete([asked], _QUESTION_TOKENS, _WARMTH, 1000 * self._seed + number)
        line = text.strip().partition("\n")[0].strip("\"'“”„«»「」*_ ")
        return line if line.endswith(_ENDS) and not leans(line) else None

    def _answer(self, question: str) -> str:
        """As the expert would get it; empty where the model came to no end."""
        answering = style.choose(self._settings, self._generator.parameters)
        asked = prompt.messages(question, (), self._settings.answering.instruction, style=answering)
        most = style.limits(self._settings, self._generator, answering).answer
        return self._complete(asked, most, 0.0, 0)

    def _complete(self, asked: Sequence[Message], tokens: int, temperature: float, seed: int) -> str:
        def write() -> str:
            guard = LoopStop()
            done = self._generator.complete(
                asked, max_tokens=tokens, temperature=temperature, seed=seed, on_text=guard, fresh=True
            )
            return "" if done.finish_reason == "length" else guard.cut(done.text).strip()

        key = key_of(
            KIND, [m.content for m in asked], tokens, temperature, seed, PROMPT_VERSION, self._generator.fingerprint
        )
        return self.written.of(key, write)
