"""Questions about one attribute of one thing in ten languages, for tables and sentences in English: the answer to a
question stands at times in another language than its own."""

from __future__ import annotations

import random

from made_by_rule import VOCABULARY


def ask(attribute: str, thing: str, rng: random.Random) -> str:
    """The question in a language drawn at random; the thing keeps its name."""
    shapes, words = VOCABULARY["question_shapes"], VOCABULARY["attributes_in_languages"][attribute]
    language = rng.choice(list(shapes))
    return rng.choice(shapes[language]).format(a=words[language], t=thing)
