"""The same question in another language, by pattern: the answer to a question stands at times in another language than
its own. Names stay as they are written."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path

import regex
from made_by_rule import VOCABULARY


def ask(attribute: str, thing: str, rng: random.Random) -> str:
    """A question about one attribute of one thing, in a language drawn at random."""
    shapes, words = VOCABULARY["question_shapes"], VOCABULARY["attributes_in_languages"][attribute]
    language = rng.choice(list(shapes))
    return rng.choice(shapes[language]).format(a=words[language], t=thing)


def translated(question: str, rng: random.Random) -> str | None:
    """A question of TyDi in a language drawn at random; None where no pattern fits."""
    bare = question.strip(" ?.!").replace("{", "").replace("}", "")
    for pattern, wordings in _patterns():
        if (found := regex.fullmatch(pattern, bare, regex.IGNORECASE)) and len(found.group(1).split()) <= 8:
            return rng.choice(wordings).format(found.group(1).removeprefix("the ").strip())
    return None


@cache
def _patterns() -> list[tuple[str, list[str]]]:
    read: list[tuple[str, list[str]]] = []
    lines = (Path(__file__).parent / "questions_in_languages.txt").read_text(encoding="utf-8").splitlines()
    for line in lines:
        if line.startswith("= "):
            read.append((line[2:], []))
        elif not line.startswith("#") and line:
            read[-1][1].append(line.partition(": ")[2])
    return read
