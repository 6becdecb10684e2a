"""`AdapterService`: adapters trained on an expert's dataset, loaded beside its model, and put into production."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from metier.core import settings as settings_module
from metier.core.errors import InputError, needing
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
        resume: bool = False,
        anew: bool = False,
        exam: Sequence[Question] = (),
        on_step: Callable[[Tick], None] | None = None,
        **changes: object,
    ) -> Card:
        """Train an adapter on the dataset with the settings of `[tuning]`, and keep it as the next version of `name`
        (default: the expert's name). `resume`: go on with a run that was interrupted, `anew`: throw it away. `exam`:
        questions that must not be in the data; one that is stops the run. `changes`: settings of `[tuning]` for this
        run alone."""
        from metier.dataset import leaks
        from metier.tuning.adapters import name_for
        from metier.tuning.tune import tune

        runtime = self._runtime
        settings = settings_module.with_tuning(runtime.settings, changes)
        chosen, rows = name or name_for(runtime.settings.name), self._dataset.rows_as_asked()
        with needing("tune"):
            leaks.refuse(rows, exam, runtime.settings.language)
            return tune(
                settings, rows, runtime.folder, runtime.state_folder, chosen, resume=resume, anew=anew, on_step=on_step
            )

    def promote(self, reference: str) -> Card:
        """Put an adapter into production: the tuned modes answer with it from now on."""
        from metier.tuning import base_model

        return self.registry.promote(reference, base_model.fingerprint(self._runtime.settings, self._runtime.folder))

    def in_use(self, reference: str | None = None) -> Card:
        """The adapter of a tuned mode, None = the one in production, loaded beside the base if it is not yet.
        Raises `InputError` where there is none, or it belongs to other weights."""
        card = self.registry.get(reference) if reference else self.registry.production()
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
