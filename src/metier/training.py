"""The verbs of an expert that teach the model itself: its training data, and what is tuned on it."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from metier import settings as settings_room
from metier.answering import prompt, style
from metier.answering.answer import Style
from metier.answering.answerer import Answerer
from metier.errors import InputError, MetierError, needing
from metier.generation.base import Generator, Message
from metier.retrieval.analysis import Analyser
from metier.retrieval.retriever import Retriever
from metier.settings import GenerationSettings, Settings
from metier.store.base import Store

if TYPE_CHECKING:  # as in `expert`: rooms that few verbs enter
    from metier.dataset.checks import Report
    from metier.dataset.formats import ImportReport
    from metier.dataset.from_questions import FromPractice
    from metier.dataset.generate import Generated, Wanted
    from metier.dataset.layouts import Columns
    from metier.dataset.raft import RowKind
    from metier.dataset.rehearsal import Rehearsed
    from metier.dataset.rows import Row
    from metier.questions import Question
    from metier.tuning.adapters import Card, Registry
    from metier.tuning.training import Tick


class Training:
    """A part of `Expert`, which has the rooms named here."""

    folder: Path
    settings: Settings
    state_folder: Path
    store: Store
    retriever: Retriever
    analyser: Analyser
    generator: Generator
    answerer: Answerer

    # --- training data ---------------------------------------------------------------------------------------

    @property
    def _dataset_path(self) -> Path:
        from metier.dataset import rows

        return self.state_folder / rows.FILE_NAME

    def dataset_rows(self) -> list[Row]:
        """The training data, in the order in which it came in."""
        from metier.dataset import rows

        return rows.load(self._dataset_path)

    def _rows_as_asked(self) -> list[Row]:
        """The training data with the instruction under which the expert answers, where a row has none of its own."""
        try:
            parameters = self.generator.parameters
        except MetierError:  # weights that are tuned here and answered with elsewhere
            parameters = 0
        answering = style.choose(self.settings, parameters)

        def own(row: Row) -> str | None:
            override = self.settings.answering.instruction
            if answering is Style.QUOTED:
                return override  # None: the prompt's own
            return prompt.instruction(answering, from_documents=bool(row.context), override=override)

        return [row if row.instruction else replace(row, instruction=own(row)) for row in self.dataset_rows()]

    def import_dataset(
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
            Path(path), columns=columns, layout=layout, split=split, language=self.settings.language, skip_bad=skip_bad
        )
        before = self.dataset_rows()
        merged = formats.merge(before, imported.rows)
        self.state_folder.mkdir(exist_ok=True)
        rows.save(self._dataset_path, merged)
        return formats.report(imported, len(before), len(merged))

    def generate_dataset(
        self,
        wanted: Wanted,
        *,
        teacher: GenerationSettings | None = None,
        exam: Sequence[Question] = (),
        tell: Callable[[int, int, str], None] | None = None,
    ) -> Generated:
        """Write questions and answers from the expert's own passages and add them to the training data. `teacher`: the
        model that writes, None = the expert's own. Others and errors as in `generate.generate`; a run that was
        broken off goes on where it was."""
        from metier.dataset import generate

        rooms = generate.Rooms(
            self.settings, self.store, self.retriever, self.answerer, self.analyser, self.generator, self.folder,
            self.state_folder,
        )  # fmt: skip
        with needing("tune"):
            return generate.generate(rooms, wanted, teacher=teacher, exam=exam, tell=tell)

    def dataset_from_practice(self, *, rows: RowKind = "both", left_out: float = 0.2, seed: int = 0) -> FromPractice:
        """Make training rows of the expert's practice questions. Options as in `generate.Wanted`. Raises `InputError`
        where there are no practice questions, or one of them names a document that is gone."""
        from metier.answering.words import WordWeights
        from metier.dataset import from_questions, raft
        from metier.questions import resolve

        practice = self.questions("practice")
        if not practice:
            raise InputError("there are no practice questions", hint="Bring some in with `metier exam import FILE`.")
        maker = raft.RowMaker(
            self.answerer.find, self.generator, self.analyser, WordWeights(self.store), self.settings, rows, left_out,
            seed, from_questions.ORIGIN,
        )  # fmt: skip
        resolved = resolve(practice, self.store.uris(), "the practice questions")
        return from_questions.add(resolved, maker, self.store, self._dataset_path)

    def rehearse(
        self,
        count: int = 100,
        *,
        seed: int = 0,
        exam: Sequence[Question] = (),
        tell: Callable[[int, int, str], None] | None = None,
    ) -> Rehearsed:
        """Add up to `count` general questions with the answers that the expert's model gives now, so that a model tuned
        on them forgets less. `exam`: questions that no row may come near. `tell`: rows, wanted, and the topic. What a
        broken-off run wrote is cached. Raises `InputError`, `ModelError`."""
        from metier.dataset import rehearsal
        from metier.dataset.cache import Cache
        from metier.dataset.generate import CACHE_FILE

        if count < 1:
            raise InputError("at least one row must be wanted")
        cache = Cache(self.state_folder / CACHE_FILE)
        with needing("tune"):
            return rehearsal.add(self._dataset_path, self.generator, cache, self.settings, count, seed, exam, tell)

    def check_dataset(
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
            tokens = self.generator.count_tokens(prompt)
            whole = self.generator.count_tokens([*prompt, Message("assistant", row.completion)])
            return tokens, whole - tokens + 1  # and the token that ends the turn, which is learned too

        rows = self._rows_as_asked()
        length = max_length or min(self.settings.tuning.max_length, self.generator.context_tokens)
        with needing("tune"):
            return checks.check(
                rows, count_tokens=count, max_length=length, exam=exam, language=self.settings.language, tell=tell
            )

    def drop_leaks(self, exam: Sequence[Question]) -> int:
        """Take the rows out of the training data that ask what the exam asks. Returns how many there were."""
        from metier.dataset import leaks, rows

        known = self.dataset_rows()
        with needing("tune"):
            leaking = {pair.first for pair in leaks.find(self._rows_as_asked(), exam, self.settings.language)}
        if leaking:
            rows.save(self._dataset_path, [row for number, row in enumerate(known) if number not in leaking])
        return len(leaking)

    # --- tuning ----------------------------------------------------------------------------------------------

    @cached_property
    def adapters(self) -> Registry:
        """What was tuned so far."""
        from metier.tuning.adapters import Registry

        return Registry(self.state_folder / "adapters")

    def tune(
        self,
        name: str | None = None,
        *,
        resume: bool = False,
        anew: bool = False,
        exam: Sequence[Question] = (),
        on_step: Callable[[Tick], None] | None = None,
        **changes: object,
    ) -> Card:
        """Train an adapter on the dataset with the settings of `[tuning]`, and keep it as the next version of `name`
        (default: the expert's name). `resume`: go on with a run that was broken off, `anew`: throw it away. `exam`:
        questions that must not be in the data; one that is stops the run. `changes`: settings of `[tuning]` for this
        run alone."""
        from metier.dataset import leaks
        from metier.tuning.tune import tune

        plain = self.settings.model_dump(exclude_unset=True)
        settings = settings_room.validate(plain | {"tuning": plain.get("tuning", {}) | changes}, "metier tune")
        from metier.tuning.adapters import name_for

        chosen, rows = name or name_for(self.settings.name), self._rows_as_asked()
        with needing("tune"):
            leaks.refuse(rows, exam, self.settings.language)
            return tune(
                settings, rows, self.folder, self.state_folder, chosen, resume=resume, anew=anew, on_step=on_step
            )

    def promote(self, reference: str) -> Card:
        """Put an adapter into production: the tuned modes answer with it from now on."""
        from metier.tuning import base_model

        return self.adapters.promote(reference, base_model.fingerprint(self.settings, self.folder))
