"""`AdapterService`: adapters trained on an expert's dataset, loaded beside its model, and put into production.

What an adapter learned it may tell. So it is for those readers alone who may read all documents that its rows were
written from, as these are now and as they were when it was tuned; to others it is as if it were not there. `groups`:
those of a reader, None = all documents. An adapter of a version that did not note its documents is for readers of all
documents, unless every document of the expert is public.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from metier.core import settings as settings_module
from metier.core.errors import InputError, needing
from metier.core.groups import Required, may_read, required_by
from metier.runtime import Runtime
from metier.services.datasets import DatasetService

if TYPE_CHECKING:  # needed by few verbs, and importing them costs the others time
    from metier.core.questions import Question
    from metier.tuning.adapters import Card, Registry
    from metier.tuning.trainers.lora import Tick

_LOADED = 2  # adapters that a model has loaded at most: the one in production and the one before it


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

        return Registry(self._runtime.state_folder / "adapters")

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
        """Put an adapter into production: the tuned modes answer with it from now on."""
        from metier.tuning import base_model

        return self.registry.promote(reference, base_model.fingerprint(self._runtime.settings, self._runtime.folder))

    def rollback(self, groups: Sequence[str] | None = None) -> Card | None:
        """Back to what was in production before; None = the base alone. Raises `InputError` where nothing is for this
        reader."""
        from metier.tuning.adapters import none_in_production

        if self.production(groups) is None:
            raise none_in_production()
        return self.registry.rollback()

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

    def has_loaded(self, card: Card) -> bool:
        return card.reference in self._runtime.served_adapters

    def load(self, card: Card, *, beside: bool = False) -> None:
        """Have the model load an adapter, see `Runtime.serve_adapters`. Raises as `in_use`; the old one answers on
        then."""
        from metier.tuning import base_model
        from metier.tuning.tune import served

        runtime = self._runtime
        with self._loading:
            if self.has_loaded(card):
                return
            card.require_base(base_model.fingerprint(runtime.settings, runtime.folder))
            kept = list(runtime.served_adapters.items())[1 - _LOADED :]
            made = served(self.registry, card, runtime.settings, runtime.folder)
            runtime.serve_adapters(dict([*kept, (card.reference, made)]), beside=beside)


def _is_open(card: Card, groups: Sequence[str], closed: set[str]) -> bool:
    """`closed`: uris of documents that a reader with these groups may not read now."""
    if card.groups is None:
        return not closed
    return may_read(groups, card.groups) and not closed & set(card.documents)
