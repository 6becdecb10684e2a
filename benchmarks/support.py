"""How well the checker tells what sources carry from what they do not.

    python benchmarks/support.py                     the tables: ExpertQA, planted errors, speed
    python benchmarks/support.py --write             learns the weights and writes coefficients.json beside the checker
    python benchmarks/support.py --limit 40 --planted 30         a quick look
    python benchmarks/support.py --embedder multilingual-e5-small

ExpertQA: claims of GPT-4 and Bing Chat with the evidence they cite and an expert's judgment; "Complete" against
"Incomplete" and "Partial". Weights are learned on four fifths of the questions and measured on the fifth, five times.

Errors by rule: sentences of public sets, as they stand or shortened, and statements made of table cells; in each an
error (metier/synthesis/planted_errors.py). "Invented" are sentences whose passage is not shown. Half of the passages
teach, half measure; TyDi teaches with its training files and measures with the others. Claims written by hand: half of
the English ones teach. Six passages of the same set are shown at once. See claim_sets.py.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import time
from collections.abc import Callable, Sequence
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from claim_sets import VECTORS, Example, expertqa, hash_of, passage_of, planted, written
from sets import data_folder

from metier import embedding
from metier.answering.answer import Support
from metier.answering.support import create
from metier.answering.support.findings import FEATURES, GOOD, objected
from metier.answering.support.scoring import FILE, Weighing, learned
from metier.core.settings import EmbeddingSettings, Settings
from metier.synthesis.planted_errors import KINDS
from metier.text.analyzer import Analyser
from metier.text.sentences import units

EXPERTS = 16.0  # weight of ExpertQA beside each of the other sets
PARTLY_AT_MOST = 0.25  # of those claims that shall not count as carried
UNSAID_AT_MOST = 0.02  # of true written claims that nothing speaks against shall be flagged
AT_LEAST = {"name_missing": -1.0}  # rule plants few names that no source has; models invent them
FLAGGED_AT_MOST = 0.08  # of ExpertQA's completely supported claims, and of true sentences, where thresholds are set


# --- features, learning, measuring ---------------------------------------------------------------------------


def weigher(examples: Sequence[Example], analyser: Analyser) -> Callable[[Sequence[str]], np.ndarray]:
    """Rarity of words in all passages of a set."""
    passages = {p.id: p for example in examples for p in example.shown}
    counts: dict[str, int] = {}
    for passage in passages.values():
        for token in set(analyser.tokens(passage.text)):
            counts[token] = counts.get(token, 0) + 1
    total = max(1, len(passages))

    def weigh(tokens: Sequence[str]) -> np.ndarray:
        n = np.array([counts.get(token, 0) for token in tokens], dtype=float)
        return np.log1p((total - n + 0.5) / (n + 0.5))

    return weigh


def measure(examples: list[Example], embedder: object, progress: str) -> None:
    """Fills in the features."""
    by_name: dict[tuple[str, str], list[Example]] = {}
    for example in examples:
        by_name.setdefault((example.name, example.language), []).append(example)
    for (name, language), part in by_name.items():
        began = time.monotonic()
        analyser = Analyser(language)
        checker = create(Settings(), embedder, analyser, weigher(part, analyser))
        for example in part:
            checking = checker.over(example.shown, example.question, language)
            vectors = (
                name in ("expertqa", "across")
                or name.startswith("written")
                or hash_of(example.group) // 2 % VECTORS == 0
            )
            finding = checking.features(example.text, (0, len(example.text)), vectors=vectors)
            if finding is not None:
                example.features = dict(finding.features)
                example.vectors = vectors and finding.features["cosine"] != 0
                example.foreign, example.fatal = finding.foreign, finding.fatal
        print(f"{progress} {name}: {len(part)} claims in {time.monotonic() - began:.0f} s", flush=True)


def fill_in(examples: Sequence[Example]) -> None:
    """An error hardly changes a vector, so most planted ones go without: their cosine is what the words let expect,
    learned from those that have one; an error gets that of the sentence it was planted in."""
    names = ("unit", "window", "passage", "pairs")
    known = [e for e in examples if e.features and e.vectors and e.name != "expertqa"]
    if not known:
        return
    x = np.c_[matrix(known, names), np.ones(len(known))]
    slopes = np.linalg.lstsq(x, np.array([e.features["cosine"] for e in known]), rcond=None)[0]
    for first, second in zip(examples[::1], [None, *examples[:-1]], strict=True):
        if first.features and not first.vectors and first.name != "expertqa":
            planted = second is not None and not first.true and second.features and first.kind != "invented"
            twin = second if planted else first
            first.features["cosine"] = float(np.r_[[twin.features[n] for n in names], 1.0] @ slopes)


def matrix(examples: Sequence[Example], names: Sequence[str]) -> np.ndarray:
    return np.array([[example.features[name] for name in names] for example in examples], dtype=float)


def fit(
    x: np.ndarray, y: np.ndarray, weights: np.ndarray, names: Sequence[str], offset: np.ndarray, l2: float
) -> np.ndarray:
    """Logistic regression in which what speaks for a claim cannot lower its score, nor an objection raise it. Returns
    bias and weights; `offset` is added to what they give."""
    from scipy.optimize import minimize

    def loss(theta: np.ndarray) -> tuple[float, np.ndarray]:
        p = 1 / (1 + np.exp(-np.clip(x @ theta[1:] + theta[0] + offset, -30, 30)))
        value = -(weights * (y * np.log(p + 1e-12) + (1 - y) * np.log(1 - p + 1e-12))).sum() / weights.sum()
        gradient = weights * (p - y) / weights.sum()
        return value + l2 * (theta[1:] ** 2).sum(), np.r_[gradient.sum(), x.T @ gradient + 2 * l2 * theta[1:]]

    bounds = [(None, None)] + [(0, None) if name in GOOD else (None, AT_LEAST.get(name, 0)) for name in names]
    return minimize(loss, np.zeros(x.shape[1] + 1), jac=True, bounds=bounds, method="L-BFGS-B").x


def auc(scores: Sequence[float], true: Sequence[int]) -> float:
    """Area under the ROC curve, ties counted half."""
    scores, true = np.asarray(scores, dtype=float), np.asarray(true)
    order = np.argsort(scores, kind="stable")
    ranks = np.empty(len(scores))
    unique, inverse = np.unique(scores, return_inverse=True)
    del unique
    ranks[order] = np.arange(1, len(scores) + 1)
    sums = np.bincount(inverse, ranks) / np.bincount(inverse)
    ranks = sums[inverse]
    positive = int(true.sum())
    negative = len(true) - positive
    if not positive or not negative:
        return float("nan")
    return float((ranks[true == 1].sum() - positive * (positive + 1) / 2) / (positive * negative))


def balanced(examples: Sequence[Example]) -> np.ndarray:
    """Each set counts the same, and in each the true claims as much as the others."""
    names = [example.name for example in examples]
    counts: dict[tuple[str, int], int] = {}
    for example in examples:
        counts[example.name, example.true] = counts.get((example.name, example.true), 0) + 1
    share = {name: (EXPERTS if name == "expertqa" else 1.0) for name in set(names)}
    return np.array([share[e.name] / counts[e.name, e.true] for e in examples])


def thresholds(model: Weighing, examples: Sequence[Example]) -> Weighing:
    """`flagged`: so low that few true claims fall under it; `unsaid`: the same of those that nothing speaks against,
    as people say them; `carried`: that most of the experts' are above it."""
    scores = {name: [] for name in {e.name for e in examples}}
    for example in examples:
        if example.true:
            scores[example.name].append(model.score(example.features))
    limits = [np.quantile(part, FLAGGED_AT_MOST) for part in scores.values() if part]
    flagged = float(min(np.mean(limits), min(0.5, np.quantile(scores["expertqa"], FLAGGED_AT_MOST))))
    carried = float(np.quantile(scores["expertqa"], PARTLY_AT_MOST))
    said = [model.score(e.features) for e in examples if e.true and e.name == "written-en" and not objected(e.features)]
    unsaid = float(np.quantile(said, UNSAID_AT_MOST)) if said else flagged
    return Weighing(model.bias, model.weights, max(carried, flagged + 0.05), flagged, min(unsaid, flagged))


