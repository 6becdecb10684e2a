"""Pages of many trades, written for this training, with questions that they answer and questions that they do not.

= a firm whose documents the pages are, up to the next firm (in firms.txt and firms_in_languages.txt)
# heading › heading
the text, in lines
? a question => the words that answer it
? another => first words … last words
! a question that the page does not answer, though it speaks of its subject

Of a firm's pages one answers a question and no other, though several speak of the same things, as what a search finds
does; no page answers one with "!". The lines of a table are `cell | cell`, under a line of the column names.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import wordings

from examples import Bm25, Example, words
from metier.answering.evidence import is_row
from metier.core.documents import CELL

FOLDER = Path(__file__).parent
_SIBLINGS = 2  # pages of the same firm, those with most of a question's words
_TEMPTED = 0.7  # share of the answered questions that are asked of each of them
_TEMPTED_OPEN = 0.2  # and of the open ones
HELD_OUT = 0.2  # share of the pages and firms that are not trained on


@dataclass(frozen=True, slots=True)
class Page:
    """`answered`: questions with (start, end) of the words that answer; `open_ones`: those that nothing answers."""

    headings: tuple[str, ...]
    text: str
    answered: tuple[tuple[str, tuple[int, int]], ...]
    open_ones: tuple[str, ...]


def pages(rng: random.Random, *, languages: bool, share: float = 1.0) -> Iterator[Example]:
    """Each question with its page, and each page with a question of another one. `languages`: those pages as well
    that are not in English, whose questions are in the page's language or another. `share`: of those that are of no
    firm, and with `languages` of those in English."""
    alone = ["pages.txt", "pages_in_languages.txt"] if languages else ["pages.txt"]
    read = [page for file in alone for page in read_pages((FOLDER / file).read_text(encoding="utf-8"))]
    known = firms(languages=languages)
    english = {name for name, _ in firms(languages=False)}
    every = [*read, *(page for _, own in known for page in own)]
    for page in read:
        group = f"page-{page.headings[0]}-{page.headings[-1]}"
        yield from (example for example in _of_page(page, group, every, rng) if rng.random() < share)
    for name, own in known:
        part = share if languages and name in english else 1.0
        made = [example for page in own for example in _of_page(page, group_of(name), every, rng)]
        made += _of_siblings(own, group_of(name), rng)
        yield from (example for example in made if rng.random() < part)


def group_of(firm: str) -> str:
    return f"firm-{firm}"


def firms(*, languages: bool) -> list[tuple[str, list[Page]]]:
    """Each firm's name and pages."""
    files = ["firms.txt", "firms_in_languages.txt"] if languages else ["firms.txt"]
    found = []
    for file in files:
        text = (FOLDER / file).read_text(encoding="utf-8")
        for firm in f"\n{text.strip()}".split("\n= ")[1:]:
            name, _, rest = firm.partition("\n")
            found.append((name.strip(), read_pages(rest)))
    return found


def read_pages(text: str) -> list[Page]:
    return [_parsed(page) for page in f"\n{text.strip()}".split("\n# ")[1:]]


def _of_page(page: Page, group: str, every: Sequence[Page], rng: random.Random) -> Iterator[Example]:
    shown = page.headings if rng.random() < 0.7 else page.headings[-1:] if rng.random() < 0.5 else ()
    for question, span in page.answered:
        yield Example(_worded(question, rng), shown, page.text, True, span, "page", group)
        rest = _cut(page.text, span)
        if rng.random() < 0.25 and len(words(rest)) > 10:
            yield Example(_worded(question, rng), shown, rest, False, None, "page:cut", group)
    for question in page.open_ones:
        yield Example(_worded(question, rng), shown, page.text, False, None, "page:open", group)
    other = rng.choice(every)
    if other is not page and other.answered:
        yield Example(rng.choice(other.answered)[0], shown, page.text, False, None, "page:other", group)


def _of_siblings(own: Sequence[Page], group: str, rng: random.Random) -> Iterator[Example]:
    """Questions of one page asked of those pages of the firm that share most words with them."""
    nearness = Bm25([f"{' '.join(page.headings)} {page.text}" for page in own])
    for number, page in enumerate(own):
        asked = [(question, _TEMPTED) for question, _ in page.answered]
        for question, chance in (*asked, *((question, _TEMPTED_OPEN) for question in page.open_ones)):
            near = [other for other in nearness.nearest(question, _SIBLINGS + 1) if other != number]
            near += rng.sample([n for n in range(len(own)) if n != number and n not in near], len(own) - 1 - len(near))
            for other in near[:_SIBLINGS]:
                if rng.random() < chance:
                    sibling = own[other]
                    shown = sibling.headings if rng.random() < 0.8 else sibling.headings[-1:]
                    yield Example(_worded(question, rng), shown, sibling.text, False, None, "page:sibling", group)


def _worded(question: str, rng: random.Random) -> str:
    return (
        wordings.varied(question, rng)
        if question.isascii() and question.endswith("?") and rng.random() < 0.5
        else question
    )


def _cut(text: str, span: tuple[int, int]) -> str:
    from metier.text.sentences import sentence_spans

    kept = [text[a:b] for a, b in sentence_spans(text) if not (a < span[1] and b > span[0])]
    return ("\n" if "\n" in text else " ").join(kept)


def _parsed(page: str) -> Page:
    head, *lines = page.strip().split("\n")
    said = [line for line in lines if line.strip() and not line.startswith(("? ", "! "))]
    text, place = _with_column_names(said)
    answered = []
    for line in lines:
        if line.startswith("? "):
            question, _, answer = line[2:].partition(" => ")
            start, end = _answering("\n".join(said), question, answer.strip())
            answered.append((question, (place(start), place(end - 1) + 1)))
    open_ones = tuple(line[2:] for line in lines if line.startswith("! "))
    return Page(tuple(head.split(" › ")), text, tuple(answered), open_ones)


def _answering(text: str, question: str, answer: str) -> tuple[int, int]:
    """Where the answer stands in the text; of several places, that in the line that shares most words with the
    question. Raises `ValueError` where it is not found."""
    first, _, last = (part.strip() for part in answer.partition(" … "))
    asked = {word[:5] for word in words(question)}
    starts = [at for at in range(len(text)) if text.startswith(first, at)]
    if not starts:
        raise ValueError(f"{first!r} is not in the text")

    def shared(at: int) -> int:
        line = text[text.rfind("\n", 0, at) + 1 :].partition("\n")[0]
        return len(asked & {word[:5] for word in words(line)})

    start = max(starts, key=shared)
    return start, text.index(last, start) + len(last) if last else start + len(first)


def _with_column_names(lines: Sequence[str]):
    """The text with each cell of a table behind the name of its column, as a parser writes rows, and a function from
    places of the text as it was to places in it."""
    made: list[str] = []
    moved: list[int] = []  # for each character of the text as it was
    names: list[str] = []
    at = 0
    for line in lines:
        cells = line.split(CELL)
        if len(cells) < 2 or is_row(line):
            names, row = [], [("", line)]
        elif len(names) != len(cells):
            names, row = cells, [("", line)]
        else:
            row = [(f"{name}: ", cell) for name, cell in zip(names, cells, strict=True)]
        written = ""
        for number, (name, cell) in enumerate(row):
            written += (CELL if number else "") + name
            moved += [at + len(written) + n for n in range(len(cell))]
            written += cell
            if number < len(row) - 1:
                moved += [at + len(written) + min(n, len(CELL) - 1) for n in range(len(CELL))]
        made.append(written)
        moved.append(at + len(written))
        at += len(written) + 1
    return "\n".join(made), moved.__getitem__
