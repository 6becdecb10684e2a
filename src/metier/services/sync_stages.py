"""What a sync does with documents, and where: in this process, or on a Ray cluster."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from metier.ingestion.preparation import Preparation
from metier.ingestion.stages import IngestionStages, LocalStages
from metier.parsing import Parser
from metier.runtime import Runtime


@contextmanager
def stages_of(
    runtime: Runtime, parser: Parser, *, describes: bool, on: str | None
) -> Iterator[tuple[Preparation, IngestionStages]]:
    """`describes`: whether a vision model is set. `on`: None = here, else as `metier sync --on`. Raises `InputError`,
    `ClusterError`."""
    settings, embedder = runtime.settings, runtime.embedder
    preparation = Preparation(
        parser, embedder, runtime.analyser, settings.language, settings.passages, settings.parsing.timeout_seconds,
        describes,
    )  # fmt: skip
    if on is None:
        yield preparation, LocalStages(preparation, embedder)
        return
    from metier.cluster.ingestion import connected

    with connected(on, settings, runtime.folder, embedder, parser.version) as stages:
        yield preparation, stages
