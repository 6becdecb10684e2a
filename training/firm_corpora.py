"""The written firms (`pages.py`) as document collections, of those that are held out from the reader's training."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import regex
from pages import HELD_OUT, Page, firms, group_of

from examples import held_out
from metier.text.detection import detect


@dataclass(frozen=True, slots=True)
class Firm:
    """`documents`: file name to Markdown. `answered`: questions that one of them answers; `open_ones`: those
    that none does."""

    name: str
    language: str
    documents: dict[str, str]
    answered: tuple[str, ...]
    open_ones: tuple[str, ...]


def held_out_firms() -> Iterator[Firm]:
    for name, own in firms(languages=True):
        if held_out(group_of(name), HELD_OUT):
            yield _firm(name, own)


def _firm(name: str, own: Sequence[Page]) -> Firm:
    of_title: dict[str, list[Page]] = defaultdict(list)
    for page in own:
        of_title[page.headings[0]].append(page)
    documents = {}
    for title, parts in of_title.items():
        file = regex.sub(r"[^\p{L}\p{M}\p{N}.]+", "-", title).strip("-") + ".md"
        documents[file] = "\n\n".join([f"# {title}", *(_section(page) for page in parts)]) + "\n"
    text = " ".join(page.text for page in own)
    answered = tuple(question for page in own for question, _ in page.answered)
    return Firm(name, detect(text), documents, answered, tuple(q for page in own for q in page.open_ones))


def _section(page: Page) -> str:
    heads = [f"{'#' * (level + 2)} {heading}" for level, heading in enumerate(page.headings[1:])]
    return "\n\n".join([*heads, *page.text.split("\n")])
