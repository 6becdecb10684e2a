"""Which answer to a question people want rather than which other, by their thumbs and corrections.

    rejected    an answer that got a thumb down
    chosen      the answer of the correction of that question that is in force; else the one with most thumbs up

An answer with thumbs of both kinds is neither. Each rejected answer makes one pair, so that a question that many people
judged does not outweigh the others.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from metier.core.modes import FROM_DOCUMENTS
from metier.feedback.learning import origin
from metier.feedback.records import Correction, Feedback
from metier.text.near_duplicates import normalise


@dataclass(frozen=True, slots=True)
class PreferredAnswer:
    """`rejected`: the thumb down, which has the question and the answer. `chosen`: what was wanted, `origin`: by whom,
    as `correction:ID` or `thumb:NUMBER`. `cited`: passages that either answer cites, as thumbs keep them. `adapters`:
    that wrote one of them. `is_traced`: whether it is known what `chosen` was written from: an answer from documents
    that cites none may be from any."""

    rejected: Feedback
    chosen: str
    origin: str
    cited: tuple[Mapping[str, Any], ...] = ()
    adapters: tuple[str, ...] = ()
    correction: Correction | None = None
    is_traced: bool = True

    @property
    def question(self) -> str:
        return self.rejected.question


def preferred(thumbs: Sequence[Feedback], corrections: Sequence[Correction]) -> list[PreferredAnswer]:
    """In the order in which the rejected answers were given."""
    right = {normalise(each.question): each for each in corrections if each.in_force and each.question and each.answer}
    by_question: dict[str, list[Feedback]] = defaultdict(list)
    for each in thumbs:
        if each.answer.strip():
            by_question[normalise(each.question)].append(each)
    found = [pair for key, given in by_question.items() for pair in _of_question(given, right.get(key))]
    return sorted(found, key=lambda pair: pair.rejected.id)


def _of_question(given: Sequence[Feedback], correction: Correction | None) -> Iterator[PreferredAnswer]:
    up = {normalise(each.answer) for each in given if each.thumb == "up"}
    down = {normalise(each.answer): each for each in given if each.thumb == "down"}
    wanted = Counter(words for each in given if each.thumb == "up" and (words := normalise(each.answer)) not in down)
    for words, rejected in down.items():
        if correction is not None and words != normalise(correction.answer):
            adapters: tuple[str, ...] = (rejected.adapter,) if rejected.adapter else ()
            yield PreferredAnswer(
                rejected, correction.answer, origin(correction), rejected.citations, adapters, correction
            )
        elif correction is None and wanted and words not in up:
            best = wanted.most_common(1)[0][0]
            chosen = next(each for each in given if each.thumb == "up" and normalise(each.answer) == best)
            adapters = tuple(dict.fromkeys(each.adapter for each in (rejected, chosen) if each.adapter))
            cited = (*rejected.citations, *chosen.citations)
            is_traced = bool(chosen.citations) or chosen.mode not in ("", *FROM_DOCUMENTS)
            yield PreferredAnswer(rejected, chosen.answer, f"thumb:{chosen.id}", cited, adapters, is_traced=is_traced)
