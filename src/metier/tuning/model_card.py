"""A model card in the form of Hugging Face (README.md with YAML in front), for whoever finds an adapter or an export.

It tells what the adapter belongs to, how it was made and how it did; of the data a hash and a count alone, because
names of documents and groups are nobody's business outside. JSON is YAML, so the values are written as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any, Literal, Protocol

from metier import __version__
from metier.core.groups import Required
from metier.models.catalog import CATALOG

FILE_NAME = "README.md"
_SETTINGS = ("method", "rank", "alpha", "learning_rate", "epochs", "max_steps", "batch", "max_length", "seed")
_UNSTATED = "unstated"
_WHEN = "at"  # of an exam: no metric

Form = Literal["peft", "merged"]


class Described(Protocol):
    """What of `adapters.Card` is told."""

    @property
    def reference(self) -> str: ...
    @property
    def base(self) -> str: ...
    @property
    def base_fingerprint(self) -> str: ...
    @property
    def dataset(self) -> str: ...
    @property
    def method(self) -> str: ...
    @property
    def settings(self) -> dict[str, Any]: ...
    @property
    def result(self) -> dict[str, Any]: ...
    @property
    def created(self) -> str: ...
    @property
    def exam(self) -> dict[str, Any]: ...
    @property
    def intervals(self) -> dict[str, tuple[float, float, int]]: ...
    @property
    def language(self) -> str: ...
    @property
    def documents(self) -> tuple[str, ...]: ...
    @property
    def groups(self) -> Required | None: ...


def text(card: Described, form: Form = "peft") -> str:
    """The whole README.md. `form`: the adapter alone, or merged into its base."""
    front = "\n".join(f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in _front(card, form).items())
    return f"---\n{front}\n---\n\n" + "\n".join(_body(card, form)) + "\n"


def base_on_hub(base: str) -> str | None:
    """`OWNER/NAME` of a base as metier.toml names it; None for a file or folder, whose path is nobody's business."""
    scheme, colon, name = base.partition(":")
    if colon:
        return "/".join(name.split("/")[:2]) if scheme == "hf" else None
    known = next((each for each in CATALOG if each.name == base), None)
    return known.source.partition(",")[0] if known else None


def _front(card: Described, form: Form) -> dict[str, Any]:
    base, licence = base_on_hub(card.base), card.settings.get("license")
    front: dict[str, Any] = {
        "base_model": base,
        "base_model_relation": "adapter" if form == "peft" else "finetune",
        "library_name": "peft" if form == "peft" else "transformers",
        "pipeline_tag": "text-generation",
        "language": card.language.partition("-")[0],
        "license": licence or "other",
        "license_name": None if licence else _UNSTATED,
        "tags": ["metier", card.method, *(["lora"] if card.method != "lora" else [])],
        "model-index": _results(card),
        "metier": {
            "adapter": card.reference, "version": __version__, "created": card.created, "dataset": card.dataset,
            "base_fingerprint": card.base_fingerprint,
        },
    }  # fmt: skip
    return {name: value for name, value in front.items() if value}


def _results(card: Described) -> list[dict[str, Any]]:
    metrics = [
        {"type": "score", "name": f"score, {mode}", "value": value} | _interval(card, mode)
        for mode, value in _metrics(card).items()
    ]
    if not metrics:
        return []
    task = {"type": "question-answering", "name": "Questions on the expert's own documents"}
    dataset = {"type": "private", "name": "the expert's own exam"}
    return [{"name": card.reference, "results": [{"task": task, "dataset": dataset, "metrics": metrics}]}]


def _interval(card: Described, mode: str) -> dict[str, Any]:
    known = card.intervals.get(mode)
    return {"args": {"interval_95": known[:2], "questions": known[2]}} if known else {}


def _metrics(card: Described) -> Mapping[str, float]:
    return {name: value for name, value in card.exam.items() if name != _WHEN and isinstance(value, int | float)}


def _body(card: Described, form: Form) -> Iterator[str]:
    base = base_on_hub(card.base) or _named(card.base)
    what = (
        f"A LoRA adapter ({card.method})" if form == "peft" else f"A LoRA adapter ({card.method}) merged into its base"
    )
    yield f"# {card.reference}"
    yield ""
    yield f"{what} on {base}, made by Métier {__version__} on {card.created[:10] or 'an unknown day'}."
    yield from ("", "## Intended use", "")
    yield (
        "Answers to questions of one trade, by the documents it was trained on. It was trained on prompts as Métier "
        "writes them, with the passages that were found, or without any; with other prompts it may do worse."
    )
    yield from ("", "## Limits", "")
    yield "- What has changed in the documents since it was trained it does not know, and it does not say so."
    yield "- Without passages in the prompt nothing shows where an answer stands."
    yield f"- It fits these weights alone: {base}, fingerprint {card.base_fingerprint}."
    if card.groups is None or card.groups:
        yield "- **It learned from documents that not everybody may read, and may tell of them: do not publish it.**"
    yield from ("", "## Training", "")
    yield from _table({
        "preference pairs": card.result.get("pairs"), "beta": card.result.get("beta"),
        "rows": card.result.get("rows"), "rows kept apart to validate": card.result.get("validation_rows"),
        "hash of the rows": card.dataset, "documents": len(card.documents) or None,
        "loss": card.result.get("loss"), "validation loss": card.result.get("validation_loss"),
        **{name: card.settings.get(name) for name in _SETTINGS},
    })  # fmt: skip
    yield from ("", "## Exam", "")
    metrics = _metrics(card)
    if not metrics:
        yield "It was not examined."
        return
    yield from ("| mode | score | 95% interval | questions |", "|---|---|---|---|")
    for mode, value in metrics.items():
        low, high, n = card.intervals.get(mode, ("", "", ""))
        yield f"| {mode} | {value:.3f} | {f'{low:.3f} to {high:.3f}' if n else 'not kept'} | {n} |"
    yield ""
    yield "Score: share of the answers that hold an accepted one; for questions that nothing answers, of the refusals."


def _table(values: Mapping[str, Any]) -> Iterator[str]:
    yield from ("| | |", "|---|---|")
    for name, value in values.items():
        if value is not None:
            yield f"| {name} | {f'{value:.4g}' if isinstance(value, float) else value} |"


def _named(base: str) -> str:
    """The last part of a path."""
    return PurePath(base.partition(":")[2] or base).name
