"""What it costs that the figures of a search are those of what its reader may see, and that a prompt which was read for
some is read again for others.

    python benchmarks/side_channels.py [cranfield tydi-id] [--keep FOLDER] [--rounds 5] [--no-model]

Every second document of a set is for one group. Three readers search by turns: the owner, one who reads everything by
that group, and one who reads the other half; what is relevant is what they may see. Vectors of questions are made
before. Then the packaged model answers on the same 300 tokens, one question after the other: for one reader, for two by
turns, and for three more readers than it has slots. Writes benchmarks/results/side_channels.json.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
from ingest import RESULTS, circumstances
from retrieval import E5, MINILM, KeptVectors, build, language_of, ranking
from sets import RetrievalSet, load, metrics

from metier import embedding
from metier.core.reading import reading_as
from metier.core.settings import STATE_FILE, EmbeddingSettings, GenerationSettings, PassageSettings, RetrievalSettings
from metier.generation import Message, create
from metier.retrieval.retriever import Candidates, Retriever
from metier.store.access_control import AccessControlledStore
from metier.store.base import Filter
from metier.store.current_groups import CurrentGroups

READERS = {"owner": None, "all by a group": ("others",), "half": ()}
QUESTIONS = ("Who keeps the key?", "When is it opened?", "What stands on the door?", "Who was told?", "Which colour?")
TEXT = "The vault of Skovlund is opened in spring by the board, which keeps a green key in the office. " * 14
SLOTS = 4


def searches(name: str, keep: Path | None, rounds: int) -> list[dict]:
    """A row a reader."""
    chosen = load(name)
    model = MINILM if language_of(name) == "en" else E5
    embedder = embedding.create(EmbeddingSettings(model=model))
    if keep is not None:
        embedder = KeptVectors(embedder, keep)
    closed = dict.fromkeys(list(chosen.documents)[::2], ("others",))
    with tempfile.TemporaryDirectory() as folder:
        built = build(chosen, Path(folder), model, PassageSettings(), embedder, closed)
        embedder.embed_queries(list(chosen.questions.values()))
        if isinstance(embedder, KeptVectors):
            embedder.save()
        (Path(folder) / "metier.toml").touch()
        current = CurrentGroups(Path(folder), Path(folder) / STATE_FILE, lambda: [])
        store = AccessControlledStore(built._store, current)
        retriever = Retriever(store, embedder, built._analyser, RetrievalSettings(), built.fusion)
        found = searched(retriever, chosen, rounds)
    rows = []
    for reader, groups in READERS.items():
        hidden = closed if groups == () else {}
        seen = {
            q: {d: grade for d, grade in wanted.items() if d not in hidden} for q, wanted in chosen.relevant.items()
        }
        relevant = {question: wanted for question, wanted in seen.items() if wanted}
        rankings, seconds = found[reader]
        rows.append({
            "set": name, "reader": reader, "questions": len(relevant),
            "lexical": metrics({q: ranking(rankings[q], 0.0) for q in relevant}, relevant)["ndcg@10"],
            "fused": metrics({q: ranking(rankings[q], built.fusion.weight) for q in relevant}, relevant)["ndcg@10"],
            "ms": 1000 * float(np.median(seconds)), "ms_p95": 1000 * float(np.quantile(seconds, 0.95)),
        })  # fmt: skip
    return rows


def searched(
    retriever: Retriever, chosen: RetrievalSet, rounds: int
) -> dict[str, tuple[dict[str, Candidates], list[float]]]:
    """By reader what is found for each question, and the seconds of each search, which makes its query anew."""
    found: dict[str, tuple[dict[str, Candidates], list[float]]] = {reader: ({}, []) for reader in READERS}
    for name in chosen.relevant:
        for _ in range(rounds):
            for reader, groups in READERS.items():
                where = None if groups is None else Filter(groups=groups)
                retriever._queries.clear()
                with reading_as(groups):
                    began = time.perf_counter()
                    candidates = retriever.candidates(chosen.questions[name], 0, where)
                    found[reader][1].append(time.perf_counter() - began)
                found[reader][0][name] = candidates
    return found


def first_tokens() -> list[dict]:
    """Seconds to the first token, and tokens that were known, by who asks."""
    generator = create(GenerationSettings(), parallel=SLOTS)
    rows = []
    try:
        for name, readers in (("one reader", 1), ("two by turns", 2), (f"{SLOTS + 3} by turns", SLOTS + 3)):
            seconds, known = [], []
            for number in range(2 * max(readers, len(QUESTIONS))):
                question = f"{TEXT}\n\n{QUESTIONS[number // readers % len(QUESTIONS)]}"
                with reading_as((name, f"reader {number % readers}")):
                    made = generator.complete([Message("user", question)], max_tokens=1)
                seconds.append(made.first_token_seconds)
                known.append(made.cached_tokens)
            rows.append({"who": name, "seconds": float(np.median(seconds)), "cached": float(np.median(known)),
                         "prompt": made.prompt_tokens})  # fmt: skip
    finally:
        generator.close()
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", default=["cranfield", "tydi-id"])
    parser.add_argument("--keep", type=Path, help="folder in which vectors are kept from run to run")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--no-model", action="store_true")
    options = parser.parse_args()
    if options.keep:
        options.keep.mkdir(parents=True, exist_ok=True)
    result = circumstances("side_channels.py") | {"searches": [], "first_tokens": []}
    print(f"{'set':12} {'reader':16} {'questions':>9} {'lexical':>8} {'fused':>8} {'ms':>7} {'p95':>7}")
    for name in options.sets:
        for row in searches(name, options.keep, options.rounds):
            result["searches"].append(row)
            print(f"{name:12} {row['reader']:16} {row['questions']:9} {row['lexical']:8.4f} {row['fused']:8.4f} "
                  f"{row['ms']:7.1f} {row['ms_p95']:7.1f}", flush=True)  # fmt: skip
    if not options.no_model:
        result["first_tokens"] = first_tokens()
        for row in result["first_tokens"]:
            known = f"{row['cached']:.0f} of {row['prompt']} tokens known"
            print(f"{row['who']:16} {row['seconds']:.3f} s to the first token, {known}", flush=True)
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "side_channels.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
