"""The sentences of the found passages that bear most on a question, and what can be measured about them.

A sentence is weighed by its cosine with the question (its heading path in front, so that "840 Nm" knows what it is
about) and by the share of the question's words, by rarity, that it and its headings hold. The best ones are what a
small model reads best, what is quoted where the model's own words stand nowhere, and the features of abstention:

    score            fused evidence of the best passage, in nats
    weight           weight of the best sentence, as ordered here
    lead             how far that stands above the second
    sentence         best cosine similarity between the question and one sentence, 0 at the mean of the corpus
    coverage         largest share of the question's words, by rarity, that one sentence with its headings holds
    unnamed          share of the question's names (NV-110, Vargmyr) that stand in none of the shown passages
    support          worst share of an answer sentence that stands in the passages
    logprob          mean log-probability of the answer's tokens
    echo             share of the answer's words that the question already had
    declined         1 if the model itself said that the sources hold no answer

Which were tried and what each is worth: docs/decisions/0007-refusals.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from metier.answering.citations import Support
from metier.answering.sentence_vectors import SentenceVectors
from metier.answering.words import Sought
from metier.documents import Passage
from metier.generation.base import Completion
from metier.retrieval.analysis import Analyser
from metier.retrieval.retriever import Asked, Hit
from metier.sentences import sentence_spans

_WORDS = 0.5  # weight of the covered words beside the cosine; from practice questions of the sample company
_EMBEDDED = 12  # sentences whose cosine is taken, those with most of the question's words; embedding takes time


@dataclass(frozen=True, slots=True)
class Evidence:
    """One sentence or table row: a `passage` cut down to it. `covered`: share of the question's words in it and its
    headings; `cosine` with the question, 0 at the mean of the corpus; `weight` orders the evidence."""

    passage: Passage
    covered: float
    cosine: float
    weight: float


def find(
    sought: Sought, asked: Asked, passages: Sequence[Passage], vectors: SentenceVectors, analyser: Analyser
) -> list[Evidence]:
    """Sentences of the passages, best first. Cosines are taken from the mean of the corpus upwards, because an embedder
    whose cosines lie close together would else leave the choice to the words."""
    pieces = [piece for passage in passages for piece in _sentences(passage)]
    covered = np.array([sought.covered(set(analyser.tokens(piece.indexed_text))) for piece in pieces])
    order = np.argsort(-covered, kind="stable")[:_EMBEDDED]
    if not len(order):
        return []
    best = vectors.of([pieces[i].indexed_text for i in order])
    cosines = (best @ asked.vector - asked.mean) / (1 - asked.mean)
    found = [
        Evidence(pieces[i], float(covered[i]), float(cosine), float(cosine + _WORDS * covered[i]))
        for i, cosine in zip(order, cosines, strict=True)
    ]
    return sorted(found, key=lambda evidence: -evidence.weight)


def before(
    sought: Sought, hits: Sequence[Hit], shown: Sequence[Passage], evidence: Sequence[Evidence], analyser: Analyser
) -> dict[str, float]:
    """Features of a question, what was found for it (at least one hit), and the passages that count as shown."""
    around = " ".join(f"{passage.indexed_text} {passage.title} {passage.uri}" for passage in shown)
    return {
        "score": hits[0].score,
        "weight": evidence[0].weight if evidence else 0.0,
        "lead": evidence[0].weight - evidence[1].weight if len(evidence) > 1 else 0.0,
        "sentence": max((piece.cosine for piece in evidence), default=0.0),
        "coverage": max((piece.covered for piece in evidence), default=0.0),
        "unnamed": sought.unnamed(set(analyser.tokens(around))),
    }


def after(completion: Completion, supports: Sequence[Support], repeated: float, declined: bool) -> dict[str, float]:
    """Features of the answer; together with `before` they make up what the second model sees."""
    return {
        "support": min((support.score for support in supports), default=0.0),
        "logprob": float(np.mean(completion.logprobs)) if completion.logprobs else 0.0,
        "echo": repeated,
        "declined": float(declined),
    }


def echo(answer: str, question: str, analyser: Analyser) -> float:
    """Share of the answer's words that the question already had; 1 for an answer that says nothing new."""
    words, asked = analyser.tokens(answer), set(analyser.tokens(question))
    return sum(word in asked for word in words) / max(1, len(words))


def _sentences(passage: Passage) -> list[Passage]:
    return [passage.within(start, end) for start, end in sentence_spans(passage.text, passage.language or "en")]
