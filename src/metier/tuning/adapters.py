"""The adapters of an expert: each with a name and a version, one of them in production.

    adapters/
      NAME/1/             adapter_config.json and adapter_model.safetensors, the folder that PEFT and vLLM load
             card.json    what it was made of and how it did; README.md: the same for people and for Hugging Face
             learned.json hashes of what it was trained on
             metrics.jsonl, adapter.gguf

Which one answers, and which did before it, stands in the expert's state.
Nothing pickled is ever loaded. A version is written beside and renamed, and never changed afterwards but for the
results of its exams.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import regex

from metier.answering import closed_answers
from metier.core.atomic import write_text
from metier.core.errors import InputError, ModelError, StoreError
from metier.core.groups import Required, from_json
from metier.core.permissions import make_folder
from metier.core.settings import STATE_FILE
from metier.state import promotions
from metier.state.place import Place
from metier.tuning import model_card

if TYPE_CHECKING:
    from peft import PeftModel

_NAME = regex.compile(r"[\p{L}\p{M}\p{N}][\p{L}\p{M}\p{N}._-]{0,63}")


@dataclass(frozen=True, slots=True)
class Card:
    """What is known of an adapter. `base`, `base_fingerprint`: the weights it belongs to. `dataset`: hash of the rows
    it learned. `settings`: of the run. `result`: what the run was like. `exam`: metric to value; `intervals`: metric to
    the ends of its 95% interval and the number of questions. `language`: of the expert. `documents`: uris of those that
    the rows were written from; `groups`: what it took to read all of them when it was tuned, None where an older
    version did not note that. `state`: "production", "retired" (was in production) or "candidate"; it is not kept on
    the card but follows from what is promoted."""

    name: str
    version: int
    base: str
    base_fingerprint: str
    dataset: str
    settings: dict[str, Any]
    result: dict[str, Any]
    created: str = ""
    exam: dict[str, Any] = field(default_factory=dict)
    intervals: dict[str, tuple[float, float, int]] = field(default_factory=dict)
    language: str = ""
    documents: tuple[str, ...] = ()
    groups: Required | None = None
    state: str = "candidate"

    @property
    def reference(self) -> str:
        return f"{self.name}@{self.version}"

    def require_base(self, fingerprint: str) -> None:
        """Raises `InputError` where the adapter belongs to other weights."""
        if self.base_fingerprint != fingerprint:
            raise InputError(
                f"{self.reference} was trained on {self.base} ({self.base_fingerprint}), and this expert's model has "
                f"other weights ({fingerprint})",
                hint=f"Set `[generation] model` back to {self.base}, or train again with `metier tune`.",
            )

    @property
    def labels(self) -> frozenset[str]:
        """What it was taught to decide between, normalised; empty where that is not what it learned."""
        return frozenset(map(closed_answers.normalise, self.result.get("labels", ())))

    @property
    def method(self) -> str:
        method: str = self.settings.get("method", "")
        return method


def check_name(name: str) -> None:
    """Raises `InputError` for what cannot be the name of an adapter: it is the name of a folder, too."""
    if not _NAME.fullmatch(name):
        raise InputError(
            f"{name!r} cannot be the name of an adapter",
            hint="Use at most 64 letters, digits, dots, hyphens and underscores; begin with a letter or digit.",
        )


def name_for(expert: str) -> str:
    """A name for the adapters of an expert that is called `expert`."""
    return regex.sub(r"[^\p{L}\p{M}\p{N}._-]+", "-", expert).strip("._-")[:64] or "adapter"


class Registry:
    """The adapters below one folder. `state`: says which of them was promoted, None = the file beside it. Readers and
    one writer may work at the same time."""

    def __init__(self, folder: Path, state: Place | None = None) -> None:
        self._folder = folder
        self._state = folder.parent / STATE_FILE if state is None else state

    def add(self, model: PeftModel, card: Card, finish: Callable[[Path], object] | None = None) -> Card:
        """Keep the adapter in `model` as the next version of `card.name`. `finish`: adds files to its folder before it
        gets its place. Raises `InputError` for a bad name, `StoreError` where it cannot be written."""
        check_name(card.name)
        versions = self._folder / card.name
        make_folder(versions)
        version = 1 + max((int(path.name) for path in versions.iterdir() if path.name.isdigit()), default=0)
        card = replace(card, version=version, created=datetime.now(UTC).isoformat(timespec="seconds"))
        part = versions / f"{version}.part"
        shutil.rmtree(part, ignore_errors=True)
        try:
            model.save_pretrained(part, safe_serialization=True)  # type: ignore[arg-type]  # a Path will do, too
            if finish is not None:
                finish(part)
            self._write_card(part, card)
            part.rename(versions / str(version))
        except OSError as error:
            raise StoreError(
                f"the adapter could not be written ({error.strerror or error})",
                where=str(versions),
                hint="Free some space, then `metier tune --resume`: the run is kept.",
            ) from error
        return card

    def cards(self) -> list[Card]:
        """All versions of all adapters, by name, newest first."""
        found = [path for path in self._folder.glob("*/*/card.json") if path.parent.name.isdigit()]
        standing = promotions.standing(self._state) if found else []
        cards = [_read(path, standing) for path in found]
        return sorted(cards, key=lambda card: (card.name, -card.version))

    def get(self, reference: str) -> Card:
        """`NAME` (its newest version) or `NAME@VERSION`. Raises `InputError` naming those that exist."""
        return find(self.cards(), reference)

    def folder(self, card: Card) -> Path:
        return self._folder / card.name / str(card.version)

    def production(self) -> Card | None:
        """The adapter that answers; None before the first was promoted."""
        standing = promotions.standing(self._state)
        return self.get(standing[-1]) if standing else None

    def promote(self, reference: str, base_fingerprint: str) -> Card:
        """Put an adapter into production. Raises `InputError` where it belongs to other weights than the expert's,
        `ModelError` where its file is damaged."""
        card = self.get(reference)
        card.require_base(base_fingerprint)
        self.check(card)
        promotions.promote(self._state, card.reference)
        return self.get(card.reference)

    def rollback(self) -> Card | None:
        """Back to what was in production before; None = the base alone. Raises `InputError` where nothing is."""
        if promotions.roll_back(self._state) is None:
            raise none_in_production()
        return self.production()

    def check(self, card: Card) -> None:
        """Raises `ModelError` where the adapter's file was cut or is missing."""
        from safetensors import SafetensorError, safe_open

        path = self.folder(card) / "adapter_model.safetensors"
        try:
            with safe_open(path, "np") as file:
                names = list(file.keys())
        except (OSError, SafetensorError) as error:
            raise ModelError(
                f"the file of {card.reference} is damaged ({error})",
                where=str(path),
                hint="Restore it from a backup, or train again with `metier tune`.",
            ) from None
        if not names:
            raise ModelError(f"the file of {card.reference} holds nothing", where=str(path))

    def note_exam(
        self,
        card: Card,
        results: Mapping[str, float | str],
        intervals: Mapping[str, tuple[float, float, int]] | None = None,
    ) -> None:
        """Add exam results to a card. `intervals`: of some of them, see `Card`."""
        kept, known = self.get(card.reference), dict(intervals or {})
        left = {name: value for name, value in kept.intervals.items() if name not in results}
        noted = replace(kept, exam={**kept.exam, **results}, intervals={**left, **known})
        self._write_card(self.folder(kept), noted)

    def _write_card(self, folder: Path, card: Card) -> None:
        kept = {name: value for name, value in asdict(card).items() if name != "state"}
        write_text(folder / model_card.FILE_NAME, model_card.text(card))
        write_text(folder / "card.json", json.dumps(kept, indent=1, ensure_ascii=False))


