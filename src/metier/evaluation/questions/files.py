"""Exam questions from a file: what kind of file and which layout it is, is told by looking.

    from metier.evaluation import question_files
    question_files.read(Path("questions.csv")).asked

    named columns   JSON Lines, JSON, CSV, TSV, Parquet: question, answer or answers, and where they are there document
                    or documents, page, kind, split, choices, passages, language, id
    squad           paragraphs: [{context, qas: [{question, answers, is_impossible}]}]; the title may name a document
    beir            a folder with queries.jsonl and qrels; the relevant documents, no answers
    label           text (or sentence, utterance), label (or category, intent)

Several answers or documents are a list, or in a table one cell parted by `|`. A malformed row stops the import and is
shown, or is counted with `skip_bad`; an empty question is counted always.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import regex

from metier.core.errors import InputError
from metier.core.questions import KINDS, SPLITS, DocumentLookup, Question
from metier.dataset import layouts
from metier.dataset.cleaning import Malformed, plain_text
from metier.dataset.records import RawRecord, Records
from metier.dataset.records import read as read_records
from metier.evaluation.questions import kinds
from metier.text.detection import detect
from metier.text.language import in_any_language

QUERIES = "queries.jsonl"
_QRELS = ("qrels/test.tsv", "qrels.tsv", "qrels/dev.tsv", "qrels/train.tsv")
_TABLES = (".csv", ".tsv")
_PROBLEMS = 5  # bad rows that are named
_SKIP_HINT = "Fix the row, or leave bad rows out with --skip-bad."
_SEPARATOR = regex.compile(r"\s*\|\s*")

# Names of columns, the first that is there and holds something is taken.
_NAMES = {
    "question": ("question", "query", "q"),
    "answer": (
        "answers", "answer", "a", "expected_answer", "expected", "ground_truth", "reference", "final_decision",
        "response", "completion", "output",
    ),
    "document": ("documents", "document", "doc", "source", "sources", "file", "url", "uri"),
    "page": ("page",),
}  # fmt: skip
_LABELS = ("label", "label_text", "label_name", "intent")
_SPLITS = {
    "": "", "practice": "practice", "train": "practice", "dev": "practice", "validation": "practice",
    "exam": "exam", "test": "exam",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class QuestionColumns:
    """Which columns hold what, None = found by their names."""

    question: str | None = None
    answer: str | None = None
    document: str | None = None
    page: str | None = None

    def named(self) -> list[str]:
        return [name for name in (self.question, self.answer, self.document, self.page) if name]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of a file. `title`: of the text it was asked of, which may be what a document is called."""

    question: Question
    title: str = ""


@dataclass(frozen=True, slots=True)
class QuestionFile:
    """`asked`: without ids where the file gives none. `skipped`: reason ("empty", "bad") to how many. `problems`: the
    first bad rows, in words."""

    asked: tuple[Asked, ...]
    layout: str
    records: int
    skipped: dict[str, int] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


Roles = Mapping[str, tuple[str, ...]]  # what a column is for, to the names it may have


@dataclass(frozen=True, slots=True)
class _Layout:
    """`roles`: see `Roles`. `parted`: a cell may hold several values. `relevant`: documents by query id. `names`: of
    labels that are numbers, by column."""

    name: str
    roles: Roles = field(default_factory=dict)
    parted: bool = False
    relevant: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    names: layouts.Names = field(default_factory=dict)


def read(
    path: Path,
    *,
    columns: QuestionColumns | None = None,
    kind: str | None = None,
    split: str | None = None,
    language: str = "en",
    skip_bad: bool = False,
) -> QuestionFile:
    """The questions at `path`. `kind`, `split`: of those that the file gives none. `language`: of questions whose
    script does not say another.

    Raises `InputError` for a file that cannot be read or holds no questions, columns that are not there, the first
    malformed row unless `skip_bad`, and a file in which nothing has an answer or a document."""
    _check(kind, split)
    found, layout = _opened(path, columns or QuestionColumns())
    asked: list[Asked] = []
    skipped: Counter[str] = Counter()
    problems: list[str] = []
    for record in found.records:
        try:
            made = list(_asked(record, layout))
        except Malformed as error:
            said = f"row {record.number} {error}"
            if not skip_bad:
                raise InputError(f"{said}: {record.shown}", where=str(path), hint=_SKIP_HINT) from None
            skipped["bad"] += 1
            problems.append(said)
            continue
        full = [each for each in made if each.question.question]
        skipped["empty"] += len(made) - len(full)
        asked += [_placed(each, f"{path.name}:{record.number}", kind, split, language) for each in full]
    _require(asked, path, found, kind)
    decided = kinds.decide([each.question for each in asked])
    asked = [replace(each, question=question) for each, question in zip(asked, decided, strict=True)]
    return QuestionFile(tuple(asked), layout.name, len(found.records), dict(+skipped), tuple(problems[:_PROBLEMS]))


