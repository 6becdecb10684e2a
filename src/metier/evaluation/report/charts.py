"""Charts as SVG, drawn by hand. Across they are laid out in per cent and down in pixels, so that they fit any width
and their words keep their size. Each says in its title and description what it shows; the tables hold every figure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from metier.evaluation.report.markup import Html, join, tag
from metier.evaluation.report.view import HIDDEN, ReportView, class_of, has_interval, number, rounded, shown, unit_of
from metier.evaluation.result import Figure, ModeCosts, ModePair

_SHAPES = {
    "base": "M-5 0a5 5 0 1 0 10 0a5 5 0 1 0-10 0Z",  # a circle
    "rag": "M-4.5-4.5h9v9h-9Z",
    "tuned": "M0-6L6 5H-6Z",
    "both": "M0-6.5L6.5 0L0 6.5L-6.5 0Z",
    "other": "M-5-2H-2V-5H2V-2H5V2H2V5H-2V2H-5Z",  # a cross
}
_ROW, _AXIS = 54, 28  # px
_HIGH, _TOP, _FOOT = 250, 20, 44  # px: of the plot, above it, below it
_LEFT, _WIDE = 9.0, 69.0  # per cent; to the right of it a name finds room
_LOG_FROM = 4.0  # times the least cost that the greatest must be for a logarithmic axis
_APART = 17  # px between two names
_NEAR, _BESIDE = 0.4, 24  # share of the axis and px within which two marks are neighbours


def shapes() -> Html:
    """The shapes of the modes, once; marks and charts refer to them."""
    paths = [tag("path", id=f"m-{name}", class_=name, d=path) for name, path in _SHAPES.items()]
    return tag("svg", tag("defs", paths), class_="shapes", width=0, height=0, **HIDDEN)


def four_way(view: ReportView) -> Html | None:
    """Score of each mode: a mark, and a whisker over its interval."""
    modes = [mode for mode in view.modes if shown(view.figure(mode).mean)]
    if not modes:
        return None
    top = _ceiling([view.figure(mode) for mode in modes])
    height = len(modes) * _ROW
    grid = [
        [
            tag("line", x1=percent(at / top), x2=percent(at / top), y1=0, y2=height, class_="grid"),
            tag("text", f"{at:g}", x=percent(at / top), y=height + 18, class_="tick", text_anchor=_anchor(at / top)),
        ]
        for at in _steps(top)
    ]
    rows = [_row(view, mode, number_ * _ROW, top) for number_, mode in enumerate(modes)]
    told = [f"{mode}: {_told(view.figure(mode))}." for mode in modes]
    return _chart("four-way", view.words("chart.score"), " ".join(told), height + _AXIS, [grid, rows])


def _row(view: ReportView, mode: str, y: int, top: float) -> Html:
    figure = view.figure(mode)
    named = tag("text", mode, x=0, y=y + 15, class_="name")
    valued = tag("text", _told(figure), x="100%", y=y + 15, class_="value", text_anchor="end")
    return join([named, valued, _whisker(mode, figure, top, y + 32)])


def _whisker(mode: str, figure: Figure, top: float, y: int) -> Html:
    lines = []
    if has_interval(figure):
        low, high = (percent(max(0.0, end) / top) for end in (figure.low, figure.high))
        lines = [tag("line", x1=low, x2=high, y1=y, y2=y)]
        lines += [tag("line", x1=end, x2=end, y1=y - 5, y2=y + 5) for end in (low, high)]
    return join([tag("g", lines, class_=f"whisker {class_of(mode)}"), _mark(mode, percent(figure.mean / top), y)])


def _mark(mode: str, x: str, y: float) -> Html:
    return tag("svg", tag("use", href=f"#m-{class_of(mode)}"), x=x, y=round(y, 1), overflow="visible")


@dataclass(frozen=True, slots=True)
class Cost:
    """`of`: mode to its cost, in `unit`; `name`: the key of what it is called."""

    name: str
    unit: str
    of: dict[str, float]


def cost_of(view: ReportView) -> Cost | None:
    """The first measure of cost that every measured mode has: money, seconds for a thousand questions, median time."""
    modes = [mode for mode in view.modes if shown(view.figure(mode).mean)]
    if len(modes) < 2:
        return None
    costs = {mode: view.result.costs.get(mode, ModeCosts()) for mode in modes}
    currency = next((each.per_thousand.currency for each in costs.values() if each.per_thousand.currency), "")
    measures: list[tuple[str, dict[str, float | None]]] = [
        ("money", {mode: each.per_thousand.money for mode, each in costs.items()}),
        ("seconds", {mode: each.per_thousand.seconds for mode, each in costs.items()}),
        ("total", {mode: each.total_p50 for mode, each in costs.items()}),
    ]
    for name, of in measures:
        known = {mode: value for mode, value in of.items() if shown(value) and value > 0}
        if len(known) == len(of):
            if name == "money":
                return Cost(name, currency, known)
            unit, size = unit_of(max(known.values()))
            return Cost(name, view.words.name("unit", unit), {mode: value / size for mode, value in known.items()})
    return None


def cost_and_quality(view: ReportView) -> Html | None:
    """Cost across, score up, with its interval; the upper left is where one wants to be."""
    cost = cost_of(view)
    if cost is None:
        return None
    figures = {mode: view.figure(mode) for mode in cost.of}
    top = _ceiling(figures.values())
    across = _Across.over(list(cost.of.values()))
    grid = [
        [
            tag("line", x1="0", x2="100%", y1=_up(at / top), y2=_up(at / top), class_="grid"),
            tag("text", f"{at:g}", x=0, y=_up(at / top) - 4, class_="tick"),
        ]
        for at in _steps(top)
    ]
    ticks = [
        [
            tag("line", x1=across.at(value), x2=across.at(value), y1=_up(0), y2=_up(0) + 5, class_="axis"),
            tag("text", rounded(value), x=across.at(value), y=_up(0) + 19, class_="tick", text_anchor="middle"),
        ]
        for value in across.ticks
    ]
    unit = join([cost.unit, " (", view.words("chart.log"), ")"]) if across.log else cost.unit
    label = tag("text", view.words(f"cost.{cost.name}", unit=unit), x="100%", y=_up(0) + 38, **_END)
    told = [f"{mode}: {rounded(cost.of[mode])} {cost.unit}, {_told(figures[mode])}." for mode in cost.of]
    points = _points(figures, cost, across, top)
    return _chart(
        "cost-quality", view.words("chart.cost"), " ".join(told), _TOP + _HIGH + _FOOT, [grid, ticks, label, points]
    )


_END = {"class_": "tick", "text_anchor": "end"}


def _points(figures: dict[str, Figure], cost: Cost, across: _Across, top: float) -> list[Html]:
    """The marks, each with its name to the right, or to the left where another mark follows on the right."""
    places = {mode: (across.share(cost.of[mode]), _up(figure.mean / top)) for mode, figure in figures.items()}
    drawn: list[Html] = []
    below: dict[str, float] = {"start": -_APART, "end": -_APART}  # the last name on each side
    for mode, (share, y) in sorted(places.items(), key=lambda item: item[1][1]):
        figure, x = figures[mode], across.at(cost.of[mode])
        if has_interval(figure):
            ends = [_up(max(0.0, end) / top) for end in (figure.low, figure.high)]
            drawn.append(tag("line", x1=x, x2=x, y1=ends[0], y2=ends[1], class_=f"whisker {class_of(mode)}"))
        others = [place for other, place in places.items() if other != mode]
        crowded = any(0 <= at - share < _NEAR and abs(up - y) < _BESIDE for at, up in others)
        anchor, away = ("end", -12) if crowded else ("start", 12)
        below[anchor] = max(below[anchor] + _APART, y + 5)
        name = tag("text", mode, x=x, y=round(below[anchor], 1), dx=away, class_="name", text_anchor=anchor)
        drawn += [_mark(mode, x, y), name]
    return drawn


@dataclass(frozen=True, slots=True)
class _Across:
    """The axis of costs, linear from 0 or logarithmic."""

    low: float
    high: float
    log: bool
    ticks: tuple[float, ...]

    @classmethod
    def over(cls, values: Sequence[float]) -> _Across:
        low, high = min(values), max(values)
        if high < _LOG_FROM * low:
            step = _step(high / 4)
            ticks = tuple(step * number_ for number_ in range(math.ceil(high / step - 1e-9) + 1))
            return cls(0.0, ticks[-1], False, ticks)
        decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        rungs = [rung * 10.0**decade for decade in decades for rung in ((1, 2, 5) if len(decades) < 4 else (1,))]
        low = max([rung for rung in rungs if rung <= low] or [low])
        high = min([rung for rung in rungs if rung >= high] or [high])
        return cls(low, high, True, tuple(rung for rung in rungs if low <= rung <= high))

    def share(self, value: float) -> float:
        if not self.log:
            return value / self.high
        return math.log(value / self.low) / math.log(self.high / self.low)

    def at(self, value: float) -> str:
        return f"{_LEFT + _WIDE * self.share(value):.2f}%"


def bar(mode: str, figure: Figure) -> Html | None:
    """An interval within a table's cell, on a line from 0 to 1."""
    if not has_interval(figure):
        return None
    low, high, mean = (percent(min(1.0, max(0.0, share))) for share in (figure.low, figure.high, figure.mean))
    lines = [
        tag("line", x1="0", x2="100%", y1=5, y2=5, class_="grid"),
        tag("line", x1=low, x2=high, y1=5, y2=5, class_=f"whisker {class_of(mode)}"),
        tag("circle", cx=mean, cy=5, r=3, class_=class_of(mode)),
    ]
    return tag("svg", lines, class_="bar", height=10, **HIDDEN)