def is_flagged(model: Weighing, example: Example) -> bool:
    score = model.score(example.features)
    return example.fatal or model.level(score, objected=objected(example.features)) is Support.NOT


def learn(examples: Sequence[Example]) -> dict[str, Weighing]:
    """What speaks for a claim is weighed by ExpertQA, whose claims are people's judgment of real answers, and by
    sentences of passages that are not shown; the objections then by planted errors, everything else being as it is."""
    used = [e for e in examples if e.learn and e.features and not e.foreign]
    spoken = [e for e in used if e.name == "expertqa" or e.kind == "invented" or (e.true and e.vectors and e.kind)]
    planted_ones = [e for e in used if e.name != "expertqa" and e.kind != "invented"]
    models = {}
    for label, good in (("near", GOOD), ("words", tuple(n for n in GOOD if n != "cosine"))):
        objections = tuple(n for n in FEATURES if n not in GOOD)
        first = fit(matrix(spoken, good), truth(spoken), balanced(spoken), good, np.zeros(len(spoken)), 1e-3)
        offset = matrix(planted_ones, good) @ first[1:]
        second = fit(
            matrix(planted_ones, objections), truth(planted_ones), balanced(planted_ones), objections, offset, 1e-3
        )
        weights = dict(zip((*good, *objections), map(float, (*first[1:], *second[1:])), strict=True))
        models[label] = thresholds(Weighing(float(first[0]), weights, 0.5, 0.25, 0.1), used)
    return models


