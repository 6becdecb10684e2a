from __future__ import annotations

import numpy as np
import pytest

from metier.answering.sentence_vectors import SentenceVectors
from metier.core.settings import EmbeddingSettings
from metier.embedding import create

SENTENCES = [
    "The gearbox holds 38 litres.",
    "গিয়ারবক্সে ৩৮ লিটার তেল লাগে।",
    "يحتوي صندوق التروس على ٣٨ لترًا",
    "齿轮箱装有38升油。",
]


@pytest.fixture(scope="module")
def embedder():
    made = create(EmbeddingSettings())
    yield made
    made.close()


class Counting:
    """The packaged embedder, and what it was asked for."""

    def __init__(self, embedder):
        self.embedder, self.asked = embedder, []

    def embed_passages(self, texts):
        self.asked.append(list(texts))
        return self.embedder.embed_passages(texts)


def test_what_is_remembered_is_what_was_made(embedder):
    counting = Counting(embedder)
    vectors = SentenceVectors(counting)
    alone = vectors.of(SENTENCES[:1])
    together = vectors.of([*SENTENCES, SENTENCES[1]])
    assert counting.asked == [SENTENCES[:1], SENTENCES[1:]]
    assert together.shape == (5, embedder.dimension)
    assert np.array_equal(together[0], alone[0])
    assert np.array_equal(together[1], together[4])
    np.testing.assert_allclose(together[:4], embedder.embed_passages(SENTENCES), atol=1e-6)


def test_what_was_needed_longest_ago_is_forgotten(embedder):
    counting = Counting(embedder)
    vectors = SentenceVectors(counting, most=2)
    for text in (SENTENCES[0], SENTENCES[1], SENTENCES[0], SENTENCES[2], SENTENCES[0], SENTENCES[1]):
        vectors.of([text])
    assert counting.asked == [[SENTENCES[0]], [SENTENCES[1]], [SENTENCES[2]], [SENTENCES[1]]]


def test_more_sentences_than_are_kept(embedder):
    vectors = SentenceVectors(embedder, most=1)
    np.testing.assert_allclose(vectors.of(SENTENCES), embedder.embed_passages(SENTENCES), atol=1e-6)
