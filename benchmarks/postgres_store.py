"""What the store in PostgreSQL was decided by (docs/decisions/0023-postgres.md): how words are looked up, and in which
precision an HNSW index holds vectors.

    python benchmarks/postgres_store.py [--passages 50000] [--questions 100] [--work FOLDER]

Passages are drawn around real ones (scale_engines/corpus.py), questions are real. A PostgreSQL with the settings of
benchmarks/scale.py is started for it. Writes benchmarks/results/postgres_store.json.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
from ingest import circumstances
from scale import SETS, made_real
from scale_engines.corpus import TOP, Corpus
from scale_engines.postgres_server import Server
from sets import load

from metier.core.documents import Document, Passage
from metier.core.settings import StoreSettings
from metier.store.base import Entry, Identity
from metier.store.bm25 import K1, B, inverse_frequency
from metier.store.postgres.copying import as_text
from metier.store.postgres.store import PostgresStore
from metier.text.analyzer import Analyser

HERE = Path(__file__).resolve().parent
LIMIT, FEW = 100, 10_000  # passages of a search; passages whose rare words are looked at
ACCOUNT = "plain_account"


def main() -> None:
    options = parse()
    with tempfile.TemporaryDirectory(prefix="metier-pg-") as made:
        work = Path(options.work or made)
        made_real(work, 500)
        corpus = Corpus.made(work, options.passages)
        server = Server(Path(made), corpus)
        try:
            report = circumstances("postgres_store.py") | measured(
                corpus, server.url.replace(":@", "@"), options.questions, Path(made)
            )
        finally:
            server.close()
    target = HERE / "results" / "postgres_store.json"
    target.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(report, indent=1))


def measured(corpus: Corpus, url: str, questions: int, folder: Path) -> dict[str, Any]:
    dimension = corpus.vectors.shape[1]
    settings = StoreSettings(backend="postgres", url=url, namespace="measured", exact_until=10**9)
    store = PostgresStore(folder, settings, Identity("minilm", "1", dimension, "en"))
    began, waiting = time.perf_counter(), list[Entry]()
    for entry in entries(corpus):
        waiting.append(entry)
        if len(waiting) == 10:
            store.replace(waiting)
            waiting = []
    store.replace(waiting)
    written = time.perf_counter() - began
    print(f"written in {written:.0f} s", file=sys.stderr, flush=True)
    store.optimize()
    analyser = Analyser("en")
    asked = [analyser.tokens(text) for name in SETS for text in list(load(name).questions.values())[:questions]]
    asked = [asked[at] for at in np.random.default_rng(0).permutation(len(asked))[:questions]]
    with psycopg.connect(url, autocommit=True, prepare_threshold=None) as connection:
        connection.execute("SET search_path = measured, public; SET jit = off")
        report = {"passages": len(corpus), "passages_per_second": round(len(corpus) / written)}
        return report | {"words": words(store, connection, asked, url), "vectors": vectors(store, connection, corpus)}


def entries(corpus: Corpus) -> Iterator[Entry]:
    for number, span in corpus.documents():
        name, start, passages, tokens = f"{number}.md", 0, [], []
        for at in range(span.start, span.stop):
            text, words = corpus.text(at)
            passages.append(Passage(f"p{at}", name, text, start, start + len(text), uri=name, title=name))
            tokens.append(words)
            start += len(text) + 1
        whole = "\n".join(passage.text for passage in passages)
        document = Document(name, name, name, whole, (), "text/plain", "1", "en")
        yield Entry(document, passages, np.asarray(corpus.vectors[span]), tokens)


# --- words ------------------------------------------------------------------------------------------------------


def words(store: PostgresStore, connection: Any, asked: list[list[str]], url: str) -> dict[str, Any]:
    g = store._generation
    connection.execute(f"CREATE TABLE words AS SELECT number, string_to_array(tokens, ' ') AS tokens FROM passages_{g}")
    began = time.perf_counter()
    connection.execute("CREATE INDEX words_gin ON words USING gin (tokens)")
    built = time.perf_counter() - began
    connection.execute("ANALYZE words; ALTER TABLE words ENABLE ROW LEVEL SECURITY")
    connection.execute("CREATE POLICY everything ON words USING (current_setting('metier.everything', true) = 'yes')")
    connection.execute(f"DROP ROLE IF EXISTS {ACCOUNT}; CREATE ROLE {ACCOUNT} LOGIN")
    connection.execute(f"GRANT USAGE ON SCHEMA measured TO {ACCOUNT}; GRANT SELECT ON words TO {ACCOUNT}")
    totals = store._connections.owned(lambda c: store._postings.totals(c, None))
    mean = totals.tokens / totals.passages

    def by_array(held: Any, tokens: list[str]) -> list[tuple[int, float]]:
        known = list(dict.fromkeys(tokens))
        counts = store.frequencies(known)
        weights = dict(zip(known, inverse_frequency(counts, totals.passages).tolist(), strict=True))
        rare = [known[at] for at in np.argsort(counts) if counts[at]]
        few = rare[: max(1, int(np.searchsorted(np.cumsum(np.sort(counts[counts > 0])), FEW, "right")))]
        rows = held.execute("SELECT number, tokens FROM words WHERE tokens && %s::text[]", [few]).fetchall()
        return sorted(((number, score(weights, tokens, row, mean)) for number, row in rows), key=lambda p: -p[1])[
            :LIMIT
        ]

    with psycopg.connect(url, user=ACCOUNT, autocommit=True) as plain:
        plain.execute("SET search_path = measured, public; SET jit = off; SET metier.everything = 'yes'")
        ways: dict[str, Callable[[list[str]], Any]] = {
            "postings": lambda tokens: store.lexical(tokens, LIMIT),
            "array": lambda tokens: by_array(connection, tokens),
            "array_under_policies": lambda tokens: by_array(plain, tokens),
        }
        times = rounds(ways, asked)
        right = [{round(hit.score, 6) for hit in store.lexical(tokens, 10)} for tokens in asked]
        found = [{round(score, 6) for _, score in by_array(connection, tokens)[:10]} for tokens in asked]
    shares = [len(one & other) / max(1, len(one)) for one, other in zip(right, found, strict=True)]
    sizes = connection.execute(
        "SELECT pg_total_relation_size(%s::regclass), pg_relation_size('words_gin'), pg_total_relation_size('words')",
        [f"postings_{g}"],
    ).fetchone()
    return {
        "milliseconds": times, "array_recall_at_10": round(float(np.mean(shares)), 3),
        "postings_mib": mib(sizes[0]), "gin_mib": mib(sizes[1]), "words_mib": mib(sizes[2]),
        "gin_seconds": round(built, 1),
    }  # fmt: skip


def score(weights: dict[str, float], asked: list[str], tokens: list[str], mean: float) -> float:
    times = Counter(tokens)
    norm = K1 * (1 - B + B * len(tokens) / mean)
    return sum(weights[word] * times[word] * (K1 + 1) / (times[word] + norm) for word in asked if times[word])


# --- vectors ----------------------------------------------------------------------------------------------------


def vectors(store: PostgresStore, connection: Any, corpus: Corpus) -> dict[str, Any]:
    g, dimension, report = store._generation, corpus.vectors.shape[1], dict[str, Any]()
    truth = [{f"p{number}" for number in row} for row in corpus.truth("all")[:200]]
    queries = [as_text(query) for query in corpus.queries[:200]]

    def ask(vector: str, kind: str, refined: int) -> set[str]:
        column = f"embedding::{kind}({dimension})" if kind else "embedding"
        rows = connection.execute(
            f"WITH near AS MATERIALIZED (SELECT number AS at FROM passages_{g} ORDER BY {column} <#> "
            f"%s::{kind or 'vector'}({dimension}) LIMIT %s) SELECT id FROM near JOIN passages_{g} ON number = at "
            "ORDER BY embedding <#> %s::vector LIMIT %s",
            [vector, refined * TOP, vector, TOP],
        )
        return {row[0] for row in rows.fetchall()}

    began = time.perf_counter()
    for query in queries[:20]:
        connection.execute(
            f"SELECT id FROM passages_{g} ORDER BY embedding <#> %s::vector LIMIT 10", [query]
        ).fetchall()
    report["exact_milliseconds"] = round((time.perf_counter() - began) / 20 * 1000, 1)
    connection.execute("SET maintenance_work_mem = '1GB'; SET max_parallel_maintenance_workers = 0")
    for name, kind, refined in (("vector", "", 1), ("halfvec", "halfvec", 2)):
        began = time.perf_counter()
        column = f"(embedding::halfvec({dimension}))" if kind else "embedding"
        connection.execute(f"CREATE INDEX tried ON passages_{g} USING hnsw ({column} {kind or 'vector'}_ip_ops)")
        made: dict[str, Any] = {"seconds": round(time.perf_counter() - began, 1)}
        size = connection.execute("SELECT pg_relation_size('tried')").fetchone()
        made["mib"] = mib(size[0])
        for width in (40, 80, 160):
            connection.execute(f"SET hnsw.ef_search = {width}")
            began = time.perf_counter()
            found = [ask(query, kind, refined) for query in queries]
            took = (time.perf_counter() - began) / len(queries) * 1000
            recall = np.mean([len(one & other) / TOP for one, other in zip(found, truth, strict=True)])
            made[f"ef_{width}"] = {"recall_at_10": round(float(recall), 3), "milliseconds": round(took, 2)}
        connection.execute("DROP INDEX tried")
        report[name] = made
        print(name, made, file=sys.stderr, flush=True)
    return report


# --- what both use ----------------------------------------------------------------------------------------------


def rounds(ways: dict[str, Callable[[list[str]], Any]], asked: list[list[str]]) -> dict[str, dict[str, float]]:
    """Milliseconds of each way, asked in turn."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for tokens in [*asked[:5], *asked]:
        for name, way in ways.items():
            began = time.perf_counter()
            way(tokens)
            times[name].append((time.perf_counter() - began) * 1000)
    return {name: {f"p{p}": round(float(np.percentile(t[5:], p)), 1) for p in (50, 95)} for name, t in times.items()}


def mib(size: int) -> float:
    return round(size / 2**20, 1)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--passages", type=int, default=50_000)
    parser.add_argument("--questions", type=int, default=100)
    parser.add_argument("--work", help="where vectors are kept for the next time, as for benchmarks/scale.py")
    return parser.parse_args()


if __name__ == "__main__":
    main()
