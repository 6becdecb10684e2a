"""Questions to practise on and to be examined with."""

from __future__ import annotations

import json
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path, PurePosixPath
from typing import Any, Self

from metier.core.errors import InputError
from metier.core.groups import Required, required_by
from metier.core.groups import from_json as groups_from_json

# several: joins what stands in several passages. yesno: yes, no, and where it is so, maybe. text: a free answer.
KINDS = ("fact", "several", "table", "yesno", "label", "text", "unanswerable")
DECIDED = ("yesno", "label")  # kinds whose answer is one of a few, not a statement
SPLITS = ("practice", "exam")


@dataclass(frozen=True, slots=True)
class Question:
    """`answers`: accepted wordings, empty where nothing answers it. `documents`: uris of the documents that hold the
    answer. `page`: 1-based or None. `kind`: one of `KINDS`. `split`: "practice" or "exam", "" where the file does not
    say. `choices`: all answers there are to choose from, where the question names a few or `kind` is label or yesno.
    `passages`: ids of the passages that hold the answer, where they are known. `origin`: where it came from, as
    `FILE:ROW` or `generated:SEED`. `groups`: what it took to read all that it was written from when it was made."""

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
    groups: Required = ()

    def required(self, now: Mapping[str, Sequence[str]]) -> Required:
        """What it takes to read it. `now`: groups of every document in the store, by uri: one that was given groups
        since counts with those as well."""
        return required_by([*self.groups, *(now.get(uri, ()) for uri in self.documents)])

    @property
    def answerable(self) -> bool:
        return self.kind != "unanswerable"

    def to_json(self) -> dict[str, Any]:
        """Plain values, as `load` reads them; fields at their default are left out."""
        return {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) != f.default}

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> Self:
        lists = {name: tuple(plain.get(name, ())) for name in ("answers", "documents", "choices", "passages")}
        return cls(**{**plain, **lists, "groups": groups_from_json(plain.get("groups", ()))})


def load(path: Path) -> list[Question]:
    """Read JSON Lines: `question` is required; `id`, `answers`, `document` or `documents`, `page`, `kind`, `split`
    are used where they are. A question without answers and document is taken as unanswerable.
    Raises `InputError` naming the first bad line."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")  # not splitlines: U+2028 may stand inside a JSON string
    except OSError as error:
        raise InputError(error.strerror or str(error), where=str(path)) from None
    except UnicodeDecodeError:
        raise InputError("is not UTF-8 text", where=str(path)) from None
    questions = [_question(line, number, path) for number, line in enumerate(lines, start=1) if line.strip()]
    if not questions:
        raise InputError("holds no questions", where=str(path), hint='One JSON object a line: {"question": "…"}.')
    return questions


def load_exam(path: Path) -> list[Question]:
    """The questions of a file that are marked as exam; what is not marked is none. Raises `InputError` where there is
    no such question."""
    questions = [question for question in load(path) if question.split == "exam"]
    if not questions:
        raise InputError(
            "holds no exam questions",
            where=str(path),
            hint='Mark them with "split": "exam", or let `metier exam import` divide the file.',
        )
    return questions


class DocumentLookup:
    """Finds documents by what people call them: `manuals/a.pdf` where the store says `docs/manuals/a.pdf`, or `Blade
    root` for `blade-root.md`. A part behind `#` (a table of a database) is not needed."""

    def __init__(self, uris: Collection[str]) -> None:
        self._uris = frozenset(uris)
        self._by_tail: dict[str, set[str]] = defaultdict(set)
        self._by_stem: dict[str, set[str]] = defaultdict(set)
        for uri in uris:
            self._by_stem[_spoken(PurePosixPath(uri).stem)].add(uri)
            parts = uri.split("/")
            for start in range(len(parts)):
                self._by_tail["/".join(parts[start:])].add(uri)

    def find(self, name: str) -> list[str]:
        """The uris that `name` may mean: none, one, or several where folders hold files of the same name."""
        for wanted in (name, name.partition("#")[0]):
            if wanted in self._uris:
                return [wanted]
            if found := self._by_tail.get(wanted):
                return sorted(found)
        return sorted(self._by_stem.get(_spoken(name), ()))


def _spoken(name: str) -> str:
    """A file's name without its ending, as a person says it."""
    return " ".join(unicodedata.normalize("NFC", name).casefold().replace("_", " ").replace("-", " ").split())


def resolve(questions: Sequence[Question], uris: Collection[str], where: str, *, loose: bool = False) -> list[Question]:
    """Give documents their full uris, see `DocumentLookup`. Raises `InputError` for a document that is not there, or
    whose name means several; with `loose` the question stays without it."""
    known = DocumentLookup(uris)
    resolved = []
    for question in questions:
        found = {name: known.find(name) for name in question.documents}
        wrong = next((name for name, meant in found.items() if len(meant) != 1), None)
        if wrong is not None and not loose:
            raise _unresolved(question, wrong, found[wrong], where)
        kept = tuple(meant[0] for meant in found.values() if len(meant) == 1)
        resolved.append(replace(question, documents=kept, page=question.page if wrong is None else None))
    return resolved


def _unresolved(question: Question, name: str, meant: Sequence[str], where: str) -> InputError:
    who = f"question {question.id}" if question.id else f"“{question.question}”"
    if meant:
        return InputError(
            f"{who} names {name!r}, which may be {' or '.join(meant[:2])}", where=where, hint="Name its folder too."
        )
    return InputError(
        f"{who} names {name!r}, which is not in the store",
        where=where,
        hint="Run `metier sync`, or fix the document's name.",
    )


def _question(line: str, number: int, path: Path) -> Question:
    where = f"{path}, line {number}"
    try:
        row = json.loads(line)
    except ValueError as error:
        raise InputError(f"is not JSON: {error}", where=where) from None
    if not isinstance(row, dict) or not isinstance(row.get("question"), str) or not row["question"].strip():
        raise InputError('has no "question"', where=where, hint='Write {"question": "…", "answers": ["…"]}.')
    answers = _texts(row.get("answers"))
    documents = _texts(row.get("documents") or row.get("document"))
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
        choices=_texts(row.get("choices")),
        passages=_texts(row.get("passages")),
        origin=row.get("origin") or "",
        groups=_groups(row.get("groups") or (), where),
    )


def _groups(plain: Any, where: str) -> Required:
    try:
        return groups_from_json(plain)
    except TypeError as error:
        raise InputError(str(error), where=where) from None


def _texts(value: Any) -> tuple[str, ...]:
    """A list of texts, or one text alone."""
    return tuple(map(str, value)) if isinstance(value, list) else () if value in (None, "") else (str(value),)
