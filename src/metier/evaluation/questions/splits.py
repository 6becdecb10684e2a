"""On which side of the line a new question goes: practice or exam.

    questions that ask the same      one group, on one side
    a group with a side              the one of a question that is there already, or that its file says
    a group without                  drawn, from the words of its first question

A group that holds questions of both sides cannot be placed whole: what stands between them takes the side of the
nearer, and where two that ask the same are then on different sides, one of them leaks.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import replace

from metier.core.questions import Question
from metier.evaluation.questions import question_similarity

Leaks = list[tuple[Question, Question]]


def place(
    new: Sequence[Question], known: Sequence[Question], draw: Callable[[str], str], language: str
) -> tuple[list[Question], Leaks]:
    """`new` with their sides, and those of them that leak, each with the question of the other side that it asks.
    `known`: have their sides and keep them. `draw`: a side by the words of a question."""
    everything = [*known, *new]
    beside: dict[int, set[int]] = defaultdict(set)
    for one, other in question_similarity.pairs(everything, language) if new else ():
        if other >= len(known):
            beside[one].add(other)
            beside[other].add(one)
    side = {number: question.split for number, question in enumerate(everything) if question.split}
    _spread(list(side), side, beside)
    waiting = (
        (question_similarity.key(question.question), n) for n, question in enumerate(everything) if n not in side
    )
    for words, number in sorted(waiting):
        if number not in side:
            side[number] = draw(words)
            _spread([number], side, beside)
    sided = [replace(question, split=side.get(n, "")) for n, question in enumerate(everything)]
    return sided[len(known) :], _leaks(sided, len(known), beside)


def _spread(begin: Sequence[int], side: dict[int, str], beside: dict[int, set[int]]) -> None:
    """Give the sides of `begin` to all that ask the same and have none, the nearest first."""
    queue = deque(begin)
    while queue:
        here = queue.popleft()
        for other in sorted(beside.get(here, ())):
            if other not in side:
                side[other] = side[here]
                queue.append(other)


def _leaks(sided: Sequence[Question], known: int, beside: dict[int, set[int]]) -> Leaks:
    """The fewest that must go: of two new ones the one to practise on, since what is in the exam is dearer."""
    crossing = {
        number: {other for other in beside.get(number, ()) if sided[other].split != sided[number].split}
        for number in range(known, len(sided))
    }
    leaks: Leaks = []
    order = sorted(crossing, key=lambda n: (min(crossing[n], default=n) >= known, sided[n].split == "exam", n))
    for number in order:
        if crossing[number]:
            other = min(crossing[number])
            leaks.append((sided[number], sided[other]))
            for each in crossing.pop(number):
                crossing.get(each, set()).discard(number)
    return leaks
