"""How a search grows with the passages: by an expert's own figures where it is large enough to tell, else by published
ones. Comparing all vectors and looking for words grow with their number, an index with its logarithm."""

from __future__ import annotations

import math

from metier.services.capacity import published
from metier.services.capacity.measuring import MeasuredExpert, PartTimes


def dense_at(found: MeasuredExpert, passages: float, indexed: bool) -> PartTimes:
    """Of one search in the vectors of so many passages."""
    width = found.dimension / published.DIMENSION
    times = found.search.dense
    if indexed:
        if found.indexed:
            ratio = _log_ratio(passages, found.passages)
            return PartTimes(times.seconds * ratio, times.cpu_seconds * ratio)
        seconds = published.INDEXED_SECONDS * width * _log_ratio(passages, published.INDEXED_AT)
        return PartTimes(seconds, seconds)
    own = found.passages >= published.TELLS and not found.indexed
    slope = PartTimes(published.EXACT_CLOCK * width, published.EXACT_SECONDS * width)
    return _grown(times, found.passages, passages, own, slope)


def lexical_at(found: MeasuredExpert, passages: float) -> PartTimes:
    """Of one search for the words of a question, in so many passages."""
    slope = PartTimes(published.LEXICAL_SECONDS, published.LEXICAL_SECONDS)
    return _grown(found.search.lexical, found.passages, passages, found.passages >= published.TELLS, slope)


def _grown(times: PartTimes, known: int, passages: float, own: bool, slope: PartTimes) -> PartTimes:
    """A line through what was measured. `own`: its slope is what that shows, less what a query takes in an empty store;
    else it is `slope`, seconds a million passages."""

    def at(measured: float, published_slope: float) -> float:
        a_million = max(0.0, measured - published.QUERY_SECONDS) / known * 1e6 if own else published_slope
        return max(min(measured, published.QUERY_SECONDS), measured + a_million * (passages - known) / 1e6)

    return PartTimes(at(times.seconds, slope.seconds), at(times.cpu_seconds, slope.cpu_seconds))


def index_bytes(passages: float, dimension: int) -> float:
    """Of the approximate index over the vectors."""
    return passages * (dimension + published.INDEX_BYTES)


def _log_ratio(passages: float, known: float) -> float:
    return max(1.0, math.log2(max(2.0, passages))) / max(1.0, math.log2(max(2.0, known)))
