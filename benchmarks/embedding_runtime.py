"""Which runtime for the packaged embedding weights? Prints rows, writes benchmarks/results/embedding_runtime.json.

    python benchmarks/embedding_runtime.py speed        # processor seconds, interleaved: a shared machine will do
    python benchmarks/embedding_runtime.py bulk         # wall clock on all cores, tokenizing included, interleaved
    python benchmarks/embedding_runtime.py quality      # against float32, minutes
    python benchmarks/embedding_runtime.py ablation     # what each step of the 8-bit recipe is worth
    python benchmarks/embedding_runtime.py cold         # process start to first vector, peak memory

Needs METIER_DATA (default ../shared/data) and, for the rows that lost, `pip install torch gguf`.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from embedding_variants import WORK, Dynamic, LlamaVariant, TorchVariant, onnx_variant, weights
from sets import data_folder

from metier import models
from metier.embedding.onnx import batches, normalised
from metier.models import bert, minilm

ROOT = Path(__file__).resolve().parent.parent
DATA = data_folder()
RESULTS = ROOT / "benchmarks" / "results" / "embedding_runtime.json"
MODELS = ("all-minilm-l6-v2", "multilingual-e5-small")
TORCH_BATCH = 32  # sentence-transformers' default


def _lines(name: str) -> list[str]:
    return (DATA / name).read_text(encoding="utf-8").rstrip("\n").split("\n")


def cranfield() -> tuple[list[str], list[str], list[set[int]]]:
    rows = [json.loads(line) for line in _lines("cranfield/corpus.jsonl")]
    place = {row["_id"]: index for index, row in enumerate(rows)}
    queries = [json.loads(line) for line in _lines("cranfield/queries.jsonl")]
    relevant = {query["_id"]: set() for query in queries}
    for line in (DATA / "cranfield/qrels.tsv").read_text().splitlines()[1:]:
        query, document, score = line.split("\t")
        if int(score) > 0:
            relevant[query].add(place[document])
    texts = [f"{row['title']}\n{row['text']}" for row in rows]
    return texts, [query["text"] for query in queries], [relevant[query["_id"]] for query in queries]


def tydi(language: str) -> tuple[list[str], list[str], list[set[int]]]:
    data = json.loads((DATA / f"tydiqa/{language}_tydiqa_dev.json").read_text(encoding="utf-8"))["data"]
    place: dict[str, int] = {}
    queries, relevant = [], []
    for paragraph in (paragraph for article in data for paragraph in article["paragraphs"]):
        index = place.setdefault(paragraph["context"], len(place))
        for question in paragraph["qas"]:
            queries.append(question["question"])
            relevant.append({index})
    return list(place), queries, relevant


def medquad() -> tuple[list[str], list[str], list[set[int]]]:
    rows = [json.loads(line) for line in _lines("medquad/medquad_nih4.jsonl")]
    return [row["answer"] for row in rows], [row["question"] for row in rows], [{n} for n in range(len(rows))]


CORPORA = {
    "all-minilm-l6-v2": {"cranfield": cranfield, "medquad": medquad, "tydi-english": lambda: tydi("english")},
    "multilingual-e5-small": {"tydi-bengali": lambda: tydi("bengali"), "tydi-english": lambda: tydi("english")},
}


def ndcg(scores: np.ndarray, relevant: list[set[int]], depth: int = 10) -> np.ndarray:
    """Normalised discounted cumulative gain at `depth` of each query, gains 0 or 1."""
    gains = 1 / np.log2(np.arange(2, depth + 2))
    values = []
    for row, wanted in zip(scores, relevant, strict=True):
        top = np.argsort(-row, kind="stable")[:depth]
        found = sum(gains[rank] for rank, document in enumerate(top) if int(document) in wanted)
        values.append(found / gains[: len(wanted)].sum() if wanted else 0.0)
    return np.array(values)


def quality(only: list[str]) -> list[dict]:
    """Cosine of each passage with float32, nDCG@10 of both, and the 95% interval of its paired difference.

    Texts without a character are counted apart: there is nothing in them to find.
    """
    rows = []
    for model, corpora in CORPORA.items():
        for corpus, read in corpora.items():
            if only and corpus not in only:
                continue
            texts, queries, relevant = read()
            passages, found = {}, {}
            for flavour in ("float32", "int8"):
                embedder = onnx_variant(model, flavour, os.cpu_count())
                passages[flavour] = embedder.embed_passages(texts)
                found[flavour] = ndcg(embedder.embed_queries(queries) @ passages[flavour].T, relevant)
            written = np.array([bool(text.strip()) for text in texts])
            cosine = (passages["float32"] * passages["int8"]).sum(1)
            row = {"model": model, "corpus": corpus, "cosine_min": float(cosine[written].min())}
            row |= {"cosine_mean": float(cosine[written].mean()), "below_0.999": int((cosine[written] < 0.999).sum())}
            row |= {"texts": int(written.sum()), "cosine_empty": [float(value) for value in cosine[~written]]}
            row |= {f"ndcg10_{flavour}": float(values.mean()) for flavour, values in found.items()}
            rows.append(row | _interval(found["int8"] - found["float32"]))
            print(rows[-1], flush=True)
    return rows


def _interval(differences: np.ndarray) -> dict[str, float]:
    """Mean and 95% bootstrap interval over queries, 10,000 draws."""
    draws = np.random.default_rng(0).integers(0, len(differences), (10_000, len(differences)))
    low, high = np.percentile(differences[draws].mean(axis=1), [2.5, 97.5])
    return {"difference": float(differences.mean()), "low": float(low), "high": float(high)}


def ablation(sample: int) -> list[dict]:
    """Cosine with torch float32 of MiniLM on Cranfield, the 8-bit recipe built up step by step."""

    class AllSmall(bert.Int8):
        EXACT = ()

    class NoGelu(AllSmall):
        def _range(self, graph: bert.Graph, x: str, *, after_gelu: bool) -> tuple[str, int]:
            return super()._range(graph, x, after_gelu=False)

    model = "all-minilm-l6-v2"
    shape, matrix, vector = weights(model)
    steps = {
        "a scale a batch": Dynamic(matrix),
        "a scale a token": NoGelu(matrix),
        "+ outlying channels spread": NoGelu(matrix, minilm.OUTLIERS),
        "+ range after GELU": AllSmall(matrix, minilm.OUTLIERS),
        "+ value matrices float32": bert.Int8(matrix, minilm.OUTLIERS),
    }
    texts = [text for text in cranfield()[0] if text.strip()]
    texts = texts[:: max(1, len(texts) // sample)]
    numbers = onnx_variant(model, "int8")._load().tokens.numbers(texts)
    reference = np.concatenate([TorchVariant(model).run([text]) for text in numbers])
    rows = []
    for name, matrices in steps.items():
        vectors = _run_graph(bert.encoder(shape, matrices, vector), numbers)
        cosine = (vectors * reference).sum(1)
        rows.append({"step": name, "cosine_min": float(cosine.min()), "cosine_mean": float(cosine.mean())})
        print(rows[-1], len(texts), flush=True)
    return rows


def _run_graph(graph: bert.Graph, numbers: list[list[int]]) -> np.ndarray:
    import onnxruntime

    graph.save(WORK / "ablation.onnx")
    session = onnxruntime.InferenceSession(str(WORK / "ablation.onnx"))
    feeds = [{"input_ids": [text], "attention_mask": np.ones((1, len(text)), np.int64)} for text in numbers]
    return normalised(np.concatenate([session.run(None, feed)[0] for feed in feeds]))


def _sample(model: str, sample: int) -> list[str]:
    texts = next(iter(CORPORA[model].values()))()[0]
    return texts[:: max(1, len(texts) // sample)]


def _by_32(numbers: list[list[int]]) -> list[list[int]]:
    order = sorted(range(len(numbers)), key=lambda index: -len(numbers[index]))
    return [order[start : start + TORCH_BATCH] for start in range(0, len(order), TORCH_BATCH)]


def speed(rounds: int, sample: int) -> list[dict]:
    """Texts a processor second on one thread, interleaved, best of `rounds`; milliseconds for one short query."""
    rows = []
    for model in MODELS:
        numbers = onnx_variant(model, "int8")._load().tokens.numbers(_sample(model, sample))
        singly, sorted_by_32 = [[index] for index in range(len(numbers))], _by_32(numbers)
        ours = list(batches([len(text) for text in numbers]))
        runners: dict[str, tuple] = {
            f"onnxruntime {flavour}": (onnx_variant(model, flavour)._load(), ours)
            for flavour in ("float32", "int8", "dynamic", "8-bit", "4-bit")
        }
        runners["onnxruntime int8, batches of 32"] = (runners["onnxruntime int8"][0], sorted_by_32)
        torch_runner = TorchVariant(model)
        runners["torch float32, batches of 32"] = (torch_runner, sorted_by_32)
        runners["torch float32, one at a time"] = (torch_runner, singly)
        kinds = ("F32", "F16", "Q8_0") if model.startswith("all") else ("Q8_0", "Q4_0")
        runners |= {
            f"llama.cpp {kind}": (LlamaVariant(model, kind), [[index for group in ours for index in group]])
            for kind in kinds
        }
        best: dict[str, tuple[float, float]] = {}
        for _ in range(rounds):
            for name, (runner, groups) in runners.items():
                spent = _cpu(runner, [[numbers[index] for index in group] for group in groups])
                single = min(_cpu(runner, [[numbers[0][:14]]]) for _ in range(5))
                old = best.get(name, (9e9, 9e9))
                best[name] = (min(old[0], spent), min(old[1], single))
        base = min(spent for name, (spent, _) in best.items() if name.startswith("torch"))
        for name, (spent, single) in best.items():
            row = {"model": model, "runtime": name, "texts_per_cpu_second": len(numbers) / spent}
            rows.append(row | {"times_torch": base / spent, "query_cpu_ms": single * 1e3})
            print(rows[-1], flush=True)
    return rows


def bulk(rounds: int, sample: int) -> list[dict]:
    """Passages a second by the clock on all cores, tokenizing included; best of `rounds`, taking turns."""
    rows = []
    for model in MODELS:
        texts, threads = _sample(model, sample), os.cpu_count() or 1
        small, whole = (onnx_variant(model, flavour, threads) for flavour in ("int8", "float32"))
        torch_runner, tokens, prefix = TorchVariant(model, threads), small._load().tokens, small._prefixes()[1]

        def by_torch(torch_runner=torch_runner, tokens=tokens, texts=texts, prefix=prefix) -> None:
            numbers = tokens.numbers([prefix + text for text in texts])
            for group in _by_32(numbers):
                torch_runner.run([numbers[index] for index in group])

        works = {"torch float32": by_torch, "float32": lambda whole=whole, texts=texts: whole.embed_passages(texts)}
        works["int8"] = lambda small=small, texts=texts: small.embed_passages(texts)
        best = dict.fromkeys(works, 9e9)
        for _ in range(rounds):
            for name, work in works.items():
                start = time.perf_counter()
                work()
                best[name] = min(best[name], time.perf_counter() - start)
        for name, seconds in best.items():
            row = {"model": model, "runtime": name, "threads": threads, "passages_per_second": len(texts) / seconds}
            rows.append(row | {"times_torch": best["torch float32"] / seconds})
            print(rows[-1], flush=True)
    return rows


def _cpu(runner, batches_of_numbers: list[list[list[int]]]) -> float:
    """Processor seconds of this process while `runner` embeds the batches."""
    before = resource.getrusage(resource.RUSAGE_SELF)
    for batch in batches_of_numbers:
        runner.run(batch)
    after = resource.getrusage(resource.RUSAGE_SELF)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


COLD = """
import resource, sys, time
from metier.embedding import create
from metier.core.settings import EmbeddingSettings
create(EmbeddingSettings(model=sys.argv[1])).embed_queries(["how is lift distributed over a wing?"])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def cold(rounds: int) -> list[dict]:
    rows = []
    for model in MODELS:
        models.ensure(model)
        seconds, spent, memory = [], [], 0.0
        for _ in range(rounds):
            start, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
            done = subprocess.run([sys.executable, "-c", COLD, model], capture_output=True, text=True, check=True)
            seconds.append(time.perf_counter() - start)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            spent.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
            memory = float(done.stdout)
        rows.append({"model": model, "seconds": min(seconds), "cpu_seconds": min(spent), "peak_mib": memory})
        print(rows[-1], flush=True)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["speed", "bulk", "quality", "ablation", "cold"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sample", type=int, default=24, help="texts timed")
    parser.add_argument("--corpus", action="append", default=[], help="of quality; all of them by default")
    options = parser.parse_args()
    WORK.mkdir(parents=True, exist_ok=True)
    rows = {
        "speed": lambda: speed(options.rounds, options.sample),
        "bulk": lambda: bulk(options.rounds, options.sample),
        "ablation": lambda: ablation(options.sample),
        "quality": lambda: quality(options.corpus),
        "cold": lambda: cold(options.rounds),
    }[options.what]()
    RESULTS.parent.mkdir(exist_ok=True)
    kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    RESULTS.write_text(json.dumps(kept | {options.what: rows}, indent=1))


if __name__ == "__main__":
    main()
