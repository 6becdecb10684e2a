"""Which of the found passages answers a question: what a reader says of each, weighed with what search and the
question's words say of it.

A logistic regression, fitted on passages of small firms that neither the reader nor a benchmark has seen
(`training/ranking.py`). Its features, of one question and one passage:

    answerable   log-odds of the reader that the passage answers
    place        log-odds of the reader that the answer stands where it points
    search       score of the search over the best hit's, less one; 0 for the best
    passage      share of the question's words, by rarity, in the passage, its headings, title and file name
    piece        the same of its best sentence or row, with the headings
    heading      how much the nearest heading (or the title) says the same as the question: F1 of their words
    foreign      1 where question and passage are in two languages; the three before are then 0
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from importlib import resources

import numpy as np

from metier.answering.coverage import Coverage
from metier.answering.evidence import quotable
from metier.answering.log_odds import log_odds
from metier.documents import Passage
from metier.language import detect
from metier.reader.base import Reading
from metier.retrieval.retriever import Hit

FEATURES = ("answerable", "place", "search", "passage", "piece", "heading", "foreign")


def features(coverage: Coverage, hits: Sequence[Hit], readings: Sequence[Reading]) -> np.ndarray:
    """(hits, features) of the best hits, the first of them the one found first."""
    best = max(hits[0].score, 1e-6)
    rows = []
    for hit, reading in zip(hits, readings, strict=True):
        passage = hit.passage
        foreign = is_foreign(passage, coverage.language)
        words = (0.0, 0.0, 0.0) if foreign else _words(coverage, passage)
        found = hit.score / best - 1
        rows.append((log_odds(reading.answerable), log_odds(reading.span_score), found, *words, float(foreign)))
    return np.array(rows)


def is_foreign(passage: Passage, language: str) -> bool:
    """Whether the text of a passage, which may be another than its document's, is in another language."""
    own = detect(passage.text, passage.language or language)
    return own.split("-")[0] != language.split("-")[0]


def _words(coverage: Coverage, passage: Passage) -> tuple[float, float, float]:
    pieces = [passage.within(*span) for span in quotable(passage)]
    return (
        coverage.of_passage(passage),
        max((coverage.of(piece) for piece in pieces), default=0.0),
        coverage.same_words(passage.headings[-1] if passage.headings else passage.title),
    )


def weighed(rows: np.ndarray) -> np.ndarray:
    """Log-odds that each passage answers, (n,). `rows`: (n, features)."""
    bias, weights = _weights()
    return bias + rows @ weights


@cache
def _weights() -> tuple[float, np.ndarray]:
    text = resources.files("metier.answering").joinpath("passage_ranking.json").read_text(encoding="utf-8")
    kept = json.loads(text)
    return kept["bias"], np.array([kept["weights"][name] for name in FEATURES])
