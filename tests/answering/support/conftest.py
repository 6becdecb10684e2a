from __future__ import annotations

import numpy as np
import pytest

from metier import embedding
from metier.answering.support import create
from metier.core.settings import EmbeddingSettings, Settings
from metier.text.analyzer import Analyser


def weigh(tokens):
    return np.array([0.1 if token in {"the", "of", "is", "are", "a", "to", "in", "and"} else 3.0 for token in tokens])


@pytest.fixture(scope="module")
def embedder():
    made = embedding.create(EmbeddingSettings(model="all-minilm-l6-v2", threads=1))
    yield made
    made.close()


@pytest.fixture(scope="module")
def checker(embedder):
    return create(Settings(), embedder, Analyser("en"), weigh)


@pytest.fixture(scope="module")
def check_against(checker):
    """The sentences of an answer, checked against what was shown."""

    def checked(answer, shown, question="", language="en"):
        checking = checker.over(shown, question, language)
        return [checking.check(answer, span) for span in checking.spans(answer)]

    return checked
