"""Whether all passages that a question needs are among those shown, for questions that need two.

    python benchmarks/several.py                          # 100 two-step questions, made from MedQuAD and TyDi
    python benchmarks/several.py --expert FOLDER --questions FILE    # `several` questions of an expert

Made by rule, seeded, with both passages known:

- *bridge* (MedQuAD): "What are the treatments for <what the first sentence says of a disease, without its name>?": the
  passage with that sentence, and the document about the treatments of the disease.
- *compare* (TyDi, English and Indonesian): two questions of one form about two things become one ("Which was founded
  first, X or Y?").

`whole`: the question alone is searched for; `parts`: split by rule, each part searched, merged, with a second step.
`shown`: of questions, the share whose passages are all among the first 8. `plain`: nDCG@10 of TyDi's own questions.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import regex
from rapidfuzz import fuzz
from retrieval import E5, MINILM, KeptVectors, build
from sets import RetrievalSet, data_folder, load, load_medquad, metrics

from metier import Expert, embedding
from metier.core.settings import EmbeddingSettings, PassageSettings
from metier.retrieval.decomposition import split
from metier.retrieval.retriever import Hit, Retriever
from metier.text.sentences import sentence_spans

SHOWN = 8
_READ_ALIKE = 92  # of 100
_FOCI = 250  # diseases whose documents make up the corpus of the bridges
_ASKS = {
    "treatment": "What are the treatments for", "causes": "What causes", "symptoms": "What are the symptoms of",
    "susceptibility": "Who is at risk for", "prevention": "How can one prevent", "outlook": "What is the outlook for",
    "research": "What research is being done on", "exams and tests": "How does one diagnose",
}  # fmt: skip
_WHEN = {
    "en": (regex.compile(r"When was (?P<name>.+?) (?P<what>\p{Ll}+)\?$"), "Which was {what} first, {a} or {b}?"),
    "id": (
        regex.compile(r"[Kk]apan(?:kah)? (?P<name>.+?) (?P<what>di\p{Ll}+|lahir)\s*\?$"),
        "Kapan {a} dan {b} {what}?",
    ),
}


@dataclass(frozen=True, slots=True)
class Needs:
    """`gold`: of each needed passage, its document, and words that it holds ("" where any passage will do)."""

    kind: str
    question: str
    language: str
    gold: tuple[tuple[str, str], ...]


def bridges(count: int, seed: int) -> tuple[RetrievalSet, list[Needs]]:
    path = data_folder() / "medquad" / "medquad_nih4.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    chosen = load_medquad("medquad-bridges", path)
    of: dict[str, dict[str, str]] = defaultdict(dict)
    for row in rows:
        if row["id"] in chosen.documents:
            of[row["focus"]].setdefault(row["qtype"], row["id"])
    draw = random.Random(seed)
    foci = sorted(of)
    draw.shuffle(foci)
    foci = foci[:_FOCI]
    made = []
    for focus in foci:
        first, asks = of[focus].get("information"), [kind for kind in _ASKS if kind in of[focus]]
        said = _definition(chosen.documents[first][1], focus) if first else ""
        if said and asks and len(made) < count:
            kind = draw.choice(asks)
            question = f"{_ASKS[kind]} {said}?"
            made.append(Needs("bridge", question, "en", ((first, said), (of[focus][kind], ""))))
    kept = {name for focus in foci for name in of[focus].values()}
    documents = {name: content for name, content in chosen.documents.items() if name in kept}
    return RetrievalSet("medquad-bridges", documents, {}, {}), made


def _definition(text: str, focus: str) -> str:
    """What the first sentence says that the disease is, where it says so without naming it again."""
    start, end = next(iter(sentence_spans(text)), (0, 0))
    found = regex.match(r"[^,.;]{3,80}? (?:is|are) (?P<said>(?:an?|the) .+?)\.?$", text[start:end])
    said = " ".join(found["said"].split()) if found else ""
    said = regex.split(r"[;:(]|\s-+\s", said)[0].strip(" ,")
    names = {word.casefold() for word in regex.findall(r"\p{L}{4,}", focus)}
    own = {word.casefold() for word in regex.findall(r"\p{L}{4,}", said)}
    return said if 6 <= len(said.split()) <= 25 and not names & own else ""


def comparisons(code: str, count: int, seed: int) -> tuple[RetrievalSet, list[Needs]]:
    chosen = load(f"tydi-{code}")
    form, question = _WHEN[code]
    groups: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for key, text in chosen.questions.items():
        if found := form.match(text.strip()):
            groups[found["what"]].append((found["name"], next(iter(chosen.relevant[key]))))
    draw = random.Random(seed)
    made = []
    pool = {what: draw.sample(things, len(things)) for what, things in sorted(groups.items()) if len(things) > 1}
    while len(made) < count and any(len(things) > 1 for things in pool.values()):
        for what, things in pool.items():
            if len(things) > 1 and len(made) < count:
                (a, first), (b, second) = things.pop(), things.pop()
                if first != second:
                    asked = question.format(a=a, b=b, what=what)
                    made.append(Needs("compare", asked, code, ((first, ""), (second, ""))))
    return chosen, made


def of_expert(path: Path) -> list[Needs]:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [
        Needs("several", row["question"], row["language"], tuple(zip(row["documents"], row["quotes"], strict=True)))
        for row in rows
        if row["kind"] == "several"
    ]


def are_shown(needs: Needs, hits: Sequence[Hit], shown: int = SHOWN) -> bool:
    return all(any(_holds(hit, document, words) for hit in hits[:shown]) for document, words in needs.gold)


def _holds(hit: Hit, document: str, words: str) -> bool:
    """A row is quoted cell by cell; what a scan was read as differs in a letter or two."""
    document = document.partition("#")[0]  # a table of a database
    if hit.passage.uri != document and not hit.passage.uri.endswith("/" + document):
        return False
    text = _letters(hit.passage.text)
    return not words or all(fuzz.partial_ratio(_letters(cell), text) >= _READ_ALIKE for cell in words.split("|"))


def _letters(text: str) -> str:
    return "".join(regex.findall(r"[\p{L}\p{M}\p{N}]", text.casefold()))


def measure(name: str, retriever: Retriever, needs: Sequence[Needs], show: bool) -> None:
    ways = {
        "whole": lambda n: retriever.search(n.question, 50),
        "second step": lambda n: retriever.search_all([n.question], 50),
        "parts": lambda n: retriever.search_all([n.question, *_parts(n)], 50),
    }
    right = {way: [are_shown(n, find(n)) for n in needs] for way, find in ways.items()}
    shares = "  ".join(f"{way} {sum(done)}/{len(done)} = {sum(done) / len(done):.2f}" for way, done in right.items())
    print(f"{name:24} {shares}", flush=True)
    if show:
        for n, done in zip(needs, right["parts"], strict=True):
            if not done:
                print("   not shown:", n.question, _parts(n))


def _parts(needs: Needs) -> tuple[str, ...]:
    parts = split(needs.question, needs.language)
    return parts if len(parts) > 1 else ()


def plain(retriever: Retriever, chosen: RetrievalSet, count: int) -> None:
    """The set's own questions, which need one passage, with and without what is done for those that need two."""
    asked = list(chosen.relevant)[:count]
    relevant = {key: chosen.relevant[key] for key in asked}
    for way in ("whole", "parts"):
        ranked, parted = {}, 0
        for key in asked:
            question = chosen.questions[key]
            parts = split(question, chosen.name[5:7])
            parted += len(parts) > 1
            found = retriever.search(question, 50) if way == "whole" else retriever.search_all([question, *parts], 50)
            ranked[key] = list(dict.fromkeys(hit.passage.uri for hit in found))
        print(f"{chosen.name:24} plain, {way}: nDCG@10 {metrics(ranked, relevant)['ndcg@10']:.4f}  split {parted}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--expert", type=Path)
    parser.add_argument("--questions", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="folder in which vectors are kept from run to run")
    parser.add_argument("--show", action="store_true", help="print the questions whose passages are not all shown")
    options = parser.parse_args()
    if options.expert:
        with Expert.open(options.expert) as expert:
            measure("several", expert.runtime.retriever, of_expert(options.questions), options.show)
        return
    try:
        sets = [(MINILM, *bridges(50, options.seed)), (MINILM, *comparisons("en", 25, options.seed))]
        sets.append((E5, *comparisons("id", 25, options.seed)))
    except FileNotFoundError as error:
        sys.exit(f"{error}: set METIER_DATA to the folder of the data sets")
    for model, chosen, needs in sets:
        embedder = embedding.create(EmbeddingSettings(model=model))
        embedder = KeptVectors(embedder, options.keep) if options.keep else embedder
        with tempfile.TemporaryDirectory() as folder:
            retriever = build(chosen, Path(folder), model, PassageSettings(), embedder)
            measure(f"{needs[0].kind} {chosen.name}", retriever, needs, options.show)
            if chosen.relevant:
                plain(retriever, chosen, 200)
        if isinstance(embedder, KeptVectors):
            embedder.save()


if __name__ == "__main__":
    main()
