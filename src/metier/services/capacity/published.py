"""What was measured once, on another expert, and is taken where this one is too small to show how it grows.

By `benchmarks/capacity.py` with 10,000, 100,000 and 1,000,000 passages on two quiet cores (AMD EPYC), LanceDB 0.40 and
vectors of 384 numbers: docs/benchmarks.md has the table. What is of pgvector, by `benchmarks/scale.py`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class VectorIndex:
    """An approximate index. `seconds`: of a query for a hundred passages, at `INDEXED_AT`; it grows with the logarithm.
    `bytes_a_number`: of each number of a vector; `bytes_beside`: these, of each passage."""

    seconds: float
    bytes_a_number: int
    bytes_beside: int


LANCEDB = VectorIndex(0.014, 1, 180)
PGVECTOR = VectorIndex(0.005, 2, 400)
INDEXED_AT = 100_000
QUERY_SECONDS = 0.008  # that a query to a store of next to nothing takes
EXACT_SECONDS = 0.85  # of the processor, more for each million of vectors of 384 numbers that are all compared
EXACT_CLOCK = 0.7  # the same by the clock, on two cores
LEXICAL_SECONDS = 0.012  # more for each million of passages that are searched for a question's words
DIMENSION = 384
BUFFERS = 2  # times what is searched is what a process holds of it in the end
STORED_BYTES = 3_900  # of a passage's text, words and place, beside its vector
TELLS = 20_000  # passages from which on an expert's own figures say how they grow
