"""How well the right document is found: lexical, dense, fused.

    python benchmarks/retrieval.py                                     # all sets
    python benchmarks/retrieval.py cranfield tydi-bn+title my/beir/folder my/squad.json
    python benchmarks/retrieval.py tydi-bn:all-minilm-l6-v2            # with another embedder than the language's own
    python benchmarks/retrieval.py xquad-de-en                         # German paragraphs, English questions
    python benchmarks/retrieval.py --pairs                             # every pair that decision 5 tells of

Every document goes through the real modules (passages of 200 tokens, packaged embedder, LanceDB, our analyser); a
document's rank is that of its best passage. `fused` uses the weight that `metier sync` learns from the documents
alone; `best` is the best of all fixed weights, chosen with the answers in hand; `learned` the weight that
`metier calibrate` would learn: each half of the questions is ranked with the weight learned on the other half.
"""

from __future__ import annotations

import argparse
import json
import pickle
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
from sets import NAMES, RetrievalSet, load, metrics

from metier import embedding
from metier.core.documents import Document, TextBuilder, document_id
from metier.core.settings import EmbeddingSettings, PassageSettings, RetrievalSettings, StoreSettings
from metier.embedding.base import Embedder
from metier.evaluation.calibration import WEIGHTS, choose_weight
from metier.ingestion.chunking import cut
from metier.retrieval import corpus_weight
from metier.retrieval.fusion import Fusion
from metier.retrieval.retriever import Candidates, Retriever
from metier.store import Entry, Identity, open_store
from metier.text.analyzer import Analyser

RESULTS = Path(__file__).parent / "results"
CANDIDATES = 300  # passages from each side, so that 100 documents are among them
# nDCG@10 of plain BM25 as published with each set (SOURCE.txt); titles are not in those.
PUBLISHED_BM25 = {"cranfield": 0.509, "tydi-bn": 0.813, "tydi-en": 0.893, "tydi-id": 0.878, "tydi-sw": 0.760}
DEFAULT_SETS = (*NAMES, *(f"{name}+title" for name in NAMES if name.startswith("tydi-")))
MINILM, E5 = "all-minilm-l6-v2", "multilingual-e5-small"
# Every set with the embedder made for its language, and with one that was not.
PAIRS = (
    *NAMES, *(f"tydi-{code}:{MINILM}" for code in ("bn", "id", "sw")), f"tydi-en:{E5}",
    f"xquad-en-en:{MINILM}", *(f"xquad-{code}-{code}" for code in ("de", "hi", "zh")),
    f"xquad-de-de:{MINILM}", f"xquad-zh-zh:{MINILM}",
    f"xquad-en-de:{E5}", "xquad-de-en", "xquad-hi-zh", "xquad-zh-hi", f"xquad-de-en:{MINILM}",
)  # fmt: skip
_STEPS = tuple(round(0.05 * step, 2) for step in range(21))


def language_of(name: str) -> str:
    if name.startswith("xquad-"):
        return name[6:8]
    return name[5:7] if name.startswith("tydi-") else "en"


class KeptVectors:
    """An embedder whose vectors are kept in `folder` from run to run."""

    def __init__(self, embedder: Embedder, folder: Path) -> None:
        self._embedder, self._file = embedder, folder / f"{embedder.fingerprint}.pickle"
        self._kept: dict[str, np.ndarray] = pickle.loads(self._file.read_bytes()) if self._file.exists() else {}
        self.name, self.fingerprint, self.dimension = embedder.name, embedder.fingerprint, embedder.dimension
        self.count_tokens = embedder.count_tokens

    def embed_queries(self, texts: Sequence[str]) -> np.ndarray:
        return self._embed("query: ", texts, self._embedder.embed_queries)

    def embed_passages(self, texts: Sequence[str]) -> np.ndarray:
        return self._embed("passage: ", texts, self._embedder.embed_passages)

    def _embed(self, side: str, texts: Sequence[str], embed: Callable[[Sequence[str]], np.ndarray]) -> np.ndarray:
        if missing := [text for text in dict.fromkeys(texts) if side + text not in self._kept]:
            vectors = np.asarray(embed(missing), dtype=np.float32)
            self._kept |= {side + text: vector for text, vector in zip(missing, vectors, strict=True)}
        return np.array([self._kept[side + text] for text in texts], dtype=np.float32).reshape(-1, self.dimension)

    def save(self) -> None:
        self._file.write_bytes(pickle.dumps(self._kept))


def as_document(name: str, title: str, text: str, language: str) -> Document:
    builder = TextBuilder()
    for paragraph in text.split("\n"):
        builder.add("paragraph", paragraph)
    return Document(
        id=document_id(name), uri=name, title=title, text=builder.text, blocks=tuple(builder.blocks),
        media_type="text/plain", language=language,
    )  # fmt: skip


