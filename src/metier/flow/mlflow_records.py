"""A run of the flow, its figures and its adapters written to MLflow, where `[flow] mlflow` names a server.

    experiment   the expert's name
    run          one of the flow: settings as parameters, figures as metrics, its outcome as tags
    model        the name of the adapters; a version for each that was examined or in production, with its files
    aliases      champion: in production; challenger: a candidate that waits or was not taken

Written again, the same run and versions are found by their tags, and nothing is there twice. A server that cannot be
reached, or refuses, is a warning: what the flow decided stands in the expert's own state.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import regex

from metier.core.errors import MetierError
from metier.flow.mlflow_client import MlflowClient
from metier.tuning import gguf_adapter, model_card
from metier.tuning.adapters import Card

CHAMPION, CHALLENGER = "champion", "challenger"
_RUN, _ADAPTER = "metier.run", "metier.adapter"  # tags by which things are found again
_FILES = (
    model_card.FILE_NAME, "adapter_config.json", "adapter_model.safetensors", gguf_adapter.FILE_NAME, "metrics.jsonl",
)  # fmt: skip
_AT_ONCE = 90  # parameters of one call, of which MLflow takes 100
_LONGEST = 500  # characters of a value
_NOT_IN_NAMES = regex.compile(r"[^\p{L}\p{N}_\-./ ]+")

Status = Literal["RUNNING", "FINISHED", "FAILED", "KILLED"]


@dataclass(frozen=True, slots=True)
class KeptAdapter:
    """`folder`: where its files are."""

    card: Card
    folder: Path


@dataclass(frozen=True, slots=True)
class RunRecord:
    """`run`: what tells it from others of this expert, as its number. `started`, `ended`: ISO 8601, `ended` "" while it
    runs. `metrics`: by name; NaN is left out. `champion`, `challenger`: adapters that get these aliases; None = no
    version has it from now on."""

    run: str
    started: str
    ended: str
    status: Status
    params: Mapping[str, object] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    champion: KeptAdapter | None = None
    challenger: KeptAdapter | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """`run_id`: of MLflow, None where nothing could be written. `warnings`: what could not, and why."""

    run_id: str | None
    warnings: tuple[str, ...] = ()


def record(address: str, expert: str, run: RunRecord) -> Recorded:
    """Write it; never raises for what the server does. `expert`: its name."""
    run_id = None
    try:
        with MlflowClient(address) as client:
            info = _run(client, expert, run)
            run_id = str(info["run_id"])
            _figures(client, run_id, run)
            warnings = _adapters(client, info, run)
            _end(client, run_id, run)
            return Recorded(run_id, tuple(warnings))
    except (MetierError, OSError, KeyError, TypeError) as error:
        why = error.message if isinstance(error, MetierError) else f"{type(error).__name__}: {error}"
        return Recorded(run_id, (f"Not written to MLflow: {why}",))


def _run(client: MlflowClient, expert: str, run: RunRecord) -> dict[str, Any]:
    """The run, made where it is not there: `run_id` and `artifact_uri` are among what is known of it."""
    experiment = client.experiment(_name(expert))
    wanted = _name(run.run)
    known = client.find_run(experiment, _RUN, wanted)
    if known is not None:
        return known
    made = client.post("runs/create", {
        "experiment_id": experiment, "run_name": f"flow {wanted}", "start_time": _milliseconds(run.started),
        "tags": [{"key": _RUN, "value": wanted}],
    })  # fmt: skip
    info: dict[str, Any] = made["run"]["info"]
    return info


def _figures(client: MlflowClient, run_id: str, run: RunRecord) -> None:
    now = _milliseconds(run.ended or run.started)
    metrics = [
        {"key": _name(name), "value": value, "timestamp": now, "step": 0}
        for name, value in run.metrics.items()
        if math.isfinite(value)
    ]
    params = [{"key": _name(name), "value": _value(value)} for name, value in run.params.items()]
    tags = [{"key": _name(name), "value": _value(value)} for name, value in run.tags.items()]
    client.post("runs/log-batch", {"run_id": run_id, "metrics": metrics, "tags": tags})
    for some in _parts(params):
        client.post("runs/log-batch", {"run_id": run_id, "params": some})


def _adapters(client: MlflowClient, info: Mapping[str, Any], run: RunRecord) -> list[str]:
    warnings: list[str] = []
    models: dict[str, dict[str, str]] = {}  # of each model: alias to version
    for alias, kept in ((CHAMPION, run.champion), (CHALLENGER, run.challenger)):
        if kept is not None:
            version, warned = _version(client, info, kept)
            models.setdefault(kept.card.name, {})[alias] = version
            warnings += warned
    for model, aliases in models.items():
        for alias in (CHAMPION, CHALLENGER):
            if alias in aliases:
                client.set_alias(model, alias, aliases[alias])
            else:
                client.drop_alias(model, alias)
    return warnings


def _version(client: MlflowClient, info: Mapping[str, Any], kept: KeptAdapter) -> tuple[str, list[str]]:
    """The version of an adapter in the registry, made with its files where it is not there; and what to warn of."""
    card = kept.card
    client.ensure_model(card.name)
    for known in client.versions(card.name):
        if {"key": _ADAPTER, "value": card.reference} in known.get("tags", ()):
            return str(known["version"]), []
    place, artifacts = f"adapters/{card.name}-{card.version}", str(info["artifact_uri"])
    warnings = []
    try:
        for name in _FILES:
            if (kept.folder / name).exists():
                client.upload(artifacts, f"{place}/{name}", kept.folder / name)
    except MetierError as error:
        warnings.append(f"The files of {card.reference} are not in MLflow: {error.message}")
    told = {
        _ADAPTER: card.reference, "metier.dataset": card.dataset, "metier.base": card.base_fingerprint,
        "metier.method": card.method,
    }  # fmt: skip
    made = client.post("model-versions/create", {
        "name": card.name, "source": f"{artifacts}/{place}", "run_id": info["run_id"],
        "tags": [{"key": key, "value": value} for key, value in told.items()],
        "description": f"{card.reference}, {card.method}, made {card.created}",
    })  # fmt: skip
    return str(made["model_version"]["version"]), warnings


def _end(client: MlflowClient, run_id: str, run: RunRecord) -> None:
    ended = {"end_time": _milliseconds(run.ended)} if run.ended else {}
    client.post("runs/update", {"run_id": run_id, "status": run.status, **ended})


def _name(name: str) -> str:
    """As MLflow takes names of metrics, parameters, tags and experiments: `rag+tuned` is `rag_tuned`."""
    return _NOT_IN_NAMES.sub("_", name)[:250] or "_"


def _value(value: object) -> str:
    text = str(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _parts(items: Sequence[dict[str, str]]) -> Iterator[Sequence[dict[str, str]]]:
    for first in range(0, len(items), _AT_ONCE):
        yield items[first : first + _AT_ONCE]


def _milliseconds(stamp: str) -> int:
    return int(datetime.fromisoformat(stamp).timestamp() * 1000)
