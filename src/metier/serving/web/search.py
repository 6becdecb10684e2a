"""Search: passages that may answer, the question's words marked, with what surrounds them one click away."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Annotated

import regex
from fastapi import APIRouter, Depends, Request
from markupsafe import Markup, escape
from starlette.responses import Response

from metier.answering.term_weights import Sought, WordWeights
from metier.core.documents import Passage
from metier.serving.auth.access import Caller
from metier.serving.dependencies import caller_for, service_of
from metier.serving.responses import document_url
from metier.serving.service import ExpertService, while_wanted
from metier.serving.web.rendering import page
from metier.text.analyzer import Analyser
from metier.text.phrases import UNSPACED

router = APIRouter(include_in_schema=False)
_SHOWN = 20
_TELLING = 0.3  # of the rarity of the question's rarest word: what is commoner ("the", "how") is not marked
_WORD = regex.compile(
    rf"(?P<run>[{UNSPACED}][{UNSPACED}\p{{M}}]*)"
    r"|[\p{L}\p{M}\p{N}\u200c\u200d]+(?:(?:[-./]|(?<=\p{N}),(?=\p{N}))[\p{L}\p{M}\p{N}]+)*"
)
_CHARACTER = regex.compile(r"\P{M}\p{M}*")


@dataclass(frozen=True, slots=True)
class FoundPassage:
    """`text`: HTML, in which the words of the question are marked. `url`: where it is opened, as a path of this
    server. `pinned`: somebody said that it answers."""

    passage: Passage
    text: Markup
    url: str
    pinned: bool


@router.get("/search")
async def search(
    request: Request,
    service: Annotated[ExpertService, Depends(service_of)],
    caller: Annotated[Caller, Depends(caller_for("ask"))],
    q: str = "",
) -> Response:
    found = []
    if q.strip():
        service.sizes.check_text("question", q)
        searching = service.work.run(lambda stop: _found(service, caller, q), share=caller.share)
        found = await while_wanted(request, searching)
    return await asyncio.to_thread(page, request, "search.html", "search", caller, question=q.strip(), found=found)


def _found(service: ExpertService, caller: Caller, question: str) -> list[FoundPassage]:
    hits, words = service.reading.search(caller, question, _SHOWN), telling_words(service, question)
    return [
        FoundPassage(
            hit.passage,
            marked(hit.passage.text, words, service.expert.runtime.analyser),
            document_url(hit.passage.document_id, hit.passage.start, hit.passage.end),
            hit.pinned,
        )
        for hit in hits
    ]


def telling_words(service: ExpertService, question: str) -> frozenset[str]:
    """The tokens of a question that say what it is about, by how rare they are in the documents."""
    sought = Sought.of(question, service.expert.runtime.analyser, WordWeights(service.expert.runtime.store))
    least = _TELLING * max(sought.weights, default=0.0)
    return frozenset(token for token, weight in zip(sought.tokens, sought.weights, strict=True) if weight >= least)


def marked(text: str, words: frozenset[str], analyser: Analyser) -> Markup:
    """`text` as HTML, with `mark` around what gives one of these tokens."""
    spans: list[tuple[int, int]] = []
    for start, end in _spans(text, words, analyser):
        touches = bool(spans) and start <= spans[-1][1]
        spans.append((spans.pop()[0] if touches else start, end))
    html, at = Markup(), 0
    for start, end in spans:
        html += escape(text[at:start]) + Markup("<mark>{}</mark>").format(text[start:end])
        at = end
    return html + text[at:]


def _spans(text: str, words: frozenset[str], analyser: Analyser) -> Iterator[tuple[int, int]]:
    """(start, end) of each such word, in order; in a script without spaces of each such pair of characters, which may
    overlap by one."""
    for match in _WORD.finditer(text):
        spans = [match.span()]
        if match["run"]:
            characters = [each.span() for each in _CHARACTER.finditer(text, *match.span())]
            spans = [(first[0], second[1]) for first, second in pairwise(characters)] or spans
        for start, end in spans:
            if not words.isdisjoint(analyser.tokens(text[start:end])):
                yield start, end
