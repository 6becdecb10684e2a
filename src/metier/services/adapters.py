"""`AdapterService`: adapters trained on an expert's dataset, loaded beside its model, and put into production.

What an adapter learned it may tell. So it is for those readers alone who may read all documents that its rows were
written from, as these are now and as they were when it was tuned; to others it is as if it were not there. `groups`:
those of a reader, None = all documents. An adapter of a version that did not note its documents is for readers of all
documents, unless every document of the expert is public.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from metier.core import settings as settings_module
from metier.core.errors import EndpointError, InputError, MetierError, ModelError, needing
from metier.core.groups import Required, may_read, required_by
from metier.runtime import Runtime
from metier.services.datasets import DatasetService

if TYPE_CHECKING:  # needed by few verbs, and importing them costs the others time
    from metier.core.questions import Question
    from metier.evaluation.export_parity import ExportParity, FormParity, ParityCase
    from metier.generation.endpoint import EndpointGenerator
    from metier.tuning.adapters import Card, Registry
    from metier.tuning.trainers.lora import Tick

T = TypeVar("T")
PARITY_CASES = 8  # training rows, and as many questions: some hundred tokens, each of which tells
_LOADED = 2  # adapters that a model has loaded at most: the one in production and the one before it


@dataclass(frozen=True, slots=True)
class Export:
    """`files`: what was written. `parity`: how it compares with the adapter, None where that was not looked at.
    `notes`: where it cannot be used."""

    files: tuple[Path, ...]
    parity: FormParity | None
    notes: tuple[str, ...] = ()


class AdapterService:
    """What was tuned, and what answers."""

    def __init__(self, runtime: Runtime, dataset: DatasetService) -> None:
        self._runtime = runtime
        self._dataset = dataset
        self._loading = threading.Lock()

    @cached_property
    def registry(self) -> Registry:
        """What was tuned so far."""
        from metier.tuning.adapters import Registry

        return Registry(self._runtime.state_folder / "adapters", self._runtime.state)

    def tune(
        self,
        name: str | None = None,
        *,
        run_name: str | None = None,
        resume: bool = False,
        anew: bool = False,
        exam: Sequence[Question] = (),
        on_step: Callable[[Tick], None] | None = None,
        **changes: object,
    ) -> Card:
        """Train an adapter on the dataset with the settings of `[tuning]`, and keep it as the next version of `name`
        (default: the expert's name). `run_name`: of the folder in which the run goes on, None = `name`. `resume`: go
        on with a run that was interrupted, `anew`: throw it away. `exam`: questions that must not be in the data; one
        that is stops the run. `changes`: settings of `[tuning]` for this run alone."""
        from metier.dataset import leaks
        from metier.tuning.adapters import name_for
        from metier.tuning.tune import tune

        runtime = self._runtime
        settings = settings_module.with_tuning(runtime.settings, changes)
        chosen, rows = name or name_for(runtime.settings.name), self._dataset.rows_as_asked()
        with needing("tune"):
            leaks.refuse(rows, exam, runtime.settings.language)
            try:
                return tune(
                    settings, rows, runtime.folder, runtime.state_folder, chosen,
                    learned=self._dataset.learned_from(rows), record=self._dataset.record(rows),
                    run_name=run_name, resume=resume, anew=anew, on_step=on_step,
                )  # fmt: skip
            finally:
                runtime.settle_permissions()

    def may_use(self, card: Card, groups: Sequence[str] | None) -> bool:
        """Whether a reader may be told what the adapter learned, and that it is there."""
        return groups is None or _is_open(card, groups, self._dataset.closed_to(groups))

    def required(self, card: Card) -> Required:
        """What it takes to be told what the adapter learned."""
        now = self._dataset.groups_now()
        if card.groups is None:
            return required_by(now.values())
        return required_by([*card.groups, *(now.get(uri, ()) for uri in card.documents)])

    def cards(self, groups: Sequence[str] | None = None) -> list[Card]:
        """Those that the reader may use, by name, newest first."""
        cards = self.registry.cards()
        if groups is None or not cards:
            return cards
        closed = self._dataset.closed_to(groups)
        return [card for card in cards if _is_open(card, groups, closed)]

    def get(self, reference: str, groups: Sequence[str] | None = None) -> Card:
        """As `Registry.get`, among those that the reader may use."""
        from metier.tuning.adapters import find

        return find(self.cards(groups), reference)

    def production(self, groups: Sequence[str] | None = None) -> Card | None:
        """The adapter that answers this reader; None where there is none, or it is not for them."""
        card = self.registry.production()
        return card if card is not None and self.may_use(card, groups) else None

    def promote(self, reference: str) -> Card:
        """Put an adapter into production: the tuned modes answer with it from now on. An endpoint has it by then, else
        nothing changes."""
        from metier.tuning import base_model

        runtime = self._runtime
        if self._endpoint is not None:
            card = self.get(reference)
            self.load(card)
            return self.registry.promote(card.reference, card.base_fingerprint)
        return self.registry.promote(reference, base_model.fingerprint(runtime.settings, runtime.folder))

    def rollback(self, groups: Sequence[str] | None = None) -> Card | None:
        """Back to what was in production before; None = the base alone. Raises `InputError` where nothing is for this
        reader."""
        from metier.tuning.adapters import none_in_production

        if self.production(groups) is None:
            raise none_in_production()
        return self.registry.rollback()

    def export_parity(
        self,
        reference: str,
        questions: Sequence[Question] = (),
        *,
        limit: int = PARITY_CASES,
        tolerance: float | None = None,
        tell: Callable[[int, int, str], None] | None = None,
    ) -> ExportParity:
        """Whether the adapter is the same in torch, merged, as GGUF, and behind the endpoint where the expert answers
        by one. It is asked `limit` training rows, drawn once, and as many of `questions`. `tolerance`: as set in
        [flow], nats a token. Raises `InputError` where there is nothing to ask, `ModelError`."""
        from metier.evaluation import export_parity

        runtime, card = self._runtime, self.get(reference)
        self.registry.check(card)
        cases = self._parity_cases(questions, limit)
        if not cases:
            raise InputError(
                "there is nothing to ask the adapter, so that its forms cannot be compared",
                hint="Bring in what it was trained on with `metier dataset import FILE`, or exam questions.",
            )
        with needing("tune"):
            return export_parity.export_parity(
                runtime.settings, runtime.folder, self.registry.folder(card), card, cases,
                server=runtime.generator if runtime.settings.generation.behind_endpoint else None,
                tolerance=runtime.settings.flow.parity_tolerance if tolerance is None else tolerance, tell=tell,
            )  # fmt: skip

    def export(
        self,
        reference: str,
        to: Path,
        form: str = "merged",
        *,
        check: bool = True,
        questions: Sequence[Question] = (),
        tell: Callable[[str], None] | None = None,
    ) -> Export:
        """Write the adapter for use elsewhere to the new folder `to`. `check`: hold what was written against the
        adapter, see `export_parity`, and refuse it where it is not the same; the folder itself (peft) needs none.
        `tell`: what is being done. Raises `InputError`, `ModelError` where it is refused, `StoreError`."""
        from metier.evaluation import export_parity
        from metier.tuning import exporting

        runtime, found, tell = self._runtime, list[export_parity.FormParity](), tell or (lambda _what: None)
        cases = self._parity_cases(questions, PARITY_CASES) if check and form != "peft" else []

        def hold(folder: Path) -> None:
            tell("checking")
            adapter = self.registry.folder(self.get(reference))
            tolerance = runtime.settings.flow.parity_tolerance
            found.append(
                export_parity.exported(folder, form, runtime.settings, runtime.folder, adapter, cases, tolerance)
            )
            if found[-1].problem:
                raise ModelError(
                    f"the export is refused: {found[-1].problem}",
                    where=reference,
                    hint="Another form may do: --as peft is the adapter itself. --no-check exports it all the same.",
                )

        with needing("tune"):
            tell("writing")
            files = exporting.export(
                runtime.settings, runtime.folder, self.registry, reference, to, form, hold if cases else None
            )
        reason = exporting.refused_by_vllm(to) if form == "peft" else ""
        notes = (f"vLLM will not load it: {reason}. `--as merged` can be served.",) if reason else ()
        return Export(tuple(files), found[0] if found else None, notes)

    def _parity_cases(self, questions: Sequence[Question], limit: int) -> list[ParityCase]:
        from metier.dataset.rows import Row
        from metier.evaluation.export_parity import ParityCase

        rows = [*_drawn(self._dataset.rows(), limit)]
        rows += [Row(q.question, q.answers[0], language=q.language) for q in _drawn(questions, limit) if q.answers]
        language = self._runtime.settings.language
        return [
            ParityCase(tuple(row.prompt()), (row.completion,), row.language or language)
            for row in self._dataset.as_asked(rows)
        ]

    def may_read_rows(self, groups: Sequence[str] | None) -> bool:
        """Whether a reader may read all that a run on the training data as it is now learns."""
        return groups is None or may_read(groups, self._dataset.learned_from(self._dataset.rows()).groups)

    def in_use(self, reference: str | None = None, groups: Sequence[str] | None = None) -> Card:
        """The adapter of a tuned mode, None = the one in production, loaded beside the base if it is not yet.
        Raises `InputError` where there is none for this reader, or it belongs to other weights."""
        card = self.get(reference, groups) if reference else self.production(groups)
        if card is None:
            raise InputError(
                "no adapter is in production",
                hint="Make one with `metier tune`, then `metier adapters promote NAME`; or name one with --adapter.",
            )
        self.load(card)
        return card

    def for_sql(self, groups: Sequence[str] | None = None) -> str | None:
        """The adapter that writes queries, loaded; None where none is set in [answering], or it is not for this
        reader. Raises as `in_use`."""
        reference = self._runtime.settings.answering.sql_adapter
        if reference is None:
            return None
        card = self.registry.get(reference)
        if not self.may_use(card, groups):
            return None
        self.load(card)
        return card.reference

    def has_loaded(self, card: Card) -> bool:
        if (endpoint := self._endpoint) is not None:
            return card.reference in endpoint.adapters
        return card.reference in self._runtime.served_adapters

    def fitting(self, cards: Sequence[Card]) -> list[Card]:
        """Those that belong to the weights that answer now; all of them where those cannot be told."""
        settings = self._runtime.settings
        if not cards:
            return []
        if settings.generation.behind_endpoint:
            return [card for card in cards if settings.tuning.base in (None, card.base)]
        from metier.tuning import base_model

        try:
            own = base_model.fingerprint(settings, self._runtime.folder)
        except MetierError:  # trying to promote one says what is wrong
            return list(cards)
        return [card for card in cards if card.base_fingerprint == own]

    @property
    def _endpoint(self) -> EndpointGenerator | None:
        """The endpoint that answers, None where the model is on this machine."""
        if not self._runtime.settings.generation.behind_endpoint:
            return None
        from metier.generation.endpoint import EndpointGenerator

        generator = self._runtime.generator
        return generator if isinstance(generator, EndpointGenerator) else None

    def load(self, card: Card, *, beside: bool = False) -> None:
        """Have the model load an adapter, see `Runtime.serve_adapters`; an endpoint is asked for it. Raises as
        `in_use`, `EndpointError`; the old one answers on then."""
        from metier.tuning import base_model
        from metier.tuning.tune import served

        runtime = self._runtime
        with self._loading:
            if self.has_loaded(card):
                return
            if (endpoint := self._endpoint) is not None:
                self._require_at(endpoint, card)
                return
            card.require_base(base_model.fingerprint(runtime.settings, runtime.folder))
            made = served(self.registry, card, runtime.settings, runtime.folder)
            loaded = [*runtime.served_adapters.items(), (card.reference, made)]
            for_sql = [each for each in loaded if self._is_for_sql(each[0])][-1:]
            others = [each for each in loaded if not self._is_for_sql(each[0])][-_LOADED:]
            runtime.serve_adapters(dict([*for_sql, *others]), beside=beside)

    def _require_at(self, endpoint: EndpointGenerator, card: Card) -> None:
        """The weights are elsewhere: of the base only its name can be compared, and what the endpoint says."""
        from metier.tuning import exporting

        base = self._runtime.settings.tuning.base
        if base not in (None, card.base):
            raise InputError(
                f"{card.reference} was trained on {card.base}, and this expert's base is {base}",
                where="tuning.base",
                hint="Let the endpoint serve that base, and name it there; or train again with `metier tune`.",
            )
        self.registry.check(card)
        try:
            endpoint.adapters.require(card.reference)
        except EndpointError as error:
            if reason := exporting.refused_by_vllm(self.registry.folder(card)):
                error.hint = f"vLLM serves it in no way: {reason}. Merge it with `metier adapters export --as merged`."
            raise

    def _is_for_sql(self, reference: str) -> bool:
        named = self._runtime.settings.answering.sql_adapter
        return named is not None and reference.partition("@")[0] == named.partition("@")[0]


def _drawn(items: Sequence[T], limit: int) -> list[T]:
    """At most `limit` of them, spread evenly: the same of the same items."""
    return [items[n * len(items) // limit] for n in range(limit)] if len(items) > limit else list(items)


def _is_open(card: Card, groups: Sequence[str], closed: set[str]) -> bool:
    """`closed`: uris of documents that a reader with these groups may not read now."""
    if card.groups is None:
        return not closed
    return may_read(groups, card.groups) and not closed & set(card.documents)
