"""The fusion weight, learned from the corpus alone: does the embedder tell what belongs together here?

Two sentences of one passage are about one thing, in other words: as a question and its passage are. So, of a sample of
passages, one sentence asks and another is to be found among those of all the others:

    P(partner) = softmax over the sentences of (a * z^2 / 2 + b * BM25)

The a and b that make the partners likeliest (a conditional logit) say what a nat of either side is worth in this
corpus. An embedder that reads the language has a/b of 3 to 20, one that does not of 1 or less. Sentences share fewer
words than a question and its passage do, so log(a/b) overrates the dense side; `_SLOPE` and `_MIDDLE` turn it into a
weight. These two were fitted over pairs of corpus and embedder (`benchmarks/fusion_weight.py`, which tells how well
they do for a corpus left out). Above `DEFAULT_WEIGHT` sentences tell nothing.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from metier.core.database_rows import table_of
from metier.core.documents import Passage
from metier.embedding.base import Embedder
from metier.retrieval.fusion import DEFAULT_WEIGHT, Fusion, dense_evidence
from metier.store.base import Filter, Store
from metier.store.bm25 import K1, B, inverse_frequency
from metier.text.analyzer import Analyser
from metier.text.sentences import units

_SLOPE, _MIDDLE = 2.0, 0.65
PAIRS = 200
_LEAST_PAIRS = 8  # below which nothing is learned
_LEAST_TOKENS = 5  # different ones, that a sentence holds at least
_WINDOW = 20  # words at either end of a passage without two sentences
_PRIOR, _PRIOR_DEVIATION = 1.5, 1.0  # of log(a/b): what is believed before any pair was seen
_SCALE_DEVIATION = 3.0  # of log(a + b), around 0
_GROWN = 0.2  # share by which a corpus grows or shrinks before its weight is learned again


@dataclass(frozen=True, slots=True)
class Learned:
    """`log_odds`: log(a/b), higher where the dense side is worth more; `pairs`: from so many pairs of sentences."""

    log_odds: float
    pairs: int

    @property
    def weight(self) -> float:
        return min(DEFAULT_WEIGHT, 1 / (1 + math.exp(-_SLOPE * (self.log_odds - _MIDDLE))))


def keep(path: Path, store: Store, embedder: Embedder, analyser: Analyser) -> Fusion:
    """What `path` says of fusion, learned again and saved where the corpus or the embedder is another one by now. What
    practice questions taught stays as long as the embedder does. It orders everybody's passages, so documents teach it
    that everybody may read; where there are none, all do."""
    known, passages = Fusion.load(path), store.counts(_read_by_all(store))[1]
    same = known.embedder == embedder.fingerprint
    if same and abs(passages - known.passages) <= _GROWN * known.passages:
        return known
    learned = learn(store, embedder, analyser)
    weight = round(learned.weight, 3) if learned else DEFAULT_WEIGHT
    made = Fusion(weight, "corpus" if learned else "default", learned.pairs if learned else 0)
    if known.origin == "practice" and (same or not known.embedder):
        made = known
    made = replace(made, corpus=weight, passages=passages, embedder=embedder.fingerprint)
    made.save(path)
    return made


def learn(store: Store, embedder: Embedder, analyser: Analyser, seed: int = 0) -> Learned | None:
    """None where the corpus is too small, or holds no running text. Embeds up to 2 * `PAIRS` sentences."""
    pairs = sample(store, analyser, seed)
    if len(pairs) < _LEAST_PAIRS:
        return None
    asked, wanted = [first for first, _ in pairs], [second for _, second in pairs]
    cosines = embedder.embed_queries(asked) @ embedder.embed_passages(wanted).T
    dense = dense_evidence(cosines, cosines.mean(axis=1, keepdims=True), cosines.std(axis=1, keepdims=True))
    lexical = bm25([analyser.tokens(text) for text in asked], [analyser.tokens(text) for text in wanted])
    return Learned(fit(dense, lexical), len(pairs))


def sample(store: Store, analyser: Analyser, seed: int = 0) -> list[tuple[str, str]]:
    """Up to `PAIRS` pairs of sentences, each of one passage, spread over the documents. Rows of a database are no
    sentences, and not looked through."""
    draw = np.random.default_rng(seed)
    names = sorted(name for uri, name in store.uris(_read_by_all(store)).items() if table_of(uri) is None)
    share = math.ceil(PAIRS / max(1, len(names)))
    pairs: list[tuple[str, str]] = []
    for at in draw.permutation(len(names)):
        passages = store.passages(names[at])
        found = _pairs([passages[n] for n in draw.permutation(len(passages))], analyser, draw)
        pairs.extend(pair for _, pair in zip(range(share), found, strict=False))
        if len(pairs) >= PAIRS:
            break
    return pairs[:PAIRS]


def _read_by_all(store: Store) -> Filter | None:
    public = Filter(groups=())
    return public if store.counts(public)[0] else None


def _pairs(passages: Sequence[Passage], analyser: Analyser, draw: np.random.Generator) -> Iterator[tuple[str, str]]:
    for passage in passages:
        text = passage.text
        found = [text[unit.start : unit.end] for unit in units(text, passage.language) if unit.kind != "row"]
        found = [sentence for sentence in found if len(set(analyser.tokens(sentence))) >= _LEAST_TOKENS]
        if len(found) == 1:
            found = [end for end in _ends(found[0]) if len(set(analyser.tokens(end))) >= _LEAST_TOKENS]
        if len(found) >= 2:
            first, second = draw.choice(len(found), 2, replace=False)
            yield found[first], found[second]


def _ends(text: str) -> tuple[str, str]:
    """The first and the last words of a text without sentences, as far apart as it allows."""
    pieces, joint = text.split(), " "
    if len(pieces) < 2 * _LEAST_TOKENS:  # a script without spaces
        pieces, joint = list(text), ""
    length = min(_WINDOW, len(pieces) // 3)
    return joint.join(pieces[:length]), joint.join(pieces[len(pieces) - length :])


def bm25(asked: Sequence[Sequence[str]], wanted: Sequence[Sequence[str]]) -> np.ndarray:
    """BM25 of each of `wanted` for each of `asked`, with frequencies of `wanted`; shape (asked, wanted)."""
    occurrences = [Counter(tokens) for tokens in wanted]
    frequency = Counter(token for counts in occurrences for token in counts)
    weights = inverse_frequency(np.array(list(frequency.values()), dtype=np.int64), len(wanted))
    weight = dict(zip(frequency, weights, strict=True))
    lengths = np.array([len(tokens) for tokens in wanted], dtype=float)
    norms = K1 * (1 - B + B * lengths / max(1.0, lengths.mean()))
    columns: dict[str, np.ndarray] = {}
    scores = np.zeros((len(asked), len(wanted)))
    for row, tokens in enumerate(asked):
        for token in tokens:
            if token not in weight:
                continue
            if token not in columns:
                counts = np.array([each[token] for each in occurrences], dtype=float)
                columns[token] = weight[token] * counts * (K1 + 1) / (counts + norms)
            scores[row] += columns[token]
    return scores


def fit(dense: np.ndarray, lexical: np.ndarray) -> float:
    """log(a/b) of the conditional logit in which row i's partner is column i, at the maximum of the posterior. Newton's
    method in (log a, log b) with the Fisher information, damped. Shapes (n, n)."""
    point, damping = np.array([_PRIOR / 2, -_PRIOR / 2]), 1.0
    loss, gradient, information = _posterior(point, dense, lexical)
    for _ in range(100):
        step = np.linalg.solve(information + damping * np.eye(2), gradient)
        tried = np.clip(point - step, -8, 8)
        there = _posterior(tried, dense, lexical)
        if there[0] < loss:
            done = loss - there[0] < 1e-6
            point, (loss, gradient, information), damping = tried, there, damping / 4
            if done:
                break
        elif damping > 1e8:
            break
        else:
            damping *= 4
    return float(point[0] - point[1])


def _posterior(point: np.ndarray, dense: np.ndarray, lexical: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    """Negative logarithm of the posterior at (log a, log b), its gradient, and its expected curvature."""
    a, b = np.exp(point)
    scores = a * dense + b * lexical
    scores -= scores.max(axis=1, keepdims=True)
    chances = np.exp(scores)
    totals = chances.sum(axis=1, keepdims=True)
    chances /= totals
    sides = np.stack([a * dense, b * lexical])  # (2, n, n): what a small step of log a, log b adds to the scores
    means = (chances * sides).sum(axis=2)  # (2, n)
    partners = sides.diagonal(axis1=1, axis2=2)
    loss = float((np.log(totals[:, 0]) - scores.diagonal()).sum())
    gradient = (means - partners).sum(axis=1)
    centred = sides - means[:, :, None]
    information = np.einsum("ink,jnk,nk->ij", centred, centred, chances)
    for direction, centre, deviation in (
        (np.array([1.0, -1.0]), _PRIOR, _PRIOR_DEVIATION),
        (np.array([0.5, 0.5]), 0.0, _SCALE_DEVIATION),
    ):
        off = float(direction @ point) - centre
        loss += off * off / (2 * deviation**2)
        gradient = gradient + direction * off / deviation**2
        information = information + np.outer(direction, direction) / deviation**2
    return loss, gradient, information
