"""Question sets with known answers, in one shape, and the measures of a ranking.

    from sets import load, metrics
    tydi = load("tydi-bn")
    metrics({question_id: [document_id, …best first]}, tydi.relevant)

The data lies under $METIER_DATA (default `../shared/data` beside the repository): `cranfield/` in the layout of BEIR,
`medquad/medquad_nih4.jsonl`, `tydiqa/LANGUAGE_tydiqa_dev.json` in the layout of SQuAD.
"""

from __future__ import annotations

import csv
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

TYDI_LANGUAGES = {"bn": "bengali", "en": "english", "id": "indonesian", "sw": "swahili"}
NAMES = ("cranfield", "medquad", *(f"tydi-{code}" for code in TYDI_LANGUAGES))


@dataclass(frozen=True, slots=True)
class RetrievalSet:
    """Every question has at least one relevant document, every document some text."""

    name: str
    documents: dict[str, tuple[str, str]]  # id: (title, text)
    questions: dict[str, str]
    relevant: dict[str, dict[str, int]]  # question id: {document id: grade, 1 or more}


def load(name: str) -> RetrievalSet:
    """A set by one of `NAMES`, or by the path of a BEIR folder or of a SQuAD-style JSON file.

    `xquad-de-en`: German paragraphs, English questions.
    `tydi-bn+title` (and so for each language) keeps the titles of the articles, see `load_squad`.

    Raises `FileNotFoundError` naming what is missing.
    """
    if name == "cranfield":
        return load_beir(name, data_folder() / "cranfield")
    if name == "medquad":
        return load_medquad(name, data_folder() / "medquad" / "medquad_nih4.jsonl")
    bare, _, titles = name.partition("+")
    if bare.startswith("tydi-") and bare[5:] in TYDI_LANGUAGES:
        path = data_folder() / "tydiqa" / f"{TYDI_LANGUAGES[bare[5:]]}_tydiqa_dev.json"
        return load_squad(name, path, titles=titles == "title")
    if name.startswith("xquad-"):
        return load_across(name)
    path = Path(name)
    if path.is_dir():
        return load_beir(path.name, path)
    if path.is_file():
        return load_squad(path.stem, path)
    raise FileNotFoundError(f"{name} is neither a path nor one of: {', '.join(NAMES)}")


def data_folder() -> Path:
    """$METIER_DATA, else `../shared/data` beside the repository."""
    if explicit := os.environ.get("METIER_DATA"):
        return Path(explicit)
    return Path(__file__).resolve().parents[2] / "shared" / "data"


def load_beir(name: str, folder: Path) -> RetrievalSet:
    """`corpus.jsonl`, `queries.jsonl`, and `qrels/test.tsv` or `qrels.tsv`; judgements under 1 are dropped."""
    documents = {row["_id"]: (row.get("title", ""), row["text"]) for row in _json_lines(folder / "corpus.jsonl")}
    questions = {row["_id"]: row["text"] for row in _json_lines(folder / "queries.jsonl")}
    judgements = folder / "qrels" / "test.tsv"
    if not judgements.exists():
        judgements = folder / "qrels.tsv"
    relevant: dict[str, dict[str, int]] = {}
    with judgements.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t"):
            relevant.setdefault(row["query-id"], {})[row["corpus-id"]] = int(row["score"])
    return _checked(name, documents, questions, relevant)


def load_medquad(name: str, path: Path) -> RetrievalSet:
    """An answer is a document with its page's topic as title; what is printed twice, answer or question, is one.

    Questions follow templates ("What are the treatments for TOPIC ?"), so finding the topic is easy and telling its
    answers apart is not.
    """
    documents: dict[str, tuple[str, str]] = {}
    document_of: dict[tuple[str, str], str] = {}
    questions: dict[str, str] = {}
    question_of: dict[str, str] = {}
    relevant: dict[str, dict[str, int]] = {}
    for row in _json_lines(path):
        content = (row["focus"], row["answer"])
        document = document_of.setdefault(content, row["id"])
        documents[document] = content
        question = question_of.setdefault(row["question"], row["id"])
        questions[question] = row["question"]
        relevant.setdefault(question, {})[document] = 1
    return _checked(name, documents, questions, relevant)


