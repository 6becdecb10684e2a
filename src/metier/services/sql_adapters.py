"""An adapter that writes queries to an expert's own tables, tuned on questions made of them and measured on questions
in other words, with the model as it was beside it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from metier.answering.answer import Style
from metier.core import settings as settings_module
from metier.core.errors import InputError, needing
from metier.core.groups import required_by
from metier.services.adapters import AdapterService
from metier.store.base import Filter
from metier.tables.results import TableAnswer
from metier.tables.sql_writer import SqlWriter

if TYPE_CHECKING:  # needed by few verbs, and importing them costs the others time
    from metier.dataset.provenance import Provenance
    from metier.runtime import Runtime
    from metier.synthesis.sql_rows import SqlCase, SqlTrainingData
    from metier.tuning.adapters import Card
    from metier.tuning.trainers.lora import Tick

ROWS_FILE = "sql_rows.jsonl"
_ASKED = 30  # questions that are measured with

Tell = Callable[[str, int, int, str], None]  # stage, done, of how many, what it is at


@dataclass(frozen=True, slots=True)
class SqlAdapterOptions:
    """`count`: rows to train on. `groups`: tables that a reader with these may read, None = all; ids and values in them
    are learned. Raises `InputError`."""

    count: int = 400
    seed: int = 0
    groups: tuple[str, ...] | None = ()

    def __post_init__(self) -> None:
        if self.count < 1:
            raise InputError("count is at least 1")


@dataclass(frozen=True, slots=True)
class SqlAdapter:
    """`before`, `after`: of the questions asked in words that were not trained on, the share that the model answered
    exactly without the adapter and with it, 0..1; None where the tables gave none. No rule took part."""

    card: Card
    questions: int
    before: float | None
    after: float | None


class SqlAdapterService:
    def __init__(self, runtime: Runtime, adapters: AdapterService) -> None:
        self._runtime, self._adapters = runtime, adapters

    def tune(
        self,
        name: str | None = None,
        wanted: SqlAdapterOptions | None = None,
        *,
        resume: bool = False,
        anew: bool = False,
        tell: Tell = lambda *_: None,
        on_step: Callable[[Tick], None] | None = None,
        **changes: object,
    ) -> SqlAdapter:
        """Make rows of the tables, train the next version of adapter `name` (default: the expert's name with `-sql`)
        on them with the settings of `[tuning]`, and measure it. `changes`: of these settings, for this run alone.
        Raises `InputError` where the tables give nothing to ask, and as `AdapterService.tune`."""
        from metier.dataset.rows import load, save
        from metier.tuning import distributed
        from metier.tuning.adapters import name_for
        from metier.tuning.tune import tune

        runtime, wanted = self._runtime, wanted or SqlAdapterOptions()
        settings = settings_module.with_tuning(runtime.settings, changes)
        chosen = name or f"{name_for(runtime.settings.name)[:60]}-sql"
        made, learned = self._made(wanted, tell)
        path = runtime.state_folder / ROWS_FILE
        rows = (load(path) if resume else []) or made.rows  # a run goes on with its own, of the day it began
        save(path, rows)
        with needing("tune"):
            try:
                card = tune(
                    settings, rows, runtime.folder, runtime.state_folder, chosen,
                    learned=learned, resume=resume, anew=anew, on_step=on_step,
                )  # fmt: skip
            finally:
                runtime.settle_permissions()
        cases = made.cases[:_ASKED]  # drawn in no order
        if not cases or not distributed.from_environment().is_first:  # of several workers one measures
            return SqlAdapter(card, 0, None, None)
        before = self._measured(cases, None, wanted, tell, "Asking the model")
        self._adapters.load(card)
        after = self._measured(cases, card.reference, wanted, tell, "Asking the adapter")
        found = {"sql_questions": len(cases), "sql_exact_before": before, "sql_exact": after}
        self._adapters.registry.note_exam(card, found)
        return SqlAdapter(self._adapters.registry.get(card.reference), len(cases), before, after)

    def _made(self, wanted: SqlAdapterOptions, tell: Tell) -> tuple[SqlTrainingData, Provenance]:
        from metier.dataset.provenance import Provenance
        from metier.synthesis.sql_rows import SqlRowMaker

        runtime = self._runtime
        asker, language = runtime.tables, runtime.settings.language
        maker = SqlRowMaker(asker, language, self._visible(wanted), date.today())
        made = maker.make(wanted.count, wanted.seed, lambda n: tell("Making questions", n, wanted.count, ""))
        shown = asker.documents(list(made.tables.values()))
        records = [record for record in runtime.store.records() if record.id in shown]
        uris = tuple(sorted(record.uri for record in records))
        return made, Provenance(uris, required_by(record.groups for record in records))

    def _visible(self, wanted: SqlAdapterOptions) -> Callable[[Collection[str]], Collection[str]]:
        where = None if wanted.groups is None else Filter(groups=wanted.groups)
        readable = set(self._runtime.store.uris(where).values())
        return lambda documents: readable.intersection(documents)

    def _measured(
        self, cases: Sequence[SqlCase], adapter: str | None, wanted: SqlAdapterOptions, tell: Tell, stage: str
    ) -> float:
        """The share of the questions that a model alone answers as the tables do, or says that they do not hold it."""
        runtime, visible = self._runtime, self._visible(wanted)
        writer = SqlWriter(runtime.generator, adapter, capable=runtime.answerer.style is Style.WRITTEN)
        right = 0
        for number, case in enumerate(cases):
            tell(stage, number, len(cases), case.question)
            found = runtime.tables.by_model(case.question, runtime.settings.language, visible, writer)
            lines = tuple(line.text for line in found.answer.lines) if isinstance(found.answer, TableAnswer) else ()
            right += lines == case.answer and (bool(case.answer) or found.not_held)
        tell(stage, len(cases), len(cases), "")
        return right / len(cases)
