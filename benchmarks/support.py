"""How well the checker tells what sources carry from what they do not.

    python benchmarks/support.py                     the tables: ExpertQA, planted errors, speed
    python benchmarks/support.py --write             learns the weights and writes coefficients.json beside the checker
    python benchmarks/support.py --limit 40 --planted 30         a quick look
    python benchmarks/support.py --embedder multilingual-e5-small

ExpertQA: claims of GPT-4 and Bing Chat with the evidence they cite and an expert's judgment; "Complete" against
"Incomplete" and "Partial". Weights are learned on four fifths of the questions and measured on the fifth, five times.

Planted errors: sentences of public sets, as they stand, shortened, or with other words, and statements made of table
cells; in each an error by rule (metier/synthesis/planted_errors.py). "Invented" are sentences whose passage is not
shown. Half of the passages teach, half measure; TyDi
teaches with its training files and measures with the others. Six passages of the same set are shown at once.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import pickle
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import regex
from sets import data_folder

from metier import embedding
from metier.answering.answer import Support
from metier.answering.support import create
from metier.answering.support.findings import FEATURES, GOOD
from metier.answering.support.scoring import FILE, Weighing, learned
from metier.documents import Passage, TextBuilder
from metier.retrieval.analysis import Analyser
from metier.sentences import is_heading_like, is_leadin, units, without_marker
from metier.settings import EmbeddingSettings, Settings
from metier.synthesis.planted_errors import KINDS, plant

VECTORS = 3  # of one passage in so many planted errors get vectors, see `fill_in`, and are told where it is not shown
BESIDE = 5  # passages of the same set shown beside the right one
EXPERTS = 16.0  # weight of ExpertQA beside each of the other sets
PARTLY_AT_MOST = 0.25  # of those claims that shall not count as carried
FLAGGED_AT_MOST = 0.08  # of ExpertQA's completely supported claims, and of true sentences, where thresholds are set
_WORD = regex.compile(r"[\p{L}\p{M}]{4,}")


@dataclass(slots=True)
class Example:
    """A claim before sources. `true`: 1 or 0; `group`: what must not be torn apart between learning and measuring;
    `kind`: of the error, "" for a true one. `learn`: whether it may be learned from."""

    text: str
    shown: list[Passage]
    question: str
    language: str
    true: int
    group: str
    kind: str
    name: str
    learn: bool
    features: dict[str, float] | None = None
    vectors: bool = False
    foreign: bool = False
    fatal: bool = False


# --- ExpertQA ------------------------------------------------------------------------------------------------


def expertqa(limit: int) -> list[Example]:
    found = []
    rows = (data_folder() / "expertqa" / "answers.jsonl").read_text(encoding="utf-8").splitlines()
    for row in map(json.loads, rows[: limit or None]):
        for number, claim in enumerate(row["claims"]):
            evidence = [_evidence(text) for text in claim["evidence"]]
            evidence = [text for text in evidence if text]
            if claim["support"] not in ("Complete", "Incomplete", "Partial") or not evidence:
                continue
            shown = [passage_of(text, f"expertqa-{row['id']}-{number}-{i}", "en") for i, text in enumerate(evidence)]
            true = int(claim["support"] == "Complete")
            found.append(
                Example(claim["claim"].strip(), shown, row["question"], "en", true, row["id"], "", "expertqa", True)
            )
    return found


def _evidence(text: str) -> str:
    return regex.sub(r"^\[\d+\]\s*(?:https?://\S+)?\s*", "", text).strip()


# --- planted errors ------------------------------------------------------------------------------------------


def planted(limit: int, seed: int = 7) -> list[Example]:
    """True sentences of each set, and each with an error."""
    found: list[Example] = []
    for name, language, learn, passages in planted_sets():
        found.extend(_plant_in(name, language, learn, passages, limit, random.Random(f"{seed}{name}")))
    return found


def planted_sets() -> Iterator[tuple[str, str, bool | None, list[Passage]]]:
    """Name, language, whether it teaches (None: half does), passages."""
    folder = data_folder()
    rows = map(json.loads, (folder / "cranfield" / "corpus.jsonl").read_text(encoding="utf-8").splitlines())
    yield "cranfield", "en", None, [passage_of(r["text"], f"cran-{r['_id']}", "en") for r in rows if r["text"].strip()]
    rows = map(json.loads, (folder / "medquad" / "medquad_nih4.jsonl").read_text(encoding="utf-8").splitlines())
    medquad = {r["answer"]: r for r in rows if len(r["answer"]) < 2500}
    yield "medquad", "en", None, [passage_of(a, f"medquad-{r['id']}", "en", (r["focus"],)) for a, r in medquad.items()]
    pubmed = json.loads((folder / "pubmedqa" / "pubmedqa_train.json").read_text(encoding="utf-8"))
    yield (
        "pubmedqa",
        "en",
        None,
        [passage_of(" ".join(r["CONTEXTS"]), f"pubmed-{key}", "en") for key, r in pubmed.items()],
    )
    for file, code, learn in (
        ("english_tydiqa_train", "en", True),
        ("swahili_tydiqa_train", "sw", True),
        ("english_tydiqa_dev", "en", False),
        ("indonesian_tydiqa_dev", "id", False),
        ("swahili_tydiqa_dev", "sw", False),
        ("bengali_tydiqa_dev", "bn", False),
    ):
        data = json.loads((folder / "tydiqa" / f"{file}.json").read_text(encoding="utf-8"))["data"]
        texts = dict.fromkeys(p["context"] for article in data for p in article["paragraphs"])
        label = "tydi-" + code + ("-train" if learn else "")
        yield label, code, learn, [passage_of(t, f"{file}-{i}", code) for i, t in enumerate(texts)]
    yield "tatqa", "en", None, _tables(folder)


def _tables(folder: Path) -> list[Passage]:
    found = []
    for number, each in enumerate(
        json.loads((folder / "tatqa" / "tatqa_dataset_dev.json").read_text(encoding="utf-8"))
    ):
        rows = [[" ".join(cell.split()) for cell in row] for row in each["table"]["table"]]
        heads = [row for row in rows[:3] if not row[0]] or rows[:1]
        names = [" ".join(dict.fromkeys(filter(None, column))) for column in zip(*heads, strict=False)]
        builder = TextBuilder()
        builder.add_table([names, *[row for row in rows if row not in heads]])
        if builder.text:
            found.append(passage_of(builder.text, f"tatqa-{number}", "en"))
    return found


def _plant_in(
    name: str, language: str, learn: bool | None, passages: list[Passage], limit: int, chance: random.Random
) -> Iterator[Example]:
    vocabulary = [w for p in passages[:200] for w in _WORD.findall(p.text) if w.islower() or not w.isascii()]
    wanted = dict.fromkeys(KINDS, 0)
    candidates = [(p, s) for p in passages for s in _sentences(p, name, chance)]
    chance.shuffle(candidates)
    made = 0
    for passage, sentence in candidates:
        if made >= limit:
            return
        told = _told(sentence, vocabulary, chance)
        for kind in sorted(KINDS, key=lambda each: (wanted[each], chance.random())):
            wrong = plant(told, passage, kind, chance.randrange(1 << 30))
            if wrong is None:
                continue
            wanted[kind] += 1
            made += 1
            shown = [passage, *(p for p in chance.sample(passages, min(BESIDE, len(passages))) if p.id != passage.id)]
            chance.shuffle(shown)
            teaches = learn if learn is not None else hash_of(passage.id) % 2 == 0
            for text, true in ((told, 1), (wrong, 0)):
                yield Example(text, shown, "", language, true, passage.id, kind, name, teaches)
            if hash_of(passage.id) // 2 % VECTORS == 0 and len(shown) > 1:
                others = [p for p in shown if p.id != passage.id]
                yield Example(told, others, "", language, 0, passage.id, "invented", name, teaches)
            break


def _sentences(passage: Passage, name: str, chance: random.Random) -> Iterator[str]:
    cut = [u for u in units(passage.text, passage.language) if u.kind in ("sentence", "item", "row")]
    for unit in chance.sample(cut, min(4, len(cut))):
        text = passage.text[unit.start : unit.end]
        if unit.kind == "row" or name == "tatqa":
            if said := statement(text, chance):
                yield said
        elif 30 <= len(text) <= 300 and not is_leadin(text) and not (unit.kind == "sentence" and is_heading_like(text)):
            yield without_marker(text)


def statement(row: str, chance: random.Random) -> str | None:
    """A sentence that says one cell of a row."""
    cells = [cell.partition(": ") for cell in row.split(" | ")]
    label = cells[0][2] or cells[0][0]
    values = [(column, value) for column, colon, value in cells[1:] if colon and any(c.isdigit() for c in value)]
    if not values or not any(c.isalpha() for c in label):
        return None
    column, value = chance.choice(values)
    pattern = chance.choice(
        ["{0} was {2} in {1}.", "In {1}, {0} amounted to {2}.", "{0} ({1}): {2}", "The value of {0} for {1} is {2}."]
    )
    return pattern.format(label, column, value)


def _told(sentence: str, vocabulary: Sequence[str], chance: random.Random) -> str:
    """The sentence as somebody else might say it: as it stands, without some words, without its end, or with two words
    that the source does not have."""
    way = chance.choice(["as it is", "fewer words", "cut", "other words", "other words", "led in"])
    words = [m for m in _WORD.finditer(sentence) if not m[0][0].isupper()]
    if way == "fewer words" and len(words) > 6:
        for match in sorted(chance.sample(words, len(words) // 5 + 1), key=lambda m: -m.start()):
            sentence = sentence[: match.start()] + sentence[match.end() :]
        return " ".join(sentence.split())
    if way == "other words" and len(words) > 4 and vocabulary:
        for match in sorted(chance.sample(words, max(1, len(words) // 5)), key=lambda m: -m.start()):
            sentence = sentence[: match.start()] + chance.choice(vocabulary) + sentence[match.end() :]
        return sentence
    if way == "cut" and 30 < (comma := sentence.find(", ", 30)) < len(sentence) - 20:
        return sentence[:comma] + "."
    if way == "led in" and sentence[:1].isascii():
        return "According to the documents, " + sentence
    return sentence


# --- features, learning, measuring ---------------------------------------------------------------------------


def hash_of(text: str) -> int:
    return int(hashlib.sha256(text.encode()).hexdigest()[:8], 16)


def passage_of(text: str, name: str, language: str, headings: tuple[str, ...] = ()) -> Passage:
    return Passage(name, name, text, 0, len(text), headings, None, uri=name, language=language)


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
            vectors = name == "expertqa" or hash_of(example.group) // 2 % VECTORS == 0
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

    bounds = [(None, None)] + [(0, None) if name in GOOD else (None, 0) for name in names]
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
    """`flagged`: so low that few true claims fall under it, `carried`: that most of them are above it."""
    scores = {name: [] for name in {e.name for e in examples}}
    for example in examples:
        if example.true:
            scores[example.name].append(model.score(example.features))
    limits = [np.quantile(part, FLAGGED_AT_MOST) for part in scores.values() if part]
    flagged = float(min(np.mean(limits), min(0.5, np.quantile(scores["expertqa"], FLAGGED_AT_MOST))))
    carried = float(np.quantile(scores["expertqa"], PARTLY_AT_MOST))
    return Weighing(model.bias, model.weights, max(carried, flagged + 0.05), flagged)


def learn(examples: Sequence[Example]) -> dict[str, Weighing]:
    """What speaks for a claim is weighed by ExpertQA, whose claims are people's judgment of real answers, and by
    sentences of passages that are not shown; the objections then by planted errors, everything else being as it is."""
    used = [e for e in examples if e.learn and e.features and not e.foreign]
    spoken = [e for e in used if e.name == "expertqa" or e.kind == "invented" or (e.true and e.vectors)]
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
        models[label] = thresholds(Weighing(float(first[0]), weights, 0.5, 0.25), used)
    return models


def truth(examples: Sequence[Example]) -> np.ndarray:
    return np.array([example.true for example in examples], dtype=float)


def report(examples: Sequence[Example], folds: int = 5) -> None:
    """The tables; of ExpertQA by cross-validation."""
    expert = [e for e in examples if e.name == "expertqa" and e.features]
    others = [e for e in examples if e.name != "expertqa" and e.features]
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
            flags[i] = scores[i] < model.flagged or expert[i].fatal
    true = np.array(true)
    missed, caught = flags[true == 1].mean(), flags[true == 0].mean()
    print(f"| learned, fifth by fifth | {auc(scores, true):.3f} | {missed:.3f} | {caught:.3f} |")
    fatal = np.array([e.fatal for e in expert])
    print(f"| of them by a fatal objection | | {fatal[true == 1].mean():.3f} | {fatal[true == 0].mean():.3f} |")
    model = learn(examples)["near"]
    tested = [e for e in others if not e.learn]
    print("\n| planted errors, passages not learned from | n | AUC | true flagged | errors flagged |")
    print("|---|---|---|---|---|")
    for name in [*dict.fromkeys(e.name for e in tested), "all"]:
        _row(name, [e for e in tested if name in (e.name, "all")], model)
    print("\n| kind of error | n | AUC | true flagged | errors flagged |\n|---|---|---|---|---|")
    for kind in (*KINDS, "invented"):
        _row(kind, [e for e in tested if e.kind == kind or (kind == "invented" and e.true)], model)


def _row(label: str, part: Sequence[Example], model: Weighing) -> None:
    if not part:
        return
    scores = np.array([min(model.score(e.features), 0.01 if e.fatal else 1.0) for e in part])
    true = np.array([e.true for e in part])
    flagged = scores < model.flagged
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
        examples = expertqa(arguments.limit) + planted(arguments.planted)
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
