"""The second step of a question that needs two: "the supplier of the part that X uses".

The best passages of a search say of what the question names what it does not name: the part. Another passage that holds
this name, and fits the question besides, may hold the other half of the answer, though the question's own words leave
it far down. So names are taken from the best passages (their headings, and the sentence or row that the question points
to), and passages of other documents that share one are moved up by what it weighs. What stands in the same document
is found around a passage when it is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from metier.documents import Passage
from metier.sentences import sentence_spans

Tokens = Callable[[str], list[str]]
Weigh = Callable[[Sequence[str]], np.ndarray]  # what each token weighs by its rarity, (n,), in nats; 0 where unknown

FROM = 5  # passages that names are taken from
MOVED = 3  # passages that are moved up at most
_KEPT = 3  # passages that keep their place before them
_COMMON = 0.6  # of the weight of a word that stands in one passage only: what a name weighs at least


def order(
    question: Sequence[str],
    passages: Sequence[Passage],
    scores: Sequence[float],
    tokens: Tokens,
    weigh: Weigh,
    rarest: float,
) -> list[int]:
    """Places of `passages`, found for the tokens of a question with fused `scores` (n,), in the order in which they
    are to be read. `rarest`: what a word weighs that stands in one passage."""
    if len(passages) <= _KEPT + 1 or scores[0] <= 0:
        return list(range(len(passages)))
    names = [_names(question, passage, tokens, weigh, rarest) for passage in passages[:FROM]]
    trust = [score / scores[0] for score in scores[:FROM]]
    raised: dict[int, float] = {}
    for place in range(_KEPT, len(passages)):
        held = set(tokens(passages[place].indexed_text))
        given = [
            share * weight
            for source, (share, told) in enumerate(zip(trust, names, strict=True))
            if passages[source].document_id != passages[place].document_id
            for name, weight in told.items()
            if name in held
        ]
        if given:
            raised[place] = scores[place] + max(given)
    moved = sorted(raised, key=lambda place: -raised[place])[:MOVED]
    rest = [place for place in range(len(passages)) if place not in moved]
    made = rest[:_KEPT]
    rest = rest[_KEPT:]
    while moved or rest:
        made += moved[:1] + rest[:1]
        moved, rest = moved[1:], rest[1:]
    return made


def _names(question: Sequence[str], passage: Passage, tokens: Tokens, weigh: Weigh, rarest: float) -> dict[str, float]:
    """Tokens that the passage adds to the question and that look like names of things: rare, and in a heading, with a
    capital or with a digit (in scripts that have no capitals any word may be one). With their weights."""
    asked = list(dict.fromkeys(question))
    weights = dict(zip(asked, weigh(asked), strict=True))
    sentences = [passage.text[start:end] for start, end in sentence_spans(passage.text, passage.language)]
    met = [sum(weights.get(token, 0.0) for token in set(tokens(sentence))) for sentence in sentences]
    words = list(passage.headings)
    if met and max(met) > 0:
        words += [word for word in sentences[int(np.argmax(met))].split() if _is_name(word)]
    new = [token for token in dict.fromkeys(tokens(" ".join(words))) if token not in weights]
    rarity = zip(new, weigh(new) if new else (), strict=True)
    return {token: float(weight) for token, weight in rarity if weight >= _COMMON * rarest}


def _is_name(word: str) -> bool:
    if any(character.isdigit() or character.isupper() for character in word):
        return True
    return word.lower() == word.upper()
