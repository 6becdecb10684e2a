"""Questions that nothing answers and that look as if something did: only a refusal is right.

    What is the lifting capacity of WT-07?     a thing that is known, asked for what its table does not have
    What is the rated power of WT-83?          what is known of others, asked of a thing that is not there

What is asked for is taken from other tables, and what is not there is put together from names that are. Before one is
kept, what the search finds for it is read: no passage may name the thing and what is asked of it.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import regex

from metier.core.documents import Passage
from metier.core.groups import Required, required_by
from metier.core.questions import Question
from metier.synthesis import question_templates
from metier.synthesis.filters import stands_in
from metier.synthesis.pairs import QAPair
from metier.synthesis.table_questions import Fact
from metier.text.analyzer import Analyser
from metier.text.near_duplicates import is_unspaced

Search = Callable[[str], Sequence[Passage]]

_COMPOUND = regex.compile(r"[\p{L}\p{M}]+[-./]?\p{Nd}+(?!\p{N}|[-./]\p{N})(?=\P{L}|$)")
_DIGITS = regex.compile(r"\p{Nd}+")
_POOL = 50  # names and columns that are kept to be put together
_TRIES = 5


class Inventor:
    """Makes questions without an answer out of facts. `taken`: whether a name stands anywhere in the store. Names and
    columns of all facts seen so far may stand in a question, so it takes the groups of all these to read it."""

    def __init__(self, search: Search, taken: Callable[[str], bool], analyser: Analyser, draw: random.Random) -> None:
        self._search = search
        self._taken = taken
        self._analyser = analyser
        self._draw = draw
        self._columns: deque[QAPair] = deque(maxlen=_POOL)
        self._names: deque[str] = deque(maxlen=_POOL)
        self._groups: Required = ()

    def of_fact(self, fact: Fact) -> Iterator[Question]:
        """From a cell of a table: the column of another table asked of its row, its column asked of an invented row."""
        pair = fact.pair
        self._groups = required_by([*self._groups, pair.passage.groups])
        foreign = [
            other
            for other in self._columns
            if other.language == pair.language and other.passage.document_id != pair.passage.document_id
        ]
        self._columns.append(pair)
        for other in self._draw.sample(foreign, min(_TRIES, len(foreign))):
            if other.attribute.casefold() != pair.attribute.casefold():
                yield from self._lacking(pair, other)
        siblings = [other.subject for other in fact.siblings]
        for name in self._invented(pair.subject, self._draw.sample(siblings, min(_TRIES, len(siblings)))):
            yield from self._about(
                name, pair, question_templates.cell(pair.language, name, pair.attribute, pair.answer, pair.unit)[0]
            )

    def of_question(self, pair: QAPair) -> Iterator[Question]:
        """From a question that names a thing by letters and digits: the same of a thing that is not there."""
        for found in _COMPOUND.finditer(pair.question):
            for name in self._invented(found.group(), ()):
                question = pair.question[: found.start()] + name + pair.question[found.end() :]
                yield from self._about(name, pair, question)

    def _lacking(self, pair: QAPair, other: QAPair) -> Iterator[Question]:
        text = question_templates.cell(pair.language, pair.subject, other.attribute, other.answer, other.unit)[0]
        asked = set(self._analyser.tokens(other.attribute))
        for passage in self._search(text):
            held = f"{passage.title}\n{passage.indexed_text}"
            named = stands_in(pair.subject, held) or stands_in(pair.row, held)
            if named and asked <= set(self._analyser.tokens(held)):
                return  # it may be said there
        yield self._unanswerable(text, pair)

    def _about(self, name: str, pair: QAPair, text: str) -> Iterator[Question]:
        if not any(stands_in(name, f"{p.uri}\n{p.title}\n{p.indexed_text}") for p in self._search(text)):
            yield self._unanswerable(text, pair)

    def _invented(self, name: str, others: Sequence[str]) -> Iterator[str]:
        """Names that are in no document, put together from `name` and others."""
        self._names.append(name)
        known = [*others, *self._draw.sample(list(self._names), len(self._names))]
        made = dict.fromkeys(each for each in self._recombined(name, known) if each != name)
        for each in list(made)[:_TRIES]:
            if not self._taken(each):
                yield each

    def _unanswerable(self, text: str, pair: QAPair) -> Question:
        asked = Question(id="", question=text, kind="unanswerable", language=pair.language)
        return replace(asked, groups=required_by([*self._groups, pair.passage.groups]))

    def _recombined(self, name: str, others: Sequence[str]) -> Iterator[str]:
        compound = _COMPOUND.search(name)
        if compound is None:
            words = name.split()
            tails = [other.split() for other in others if not _DIGITS.search(other)]
            if len(words) > 1 and not is_unspaced(name):
                yield from (" ".join((*words[:-1], tail[-1])) for tail in tails if len(tail) > 1)
            return
        (digits,) = _DIGITS.finditer(name, compound.start(), compound.end())
        taken = [found.group() for other in others for found in _DIGITS.finditer(other)]
        drawn = [self._number_like(digits.group()) for _ in range(_TRIES)]
        for number in (*[each for each in taken if len(each) == len(digits.group())][:_TRIES], *drawn):
            yield name[: digits.start()] + number + name[digits.end() :]

    def _number_like(self, digits: str) -> str:
        """As many digits of the same script, the first of them no zero."""
        zero = ord(digits[0]) - int(digits[0])
        length = max(2, len(digits))
        return "".join(chr(zero + self._draw.randint(int(place == 0), 9)) for place in range(length))
