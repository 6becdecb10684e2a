"""The contract of a metric that another package adds (`metier.metrics`)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Protocol

from metier.core import plugins
from metier.core.questions import Question
from metier.evaluation.records import Record


class Metric(Protocol):
    """One figure of an answer, 0..1, more is better.

    `name`: its key in `metier compare --json`. `words`: code of a language to what it is called there and what it says,
    for the report; English where a language is missing. `compared`: whether two modes are compared in it, question by
    question, beside the built-in ones.
    """

    @property
    def name(self) -> str: ...

    @property
    def words(self) -> Mapping[str, tuple[str, str]]: ...

    @property
    def compared(self) -> bool: ...

    def measure(self, question: Question, record: Record, said: str) -> float | None:
        """None where it does not apply to the question. `said`: the answer's text, "" where it was refused."""
        ...


@cache
def added() -> tuple[Metric, ...]:
    """Those that are installed, in order of their names."""
    return tuple(plugins.load(plugins.METRICS, name) for name in plugins.names(plugins.METRICS))
