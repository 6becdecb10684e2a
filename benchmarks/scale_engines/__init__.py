"""The engines that `scale.py` measures, one file each, every one in a process of its own (`child.py`).

An engine's module imports its library at the top and holds

    PACKAGES: tuple[str, ...]       distributions whose versions are reported
    EFFORTS: tuple[int, ...]        tried until the recall wanted is reached, least first; () = it decides
    FILTERS: bool                   whether a search can be narrowed
    class Index:
        Index(corpus, folder)       builds it in an empty folder, all of it searchable at its end; timed
        search(vector, k, share)    numbers of passages, best first; `share`: "all", or a key of `corpus.SHARES`
        try_harder(effort)          for the searches that follow
        resident_bytes()            of processes other than this one
        close()

and uses its library as its manual says to, with the same graph: M = 16 neighbours a node (32 at the bottom), 100
candidates at building.
"""

NAMES = (
    "metier_lance",
    "lancedb_raw",
    "metier_postgres",
    "pgvector_raw",
    "usearch_hnsw",
    "hnswlib_hnsw",
    "qdrant_edge_shard",
)
M, EF_CONSTRUCTION = 16, 100
