"""What was measured once, on another expert, and is taken where this one is too small to show how it grows.

By `benchmarks/capacity.py` on two cores (AMD EPYC) that others used, too, with LanceDB 0.40 and vectors of 384 numbers:
docs/benchmarks.md has the table.
"""

QUERY_SECONDS = 0.012  # that LanceDB takes for a query to a store of next to nothing
EXACT_SECONDS = 0.95  # of the processor, more for each million of vectors of 384 numbers that are all compared
EXACT_CLOCK = 0.6  # the same by the clock, on two cores
INDEXED_SECONDS = 0.02  # of a query by the index, at a hundred thousand; it grows with the logarithm
INDEXED_AT = 100_000
LEXICAL_SECONDS = 0.04  # more for each million of passages that are searched for a question's words
DIMENSION = 384
INDEX_BYTES = 180  # of a passage in the index, beside a byte for each number of its vector
BUFFERS = 2  # times what is searched is what a process holds of it in the end
STORED_BYTES = 3_700  # of a passage's text, words and place, beside its vector
TELLS = 20_000  # passages from which on an expert's own figures say how they grow