def titled(asked: Sequence[Asked], uris: Collection[str]) -> list[Question]:
    """The questions, with the document that their title means where they name none and there is one such."""
    known = DocumentLookup(uris)
    found = [known.find(each.title) if each.title and not each.question.documents else [] for each in asked]
    return [
        replace(each.question, documents=tuple(meant)) if len(meant) == 1 else each.question
        for each, meant in zip(asked, found, strict=True)
    ]


def _check(kind: str | None, split: str | None) -> None:
    if kind and kind not in KINDS:
        raise InputError(f"there is no kind {kind!r}", hint=f"Choose one of {', '.join(KINDS)}.")
    if split and split not in SPLITS:
        raise InputError(f"there is no split {split!r}", hint=f"Choose {' or '.join(SPLITS)}.")


def _placed(asked: Asked, origin: str, kind: str | None, split: str | None, language: str) -> Asked:
    question = asked.question
    placed = replace(
        question,
        origin=origin,
        kind=question.kind or kind or "",
        split=question.split or split or "",
        language=question.language or detect(question.question, language),
    )
    return replace(asked, question=placed)


def _require(asked: list[Asked], path: Path, found: Records, kind: str | None) -> None:
    """Questions, and for some of them what is right: a list of questions alone would count as unanswerable."""
    if not asked:
        raise InputError("holds no questions", where=str(path), hint='One JSON object a line: {"question": "…"}.')
    if not any(each.question.answers or each.question.documents or each.question.kind for each in asked):
        raise InputError(
            f"has no question with an answer or a document; its columns are {', '.join(found.columns)}",
            where=str(path),
            hint="Name the columns with --answer and --document, or say --kind unanswerable if nothing answers them.",
        )


# --- which layout --------------------------------------------------------------------------------------------


def _opened(path: Path, columns: QuestionColumns) -> tuple[Records, _Layout]:
    if path.is_dir() and (path / QUERIES).is_file():
        roles = {"question": ("text", *_columns("question")), "id": ("_id", "id")}
        return read_records(path / QUERIES), _Layout("beir", roles, relevant=_relevant(path))
    found = read_records(path)
    there = {name.strip().casefold() for name in found.columns}
    if missing := [name for name in columns.named() if name.casefold() not in there]:
        listed = ", ".join(found.columns) or "unnamed"
        raise InputError(f"has no column {missing[0]!r}", where=str(path), hint=f"Its columns are {listed}.")
    if "paragraphs" in there and not columns.question:
        return found, _Layout("squad")
    names = {name.casefold(): labels for name, labels in found.names.items()}
    return found, _by_columns(found, columns, there, path, names)


def _columns(role: str) -> tuple[str, ...]:
    """What a column of questions, answers, documents or pages may be called: as data sets have it, then as any language
    does."""
    return (*_NAMES[role], *(word.casefold() for word in in_any_language("files", role)))


def _by_columns(found: Records, columns: QuestionColumns, there: set[str], path: Path, names: layouts.Names) -> _Layout:
    labelled = not columns.question and not there & set(_columns("question"))
    answers = (*_columns("answer"), *(layouts.names_of("label") if labelled else _LABELS))
    roles = {
        "question": _either(columns.question, (*_columns("question"), *layouts.names_of("text"))),
        "answers": _either(columns.answer, answers),
        "documents": _either(columns.document, _columns("document")),
        "page": _either(columns.page, _columns("page")),
        "kind": ("kind",),
        "split": ("split",),
        "choices": ("choices", "options"),
        "passages": ("passages",),
        "language": ("language", "lang"),
        "id": ("id", "_id", "qid"),
        "title": ("title",) if {"title", "context"} <= there else (),
    }
    if not there & set(roles["question"]):
        first = found.records[0]
        problem = f" {first.problem}" if first.problem else ""
        raise InputError(
            f"has no column of questions; its columns are {', '.join(found.columns) or 'none'}; "
            f"row {first.number}{problem}: {first.shown}",
            where=str(path),
            hint="Name them with --question and --answer.",
        )
    name = "label" if labelled and there & set(layouts.names_of("label")) else "named columns"
    return _Layout(name, roles, path.suffix.lower() in _TABLES, names=names)


def _either(given: str | None, usual: tuple[str, ...]) -> tuple[str, ...]:
    return (given.strip().casefold(),) if given else usual


def _relevant(folder: Path) -> dict[str, tuple[str, ...]]:
    """Documents of each query of a BEIR folder; judgements under 1 are dropped."""
    judgements = next((folder / name for name in _QRELS if (folder / name).is_file()), None)
    if judgements is None:
        raise InputError("has queries but no judgements", where=str(folder), hint=f"Put {_QRELS[0]} beside them.")
    relevant: dict[str, list[str]] = {}
    for record in read_records(judgements).records:
        try:
            row = layouts.folded(record.values)
            if float(row["score"]) > 0:
                relevant.setdefault(row["query-id"], []).append(row["corpus-id"])
        except (AttributeError, KeyError, ValueError):
            raise InputError(
                f"row {record.number} is no judgement: {record.shown}",
                where=str(judgements),
                hint="Its columns are query-id, corpus-id and score.",
            ) from None
    return {query: tuple(documents) for query, documents in relevant.items()}


