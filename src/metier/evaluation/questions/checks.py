"""What to know about the expert's questions before an exam that takes hours.

    report = check(kept, rows=rows, store=store, english_only=True, language="en")
    if report.stops: ...

A finding stops an exam that would measure the wrong thing (a leak, no question), warns of what weakens it (a wrong key,
a document that is gone, too few questions), or is a note.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from metier.core.questions import SPLITS, Question
from metier.dataset.findings import EXAMPLES, DataFinding, Severity, short
from metier.dataset.findings import origin as row_origin
from metier.dataset.rows import Row
from metier.evaluation.questions import question_similarity
from metier.evaluation.questions.question_set import QuestionEntry
from metier.evaluation.questions.staleness import StaleQuestion, lost_answers
from metier.evaluation.wear import ExamWear
from metier.store.base import Store
from metier.text.detection import script_of

_SURE = 1.96  # standard errors on either side that hold the true share 95 times in 100
_WIDE = 0.1  # an interval wider than ten points on either side tells little apart
_ORDER = {"stop": 0, "warn": 1, "note": 2}


@dataclass(frozen=True, slots=True)
class QuestionReport:
    """`kinds`: how many of each kind on either side. `languages`, `reviews`: of all questions. `dropped`: thrown out,
    not counted elsewhere. `half_width`: a share that is measured on the exam is this far off at most, 95 times in 100;
    0..1, None without an exam."""

    questions: int
    kinds: dict[str, dict[str, int]]
    languages: dict[str, int]
    reviews: dict[str, int]
    dropped: int
    half_width: float | None
    findings: tuple[DataFinding, ...]

    @property
    def stops(self) -> bool:
        """Whether an exam should not be held."""
        return any(finding.severity == "stop" for finding in self.findings)


def check(
    kept: Sequence[QuestionEntry],
    *,
    rows: Sequence[Row],
    store: Store | None,
    english_only: bool,
    language: str,
    stale: Sequence[StaleQuestion] = (),
    wear: ExamWear | None = None,
) -> QuestionReport:
    """All checks. `rows`: the training data. `store`: None where nothing is indexed yet. `english_only`: whether the
    embedder knows no other language. `language`: the expert's own. `stale`, `wear`: as they are now."""
    questions = [each.question for each in kept if not each.dropped]
    exam = [question for question in questions if question.split == "exam"]
    findings = [
        *_size(questions, exam),
        *_alike(questions, language),
        *_trained_on(rows, exam, language),
        *_unanswered(questions),
        *(_documents(questions, store) if store is not None else ()),
        *_changed(stale),
        *(_worn(wear) if wear is not None else ()),
        *(_languages(questions) if english_only else ()),
    ]
    of_split = {split: [question for question in questions if question.split == split] for split in SPLITS}
    return QuestionReport(
        questions=len(questions),
        kinds={split: _counts(question.kind for question in of) for split, of in of_split.items()},
        languages=_counts(question.language or "(unknown)" for question in questions),
        reviews=_counts(each.review or "not reviewed" for each in kept if not each.dropped),
        dropped=len(kept) - len(questions),
        half_width=half_width(len(exam)),
        findings=tuple(sorted(findings, key=lambda finding: _ORDER[finding.severity])),
    )


def half_width(questions: int) -> float | None:
    """How far off a share measured on so many questions may be, 95 times in 100: 1.96 standard errors of a share of one
    half, where they are widest. None for no questions."""
    return min(1.0, _SURE * math.sqrt(0.25 / questions)) if questions else None


# --- the line ------------------------------------------------------------------------------------------------


def _alike(questions: Sequence[Question], language: str) -> list[DataFinding]:
    """Questions that ask the same: on one side they count twice, on both they leak."""
    by_words: dict[str, list[int]] = {}
    for number, question in enumerate(questions):
        by_words.setdefault(question_similarity.key(question.question), []).append(number)
    pairs = set(question_similarity.pairs(questions, language))
    pairs |= {pair for numbers in by_words.values() for pair in combinations(numbers, 2)}
    across = sorted(pair for pair in pairs if questions[pair[0]].split != questions[pair[1]].split)
    same_side = sorted(pairs - set(across))
    found = []
    if across:
        count = len({second for _, second in across})
        what = f"{count} questions stand in both halves, word for word or nearly so"
        hint = "Drop one of each: `metier exam review`."
        found.append(_finding("stop", "leak", what, count, _pairs(across, questions), hint))
    if same_side:
        count = len({second for _, second in same_side})
        what = f"{count} questions ask nearly the same as an earlier one"
        hint = "They count twice; drop those that add nothing."
        found.append(_finding("note", "duplicates", what, count, _pairs(same_side, questions), hint))
    return found


def _trained_on(rows: Sequence[Row], exam: Sequence[Question], language: str) -> list[DataFinding]:
    found = question_similarity.in_rows(rows, exam, language)
    if not found:
        return []
    leaked = len({second for _, second in found})
    shown = [
        f"{row_origin(rows[first])} “{short(rows[first].question)}” is {_shown(exam[second])}"
        for first, second in found
    ]
    what = f"{leaked} of {len(exam)} exam questions stand in the training data, word for word or nearly so"
    hint = "Take these rows out of the dataset, or drop these questions."
    return [_finding("stop", "leak", what, leaked, shown, hint)]


