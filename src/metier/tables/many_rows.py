"""Questions that one row of a table cannot answer: an average, a sum, a change, the most, how many."""

from __future__ import annotations

from metier.tables.question_reading import read
from metier.tables.vocabulary import alike, said_words
from metier.text.language import Language
from metier.text.phrases import compose, searchable

_COMPUTED = ("average", "percentage", "change", "together")


def computed(text: str, language: str) -> str:
    """What has to be computed from several values: a field of `[query]`, "" where nothing is asked of the kind."""
    known, said = Language.of(language), searchable(compose(text))
    return next((kind for kind in _COMPUTED if known.expression("query", kind).search(said)), "")


def tells(text: str, kind: str, language: str) -> bool:
    """Whether a text speaks of such a value itself: of an average, of a change."""
    known = Language.of(language)
    if kind == "percentage" and "%" in text:
        return True
    moving = ("movement",) if kind in ("percentage", "change") else ()
    return known.finds(text, "query", kind, "total", "takings", *moving)


def is_of_many(text: str, row: str, language: str) -> bool:
    """Whether a question is of many rows, so that `row` alone cannot answer it: it asks for an average, a sum, a change
    or the most, of which the row does not speak, or how many there are of what the row does not name."""
    if kind := computed(text, language):
        return not tells(row, kind, language)
    question = read(text, language)
    known = question.language
    if any(extreme.measure != "time" for extreme in question.extremes):
        return not known.finds(row, "query", "most", "least", "superlative")
    counts = [operation.span[1] for operation in question.operations if operation.kind == "count"]
    if not counts:
        return False
    often = any(operation.of_times for operation in question.operations)
    if often and known.finds(row, "query", "each", "year", "month"):
        return False  # it says how often: "every 40 hours", "12 months"
    if any(bound.operator in (">", ">=", "<", "<=") for bound in question.bounds):
        return True
    behind = next((token.said for token in question.tokens[counts[0] :] if not token.function), "")
    return bool(behind) and known.spaced and not any(alike(behind, word, language) for word in said_words(row))
