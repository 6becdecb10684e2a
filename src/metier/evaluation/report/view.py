"""A result as the parts of the page read it: its modes, its figures as text, and its prose with its language."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TypeGuard

from metier.core.modes import MODES, Mode
from metier.evaluation.report.markup import Html, join, tag
from metier.evaluation.report.translations import ReportTranslations
from metier.evaluation.result import ComparisonResult, Figure, Verdict
from metier.text.detection import detect

DASH = "–"
# A mode has one colour and one shape everywhere. Names of the style sheet's classes and of the shapes' ids.
CLASSES: dict[str, str] = {Mode.BASE: Mode.BASE, Mode.RAG: Mode.RAG, Mode.TUNED: Mode.TUNED, Mode.RAG_TUNED: "both"}
_OTHER = "other"
_MINUTE, _HOUR = 60, 3600


@dataclass(frozen=True)
class ReportView:
    """Any part of `result` may be missing; what is asked for here is then empty."""

    result: ComparisonResult
    words: ReportTranslations

    @cached_property
    def verdict(self) -> Verdict:
        return self.result.verdict or Verdict()

    @cached_property
    def modes(self) -> list[str]:
        """Those that were measured, in the order of `MODES`."""
        known = self.result.modes
        return [mode for mode in MODES if mode in known] + [mode for mode in known if mode not in MODES]

    @cached_property
    def anchors(self) -> dict[str, str]:
        """Question id to the id of its element: a question's id may hold anything, an element's may not."""
        return {row.id: anchor(number) for number, row in enumerate(self.result.answers)}

    def figure(self, mode: str, metric: str = "score") -> Figure:
        return self.result.modes.get(mode, {}).get(metric, Figure())

    def mode(self, mode: str) -> Html:
        """Its name beside its shape."""
        return tag("span", shape(mode), mode, class_=f"mode {class_of(mode)}")

    def prose(self, text: str, language: str = "", name: str = "span", class_: str | None = None) -> Html:
        """Text out of the data, marked with its language where it is not the page's."""
        return tag(name, text, lang=self.foreign(text, language), dir="auto", class_=class_)

    def sentence(self, text: str, name: str = "p", class_: str | None = None) -> Html:
        """Prose of Métier's own, where `what stands in backticks` is to be typed."""
        parts = [tag("code", part) if place % 2 else part for place, part in enumerate(text.split("`"))]
        return tag(name, parts, lang=self.foreign(text), dir="auto", class_=class_)

    def foreign(self, text: str, language: str = "") -> str | None:
        """The language of `text`, taken to be `language` unless its script says otherwise; None if it is the page's."""
        spoken = detect(text, expected=language or self.words.language)
        return spoken if spoken != self.words.language else None

    def interval(self, figure: Figure) -> Html:
        """`0.61 (0.55–0.67)`."""
        if not shown(figure.mean):
            return tag("span", DASH, class_="none")
        between = [f"{number(figure.low)}–{number(figure.high)}"] if has_interval(figure) else []
        return join([tag("b", number(figure.mean)), *(tag("small", f" ({each})") for each in between)])

    def duration(self, seconds: float | None) -> str:
        if not shown(seconds):
            return DASH
        unit, size = unit_of(seconds)
        return f"{rounded(seconds / size)} {self.words.name('unit', unit)}"


HIDDEN = {"aria_hidden": "true", "focusable": "false"}


def anchor(number: int) -> str:
    """Of the question in that place, counted from 0."""
    return f"q{number + 1}"


def shape(mode: str) -> Html:
    return tag("svg", tag("use", href=f"#m-{class_of(mode)}"), class_="mark", viewBox="-8 -8 16 16", **HIDDEN)


def class_of(mode: str) -> str:
    return CLASSES.get(mode, _OTHER)


def shown(value: object) -> TypeGuard[float]:
    """Whether there is a figure."""
    return isinstance(value, int | float) and math.isfinite(value)


def has_interval(figure: Figure) -> bool:
    return all(map(shown, (figure.mean, figure.low, figure.high)))


def number(value: float | None, signed: bool = False) -> str:
    if not shown(value):
        return DASH
    text = f"{value:+.2f}" if signed else f"{value:.2f}"
    return text.replace("-", "−")


def rounded(value: float) -> str:
    """Three figures that count, thousands apart."""
    if not shown(value):
        return DASH
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    text = f"{value:.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def unit_of(seconds: float) -> tuple[str, int]:
    """The unit in which a time is easily read, and how many seconds it has."""
    if seconds < 2 * _MINUTE:
        return "s", 1
    return ("min", _MINUTE) if seconds < 2 * _HOUR else ("h", _HOUR)


def probability(p: float | None) -> str:
    if not shown(p):
        return DASH
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
