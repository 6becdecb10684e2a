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
        seconds = index_of(found.backend).seconds * width * _log_ratio(passages, published.INDEXED_AT)
        return PartTimes(seconds, seconds)
    slope = PartTimes(published.EXACT_CLOCK * width, published.EXACT_SECONDS * width)
    return _grown(found, times, passages, slope, may_tell=not found.indexed)


def lexical_at(found: MeasuredExpert, passages: float) -> PartTimes:
    """Of one search for the words of a question, in so many passages."""
    slope = PartTimes(published.LEXICAL_SECONDS, published.LEXICAL_SECONDS)
    return _grown(found, found.search.lexical, passages, slope)


def tells(found: MeasuredExpert, times: PartTimes) -> bool:
    """Whether how `times` grow is seen in them: most of them is more than a query takes in an empty store."""
    return found.passages >= published.TELLS and times.seconds > 2 * published.QUERY_SECONDS


def index_of(backend: str) -> published.VectorIndex:
    return published.PGVECTOR if backend == "postgres" else published.LANCEDB


def index_bytes(backend: str, passages: float, dimension: int) -> float:
    """Of the approximate index over the vectors."""
    index = index_of(backend)
    return passages * (dimension * index.bytes_a_number + index.bytes_beside)


def _grown(
    found: MeasuredExpert, times: PartTimes, passages: float, slope: PartTimes, *, may_tell: bool = True
) -> PartTimes:
    """A line through what was measured. Its slope is what that shows, where it does, else `slope`, seconds a million
    passages."""
    known, own = found.passages, may_tell and tells(found, times)

    def at(measured: float, published_slope: float) -> float:
        a_million = max(0.0, measured - published.QUERY_SECONDS) / known * 1e6 if own else published_slope
        return max(min(measured, published.QUERY_SECONDS), measured + a_million * (passages - known) / 1e6)

    return PartTimes(at(times.seconds, slope.seconds), at(times.cpu_seconds, slope.cpu_seconds))


def _log_ratio(passages: float, known: float) -> float:
    return max(1.0, math.log2(max(2.0, passages))) / max(1.0, math.log2(max(2.0, known)))
