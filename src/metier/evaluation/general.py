"""What everybody knows, asked without documents and without the trade's instruction: what a tuned model loses there is
what it forgot (catastrophic forgetting). The questions are Métier's own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from importlib.resources import files

import numpy as np

from metier.core.questions import Question
from metier.evaluation.metrics.text import contains
from metier.generation.base import Generator, Message
from metier.generation.completion_cache import Cache, key_of

_TOKENS = 32  # the longest answer
_VERSION = 1

Tell = Callable[[int, int, str], None]  # done, of how many, what is asked


def general_questions() -> list[Question]:
    """With their accepted answers; in English."""
    lines = files(__package__).joinpath("general_questions.jsonl").read_text(encoding="utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    return [
        Question(f"general-{number}", row["question"], tuple(row["answers"]), language="en")
        for number, row in enumerate(rows, start=1)
    ]


def general_scores(
    generator: Generator, questions: Sequence[Question], adapter: str | None, made_of: object, cache: Cache, tell: Tell
) -> np.ndarray:
    """1 where an accepted answer stands in what is said, (n,). `adapter`: one that the generator has loaded, None = the
    base; `made_of`: all that the adapter depends on, as plain values. Raises `ModelError`; what was answered is
    cached."""
    scores = []
    for number, question in enumerate(questions):
        tell(number, len(questions), question.question)
        key = key_of("general", _VERSION, question.question, generator.fingerprint, made_of)
        if (text := cache.get(key)) is None:
            asked = [Message("user", question.question)]
            text = generator.complete(asked, max_tokens=_TOKENS, adapter=adapter, fresh=True).text
            cache.put(key, text)
        scores.append(float(contains(text, question.answers, "en")))
    tell(len(questions), len(questions), "")
    return np.array(scores)
