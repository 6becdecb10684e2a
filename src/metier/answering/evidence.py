"""What can be measured about a question, its hits and its answer: the features of abstention.

dense            best cosine similarity among the shown passages
dense_gap        how far that stands above the mean of all candidates
coverage         share of the question's words, by rarity, that the best shown passage holds
span_coverage    the same for the best single sentence with its headings
missing          rarity of the rarest question word that no shown passage holds, over the rarest possible
sentence         best cosine similarity between the question and one sentence of the shown passages
agreement        share of the five best dense passages that are also among the five best lexical ones
support          worst share of an answer sentence that stands in the passages
logprob, logprob_min   mean and lowest log-probability of the answer's tokens
echo             share of the answer's words that the question already had
declined         1 if the model itself said that the sources hold no answer
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from metier.answering.citations import Aligner, Support, Weigh
from metier.embedding.base import Embedder
from metier.generation.base import Completion
from metier.retrieval.analysis import Analyser
from metier.retrieval.retriever import Hit
from metier.sentences import sentence_spans

_SENTENCES = 24  # of the shown passages, at most; they are embedded at question time
_TOP = 5


def before(
    question: str,
    hits: Sequence[Hit],
    shown: int,
    aligner: Aligner,
    embedder: Embedder,
    analyser: Analyser,
    weigh: Weigh,
) -> dict[str, float]:
    """Features of a question and its hits; `shown`: how many of them the model will see."""
    tokens = sorted(set(analyser.tokens(question)))
    weights = weigh(tokens)
    total = float(weights.sum()) or 1.0
    held = [set(analyser.tokens(hit.passage.indexed_text)) for hit in hits[:shown]]
    everywhere = set().union(*held)
    cosines = [hit.dense for hit in hits if hit.dense is not None]
    top = max((hit.dense for hit in hits[:shown] if hit.dense is not None), default=0.0)
    missing = [float(w) for t, w in zip(tokens, weights, strict=True) if t not in everywhere]
    return {
        "dense": top,
        "dense_gap": top - float(np.mean(cosines)) if cosines else 0.0,
        "coverage": max((_sum(tokens, weights, words) for words in held), default=0.0) / total,
        "span_coverage": aligner.question_coverage(),
        "missing": max(missing, default=0.0) / max(float(weigh(["\0"])[0]), 1e-9),
        "sentence": _best_sentence(question, hits[:shown], embedder),
        "agreement": _agreement(hits),
    }


def after(
    answer: str, completion: Completion, supports: Sequence[Support], question: str, analyser: Analyser, declined: bool
) -> dict[str, float]:
    """Features of the answer; together with `before` they make up what the second model sees."""
    words = analyser.tokens(answer)
    asked = set(analyser.tokens(question))
    return {
        "support": min((support.score for support in supports), default=0.0),
        "logprob": float(np.mean(completion.logprobs)) if completion.logprobs else 0.0,
        "logprob_min": float(np.min(completion.logprobs)) if completion.logprobs else 0.0,
        "echo": sum(word in asked for word in words) / max(1, len(words)),
        "declined": float(declined),
    }


def _best_sentence(question: str, hits: Sequence[Hit], embedder: Embedder) -> float:
    sentences = []
    for hit in hits:
        place = hit.passage.headings[-1] if hit.passage.headings else ""
        spans = sentence_spans(hit.passage.text, hit.passage.language or "en")
        sentences += [f"{place}\n{hit.passage.text[a:b]}" if place else hit.passage.text[a:b] for a, b in spans]
    if not sentences:
        return 0.0
    vectors = embedder.embed_passages(sentences[:_SENTENCES])
    return float((vectors @ embedder.embed_queries([question])[0]).max())


def _agreement(hits: Sequence[Hit]) -> float:
    by_dense = sorted((h for h in hits if h.dense is not None), key=lambda h: -h.dense)[:_TOP]
    by_lexical = sorted((h for h in hits if h.lexical is not None), key=lambda h: -h.lexical)[:_TOP]
    return len({h.passage.id for h in by_dense} & {h.passage.id for h in by_lexical}) / _TOP


def _sum(tokens: Sequence[str], weights: np.ndarray, words: set[str]) -> float:
    return float(sum(w for t, w in zip(tokens, weights, strict=True) if t in words))
