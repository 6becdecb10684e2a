"""Corpora for `refusals.py`: documents as files, and questions whose document is known."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sets import TYDI_LANGUAGES, data_folder

from metier.core.questions import Question

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "training"))
from firm_corpora import Firm, held_out_firms

from examples import held_out  # the reader's own split: documents that it was not trained on

_LEADS = (
    "I was talking with a colleague about this yesterday and we could not agree, so before I write it into the report "
    "that goes out tomorrow I would like to be sure:",
    "Sorry to bother you again, I have looked through everything on my desk and asked two people already, but nobody "
    "could tell me for certain, and the customer is waiting on the phone.",
    "For the training that we give to the new people next week I am collecting a few facts.",
)
_TAILS = (
    "Could you look that up for me, please? Thank you very much.",
    "A short answer is enough.",
    "Thanks in advance!",
)


@dataclass(frozen=True, slots=True)
class Corpus:
    """`documents`: file name to text; `questions`: their documents as `docs/NAME`. `embedding`: None = the usual."""

    language: str
    documents: dict[str, str]
    questions: list[Question]
    embedding: str | None = None


@dataclass(frozen=True, slots=True)
class _Row:
    title: str
    text: str
    question: str
    answer: str


def _corpus(rows: Iterable[_Row], language: str, count: int, most: int, embedding: str | None = None) -> Corpus:
    """Of the rows at most `most` documents, and `count` questions about them, drawn once."""
    rows = list(rows)
    texts = list(dict.fromkeys((row.title, row.text) for row in rows))
    draw = random.Random(0)
    kept = draw.sample(texts, min(most, len(texts)))
    name_of = {content: f"{number:05}.md" for number, content in enumerate(kept)}
    documents = {name: f"# {title}\n\n{text}" if title else text for (title, text), name in name_of.items()}
    about = [row for row in rows if (row.title, row.text) in name_of]
    questions = []
    for number, row in enumerate(draw.sample(about, min(count, len(about)))):
        answers = (row.answer,) if row.answer else ()
        document = f"docs/{name_of[row.title, row.text]}"
        questions.append(Question(str(number), row.question, answers, (document,)))
    return Corpus(language, documents, questions, embedding)


def _squad(path: Path) -> list[_Row]:
    return [
        _Row(article.get("title", ""), paragraph["context"], each["question"], each["answers"][0]["text"])
        for article in json.loads(path.read_text(encoding="utf-8"))["data"]
        for paragraph in article["paragraphs"]
        for each in paragraph["qas"]
    ]


def tydi(code: str, split: str) -> Callable[[int], Corpus]:
    def load(count: int) -> Corpus:
        rows = _squad(data_folder() / "tydiqa" / f"{TYDI_LANGUAGES[code]}_tydiqa_{split}.json")
        if split == "train":
            rows = [row for row in rows if held_out(row.title, 0.03)]
        return _corpus(rows, code, count, 3000 if count >= 1000 else 600)

    return load


def xquad(code: str) -> Callable[[int], Corpus]:
    embedding = None if code == "en" else "multilingual-e5-small"
    return lambda count: _corpus(_squad(data_folder() / "xquad" / f"{code}.json"), code, count, 240, embedding)


def medquad(count: int) -> Corpus:
    path = data_folder() / "medquad" / "medquad_nih4.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    held = [row for row in rows if held_out(row["doc"], 0.12)]
    return _corpus((_Row(row["focus"], row["answer"], row["question"], "") for row in held), "en", count, 600)


def tatqa(count: int) -> Corpus:
    contexts = json.loads((data_folder() / "tatqa" / "tatqa_dataset_dev.json").read_text(encoding="utf-8"))
    rows = []
    for context in contexts:
        if not held_out(f"tatqa-{context['table']['uid']}", 0.12):
            continue
        table = "\n".join("| " + " | ".join(cells) + " |" for cells in context["table"]["table"])
        text = "\n\n".join([table, *(paragraph["text"] for paragraph in context["paragraphs"])])
        rows += [
            _Row(
                "",
                text,
                each["question"],
                str(each["answer"][0] if isinstance(each["answer"], list) else each["answer"]),
            )
            for each in context["questions"]
            if each["answer_type"] == "span"
        ]
    return _corpus(rows, "en", count, 100)


def long_versions(questions: Sequence[Question], draw: random.Random) -> list[Question]:
    """The same questions in 30 to 80 words, as people write mails."""
    return [replace(q, question=f"{draw.choice(_LEADS)} {q.question} {draw.choice(_TAILS)}") for q in questions]


def firm_corpora() -> Iterator[tuple[Firm, Corpus]]:
    """The firms that the reader was not trained on; their questions are the firm's own."""
    for firm in held_out_firms():
        yield firm, Corpus(firm.language, firm.documents, [])


FIRMS = "firms"
# Not MedQuAD: another page on the same disease often answers a question whose own page was left out.
FITTED = ("tatqa", "tydi-train-en", "tydi-train-sw")
CORPORA: dict[str, Callable[[int], Corpus]] = {
    "medquad": medquad,
    "tatqa": tatqa,
    "tydi-train-en": tydi("en", "train"),
    "tydi-train-sw": tydi("sw", "train"),
    **{f"tydi-{code}": tydi(code, "dev") for code in TYDI_LANGUAGES},
    **{f"xquad-{code}": xquad(code) for code in ("en", "de", "hi", "zh")},
}
