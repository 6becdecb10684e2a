"""An answer as the page shows it: its sentences with what carries them, and the passages that a person may correct."""

from __future__ import annotations

from dataclasses import dataclass

from metier.answering.answerer import Answer
from metier.answering.citations import Citation
from metier.documents import Passage
from metier.serving.written import place

_NEAREST = 3  # passages named beside a refusal


@dataclass(frozen=True, slots=True)
class Source:
    """`number`: of its mark in the answer, from 1. `url`: where it is opened, as a path of this server."""

    number: int
    citation: Citation
    url: str


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of the answer's text: a sentence with its sources, one that stands nowhere, or what is between them."""

    text: str
    sources: tuple[Source, ...] = ()
    unsupported: bool = False


@dataclass(frozen=True, slots=True)
class Near:
    """A passage that was found, and where it is opened."""

    passage: Passage
    url: str


@dataclass(frozen=True, slots=True)
class ShownAnswer:
    """`cited`: ids of passages, each once. `nearest`: what was found, though it does not answer, of a refusal.
    `passages`: that a correction may be about."""

    answer: Answer
    parts: tuple[Part, ...]
    sources: tuple[Source, ...]
    cited: tuple[str, ...]
    nearest: tuple[Near, ...]
    passages: tuple[Passage, ...]

    @classmethod
    def of(cls, answer: Answer) -> ShownAnswer:
        sources = tuple(
            Source(number, each, place(each.document_id, each.start, each.end))
            for number, each in enumerate(answer.citations, start=1)
        )
        found = {hit.passage.id: hit.passage for hit in answer.hits}
        cited = dict.fromkeys(each.passage_id for each in answer.citations)
        nearest = [hit.passage for hit in answer.hits[:_NEAREST]] if answer.abstained else []
        return cls(
            answer,
            _parts(answer, sources),
            sources,
            tuple(cited),
            tuple(Near(passage, place(passage.document_id, passage.start, passage.end)) for passage in nearest),
            tuple(found[name] for name in cited if name in found) or tuple(nearest),
        )


def _parts(answer: Answer, sources: tuple[Source, ...]) -> tuple[Part, ...]:
    """All of the text, in order."""
    carried: dict[tuple[int, int], list[Source]] = {span: [] for span in answer.unsupported}
    for source in sources:
        carried.setdefault(source.citation.sentence, []).append(source)
    parts, at = [], 0
    for (start, end), those in sorted(carried.items()):
        parts.append(Part(answer.text[at:start]))
        parts.append(Part(answer.text[max(at, start) : end], tuple(those), unsupported=not those))
        at = max(at, end)
    parts.append(Part(answer.text[at:]))
    return tuple(part for part in parts if part.text)