def none_in_production() -> InputError:
    return InputError("no adapter is in production", hint="Put one there with `metier adapters promote NAME`.")


def find(cards: Sequence[Card], reference: str) -> Card:
    """`NAME` (the first of `cards` with it) or `NAME@VERSION`. Raises `InputError` naming those that there are."""
    name, _, version = reference.partition("@")
    for card in cards:
        if card.name == name and version in ("", str(card.version)):
            return card
    known = ", ".join(card.reference for card in cards) or "none; `metier tune` makes one"
    raise InputError(f"there is no adapter {reference!r}", hint=f"There are: {known}.")


def _read(path: Path, standing: Sequence[str]) -> Card:
    """A card with its state, which follows from what was promoted."""
    try:
        card = Card(**json.loads(path.read_text(encoding="utf-8")))
        groups = None if card.groups is None else from_json(card.groups)
        intervals = {name: (low, high, n) for name, (low, high, n) in card.intervals.items()}
        card = replace(card, documents=tuple(card.documents), groups=groups, intervals=intervals)
    except (OSError, ValueError, TypeError) as error:
        raise StoreError(f"cannot be read ({error})", where=str(path), hint="Restore it from a backup.") from None
    if card.reference in standing[-1:]:
        return replace(card, state="production")
    return replace(card, state="retired" if card.reference in standing else "candidate")
