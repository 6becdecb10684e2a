"""How an expert answers: with the model's own text, or with the best sentence of a source.

    written    a model of a billion parameters or more, any endpoint: its text is the answer, whole and in its own form
    quoted     a smaller model (the packaged one has 135 million parameters): the best sentence or row of a source is

What else depends on it (length of an answer, what the model reads) is derived here, so that a changed model changes
all of it.
"""

from __future__ import annotations

from dataclasses import dataclass

from metier.answering.answer import Style
from metier.core.settings import Settings
from metier.generation.base import Generator

CAPABLE_PARAMETERS = 1_000_000_000
_LONGEST = 1024  # tokens of a written answer
_SHORTEST = 128
_QUOTED_TOKENS = 80  # a small model rambles
_SOURCES = 6_000  # tokens; more dilutes what matters and takes a model in this process minutes to read
_OVERHEAD = 160  # tokens of instruction, question and template that the estimate leaves room for


def choose(settings: Settings, parameters: int | None) -> Style:
    """`parameters` of the model that answers, None where it cannot be known, as behind an endpoint."""
    if settings.answering.style != "auto":
        return Style(settings.answering.style)
    return Style.WRITTEN if parameters is None or parameters >= CAPABLE_PARAMETERS else Style.QUOTED


@dataclass(frozen=True, slots=True)
class TokenLimits:
    """`answer`: most tokens of an answer; `sources`: tokens of sources put into the prompt; `reads_sentences`: whether
    the model is shown single sentences rather than passages."""

    answer: int
    sources: int
    reads_sentences: bool


def limits(settings: Settings, generator: Generator, style: Style) -> TokenLimits:
    window = generator.context_tokens
    quoted = style is Style.QUOTED
    usual = _QUOTED_TOKENS if quoted else min(_LONGEST, max(_SHORTEST, window // 5))
    answer = settings.generation.max_tokens or usual
    sources = settings.answering.source_tokens or _SOURCES
    reads = settings.answering.context
    return TokenLimits(
        answer=answer,
        sources=max(0, min(sources, window - answer - _OVERHEAD)),
        reads_sentences=quoted if reads == "auto" else quoted and reads == "sentences",
    )
