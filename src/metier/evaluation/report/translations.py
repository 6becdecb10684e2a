"""The page's own words, in the languages there are; one file a language beside this one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from metier.evaluation.metrics.base import added
from metier.evaluation.report.markup import Html, filled, join

LANGUAGES = ("en", "bn")


@dataclass(frozen=True, slots=True)
class ReportTranslations:
    """`language`: BCP-47 code of the words, which is English where a page was wanted in a language without words."""

    language: str
    known: dict[str, str]

    @classmethod
    def of(cls, language: str) -> ReportTranslations:
        code = language.split("-")[0]
        code = code if code in LANGUAGES else LANGUAGES[0]
        text = files(__package__).joinpath(f"words.{code}.json").read_text(encoding="utf-8")
        return cls(code, json.loads(text) | _of_added_metrics(code))

    def __call__(self, key: str, **values: Any) -> Html:
        """Raises `KeyError` for a key that no page has."""
        return filled(self.known[key], values)

    def name(self, group: str, value: str) -> str:
        """What a value of the data is called (a kind, a metric, a cause): as it stands where it has no name here."""
        return self.known.get(f"{group}.{value}", value.replace("_", " "))

    def listed(self, items: Sequence[Any]) -> Html:
        """`a, b and c`."""
        *first, last = items
        if not first:
            return join([last])
        return self("and", first=join([first[0], *([", ", item] for item in first[1:])]), last=last)


def _of_added_metrics(language: str) -> dict[str, str]:
    """What metrics of other packages are called."""
    known: dict[str, str] = {}
    for metric in added():
        name, explained = metric.words.get(language) or metric.words["en"]
        known |= {f"metric.{metric.name}": name, f"explained.{metric.name}": explained}
    return known