def _pairs(pairs: Sequence[tuple[int, int]], questions: Sequence[Question]) -> list[str]:
    return [f"{_shown(questions[first])} and {_shown(questions[second])}" for first, second in pairs]


# --- size, answers, documents --------------------------------------------------------------------------------


def _size(questions: Sequence[Question], exam: Sequence[Question]) -> list[DataFinding]:
    hint = "Bring some in with `metier exam import FILE`, or `metier exam generate`."
    width = half_width(len(exam))
    if width is None:
        what = "there are no exam questions" if questions else "there are no questions"
        return [_finding("stop", "size", what, 0, (), hint)]
    found = []
    what = f"{len(exam)} exam questions: a share of right answers is measured to ±{100 * width:.0f} points"
    wide = width > _WIDE
    found.append(_finding("warn" if wide else "note", "size", what, len(exam), (), hint if wide else ""))
    if len(exam) == len(questions):
        what = "there are no practice questions: weights and refusals stay as they ship"
        found.append(_finding("note", "size", what, 0))
    return found


def _unanswered(questions: Sequence[Question]) -> list[DataFinding]:
    found = [question for question in questions if question.answerable and not question.answers]
    if not found:
        return []
    what = f"{len(found)} questions have no answer: only whether their document is found can be measured"
    return [_finding("warn", "answers", what, len(found), map(_shown, found), "Write one: `metier exam review`.")]


def _documents(questions: Sequence[Question], store: Store) -> list[DataFinding]:
    """Documents that are gone, and answers that do not stand in those that are there."""
    uris = store.uris()
    gone = [question for question in questions if set(question.documents) - uris.keys()]
    found = []
    if gone:
        shown = [f"{_shown(q)}: {', '.join(sorted(set(q.documents) - uris.keys()))}" for q in gone]
        what = f"{len(gone)} questions are about documents that are not in the store"
        hint = "Run `metier sync`; drop the questions if the documents are gone for good."
        found.append(_finding("warn", "documents", what, len(gone), shown, hint))
    wrong = lost_answers([q for q in questions if uris.keys() >= set(q.documents)], store)
    if wrong:
        what = f"{len(wrong)} questions have an answer that does not stand in their document"
        shown = [f"{_shown(q)}: “{short(q.answers[0])}” in {q.documents[0]}" for q in wrong]
        hint = "A wrong key, or one in other words: fix it with `metier exam review`."
        found.append(_finding("warn", "answers", what, len(wrong), shown, hint))
    return found


def _changed(stale: Sequence[StaleQuestion]) -> list[DataFinding]:
    """Those that `_documents` does not tell of: their document is there, and their answer still stands in it."""
    found = [each for each in stale if each.why == "changed"]
    if not found:
        return []
    what = f"{len(found)} questions are about documents that changed since anybody looked at them"
    shown = [f"question {each.id} “{short(each.question)}”: {each.document}" for each in found]
    return [_finding("note", "stale", what, len(found), shown, "Read them again: `metier exam review`.")]


def _worn(wear: ExamWear) -> list[DataFinding]:
    if not wear.decisions:
        return []
    what = (
        f"the exam decided {wear.decisions} times: {wear.worn} of {wear.questions} questions are worn (asked in "
        f"{wear.limit} decisions or more), {wear.fresh} are fresh; that one decision was luck has a chance of up to "
        f"{wear.luck:.0%}"
    )
    hint = "Add fresh ones: `metier exam generate` or `metier exam import FILE`." if wear.worn_out else ""
    return [_finding("warn" if wear.worn_out else "note", "wear", what, wear.worn, (), hint)]


def _languages(questions: Sequence[Question]) -> list[DataFinding]:
    """For an embedder that knows English only. Languages in Latin script are told by what the question says it is."""
    foreign = [q for q in questions if q.language and q.language.split("-")[0] != "en"]
    if not foreign:
        return []
    languages = ", ".join(f"{code} {count}" for code, count in _counts(q.language for q in foreign).items())
    scripts = {script_of(question.language) for question in foreign}
    lost = "sees nothing in" if scripts != {"Latin"} else "knows little of"
    what = f"{len(foreign)} questions are in languages that the embedder {lost} ({languages})"
    hint = 'Set `[embedding] model = "multilingual-e5-small"`, then `metier sync --rebuild`.'
    return [_finding("warn", "languages", what, len(foreign), map(_shown, foreign), hint)]


def _finding(
    severity: Severity, name: str, what: str, count: int, examples: Iterable[str] = (), hint: str = ""
) -> DataFinding:
    return DataFinding(severity, name, what, count, tuple(examples)[:EXAMPLES], hint)


def _shown(question: Question) -> str:
    side = f"{question.split} question " if question.split else "question "
    return f"{side}{question.id} “{short(question.question)}”"


def _counts(values: Iterable[str]) -> dict[str, int]:
    return dict(Counter(values).most_common())
