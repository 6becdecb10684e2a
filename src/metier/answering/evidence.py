"""The sentences of the found passages that bear most on a question, and what can be measured about them.

A sentence is weighed by its cosine with the question (its heading path in front, so that "840 Nm" knows what it is
about) and by the share of the question's words, by rarity, that it and its headings hold. The best ones are what a
small model reads best, what is quoted where the model's own words stand nowhere, and the features of abstention:

    dense            best cosine similarity among the shown passages
    dense_gap        how far that stands above the mean of all candidates
    coverage         share of the question's words, by rarity, that the best shown passage holds
    span_coverage    the same for the best single sentence with its headings
    missing          rarity of the rarest question word that no shown passage holds, over the rarest possible
    sentence         best cosine similarity between the question and one sentence, 0 at the mean of the corpus
    weight           weight of the best sentence, as ordered here
    agreement        share of the five best dense passages that are also among the five best lexical ones
    score            fused evidence of the best passage, in nats
    margin           how far that stands above the fifth
    lead             how far the best sentence stands above the second
    support          worst share of an answer sentence that stands in the passages
    logprob, logprob_min   mean and lowest log-probability of the answer's tokens
    echo             share of the answer's words that the question already had
    declined         1 if the model itself said that the sources hold no answer
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from metier.answering.citations import Support
from metier.answering.words import Weigh, share
from metier.documents import Passage
from metier.embedding.base import Embedder
from metier.generation.base import Completion
from metier.retrieval.analysis import Analyser
from metier.retrieval.retriever import Hit
from metier.sentences import sentence_spans

_WORDS = 0.5  # weight of the covered words beside the cosine; from practice questions of the sample company
_EMBEDDED = 12  # sentences whose cosine is taken, those with most of the question's words; embedding takes time
_TOP = 5


@dataclass(frozen=True, slots=True)
class Evidence:
    """One sentence or table row: a `passage` cut down to it. `covered`: share of the question's words in it and its
    headings; `cosine` with the question, 0 at the mean of the corpus; `weight` orders the evidence."""

    passage: Passage
    covered: float
    cosine: float
    weight: float


def find(
    question: str,
    passages: Sequence[Passage],
    embedder: Embedder,
    analyser: Analyser,
    weigh: Weigh,
    background: Callable[[np.ndarray], tuple[float, float]],
) -> list[Evidence]:
    """Sentences of the passages, best first. `background`: of the store; cosines are taken from its mean upwards,
    because an embedder whose cosines lie close together would else leave the choice to the words."""
    tokens = sorted(set(analyser.tokens(question)))
    weights = weigh(tokens)
    pieces = [piece for passage in passages for piece in _sentences(passage)]
    covered = np.array([share(tokens, weights, set(analyser.tokens(p.indexed_text))) for p in pieces])
    order = np.argsort(-covered, kind="stable")[:_EMBEDDED]
    if not len(order):
        return []
    vectors = embedder.embed_passages([pieces[i].indexed_text for i in order])
    asked = embedder.embed_queries([question])[0]
    usual, _ = background(asked)
    cosines = (vectors @ asked - usual) / (1 - usual)
    found = [
        Evidence(pieces[i], float(covered[i]), float(cosine), float(cosine + _WORDS * covered[i]))
        for i, cosine in zip(order, cosines, strict=True)
    ]
    return sorted(found, key=lambda evidence: -evidence.weight)


def before(
    question: str, hits: Sequence[Hit], shown: int, evidence: Sequence[Evidence], analyser: Analyser, weigh: Weigh
) -> dict[str, float]:
    """Features of a question and its hits; `shown`: how many of the hits count as shown."""
    tokens = sorted(set(analyser.tokens(question)))
    weights = weigh(tokens)
    held = [set(analyser.tokens(hit.passage.indexed_text)) for hit in hits[:shown]]
    everywhere: set[str] = set().union(*held)
    cosines = [hit.dense for hit in hits if hit.dense is not None]
    top = max((hit.dense for hit in hits[:shown] if hit.dense is not None), default=0.0)
    missing = [float(w) for t, w in zip(tokens, weights, strict=True) if t not in everywhere]
    return {
        "dense": top,
        "dense_gap": top - float(np.mean(cosines)) if cosines else 0.0,
        "coverage": max((share(tokens, weights, words) for words in held), default=0.0),
        "span_coverage": max((piece.covered for piece in evidence), default=0.0),
        "missing": max(missing, default=0.0) / max(float(weigh(["\0"])[0]), 1e-9),
        "sentence": max((piece.cosine for piece in evidence), default=0.0),
        "weight": evidence[0].weight if evidence else 0.0,
        "agreement": _agreement(hits),
        "score": hits[0].score if hits else 0.0,
        "margin": hits[0].score - hits[_TOP - 1].score if len(hits) >= _TOP else 0.0,
        "lead": evidence[0].weight - evidence[1].weight if len(evidence) > 1 else 0.0,
    }


def after(completion: Completion, supports: Sequence[Support], repeated: float, declined: bool) -> dict[str, float]:
    """Features of the answer; together with `before` they make up what the second model sees."""
    return {
        "support": min((support.score for support in supports), default=0.0),
        "logprob": float(np.mean(completion.logprobs)) if completion.logprobs else 0.0,
        "logprob_min": float(np.min(completion.logprobs)) if completion.logprobs else 0.0,
        "echo": repeated,
        "declined": float(declined),
    }


def echo(answer: str, question: str, analyser: Analyser) -> float:
    """Share of the answer's words that the question already had; 1 for an answer that says nothing new."""
    words, asked = analyser.tokens(answer), set(analyser.tokens(question))
    return sum(word in asked for word in words) / max(1, len(words))


def _sentences(passage: Passage) -> list[Passage]:
    return [passage.within(start, end) for start, end in sentence_spans(passage.text, passage.language or "en")]


def _agreement(hits: Sequence[Hit]) -> float:
    by_dense = sorted((h for h in hits if h.dense is not None), key=lambda h: -(h.dense or 0.0))[:_TOP]
    by_lexical = sorted((h for h in hits if h.lexical is not None), key=lambda h: -(h.lexical or 0.0))[:_TOP]
    return len({h.passage.id for h in by_dense} & {h.passage.id for h in by_lexical}) / _TOP
