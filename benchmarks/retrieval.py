"""How well the right document is found: lexical, dense, fused.

    python benchmarks/retrieval.py                                     # all sets
    python benchmarks/retrieval.py cranfield tydi-bn+title my/beir/folder my/squad.json

Every document goes through the real rooms (passages of 200 tokens, packaged embedder, LanceDB, our analyser); a
document's rank is that of its best passage. `fused` uses the weight that ships, `learned` the weight that
`metier calibrate` would learn: each half of the questions is ranked with the weight learned on the other half.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from sets import NAMES, RetrievalSet, load, metrics

from metier import embedding
from metier.documents import Document, TextBuilder, document_id
from metier.evaluation.calibration import WEIGHTS, choose_weight
from metier.passages import cut
from metier.retrieval.analysis import Analyser
from metier.retrieval.fusion import DEFAULT_WEIGHT, Fusion
from metier.retrieval.retriever import Candidates, Retriever
from metier.settings import EmbeddingSettings, PassageSettings, RetrievalSettings, StoreSettings
from metier.store import Entry, Identity, open_store

RESULTS = Path(__file__).parent / "results"
CANDIDATES = 300  # passages from each side, so that 100 documents are among them
# nDCG@10 of plain BM25 as published with each set (SOURCE.txt); titles are not in those.
PUBLISHED_BM25 = {"cranfield": 0.509, "tydi-bn": 0.813, "tydi-en": 0.893, "tydi-id": 0.878, "tydi-sw": 0.760}
DEFAULT_SETS = (*NAMES, *(f"{name}+title" for name in NAMES if name.startswith("tydi-")))


def language_of(name: str) -> str:
    return name[5:7] if name.startswith("tydi-") else "en"


def as_document(name: str, title: str, text: str, language: str) -> Document:
    builder = TextBuilder()
    for paragraph in text.split("\n"):
        builder.add("paragraph", paragraph)
    return Document(
        id=document_id(name), uri=name, title=title, text=builder.text, blocks=tuple(builder.blocks),
        media_type="text/plain", language=language,
    )  # fmt: skip


def build(chosen: RetrievalSet, folder: Path, model: str, passages: PassageSettings) -> Retriever:
    """An index over the set, made by the same rooms as `metier sync`."""
    language = language_of(chosen.name)
    embedder = embedding.create(EmbeddingSettings(model=model))
    analyser = Analyser(language)
    identity = Identity(embedder.name, embedder.fingerprint, embedder.dimension, analyser.version)
    store = open_store(folder, StoreSettings(), identity)
    documents = [as_document(name, *content, language) for name, content in chosen.documents.items()]
    cuts = [cut(document, embedder.count_tokens, passages) for document in documents]
    vectors = embedder.embed_passages([p.indexed_text for ps in cuts for p in ps])
    at, entries = 0, []
    for document, pieces in zip(documents, cuts, strict=True):
        tokens = [analyser.tokens(p.indexed_text) for p in pieces]
        entries.append(Entry(document, pieces, vectors[at : at + len(pieces)], tokens))
        at += len(pieces)
    store.replace(entries)
    store.optimize()
    return Retriever(store, embedder, analyser, RetrievalSettings(candidates=CANDIDATES), Fusion())


def ranking(candidates: Candidates, weight: float) -> list[str]:
    return list(dict.fromkeys(hit.passage.uri for hit in candidates.ranked(weight)))


def learned(
    chosen: RetrievalSet, rankings: dict[float, dict[str, list[str]]]
) -> tuple[dict[str, list[str]], list[float]]:
    """Two-fold: the weight learned on one half of the questions orders the other half."""
    names = np.array(list(chosen.relevant))
    halves = np.random.default_rng(0).permutation(len(names)) % 2
    ranked: dict[str, list[str]] = {}
    weights = []
    for half in (0, 1):
        practice = names[halves != half]
        gains = np.array(
            [[metrics({q: rankings[w][q]}, {q: chosen.relevant[q]})["ndcg@10"] for w in WEIGHTS] for q in practice]
        )
        weight = choose_weight(gains)
        weights.append(weight)
        ranked |= {name: rankings[weight][name] for name in names[halves == half]}
    return ranked, weights


def measure(name: str, model: str | None, passages: PassageSettings) -> dict:
    chosen = load(name)
    model = model or ("all-minilm-l6-v2" if language_of(name) == "en" else "multilingual-e5-small")
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        retriever = build(chosen, Path(folder), model, passages)
        built = time.perf_counter() - began
        found = {q: retriever.candidates(chosen.questions[q]) for q in chosen.relevant}
    rankings = {weight: {q: ranking(c, weight) for q, c in found.items()} for weight in (*WEIGHTS, DEFAULT_WEIGHT)}
    ranked, weights = learned(chosen, rankings)
    sides = {"lexical": rankings[0.0], "dense": rankings[1.0], "fused": rankings[DEFAULT_WEIGHT], "learned": ranked}
    return {
        "set": name, "documents": len(chosen.documents), "questions": len(chosen.relevant), "model": model,
        "build_seconds": built, "published_bm25": PUBLISHED_BM25.get(name), "learned_weights": weights,
        "by_weight": {w: metrics(rankings[w], chosen.relevant)["ndcg@10"] for w in WEIGHTS},
        **{side: metrics(order, chosen.relevant) for side, order in sides.items()},
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", default=DEFAULT_SETS, help="names, BEIR folders or SQuAD files")
    parser.add_argument("--model", help="embedder for every set; default: the one `metier init` picks for the language")
    parser.add_argument("--tokens", type=int, default=PassageSettings().tokens, help="length of a passage")
    options = parser.parse_args()
    sides = ("lexical", "dense", "fused", "learned")
    print(f"{'set':16} {'':9}" + "".join(f"{side:>9}" for side in sides) + "   BM25 published · learned weights")
    rows = []
    for name in options.sets:
        try:
            row = measure(name, options.model, PassageSettings(tokens=options.tokens))
        except FileNotFoundError as error:
            sys.exit(f"{error}: set METIER_DATA to the folder of the data sets")
        rows.append(row)
        for metric in ("ndcg@10", "recall@100", "mrr"):
            end = f"   {row['published_bm25'] or '-'} · {row['learned_weights']}" if metric == "ndcg@10" else ""
            head = name if metric == "ndcg@10" else ""
            print(f"{head:16} {metric:9}" + "".join(f"{row[side][metric]:9.4f}" for side in sides) + end, flush=True)
    RESULTS.mkdir(exist_ok=True)
    report = {"command": " ".join(sys.argv), "machine": platform.processor() or platform.machine(), "sets": rows}
    (RESULTS / "retrieval.json").write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
