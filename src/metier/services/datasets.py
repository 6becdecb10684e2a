"""`DatasetService`: an expert's training data, imported, generated and checked."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from metier.answering import prompt, style
from metier.answering.answer import Style
from metier.core.errors import InputError, MetierError, needing
from metier.core.permissions import make_state_folder
from metier.core.settings import GenerationSettings
from metier.generation.base import Message
from metier.runtime import Runtime

if TYPE_CHECKING:  # needed by few verbs, and importing them costs the others time
    from metier.core.groups import Required
    from metier.core.questions import Question
    from metier.dataset.checks import Report
    from metier.dataset.formats import ImportReport
    from metier.dataset.layouts import Columns
    from metier.dataset.provenance import Provenance
    from metier.dataset.rows import Row
    from metier.dataset.training_record import TrainingRecord
    from metier.synthesis.from_questions import FromPractice
    from metier.synthesis.raft import RowKind
    from metier.synthesis.replay import Rehearsed
    from metier.synthesis.training_rows import Generated, TrainingRowOptions


class DatasetService:
    """`practice`: gives the expert's practice questions."""

    def __init__(self, runtime: Runtime, practice: Callable[[], Sequence[Question]]) -> None:
        self._runtime = runtime
        self._practice = practice

    @property
    def path(self) -> Path:
        from metier.dataset import rows

        return self._runtime.state_folder / rows.FILE_NAME

    def rows(self) -> list[Row]:
        """The training data, in the order in which it came in."""
        from metier.dataset import rows

        return rows.load(self.path)

    def rows_as_asked(self) -> list[Row]:
        """The training data, see `as_asked`."""
        return self.as_asked(self.rows())

    def as_asked(self, rows: Sequence[Row]) -> list[Row]:
        """Rows with the instruction under which the expert answers, where one has none of its own."""
        try:
            parameters = self._runtime.generator.parameters
        except MetierError:  # weights that are tuned here and answered with elsewhere
            parameters = 0
        answering = style.choose(self._runtime.settings, parameters)

        def own(row: Row) -> str | None:
            override = self._runtime.settings.answering.instruction
            if answering is Style.QUOTED:
                return override  # None: the prompt's own
            return prompt.instruction(answering, from_documents=bool(row.context), override=override)

        return [row if row.instruction else replace(row, instruction=own(row)) for row in rows]

    def import_file(
        self,
        path: str | os.PathLike[str],
        *,
        columns: Columns | None = None,
        layout: str | None = None,
        split: str = "train",
        skip_bad: bool = False,
    ) -> ImportReport:
        """Add the rows of a file to the training data; what is there already is not added again.
        Options and errors as in `formats.read`."""
        from metier.dataset import formats, rows

        imported = formats.read(
            Path(path),
            columns=columns,
            layout=layout,
            split=split,
            language=self._runtime.settings.language,
            skip_bad=skip_bad,
        )
        before = self.rows()
        merged = formats.merge(before, self._with_documents(imported.rows))
        make_state_folder(self._runtime.state_folder)
        rows.save(self.path, merged)
        return formats.report(imported, len(before), len(merged))

    def _with_documents(self, rows: Sequence[Row]) -> list[Row]:
        """Rows of a file, with the documents in the store that they name and the groups of these."""
        from metier.dataset import provenance

        if not self.has_store or not any(row.documents or row.context or row.passages for row in rows):
            return list(rows)
        return provenance.resolved(rows, self._runtime.store)

    @property
    def has_store(self) -> bool:
        """Whether anything was ever synced."""
        return self._runtime.settings.store.url is not None or (self._runtime.state_folder / "store").exists()

    def versions_now(self) -> dict[str, str]:
        """The hash of the bytes of every document in the store, by uri; none before there is a store."""
        from metier.dataset.training_record import documents_now

        return documents_now(self._runtime.store) if self.has_store else {}

    def record(self, rows: Sequence[Row]) -> TrainingRecord:
        """What a run on these rows learns, as it is kept to tell later how much of that still holds."""
        from metier.dataset import training_record

        return training_record.of(rows, self._runtime.store if self.has_store else None, self._runtime.analyser)

    def groups_now(self) -> dict[str, tuple[str, ...]]:
        """The groups of every document in the store, by uri; none before there is a store."""
        from metier.dataset import provenance

        return provenance.groups_now(self._runtime.store) if self.has_store else {}

    def closed_to(self, groups: Sequence[str]) -> set[str]:
        """Uris of the documents in the store that a reader with these groups may not read."""
        from metier.store.base import Filter

        if not self.has_store:
            return set()
        store = self._runtime.store
        return store.uris().keys() - store.uris(Filter(groups=tuple(groups))).keys()

    def learned_from(self, rows: Sequence[Row]) -> Provenance:
        """Which documents these rows were written from, and what it takes to read all of them."""
        from metier.dataset import provenance

        if not self.has_store:
            return provenance.of(rows, {})
        return provenance.of(provenance.located(rows, self._runtime.store), self.groups_now())

    def _restricted(self, rows: Sequence[Row]) -> dict[Required, int]:
        """How many rows not everybody may read, by what it takes."""
        from metier.dataset import provenance

        known = provenance.located(rows, self._runtime.store) if self.has_store else rows
        return provenance.counts(known, self.groups_now())

    def generate(
        self,
        wanted: TrainingRowOptions,
        *,
        teacher: GenerationSettings | None = None,
        exam: Sequence[Question] = (),
        tell: Callable[[int, int, str], None] | None = None,
    ) -> Generated:
        """Write questions and answers from the expert's own passages and add them to the training data. `teacher`: the
        model that writes, None = the expert's own. Others and errors as in `training_rows.generate`; a run that was
        interrupted goes on where it was."""
        from metier.synthesis import training_rows

        with needing("tune"):
            return training_rows.generate(self._runtime, wanted, teacher=teacher, exam=exam, tell=tell)

    def from_practice(
        self,
        *,
        rows: RowKind = "both",
        left_out: float = 0.2,
        seed: int = 0,
        groups: tuple[str, ...] | None = (),
    ) -> FromPractice:
        """Make training rows of the expert's practice questions. Options as in `TrainingRowOptions`; what a reader with
        these `groups` may not read is neither asked nor shown. Raises `InputError` where there are no practice
        questions for them, or one of them names a document that is gone."""
        from metier.answering.term_weights import WordWeights
        from metier.core.groups import may_read
        from metier.core.questions import resolve
        from metier.synthesis import from_questions, raft

        practice = self._practice()
        if not practice:
            raise InputError("there are no practice questions", hint="Bring some in with `metier exam import FILE`.")
        runtime, now = self._runtime, self.groups_now()
        maker = raft.RowMaker(
            raft.finding(runtime.answerer, groups), runtime.generator, runtime.analyser, WordWeights(runtime.store),
            runtime.settings, rows, left_out, seed, from_questions.ORIGIN,
        )  # fmt: skip
        resolved = resolve(practice, now, "the practice questions")
        readable = [each for each in resolved if may_read(groups, each.required(now))]
        if not readable:
            raise InputError(
                f"all {len(resolved)} practice questions are from documents that not everybody may read",
                hint="Take them with --groups or --all-groups: what is tuned on them answers only who may read them.",
            )
        added = from_questions.add(readable, maker, self._runtime.store, self.path)
        return replace(added, restricted=len(resolved) - len(readable))

    def add_replay(
        self,
        count: int = 100,
        *,
        seed: int = 0,
        exam: Sequence[Question] = (),
        tell: Callable[[int, int, str], None] | None = None,
    ) -> Rehearsed:
        """Add up to `count` general questions with the answers that the expert's model gives now, so that a model tuned
        on them forgets less. `exam`: questions that no row may come near. `tell`: rows, wanted, and the topic. What a
        interrupted run wrote is cached. Raises `InputError`, `ModelError`."""
        from metier.generation.completion_cache import Cache
        from metier.synthesis import replay
        from metier.synthesis.training_rows import CACHE_FILE

        if count < 1:
            raise InputError("at least one row must be wanted")
        cache = Cache(self._runtime.state_folder / CACHE_FILE)
        with needing("tune"):
            return replay.add(
                self.path, self._runtime.generator, cache, self._runtime.settings, count, seed, exam, tell
            )

    def check(
        self,
        *,
        max_length: int | None = None,
        exam: Sequence[Question] = (),
        tell: Callable[[int, int], None] | None = None,
    ) -> Report:
        """What to know about the training data before a run. `max_length`: tokens of a row, None = `[tuning]
        max_length`. `exam`: questions of which none may be in it. `tell`: rows done, of how many."""
        from metier.dataset import checks

        def count(row: Row) -> tuple[int, int]:
            prompt = row.prompt()
            tokens = self._runtime.generator.count_tokens(prompt)
            whole = self._runtime.generator.count_tokens([*prompt, Message("assistant", row.completion)])
            return tokens, whole - tokens + 1  # and the token that ends the turn, which is learned too

        rows = self.rows_as_asked()
        length = max_length or min(self._runtime.settings.tuning.max_length, self._runtime.generator.context_tokens)
        with needing("tune"):
            return checks.check(
                rows,
                count_tokens=count,
                max_length=length,
                exam=exam,
                language=self._runtime.settings.language,
                restricted=self._restricted(rows),
                tell=tell,
            )

    def drop_leaks(self, exam: Sequence[Question]) -> int:
        """Take the rows out of the training data that ask what the exam asks. Returns how many there were."""
        from metier.dataset import leaks, rows

        known = self.rows()
        with needing("tune"):
            leaking = {pair.first for pair in leaks.find(self.rows_as_asked(), exam, self._runtime.settings.language)}
        if leaking:
            rows.save(self.path, [row for number, row in enumerate(known) if number not in leaking])
        return len(leaking)