def build(
    chosen: RetrievalSet,
    folder: Path,
    model: str,
    passages: PassageSettings,
    embedder: Embedder | None = None,
    groups: Mapping[str, tuple[str, ...]] = MappingProxyType({}),
) -> Retriever:
    """An index over the set, made by the same modules as `metier sync`, fused as it fuses. `embedder`: None = `model`
    as it is. `groups`: of documents that are not for everybody."""
    embedder = embedder or embedding.create(EmbeddingSettings(model=model))
    language = language_of(chosen.name)
    analyser = Analyser(language)
    identity = Identity(embedder.name, embedder.fingerprint, embedder.dimension, analyser.version)
    store = open_store(folder, StoreSettings(), identity)
    documents = [
        replace(as_document(name, *content, language), groups=groups.get(name, ()))
        for name, content in chosen.documents.items()
    ]
    cuts = [cut(document, embedder.count_tokens, passages) for document in documents]
    vectors = embedder.embed_passages([p.indexed_text for ps in cuts for p in ps])
    at, entries = 0, []
    for document, pieces in zip(documents, cuts, strict=True):
        tokens = [analyser.tokens(p.indexed_text) for p in pieces]
        entries.append(Entry(document, pieces, vectors[at : at + len(pieces)], tokens))
        at += len(pieces)
    store.replace(entries)
    store.optimize()
    learned = corpus_weight.learn(store, embedder, analyser)
    weight = Fusion(learned.weight, "corpus", learned.pairs) if learned else Fusion()
    return Retriever(store, embedder, analyser, RetrievalSettings(candidates=CANDIDATES), weight)


def ranking(candidates: Candidates, weight: float) -> list[str]:
    return list(dict.fromkeys(hit.passage.uri for hit in candidates.ranked(weight)))


def learned(
    chosen: RetrievalSet, rankings: dict[float, dict[str, list[str]]], prior: float
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
        weight = choose_weight(gains, prior)
        weights.append(weight)
        ranked |= {name: rankings[weight][name] for name in names[halves == half]}
    return ranked, weights


def measure(
    name: str, model: str | None, passages: PassageSettings, kept: Path | None = None, threads: int | None = None
) -> dict:
    set_name, _, own = name.partition(":")
    chosen = load(set_name)
    model = own or model or (MINILM if language_of(set_name) == "en" else E5)
    embedder = embedding.create(EmbeddingSettings(model=model, threads=threads))
    if kept is not None:
        embedder = KeptVectors(embedder, kept)
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        retriever = build(chosen, Path(folder), model, passages, embedder)
        built = time.perf_counter() - began
        began = time.perf_counter()
        seen = corpus_weight.learn(retriever._store, embedder, Analyser(language_of(set_name)))
        seconds = time.perf_counter() - began
        found = {q: retriever.candidates(chosen.questions[q]) for q in chosen.relevant}
    if isinstance(embedder, KeptVectors):
        embedder.save()
    weight = retriever.fusion.weight
    rankings = {w: {q: ranking(c, w) for q, c in found.items()} for w in {*WEIGHTS, *_STEPS, weight}}
    ranked, weights = learned(chosen, rankings, weight)
    by_weight = {w: metrics(rankings[w], chosen.relevant)["ndcg@10"] for w in sorted(rankings)}
    best = max(by_weight, key=by_weight.__getitem__)
    sides = {"lexical": rankings[0.0], "dense": rankings[1.0], "fused": rankings[weight], "best": rankings[best]}
    return {
        "set": name, "documents": len(chosen.documents), "questions": len(chosen.relevant), "model": model,
        "build_seconds": built, "learn_seconds": seconds, "published_bm25": PUBLISHED_BM25.get(name),
        "log_odds": seen.log_odds if seen else None, "weight": weight, "best_weight": best, "learned_weights": weights,
        "by_weight": by_weight,
        **{side: metrics(order, chosen.relevant) for side, order in {**sides, "learned": ranked}.items()},
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", default=DEFAULT_SETS, help="names, BEIR folders or SQuAD files")
    parser.add_argument("--model", help="embedder for every set; default: the one `metier init` picks for the language")
    parser.add_argument("--tokens", type=int, default=PassageSettings().tokens, help="length of a passage")
    parser.add_argument("--pairs", action="store_true", help="every set, with the wrong embedders, too")
    parser.add_argument("--keep", type=Path, help="folder in which vectors are kept from run to run")
    parser.add_argument("--threads", type=int, help="of the embedder, default: all cores")
    options = parser.parse_args()
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
    sides = ("lexical", "dense", "fused", "best", "learned")
    print(f"{'set':32} {'':10}" + "".join(f"{side:>9}" for side in sides) + "   weights: corpus, best, learned")
    rows = []
    for name in PAIRS if options.pairs else options.sets:
        try:
            row = measure(name, options.model, PassageSettings(tokens=options.tokens), options.keep, options.threads)
        except FileNotFoundError as error:
            sys.exit(f"{error}: set METIER_DATA to the folder of the data sets")
        rows.append(row)
        for metric in ("ndcg@10", "recall@100", "mrr"):
            weights = f"{row['weight']:.2f}, {row['best_weight']:.2f}, {row['learned_weights']}"
            head, end = (name, f"   {weights}") if metric == "ndcg@10" else ("", "")
            print(f"{head:32} {metric:10}" + "".join(f"{row[side][metric]:9.4f}" for side in sides) + end, flush=True)
    RESULTS.mkdir(exist_ok=True)
    report = {"command": " ".join(sys.argv), "machine": platform.processor() or platform.machine(), "sets": rows}
    (RESULTS / "retrieval.json").write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
