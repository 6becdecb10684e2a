"""`PreferenceService`: preference pairs from what people said of answers, and adapters tuned on them (DPO)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from metier.core import settings as settings_module
from metier.core.errors import needing
from metier.core.groups import may_read, required_by
from metier.core.modes import FROM_DOCUMENTS
from metier.runtime import Runtime
from metier.services.adapters import AdapterService
from metier.services.corrections import CorrectionService
from metier.services.datasets import DatasetService

if TYPE_CHECKING:  # needed by few verbs, and importing them costs the others time
    from metier.core.documents import Passage
    from metier.core.groups import Required
    from metier.core.questions import Question
    from metier.dataset.preferences import PreferencePair
    from metier.feedback.preferred_answers import PreferredAnswer
    from metier.tuning.adapters import Card
    from metier.tuning.trainers.lora import Tick

BASE = "base"  # named as the start of a run: no adapter


@dataclass(frozen=True, slots=True)
class Preferences:
    """`pairs`: in the order in which they were judged. `left_out`: reasons, and how many pairs each cost."""

    pairs: tuple[PreferencePair, ...]
    left_out: Mapping[str, int]

    @property
    def origins(self) -> Mapping[str, int]:
        """How many are of corrections, and how many of thumbs alone."""
        return dict(Counter(pair.chosen.origin.partition(":")[0] for pair in self.pairs).most_common())


class PreferenceService:
    def __init__(
        self, runtime: Runtime, dataset: DatasetService, adapters: AdapterService, corrections: CorrectionService
    ) -> None:
        self._runtime, self._dataset, self._adapters, self._corrections = runtime, dataset, adapters, corrections

    def pairs(
        self,
        *,
        groups: tuple[str, ...] | None = (),
        exam: Sequence[Question] = (),
        tell: Callable[[int, int], None] | None = None,
    ) -> Preferences:
        """What people judged, each with the prompt as it would be asked now. `groups`: what a reader with these may
        read, None = all. `exam`: questions that are not trained on. `tell`: pairs done, of how many."""
        from metier.dataset import leaks
        from metier.feedback.preferred_answers import preferred

        found = preferred(self._corrections.feedback(), self._corrections.all())
        now, uris = self._dataset.groups_now(), self._documents()
        writers = {name for each in found for name in each.adapters}
        adapters = {
            card.reference: self._adapters.required(card)
            for card in (self._adapters.registry.cards() if writers else ())
            if card.reference in writers
        }
        made: list[PreferencePair] = []
        left_out: Counter[str] = Counter()
        for number, each in enumerate(found):
            if tell is not None:
                tell(number, len(found))
            required = self._required(each, now, uris, adapters)
            if isinstance(required, str):
                left_out[required] += 1
            elif not may_read(groups, required):
                left_out["not everybody may read what they say"] += 1
            else:
                made.append(self._pair(each, groups, required, now))
        with needing("tune"):
            asked = {pair.first for pair in leaks.find([p.chosen for p in made], exam, self._runtime.settings.language)}
        left_out["the exam asks the same"] += len(asked)
        kept = tuple(pair for number, pair in enumerate(made) if number not in asked)
        return Preferences(kept, {reason: count for reason, count in left_out.items() if count})

    def tune(
        self,
        name: str | None = None,
        *,
        start: str | None = None,
        groups: tuple[str, ...] | None = (),
        exam: Sequence[Question] = (),
        resume: bool = False,
        anew: bool = False,
        tell: Callable[[int, int], None] | None = None,
        on_step: Callable[[Tick], None] | None = None,
        **changes: object,
    ) -> Card:
        """Train by DPO on `pairs`, and keep the adapter as the next version of `name` (default: the expert's name).
        `start`: the adapter that it starts from, "base" = none, None = the one in production if there is one. Others as
        in `pairs` and `AdapterService.tune`. Raises `InputError` where there are too few pairs."""
        from metier.dataset.provenance import Provenance
        from metier.tuning.adapters import name_for
        from metier.tuning.tune import tune_on_preferences

        runtime = self._runtime
        settings = settings_module.with_tuning(runtime.settings, changes)
        chosen = name or name_for(runtime.settings.name)
        found = self.pairs(groups=groups, exam=exam, tell=tell)
        card = self._start(start, groups)
        rows = [pair.chosen for pair in found.pairs]
        learned = self._dataset.learned_from(rows)
        if card is not None:  # what it had learned it may still tell
            known = required_by([*learned.groups, *self._adapters.required(card)])
            learned = Provenance(tuple(sorted({*learned.documents, *card.documents})), known)
        with needing("trl"):
            try:
                return tune_on_preferences(
                    settings, found.pairs, runtime.folder, runtime.state_folder, chosen,
                    start=card, learned=learned, record=self._dataset.record(rows), resume=resume, anew=anew,
                    on_step=on_step,
                )  # fmt: skip
            finally:
                runtime.settle_permissions()

    def _start(self, named: str | None, groups: Sequence[str] | None) -> Card | None:
        if named == BASE:
            return None
        return self._adapters.get(named, groups) if named else self._adapters.production(groups)

    def _documents(self) -> dict[str, str]:
        """Ids of the documents in the store, to uris."""
        if not self._dataset.has_store:
            return {}
        return {identity: uri for uri, identity in self._runtime.store.uris().items()}

    def _required(
        self,
        each: PreferredAnswer,
        now: Mapping[str, Sequence[str]],
        uris: Mapping[str, str],
        adapters: Mapping[str, Required],
    ) -> Required | str:
        """What it takes to be told either answer; the reason where that cannot be known. `adapters`: what it takes to
        be told what those learned that wrote answers."""
        cited = [uris.get(passage.get("document_id", "")) for passage in each.cited]
        if None in cited:
            return "they cite a document that is gone"
        if not set(each.adapters) <= adapters.keys():
            return "the adapter that wrote them is gone"
        of_adapters = [one for name in each.adapters for one in adapters[name]]
        correction = each.correction
        own = [correction.groups, *(now.get(uri, ()) for uri in correction.documents)] if correction else []
        anything = () if each.is_traced else now.values()  # as of a row whose documents nobody knows
        return required_by([*of_adapters, *own, *anything, *(now.get(uri, ()) for uri in cited if uri)])

    def _pair(
        self,
        each: PreferredAnswer,
        groups: tuple[str, ...] | None,
        required: Required,
        now: Mapping[str, Sequence[str]],
    ) -> PreferencePair:
        from metier.dataset import provenance
        from metier.dataset.preferences import PreferencePair
        from metier.dataset.rows import Row
        from metier.synthesis.raft import finding
        from metier.text.detection import detect

        shown: tuple[Passage, ...] = ()
        if self._dataset.has_store and each.rejected.mode in ("", *FROM_DOCUMENTS):
            shown = finding(self._runtime.answerer, groups)(each.question).shown
        documents = each.correction.documents if each.correction else ()
        row = Row(
            each.question, each.chosen, kind="preference", context=shown, documents=documents, groups=required,
            language=detect(each.question, self._runtime.settings.language), origin=each.origin,
        )  # fmt: skip
        row = self._dataset.as_asked([provenance.placed(row, now)])[0]
        return PreferencePair(row, each.rejected.answer)