def load_squad(name: str, path: Path, *, titles: bool = False) -> RetrievalSet:
    """A passage is a document, one for each distinct context; a question's passage is its only relevant one.

    The article's title is left out unless `titles`, because published figures search the context alone (the title
    alone often answers: BM25 gains 0.03 to 0.10 nDCG@10 on TyDi from it).
    """
    documents: dict[str, tuple[str, str]] = {}
    document_of: dict[str, str] = {}
    questions: dict[str, str] = {}
    relevant: dict[str, dict[str, int]] = {}
    for article in json.loads(path.read_text(encoding="utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            context = paragraph["context"]
            document = document_of.setdefault(context, f"{name}-{len(document_of)}")
            documents[document] = (article["title"] if titles else "", context)
            for question in paragraph["qas"]:
                questions[question["id"]] = question["question"]
                relevant.setdefault(question["id"], {})[document] = 1
    return _checked(name, documents, questions, relevant)


def load_across(name: str) -> RetrievalSet:
    """`xquad-DOCUMENTS-QUESTIONS`: the paragraphs of one language, the same questions in one (the same or another)."""
    _, documents, questions = name.split("-")
    folder = data_folder() / "xquad"
    there, here = (load_squad("xquad", folder / f"{code}.json") for code in (documents, questions))
    asked = {key: (question, there.relevant[key]) for key, question in here.questions.items()}
    return _checked(
        name,
        there.documents,
        {key: text for key, (text, _) in asked.items()},
        {key: r for key, (_, r) in asked.items()},
    )


def metrics(ranked: Mapping[str, Sequence[str]], relevant: Mapping[str, Mapping[str, int]]) -> dict[str, float]:
    """Means over the questions of `relevant` that have a relevant document; one that was not ranked counts as 0.

    nDCG@10 has linear gains and a log2 discount, as trec_eval's `ndcg_cut`; MRR is not cut.
    Raises `ValueError` where a ranking names a document twice.
    """
    judged = {question: grades for question, grades in relevant.items() if any(grade > 0 for grade in grades.values())}
    sums = {"ndcg@10": 0.0, "recall@100": 0.0, "mrr": 0.0}
    for question, grades in judged.items():
        ranking = ranked.get(question, ())
        if len(set(ranking)) != len(ranking):
            raise ValueError(f"question {question}: a document is ranked twice")
        good = {document for document, grade in grades.items() if grade > 0}
        places = [place for place, document in enumerate(ranking, start=1) if document in good]
        best = _discounted(sorted((grades[document] for document in good), reverse=True)[:10])
        sums["ndcg@10"] += _discounted([max(grades.get(document, 0), 0) for document in ranking[:10]]) / best
        sums["recall@100"] += sum(place <= 100 for place in places) / len(good)
        sums["mrr"] += 1 / places[0] if places else 0.0
    return {name: total / max(len(judged), 1) for name, total in sums.items()}


def _discounted(gains: Sequence[int]) -> float:
    return sum(gain / math.log2(place + 1) for place, gain in enumerate(gains, start=1))


def _json_lines(path: Path) -> list[dict]:
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def _checked(
    name: str,
    documents: dict[str, tuple[str, str]],
    questions: dict[str, str],
    relevant: dict[str, dict[str, int]],
) -> RetrievalSet:
    """Without empty documents, judgements of missing ones, and questions that are left without a relevant document."""
    documents = {document: (title, text) for document, (title, text) in documents.items() if text.strip()}
    kept = {}
    for question, grades in relevant.items():
        grades = {document: grade for document, grade in grades.items() if grade > 0 and document in documents}
        if grades and question in questions:
            kept[question] = grades
    return RetrievalSet(name, documents, {key: text for key, text in questions.items() if key in kept}, kept)