def truth(examples: Sequence[Example]) -> np.ndarray:
    return np.array([example.true for example in examples], dtype=float)


def report(examples: Sequence[Example], folds: int = 5) -> None:
    """The tables; of ExpertQA by cross-validation."""
    expert = [e for e in examples if e.name == "expertqa" and e.features]
    others = [e for e in examples if e.name != "expertqa" and e.features and not (e.foreign and e.learn)]
    print("\n| ExpertQA, claim against its evidence | AUC | complete flagged | the rest flagged |\n|---|---|---|---|")
    true = [e.true for e in expert]
    for name in ("unit", "window", "passage", "all", "pairs", "cosine"):
        print(f"| {name} alone | {auc([e.features[name] for e in expert], true):.3f} | | |")
    scores, flags = np.zeros(len(expert)), np.zeros(len(expert), dtype=bool)
    for fold in range(folds):
        inside = np.array([hash_of(e.group) % folds == fold for e in expert])
        if not inside.any():
            continue
        model = learn([e for e, out in zip(expert, inside, strict=True) if not out] + others)["near"]
        for i in np.flatnonzero(inside):
            scores[i] = model.score(expert[i].features)
            flags[i] = is_flagged(model, expert[i])
    true = np.array(true)
    missed, caught = flags[true == 1].mean(), flags[true == 0].mean()
    print(f"| learned, fifth by fifth | {auc(scores, true):.3f} | {missed:.3f} | {caught:.3f} |")
    fatal = np.array([e.fatal for e in expert])
    print(f"| of them by a fatal objection | | {fatal[true == 1].mean():.3f} | {fatal[true == 0].mean():.3f} |")
    model = learn(examples)["near"]
    tested = [e for e in others if not e.learn]
    print("\n| errors, passages not learned from | n | AUC | true flagged | errors flagged |")
    print("|---|---|---|---|---|")
    for name in [*dict.fromkeys(e.name for e in tested), "all"]:
        _row(name, [e for e in tested if name in (e.name, "all")], model)
    print("\n| kind of error | n | AUC | true flagged | errors flagged |\n|---|---|---|---|---|")
    by_rule = [e for e in tested if not e.name.startswith("written") and e.name != "across"]
    for kind in (*KINDS, "invented"):
        _row(kind, [e for e in by_rule if e.kind == kind or (kind == "invented" and e.true)], model)
    by_hand = [e for e in tested if e.name == "written-en"]
    print("\n| written by hand, English, kind | n | AUC | true flagged | errors flagged |\n|---|---|---|---|---|")
    for kind in dict.fromkeys(e.kind for e in by_hand if e.kind):
        _row(kind, [e for e in by_hand if e.kind == kind or e.true], model)


