"""What the services that examine an expert share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from metier.answering.answer import Answer
from metier.runtime import Runtime
from metier.services.adapters import AdapterService
from metier.services.datasets import DatasetService
from metier.services.exam import ExamService


@dataclass(frozen=True, slots=True)
class Parts:
    """`ask`: answers a question in a mode, as `Expert.ask`. `reopened`: opens the same expert in another process, and
    can be pickled."""

    runtime: Runtime
    dataset: DatasetService
    adapters: AdapterService
    exam: ExamService
    ask: Callable[..., Answer]
    reopened: Callable[[], Parts]
