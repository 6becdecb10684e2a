"""Questions to practise on and to be examined with."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from metier.errors import InputError

# several: joins what stands in several passages. yesno: yes, no, and where it is so, maybe. text: a free answer.
KINDS = ("fact", "several", "table", "yesno", "label", "text", "unanswerable")


@dataclass(frozen=True, slots=True)
class Question:
    """`answers`: accepted wordings, empty where nothing answers it. `documents`: uris of the documents that hold the
    answer. `page`: 1-based or None. `kind`: one of `KINDS`. `split`: "practice" or "exam", "" where the file does not
    say. `choices`: all labels there are, where `kind` is label or yesno. `passages`: ids of the passages that hold the
    answer, where they are known. `origin`: where it came from, as `FILE:ROW` or `generated`."""

    id: str
    question: str
    answers: tuple[str, ...] = ()
    documents: tuple[str, ...] = ()
    page: int | None = None
    kind: str = "fact"
    language: str = ""
    split: str = ""
    choices: tuple[str, ...] = ()
    passages: tuple[str, ...] = ()
    origin: str = ""

    @property
    def answerable(self) -> bool:
        return self.kind != "unanswerable"


def load(path: Path) -> list[Question]:
    """Read JSON Lines: `question` is required; `id`, `answers`, `document` or `documents`, `page`, `kind`, `split`
    are used where they are. A question without answers and document is taken as unanswerable.
    Raises `InputError` naming the first bad line."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InputError(error.strerror or str(error), where=str(path)) from None
    except UnicodeDecodeError:
        raise InputError("is not UTF-8 text", where=str(path)) from None
    questions = [_question(line, number, path) for number, line in enumerate(lines, start=1) if line.strip()]
    if not questions:
        raise InputError("holds no questions", where=str(path), hint='One JSON object a line: {"question": "…"}.')
    return questions


def load_exam(path: Path) -> list[Question]:
    """The questions of a file that are marked as exam. Raises `InputError` where there is none."""
    questions = [question for question in load(path) if question.split == "exam"]
    if not questions:
        raise InputError("holds no exam questions", where=str(path), hint='Mark them with "split": "exam".')
    return questions


def resolve(questions: Sequence[Question], uris: Collection[str], where: str) -> list[Question]:
    """Give documents their full uris: a question may name `manuals/a.pdf` where the store says `docs/manuals/a.pdf`.
    A part behind `#` (a table of a database) is not needed. Raises `InputError` for a document that is not there."""
    by_tail: dict[str, str] = {}
    for uri in uris:
        parts = uri.split("/")
        for start in range(len(parts)):
            by_tail.setdefault("/".join(parts[start:]), uri)
    resolved = []
    for question in questions:
        found = tuple(by_tail.get(name) or by_tail.get(name.partition("#")[0]) or "" for name in question.documents)
        if "" in found:
            raise InputError(
                f"question {question.id} names {question.documents[found.index('')]!r}, which is not in the store",
                where=where,
                hint="Run `metier sync`, or mend the document's name.",
            )
        resolved.append(replace(question, documents=found))
    return resolved


def _question(line: str, number: int, path: Path) -> Question:
    where = f"{path}, line {number}"
    try:
        row = json.loads(line)
    except ValueError as error:
        raise InputError(f"is not JSON: {error}", where=where) from None
    if not isinstance(row, dict) or not isinstance(row.get("question"), str) or not row["question"].strip():
        raise InputError('has no "question"', where=where, hint='Write {"question": "…", "answers": ["…"]}.')
    answers = tuple(str(answer) for answer in row.get("answers") or ())
    documents = tuple(row.get("documents") or ([row["document"]] if row.get("document") else ()))
    kind = row.get("kind") or ("fact" if answers or documents else "unanswerable")
    return Question(
        id=str(row.get("id", number)),
        question=row["question"],
        answers=answers,
        documents=documents,
        page=row.get("page"),
        kind=kind,
        language=row.get("language") or "",
        split=row.get("split") or "",
    )
