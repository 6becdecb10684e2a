"""Training data from an expert's own passages.

    draw passages  →  pairs by rule and by model  →  filters  →  paraphrases  →  rows with and without passages

Every step gives the same for the same seed. What a model wrote is cached as soon as it is there, so a run that was
killed and started again ends with the dataset of an unbroken one; and since passages, refusals and rows do not depend
on how many pairs are wanted, a run for more adds to the rows of a run for fewer.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from metier import generation
from metier.answering.term_weights import WordWeights
from metier.core.errors import InputError
from metier.core.questions import Question
from metier.core.settings import GenerationSettings
from metier.dataset.formats import merge
from metier.dataset.rows import FILE_NAME, Row, load, save
from metier.generation.base import Generator
from metier.generation.completion_cache import Cache
from metier.runtime import Runtime
from metier.store.base import Store
from metier.synthesis.by_model import QAPairWriter, at_once
from metier.synthesis.filters import Dropped, NearDuplicates
from metier.synthesis.pairs import QAPair
from metier.synthesis.raft import ROW_KINDS, RowKind, RowMaker, filter_for, finding
from metier.synthesis.sampler import Drawing, Tell

CACHE_FILE = "generated.jsonl"
ORIGIN = "generated"

_SPARE_WORDINGS = 2  # asked for beyond what is wanted, since some are dropped


@dataclass(frozen=True, slots=True)
class TrainingRowOptions:
    """What to generate. `count`: pairs that pass the filters, before paraphrases. `paraphrases`: other wordings of each
    question, at most. `rows`: with passages, without, or both. `left_out`: share of the rows with passages that show
    them without the one that answers, 0..1. `rules_only`: ask no model. `groups`: only documents that a reader with
    these may read are written from and shown, None = all. `documents`: uris of those that are written from, None = all;
    the others are searched and shown all the same. Raises `InputError`."""

    count: int = 100
    paraphrases: int = 0
    seed: int = 0
    rows: RowKind = "both"
    left_out: float = 0.2
    rules_only: bool = False
    groups: tuple[str, ...] | None = ()
    documents: frozenset[str] | None = None

    def __post_init__(self) -> None:
        if self.count < 1 or self.paraphrases < 0 or not 0 <= self.left_out <= 1:
            raise InputError("count is at least 1, paraphrases at least 0, the share left out between 0 and 1")
        if self.rows not in ROW_KINDS:
            raise InputError(f"there are no rows {self.rows!r}", hint=f"Choose one of {', '.join(ROW_KINDS)}.")


@dataclass(slots=True)
class Generated:
    """What a run did. `passages`: looked at. `written`: pairs by "rule" and "model" before the filters; `kept`: after
    them. `dropped`: by filter. `paraphrases`, `refusals`: how many there are among the rows' questions, and rows.
    `asked`: completions a model had to write, the others were cached. `rows`: made; of these `added` were new, and
    `total` are in the dataset now. `enough`: whether as many were found as were wanted. `restricted`: documents that
    were left out, because they are not for all readers of what is tuned."""

    passages: int = 0
    written: dict[str, int] = field(default_factory=dict)
    kept: dict[str, int] = field(default_factory=dict)
    dropped: dict[str, Dropped] = field(default_factory=dict)
    paraphrases: int = 0
    refusals: int = 0
    asked: int = 0
    rows: int = 0
    added: int = 0
    total: int = 0
    restricted: int = 0
    enough: bool = False
    seconds: float = 0.0


def generate(
    runtime: Runtime,
    wanted: TrainingRowOptions,
    *,
    teacher: GenerationSettings | None = None,
    exam: Sequence[Question] = (),
    tell: Tell | None = None,
) -> Generated:
    """Add rows as wanted to the expert's dataset, in the order in which they were drawn; rows that it has already are
    not added again, and what was imported is not asked again. `teacher`: the model that writes, None = the expert's
    own. `exam`: questions that no row may come near. `tell`: pairs kept, wanted, and what is looked at.

    Raises `InputError` where there are no passages, and `ModelError` where a model gave up; the dataset is then as it
    was, and the next run goes on from what was cached."""
    restricted = left_out_of(runtime.store, wanted.groups)
    began, path = time.monotonic(), runtime.state_folder / FILE_NAME
    known = load(path)
    writer = generation.create(teacher, folder=runtime.folder) if teacher else runtime.generator
    try:
        run = _Run(runtime, wanted, writer, at_once(teacher or runtime.settings.generation), known, exam, tell)
        made = [row for pair in run.pairs() for row in run.rows(pair)]
    finally:
        if teacher:
            writer.close()
    merged = merge(known, made)
    save(path, merged)
    return replace(
        run.report,
        dropped=run.filters.dropped,
        refusals=sum(row.kind == "refusal" for row in made),
        asked=run.writer.asked,
        rows=len(made),
        added=len(merged) - len(known),
        total=len(merged),
        restricted=restricted,
        enough=sum(run.report.kept.values()) >= wanted.count,
        seconds=time.monotonic() - began,
    )


def left_out_of(store: Store, groups: tuple[str, ...] | None) -> int:
    """How many documents a reader with these groups may not read. Raises `InputError` where nothing is left to write
    from."""
    known = len(store.uris())
    readable = len(store.uris(filter_for(groups)))
    if known and not readable:
        raise InputError(
            f"none of the {known} documents is for everybody",
            hint="Take them with --groups or --all-groups: what is made of them is for those who may read them.",
        )
    if not store.counts()[1]:
        raise InputError("there are no passages to write questions about", hint="Run `metier add` and `metier sync`.")
    return known - readable


class _Run:
    """One run: what it is built from and what it counted."""

    def __init__(
        self,
        runtime: Runtime,
        wanted: TrainingRowOptions,
        writer: Generator,
        parallel: int,
        known: Sequence[Row],
        exam: Sequence[Question],
        tell: Tell | None,
    ) -> None:
        settings, analyser = runtime.settings, runtime.analyser
        origin, weigh = f"{ORIGIN}:{wanted.seed}", WordWeights(runtime.store)
        self.report = Generated()
        cache = Cache(runtime.state_folder / CACHE_FILE)
        self.writer = QAPairWriter(writer, cache, wanted.seed, settings.language, parallel)
        self._wanted = wanted
        self._maker = RowMaker(
            finding(runtime.answerer, wanted.groups), runtime.generator, analyser, weigh, settings, wanted.rows,
            wanted.left_out, wanted.seed, origin,
        )  # fmt: skip
        self._seen = NearDuplicates.for_rows(exam, known, origin, settings.language)
        self._drawing = Drawing(
            runtime.store, runtime.retriever, analyser, settings.language, self._seen,
            None if wanted.rules_only else self.writer, wanted.seed, tell, filter_for(wanted.groups), wanted.documents,
        )  # fmt: skip
        self.filters = self._drawing.filters

    def pairs(self) -> Iterator[QAPair]:
        """Pairs that pass the filters, until there are enough or no passage is left."""
        counts = self._drawing.counts
        self.report.written, self.report.kept = counts.written, counts.kept
        yield from self._drawing.pairs(self._wanted.count)
        self.report.passages = counts.passages

    def rows(self, pair: QAPair) -> list[Row]:
        questions = [pair.question, *self._paraphrases(pair)]
        self.report.paraphrases += len(questions) - 1
        return [row for question in questions for row in self._maker.rows(pair, question)]

    def _paraphrases(self, pair: QAPair) -> list[str]:
        """Other wordings that ask the same: with all names and numbers, understood alone, and finding the passage."""
        count, said = self._wanted.paraphrases, {pair.question.casefold()}
        kept: list[str] = []
        for question in self._wordings(pair, count) if count else ():
            if len(kept) < count and question.casefold() not in said and self._is_same(pair, question):
                kept.append(question)
                said.add(question.casefold())
        return kept

    def _wordings(self, pair: QAPair, count: int) -> Iterator[str]:
        yield from pair.others
        if not self._wanted.rules_only and len(pair.others) < count:
            yield from self.writer.reword(pair.question, count + _SPARE_WORDINGS)

    def _is_same(self, pair: QAPair, question: str) -> bool:
        return self._drawing.is_same(pair, question) and not self._seen.leaks(question, pair.answer)