def difference_bar(pair: ModePair, reach: float, margin: float) -> Html | None:
    """A difference and its interval within a table's cell, between -`reach` and `reach`, with 0 and the margin."""
    if not all(map(shown, (pair.difference, pair.low, pair.high))):
        return None

    def at(value: float) -> str:
        return percent((min(reach, max(-reach, value)) + reach) / (2 * reach))

    margins = [-margin, margin] if margin else []
    lines = [
        tag("line", x1="50%", x2="50%", y1=0, y2=12, class_="axis"),
        *(tag("line", x1=at(each), x2=at(each), y1=0, y2=12, class_="margin") for each in margins),
        tag("line", x1=at(pair.low), x2=at(pair.high), y1=6, y2=6, class_="whisker ink"),
        tag("circle", cx=at(pair.difference), cy=6, r=3, class_="ink"),
    ]
    return tag("svg", lines, class_="bar", height=12, **HIDDEN)


def _chart(name: str, title: str, description: str, height: int, drawn: Sequence[Any]) -> Html:
    """`drawn` stands a little inside, so that marks and ticks at the edges are whole."""
    ids = f"{name}-title", f"{name}-desc"
    told = [tag("title", title, id=ids[0]), tag("desc", description, id=ids[1])]
    inside = tag("svg", drawn, x="2%", width="96%", height=height, overflow="visible")
    return tag("svg", told, inside, class_="chart", role="img", aria_labelledby=" ".join(ids), height=height)


def percent(share: float) -> str:
    return f"{100 * share:.2f}%"


def _told(figure: Figure) -> str:
    told = number(figure.mean)
    return f"{told} ({number(figure.low)}–{number(figure.high)})" if has_interval(figure) else told


def _ceiling(figures: Iterable[Figure]) -> float:
    """Where the axis of scores ends: low scores would be crowded at the foot of a whole one."""
    highest = max(figure.high if shown(figure.high) else figure.mean for figure in figures)
    return 0.5 if highest <= 0.5 else 1.0


def _steps(top: float) -> list[float]:
    return [top * number_ / 5 for number_ in range(6)]


def _step(rough: float) -> float:
    """The next 1, 2 or 5 of its decade that is not less."""
    decade = 10.0 ** math.floor(math.log10(rough))
    return next(rung * decade for rung in (1, 2, 5, 10) if rung * decade >= rough - 1e-9)


def _anchor(share: float) -> str:
    return "start" if share <= 0 else "end" if share >= 1 else "middle"


def _up(share: float) -> float:
    return round(_TOP + _HIGH * (1 - share), 1)
