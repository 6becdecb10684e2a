"""The second step of a question that needs two: "the supplier of the part that X uses".

The best passages of a search say of what the question names what it does not name: the part. Another passage that holds
this name, and fits the question besides, may hold the other half of the answer, though the question's own words leave
it far down. So names are taken from the best passages (their headings, and the sentence or row that the question points
to), a second search looks for them with what the question leaves open, and passages of other documents that share a
name are moved up by what it weighs. What stands in the same document is found around a passage when it is shown.

Where a passage's best sentence says most of what the question does and its heading gives the name ("What is the outlook
for a condition in which …?" and a passage "Hydrocephalus is a condition in which …"), the question is asked again with
the name in the place of what the sentence says: "What is the outlook for Hydrocephalus?".
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from metier.core.documents import Passage
from metier.retrieval.query import Query
from metier.text.sentences import sentence_spans

Tokens = Callable[[str], list[str]]
Item = TypeVar("Item")
Weigh = Callable[[Sequence[str]], np.ndarray]  # what each token weighs by its rarity, (n,), in nats; 0 where unknown

FROM = 5  # passages that names are taken from
MOVED = 3  # passages that are moved up at most
REPHRASED = 2  # passages by which a question is asked again
_TOLD = 0.5  # share of what the question's words weigh that a sentence must hold to be said of what is asked for
_KEPT = 3  # passages that keep their place before them
_OWN = 0.5  # of a passage's own fused score, that counts beside names and open words
_TELLING = 0.25  # of the same: what an open word weighs at least
_COMMON = 0.6  # of the weight of a word that stands in one passage only: what a name weighs at least


@dataclass(frozen=True, slots=True)
class Step:
    """What a passage adds to the question. `names`: tokens and what they weigh; `open`: tokens of the question that its
    best sentence leaves open, and what they weigh; `trust`: the passage's share, 0..1, of the best score."""

    document_id: str
    names: dict[str, float]
    open: dict[str, float]
    trust: float

    @property
    def tokens(self) -> list[str]:
        """What to look for in a second search."""
        return [*self.names, *self.open]


def steps(
    question: Sequence[str],
    passages: Sequence[Passage],
    scores: Sequence[float],
    tokens: Tokens,
    weigh: Weigh,
    rarest: float,
) -> list[Step]:
    """What each of the best of `passages`, found for the tokens of a question with fused `scores` (n,), adds; those
    that add nothing are left out. `rarest`: what a word weighs that stands in one passage."""
    if not passages or scores[0] <= 0:
        return []
    pairs = zip(passages[:FROM], scores[:FROM], strict=True)
    found = [_step(question, passage, score / scores[0], tokens, weigh, rarest) for passage, score in pairs]
    return [step for step in found if step.names]


def order(found: Sequence[Step], passages: Sequence[Passage], scores: Sequence[float], tokens: Tokens) -> list[int]:
    """Places of `passages`, best first by `scores` (n,), in the order in which they are to be read."""
    raised: dict[int, float] = {}
    for place in range(_KEPT, len(passages)):
        held = set(tokens(passages[place].indexed_text)) if found else set()
        given = [
            step.trust * _together(weight for name, weight in step.names.items() if name in held)
            + _together(weight for token, weight in step.open.items() if token in held)
            for step in found
            if step.document_id != passages[place].document_id and not held.isdisjoint(step.names)
        ]
        if given:
            raised[place] = _OWN * scores[place] + max(given)
    return interleaved(sorted(raised, key=lambda place: -raised[place]), range(len(passages)))


def interleaved(moved: Sequence[Item], found: Sequence[Item]) -> list[Item]:
    """`found`, best first, with the first of `moved` behind its first and then in turn with the rest; each once."""
    moved = [item for item in moved if item not in found[:_KEPT]][:MOVED]
    rest = [item for item in found if item not in moved]
    made, rest = rest[:_KEPT], rest[_KEPT:]
    while moved or rest:
        made += [*moved[:1], *rest[:1]]
        moved, rest = moved[1:], rest[1:]
    return made


def rephrased(question: Query, passages: Sequence[Passage], tokens: Tokens, weigh: Weigh, rarest: float) -> list[str]:
    """The question with a heading of the best of `passages` in the place of what their best sentences say of it; none
    where they say little of it, or the heading has no name that the question lacks."""
    weights = dict(zip(question.tokens, map(float, weigh(question.tokens)), strict=True))
    made = (_rephrased(question.text, passage, weights, tokens, weigh, rarest) for passage in passages[:REPHRASED])
    return list(dict.fromkeys(text for text in made if text))


def _rephrased(
    question: str, passage: Passage, weights: Mapping[str, float], tokens: Tokens, weigh: Weigh, rarest: float
) -> str:
    heading = passage.headings[-1] if passage.headings else passage.title
    new = [token for token in tokens(heading) if token not in weights]
    if not new or max(map(float, weigh(new))) < _COMMON * rarest:
        return ""
    spans = sentence_spans(passage.text, passage.language)
    held = [set(tokens(passage.text[start:end])) for start, end in spans]
    told = max(held, key=lambda each: _weight(weights, each), default=set()) | set(tokens(heading))
    if _weight(weights, told) < _TOLD * sum(weights.values()):
        return ""
    left = [word for word in question.split() if not (found := set(tokens(word))) or not found <= told]
    return " ".join([*left, heading])


def _weight(weights: Mapping[str, float], told: Collection[str]) -> float:
    return sum(weight for token, weight in weights.items() if token in told)


def _together(weights: Iterable[float]) -> float:
    """Of words that come together, as those of one name do, each counts half of the rarer one before it."""
    return sum(weight / 2.0**place for place, weight in enumerate(sorted(weights, reverse=True)))


def _step(question: Sequence[str], passage: Passage, trust: float, tokens: Tokens, weigh: Weigh, rarest: float) -> Step:
    """Names are tokens that the question lacks and that look like names of things: rare, and in a heading, with a
    capital or with a digit (in scripts that have no capitals any word may be one)."""
    asked = list(dict.fromkeys(question))
    weights = dict(zip(asked, map(float, weigh(asked)), strict=True))
    sentences = [passage.text[start:end] for start, end in sentence_spans(passage.text, passage.language)]
    held = [set(tokens(sentence)) for sentence in sentences]
    met = [_weight(weights, each) for each in held]
    words, told = list(passage.headings), set()
    if met and max(met) > 0:
        best = int(np.argmax(met))
        told = held[best]
        words += [word for word in sentences[best].split() if _is_name(word)]
    told |= set(tokens(" ".join(passage.headings)))
    new = [token for token in dict.fromkeys(tokens(" ".join(words))) if token not in weights]
    rarity = zip(new, map(float, weigh(new)) if new else (), strict=True)
    names = {token: weight for token, weight in rarity if weight >= _COMMON * rarest}
    left = {token: weight for token, weight in weights.items() if token not in told and weight >= _TELLING * rarest}
    return Step(passage.document_id, names, left, trust)


def _is_name(word: str) -> bool:
    if any(character.isdigit() or character.isupper() for character in word):
        return True
    return word.lower() == word.upper()