# --- rows ----------------------------------------------------------------------------------------------------


def _asked(record: RawRecord, layout: _Layout) -> Iterator[Asked]:
    if record.problem:
        raise Malformed(record.problem)
    if not isinstance(record.values, dict):
        raise Malformed("is no object with named columns")
    row = layouts.folded(record.values)
    if layout.name == "squad":
        yield from _squad(row)
    else:
        yield _row(row, layout)


def _row(row: Mapping[str, Any], layout: _Layout) -> Asked:
    cells = {role: _cell(row, names) for role, names in layout.roles.items()}
    column = next((name for name in layout.roles.get("answers", ()) if row.get(name) is not None), "")
    answers = cells.get("answers")
    if column in layout.names:
        answers = layouts.named(answers, column, layout.names)
    kind = plain_text(cells.get("kind"), "kind").casefold()
    if kind and kind not in KINDS:
        raise Malformed(f"is of an unknown kind {kind!r} (there are {', '.join(KINDS)})")
    if not kind and (layout.name == "label" or column in layout.names):
        kind = "label"
    split = plain_text(cells.get("split"), "split").casefold()
    if split not in _SPLITS:
        raise Malformed(f"is of an unknown split {split!r} (there are practice and exam)")
    identity = plain_text(cells.get("id"), "id")
    question = Question(
        id=identity,
        question=_questioned(cells.get("question"), layout),
        answers=_texts(answers, "answers", layout.parted),
        documents=layout.relevant.get(identity, ()) or _texts(cells.get("documents"), "documents", layout.parted),
        page=_page(cells.get("page")),
        kind=kind,
        language=plain_text(cells.get("language"), "language"),
        split=_SPLITS[split],
        choices=_texts(cells.get("choices"), "choices", layout.parted),
        passages=_texts(cells.get("passages"), "passages", layout.parted),
    )
    if question.choices and question.answers and not set(question.answers) & set(question.choices):
        raise Malformed(f"has the answer {question.answers[0]!r}, which is none of its choices")
    return Asked(question, plain_text(cells.get("title"), "title"))


def _questioned(value: Any, layout: _Layout) -> str:
    if value is None:
        raise Malformed(f'has no "{layout.roles["question"][0]}"')
    return plain_text(value, "question")


def _squad(article: Mapping[str, Any]) -> Iterator[Asked]:
    title = plain_text(article.get("title"), "title").replace("_", " ")
    for paragraph in layouts.objects(article, "paragraphs"):
        for row in layouts.objects(paragraph, "qas"):
            impossible = row.get("is_impossible") is True
            question = Question(
                id=plain_text(row.get("id"), "id"),
                question=plain_text(row.get("question"), "question"),
                answers=() if impossible else _texts(row.get("answers"), "answers"),
                kind="unanswerable" if impossible else "",
            )
            yield Asked(question, "" if impossible else title)


def _cell(row: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    """The first column that is there, with something in it if possible."""
    there = [row[name] for name in names if name in row]
    return next((value for value in there if value not in (None, "", [])), there[0] if there else None)


def _texts(value: Any, column: str, parted: bool = False) -> tuple[str, ...]:
    """A text, a list of texts, or SQuAD's `{"text": [...]}` and `[{"text": …}]`; each once and none empty."""
    if isinstance(value, bool):
        value = "yes" if value else "no"
    if isinstance(value, str) and parted:
        value = _listed(value)
    if isinstance(value, Mapping):
        if "text" not in value:
            raise Malformed(f'has an object without "text" in "{column}"')
        value = value["text"]
    values = value if isinstance(value, (list, tuple)) else [value]
    texts = (plain_text(each.get("text") if isinstance(each, Mapping) else each, column) for each in values)
    return tuple(dict.fromkeys(text for text in texts if text))


def _listed(cell: str) -> list[Any]:
    """The values of a table's cell: a JSON list, or parted by `|`."""
    if cell.lstrip().startswith("["):
        try:
            values: list[Any] = json.loads(cell)
            return values
        except (ValueError, RecursionError):
            pass  # an answer may begin with a bracket
    return _SEPARATOR.split(cell.strip())


def _page(value: Any) -> int | None:
    if value in (None, ""):
        return None
    try:
        page = int(value)
    except (TypeError, ValueError):
        page = 0
    if isinstance(value, bool) or page < 1 or page != float(value):
        raise Malformed(f"has the page {value!r} where a number from 1 is needed")
    return page
