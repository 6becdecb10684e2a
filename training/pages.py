"""Pages of many trades, written for this training, with questions that they answer and questions that they do not.

# heading › heading
the text, in lines
? a question => the words that answer it
? another => first words … last words
! a question that the page does not answer, though it speaks of its subject
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import wordings

from examples import Example, words

FOLDER = Path(__file__).parent


def pages(rng: random.Random, *, languages: bool) -> Iterator[Example]:
    """Each question with its page, and each page with a question of another one. `languages`: those pages as well
    that are not in English, whose questions are in the page's language or another."""
    files = ["pages.txt", "pages_in_languages.txt"] if languages else ["pages.txt"]
    read = [page for file in files for page in (FOLDER / file).read_text(encoding="utf-8").split("\n# ")]
    parsed = [_parsed(page) for page in read]
    for index, (headings, text, answered, open_ones) in enumerate(parsed):
        group = f"page-{headings[0]}-{headings[-1]}"
        shown = headings if rng.random() < 0.7 else headings[-1:] if rng.random() < 0.5 else ()
        for question, span in answered:
            asked = _worded(question, rng)
            yield Example(asked, shown, text, True, span, "page", group)
            rest = _cut(text, span)
            if rng.random() < 0.25 and len(words(rest)) > 10:
                yield Example(asked, shown, rest, False, None, "page:cut", group)
        for question in open_ones:
            yield Example(_worded(question, rng), shown, text, False, None, "page:open", group)
        other = rng.choice([page for page in parsed if page is not parsed[index] and page[2]])
        yield Example(rng.choice(other[2])[0], shown, text, False, None, "page:other", group)


def _worded(question: str, rng: random.Random) -> str:
    return (
        wordings.varied(question, rng)
        if question.isascii() and question.endswith("?") and rng.random() < 0.5
        else question
    )


def _cut(text: str, span: tuple[int, int]) -> str:
    from metier.sentences import sentence_spans

    kept = [text[a:b] for a, b in sentence_spans(text) if not (a < span[1] and b > span[0])]
    return ("\n" if "\n" in text else " ").join(kept)


def _parsed(page: str) -> tuple[tuple[str, ...], str, list[tuple[str, tuple[int, int]]], list[str]]:
    head, *lines = page.strip().removeprefix("# ").split("\n")
    text = "\n".join(line for line in lines if line and not line.startswith(("? ", "! ")))
    answered = []
    for line in lines:
        if line.startswith("? "):
            question, _, answer = line[2:].partition(" => ")
            first, _, last = answer.partition(" … ")
            start = text.index(first)
            end = text.index(last, start) + len(last) if last else start + len(first)
            answered.append((question, (start, end)))
    return tuple(head.split(" › ")), text, answered, [line[2:] for line in lines if line.startswith("! ")]
