"""What to know about a dataset before a run that takes hours.

    report = check(rows, count_tokens=count, max_length=2048, exam=questions)
    if report.stops: ...

Every check gives numbers, and a `DataFinding` where they call for something: "stop" (the run would be worthless),
"warn" (look at it) or "note" (know it).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from metier.core.groups import Required, in_words, required_by
from metier.core.questions import Question
from metier.dataset import duplicates, leaks, size, truncation
from metier.dataset.findings import EXAMPLES, DataFinding, by_share, origin, origins, short
from metier.dataset.rows import Row
from metier.text.detection import detect

CountTokens = Callable[[Row], tuple[int, int]]  # tokens of the prompt, and of the completion

_RARE_LABEL = 8  # rows; fewer are hardly learned and cannot be examined
_LOPSIDED = 0.5  # share of the largest of three or more labels
_ONE_THING = 0.9  # share of labelled rows, from which on a model learns to answer everything with a label
_TOLD_BY = 20  # characters of a completion from which its script says a language


@dataclass(frozen=True, slots=True)
class TokenCounts:
    """Sums over all rows. `epoch`: read in one epoch, after rows were cut to `max_length` and lost ones left out.
    `learned`: of these, the tokens of completions, which alone are learned from. `longest`: prompt and completion."""

    prompt: int = 0
    completion: int = 0
    epoch: int = 0
    learned: int = 0
    longest: int = 0


@dataclass(frozen=True, slots=True)
class Labels:
    """`rows`: of each label, the largest first. `largest_share`: 0..1. `balance`: entropy over the entropy of equal
    labels, 1 where all are alike. `rare`: labels of fewer than 8 rows."""

    rows: dict[str, int]
    largest_share: float
    balance: float
    rare: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """`lost`: rows whose prompt alone fills `max_length`, so that nothing is left to learn; a trainer drops them.
    `cut`: rows whose completion does not fit whole. `expectation`: what a dataset of this size changes.
    `groups`: what it takes to read a row, in words, to how many rows; those that everybody may read are not there."""

    rows: int
    distinct: int
    max_length: int
    lost: int
    cut: int
    tokens: TokenCounts
    kinds: dict[str, int]
    languages: dict[str, int]
    labels: Labels | None
    expectation: str
    groups: dict[str, int] = field(default_factory=dict)
    findings: tuple[DataFinding, ...] = field(default=())

    @property
    def stops(self) -> bool:
        """Whether a run should not be started."""
        return any(finding.severity == "stop" for finding in self.findings)


def check(
    rows: Sequence[Row],
    *,
    count_tokens: CountTokens,
    max_length: int,
    exam: Sequence[Question] = (),
    language: str = "en",
    restricted: Mapping[Required, int] | None = None,
    tell: Callable[[int, int], None] | None = None,
) -> Report:
    """All checks. `max_length`: tokens of prompt and completion together. `exam`: questions that must not be in the
    rows. `language`: the expert's own. `restricted`: rows that not everybody may read, by what it takes. `tell`: rows
    counted, of how many (counting is what takes the time)."""
    counted = []
    for number, row in enumerate(rows, start=1):
        counted.append(count_tokens(row))
        if tell is not None:
            tell(number, len(rows))
    repeated = duplicates.find(rows)
    distinct = len(rows) - len(repeated)
    tokens, lost, cut = _tokens(counted, max_length)
    labels = _labels(rows)
    languages = dict(Counter(row.language or _language(row, language) for row in rows).most_common())
    expectation = size.statement(distinct, tokens.learned, *_labelled(labels))
    findings = [
        *_leak_findings(rows, exam, language),
        *_length_findings(rows, lost, cut, max_length),
        *_empty_findings(rows),
        *_broken_findings(rows, [completion for _prompt, completion in counted]),
        *duplicates.contradictions(rows),
        *duplicates.duplicates(rows, repeated),
        *duplicates.near(rows, repeated, language),
        *_language_findings(rows, languages, language),
        *_label_findings(labels),
        *_forgetting_findings(labels, rows),
        *_group_findings(restricted or {}),
        DataFinding("warn" if size.is_small(distinct) else "note", "size", expectation, distinct),
    ]
    order = {"stop": 0, "warn": 1, "note": 2}
    return Report(
        len(rows), distinct, max_length, len(lost), len(cut), tokens,
        dict(Counter(row.kind for row in rows).most_common()), languages, labels, expectation,
        {in_words(groups): count for groups, count in (restricted or {}).items()},
        tuple(sorted(findings, key=lambda finding: order[finding.severity])),
    )  # fmt: skip


# --- leaks --------------------------------------------------------------------------


def _leak_findings(rows: Sequence[Row], exam: Sequence[Question], language: str) -> list[DataFinding]:
    found = leaks.find(rows, exam, language)
    if not found:
        return []
    leaked = len({pair.second for pair in found})
    shown = [
        f"{origin(rows[pair.first])} “{short(rows[pair.first].question)}” is exam question {exam[pair.second].id} "
        f"“{short(exam[pair.second].question)}”"
        for pair in found[:EXAMPLES]
    ]
    return [
        DataFinding(
            "stop",
            "leak",
            f"{leaked} of {len(exam)} exam questions stand in the training data, word for word or nearly so",
            len({pair.first for pair in found}),
            tuple(shown),
            "Take these rows out with --drop-leaks, or these questions out of the exam.",
        )
    ]


# --- completions and lengths ---------------------------------------------------------------------------------


def _tokens(counted: Sequence[tuple[int, int]], max_length: int) -> tuple[TokenCounts, list[int], list[int]]:
    """Sums, rows that are lost, and rows whose completion is cut."""
    lost = [index for index, (prompt, _completion) in enumerate(counted) if prompt >= max_length]
    gone = set(lost)
    cut = [i for i, (prompt, completion) in enumerate(counted) if i not in gone and prompt + completion > max_length]
    kept = [pair for index, pair in enumerate(counted) if index not in gone]
    return (
        TokenCounts(
            prompt=sum(prompt for prompt, _ in counted),
            completion=sum(completion for _, completion in counted),
            epoch=sum(min(prompt + completion, max_length) for prompt, completion in kept),
            learned=sum(min(completion, max_length - prompt) for prompt, completion in kept),
            longest=max((prompt + completion for prompt, completion in counted), default=0),
        ),
        lost,
        cut,
    )


def _length_findings(rows: Sequence[Row], lost: list[int], cut: list[int], max_length: int) -> list[DataFinding]:
    findings = []
    if not rows or len(lost) == len(rows):
        what = (
            f"every prompt alone fills {max_length} tokens: nothing would be learned" if rows else "there are no rows"
        )
        hint = "Raise max_length, or show fewer passages." if rows else "Import some: `metier dataset import FILE`."
        findings.append(DataFinding("stop", "length", what, len(rows), origins(rows, lost), hint))
    elif lost:
        what = f"{len(lost)} rows are lost: their prompt alone fills {max_length} tokens"
        hint = "Raise max_length, or show fewer passages with them."
        findings.append(DataFinding("warn", "length", what, len(lost), origins(rows, lost), hint))
    if cut:
        what = f"{len(cut)} rows are longer than {max_length} tokens: their completion is cut, or the row dropped"
        hint = "Raise max_length or shorten them; from a cut completion a model learns to stop early."
        findings.append(DataFinding("warn", "length", what, len(cut), origins(rows, cut), hint))
    return findings


def _empty_findings(rows: Sequence[Row]) -> list[DataFinding]:
    empty = [index for index, row in enumerate(rows) if not row.completion.strip()]
    if not empty:
        return []
    what = f"{len(empty)} rows have an empty completion"
    return [
        DataFinding("warn", "empty", what, len(empty), origins(rows, empty), "They teach the model to say nothing.")
    ]


def _broken_findings(rows: Sequence[Row], tokens: Sequence[int]) -> list[DataFinding]:
    broken = truncation.find(rows, tokens)
    if not broken:
        return []
    shown = tuple(f"{origin(rows[i])} “…{rows[i].completion.rstrip()[-40:]}”" for i in broken[:EXAMPLES])
    what = f"{len(broken)} completions seem to be truncated"
    return [
        DataFinding("warn", "truncated", what, len(broken), shown, "They teach the model to stop early; complete them.")
    ]


# --- languages and labels ------------------------------------------------------------------------------------


def _language(row: Row, expected: str) -> str:
    return detect(f"{row.question}\n{row.completion}", expected)


def _language_findings(rows: Sequence[Row], languages: dict[str, int], expected: str) -> list[DataFinding]:
    findings = []
    if len(languages) > 1:
        mix = ", ".join(f"{language} {count}" for language, count in languages.items())
        other = len(rows) - next(iter(languages.values()))
        what = f"the rows are in several languages ({mix}); languages that share a script count as one"
        findings.append(DataFinding(by_share(other, rows), "languages", what, other, (), "Is that meant?"))
    crossed = [
        index
        for index, row in enumerate(rows)
        if row.kind != "label"
        and len(row.completion) >= _TOLD_BY
        and detect(row.question, expected) != detect(row.completion, detect(row.question, expected))
    ]
    if crossed:
        what = f"{len(crossed)} rows answer in another language than they are asked in"
        hint = "Right for translation, else the model learns to change the language."
        findings.append(
            DataFinding(by_share(len(crossed), rows), "languages", what, len(crossed), origins(rows, crossed), hint)
        )
    return findings


def _labels(rows: Sequence[Row]) -> Labels | None:
    counts = Counter(row.completion for row in rows if row.kind == "label")
    if not counts:
        return None
    total = counts.total()
    entropy = -sum(count / total * math.log(count / total) for count in counts.values())
    return Labels(
        dict(counts.most_common()),
        largest_share=counts.most_common(1)[0][1] / total,
        balance=entropy / math.log(len(counts)) if len(counts) > 1 else 0.0,
        rare=tuple(label for label, count in counts.most_common() if count < _RARE_LABEL),
    )


def _labelled(labels: Labels | None) -> tuple[int, int]:
    return (sum(labels.rows.values()), len(labels.rows)) if labels else (0, 0)


def _label_findings(labels: Labels | None) -> list[DataFinding]:
    if labels is None:
        return []
    findings = []
    largest = next(iter(labels.rows))
    if len(labels.rows) == 1:
        findings.append(
            DataFinding(
                "warn",
                "labels",
                f"there is one label only, {largest!r}",
                labels.rows[largest],
                (),
                "Nothing is told apart.",
            )
        )
    elif labels.largest_share > max(_LOPSIDED, 1.5 / len(labels.rows)):
        what = f"{labels.largest_share:.0%} of the labelled rows are {largest!r}"
        hint = "A model that always says so is right as often; add rows of the others, and examine by label."
        findings.append(DataFinding("warn", "labels", what, labels.rows[largest], (), hint))
    if labels.rare:
        shown = tuple(f"{label} ({labels.rows[label]})" for label in labels.rare[:EXAMPLES])
        what = f"{len(labels.rare)} of {len(labels.rows)} labels have fewer than {_RARE_LABEL} rows"
        count = sum(labels.rows[label] for label in labels.rare)
        findings.append(
            DataFinding("warn", "labels", what, count, shown, "Add rows, or join labels that mean the same.")
        )
    return findings


def _forgetting_findings(labels: Labels | None, rows: Sequence[Row]) -> list[DataFinding]:
    labelled, _classes = _labelled(labels)
    if not labelled or labelled < _ONE_THING * len(rows):
        return []
    what = "nearly all rows teach labels: a model tuned on them answers other questions with a label, too"
    hint = "Switch the adapter on for this task alone, or add general questions: `metier dataset rehearse`."
    return [DataFinding("note", "forgetting", what, labelled, (), hint)]


# --- who may read them -----------------------------------------------------------------------------------------


def _group_findings(restricted: Mapping[Required, int]) -> list[DataFinding]:
    if not restricted:
        return []
    count, all_of_them = sum(restricted.values()), in_words(required_by(each for of in restricted for each in of))
    listed = tuple(f"{rows} for {in_words(groups)}" for groups, rows in list(restricted.items())[:EXAMPLES])
    what = f"{count} rows are from documents that not everybody may read"
    hint = f"What is tuned on them answers only who holds {all_of_them}. For everybody: tune on public documents alone."
    return [DataFinding("note", "groups", what, count, listed, hint)]