def _row(label: str, part: Sequence[Example], model: Weighing) -> None:
    if not part:
        return
    scores = np.array([min(model.score(e.features), 0.01 if e.fatal else 1.0) for e in part])
    true = np.array([e.true for e in part])
    flagged = np.array([is_flagged(model, e) for e in part])
    print(
        f"| {label} | {int((1 - true).sum())} | {auc(scores, true):.3f} | {_share(flagged[true == 1])} "
        f"| {_share(flagged[true == 0])} |"
    )


def _share(flags: np.ndarray) -> str:
    return f"{flags.mean():.3f}" if len(flags) else ""


def write(models: dict[str, Weighing]) -> None:
    data = json.loads(FILE.read_text(encoding="utf-8"))
    for name, model in models.items():
        data["models"][name] = {
            "bias": round(model.bias, 4), "carried": round(model.carried, 4), "flagged": round(model.flagged, 4),
            "unsaid": round(model.unsaid, 4),
            "weights": {each: round(weight, 4) for each, weight in model.weights.items() if abs(weight) > 5e-5},
        }  # fmt: skip
    FILE.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    learned.cache_clear()


def speed(embedder: object) -> None:
    """An answer of ten sentences over some 8,000 tokens, read for the first time."""
    rows = map(json.loads, (data_folder() / "medquad" / "medquad_nih4.jsonl").read_text(encoding="utf-8").splitlines())
    passages = [
        passage_of(r["answer"][:800], f"m{i}", "en", (r["focus"],)) for i, r in zip(range(50), rows, strict=False)
    ]
    analyser = Analyser("en")
    example = [Example("", passages, "", "en", 1, "", "", "", False)]
    checker = create(Settings(), embedder, analyser, weigher(example, analyser))
    checker.over(passages[:1], "", "en").check("Warm up the model with one sentence.", (0, 36))
    sentences = [p.text[u.start : u.end].replace(" is ", " was ") for p in passages for u in units(p.text)[1:2]][:10]
    text = " ".join(sentences)
    began = time.monotonic()
    checking = checker.over(passages, "What is it?", "en")
    read = time.monotonic() - began
    levels = [checking.check(text, span).support for span in checking.spans(text)]
    seconds = time.monotonic() - began
    shown = sum(len(p.text) for p in passages)
    flagged = sum(level is Support.NOT for level in levels)
    print(
        f"\n{len(levels)} sentences ({flagged} flagged) over {shown} characters: {seconds:.2f} s, reading {read:.2f} s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--write", action="store_true", help="learn from everything that may teach, and keep the weights"
    )
    parser.add_argument("--limit", type=int, default=0, help="questions of ExpertQA, 0 = all")
    parser.add_argument("--planted", type=int, default=120, help="errors planted in each set")
    parser.add_argument("--embedder", default="all-minilm-l6-v2")
    parser.add_argument("--features", type=Path, help="file to keep the features in, read again if it is there")
    arguments = parser.parse_args()
    embedder = embedding.create(EmbeddingSettings(model=arguments.embedder, threads=1))
    if arguments.features and arguments.features.is_file():
        examples = pickle.loads(arguments.features.read_bytes())
    else:
        examples = expertqa(arguments.limit) + planted(arguments.planted) + written(arguments.planted)
        measure(examples, embedder, "features of")
        if arguments.features:
            arguments.features.write_bytes(pickle.dumps(examples))
    fill_in(examples)
    report(examples)
    if arguments.write:
        write(learn(examples))
    speed(embedder)


if __name__ == "__main__":
    main()
