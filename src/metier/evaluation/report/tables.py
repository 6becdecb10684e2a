"""The figures in tables: metrics, pairs of modes, kinds and languages, costs; and the failures, counted by cause."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from metier.evaluation.report.charts import bar, difference_bar
from metier.evaluation.report.markup import Html, join, tag
from metier.evaluation.report.view import DASH, ReportView, number, probability, rounded, shown
from metier.evaluation.result import FailureGroup, Figure, ModePair
from metier.evaluation.statistics import ALPHA, MOST_QUESTIONS

METRICS = (
    "score", "exact_match", "token_f1", "rouge_l", "numbers", "label", "macro_f1", "terms", "faithful",
    "cited_precision", "cited_recall", "retrieved", "refused", "refusal_precision", "refusal_recall",
)  # fmt: skip
_NO_DIRECTION = "refused"  # more of it is neither better nor worse
_EXAMPLE = 70  # characters of a question by which it is recognised


def metrics(view: ReportView) -> Html | None:
    """All metrics by all modes."""
    if not view.modes:
        return None
    measured = dict.fromkeys(name for mode in view.modes for name in view.result.modes[mode])
    names = [name for name in METRICS if name in measured] + [name for name in measured if name not in METRICS]
    ahead = leaders(view)
    rows = []
    for name in names:
        cells = [_figure(view, mode, view.figure(mode, name), ahead.get(name) == mode) for mode in view.modes]
        explained = view.words.known.get(f"explained.{name}")
        head = [view.words.name("metric", name), tag("small", explained) if explained else None]
        rows.append(_line(head, cells))
    return join([
        tag("p", view.words("metrics.explained")),
        _table(view.words("table.metrics"), [view.words("column.metric"), *map(view.mode, view.modes)], rows),
    ])  # fmt: skip


def leaders(view: ReportView) -> dict[str, str]:
    """Metric to the mode that is better than each of the others by a significant difference."""
    better: dict[tuple[str, str], set[str]] = {}
    for pair in view.result.pairs:
        if significant(pair) and pair.metric != _NO_DIRECTION:
            a, b = (pair.a, pair.b) if pair.difference > 0 else (pair.b, pair.a)
            better.setdefault((pair.metric, a), set()).add(b)
    return {metric: mode for (metric, mode), than in better.items() if than >= set(view.modes) - {mode}}


def significant(pair: ModePair) -> bool:
    p = _chance(pair)
    return shown(p) and p < ALPHA and shown(pair.difference) and pair.difference != 0


def _chance(pair: ModePair) -> float:
    return pair.p if pair.p_adjusted is None else pair.p_adjusted


def pairs(view: ReportView) -> Html | None:
    """Every two modes against each other; the metrics beside the score are folded away."""
    found = view.result.pairs
    if not found:
        return None
    metrics_of = list(dict.fromkeys(pair.metric for pair in found))
    metrics_of.sort(key=lambda metric: metric != "score")
    first, *others = ([pair for pair in found if pair.metric == metric] for metric in metrics_of)
    folded = [
        [tag("h3", view.words.name("metric", metric)), _pairs(view, rows, metric)]
        for metric, rows in zip(metrics_of[1:], others, strict=True)
    ]
    return join([
        tag("p", view.words("pairs.explained")),
        _pairs(view, first, metrics_of[0]),
        tag("details", tag("summary", view.words("pairs.others")), folded, class_="more") if folded else None,
    ])  # fmt: skip


def _pairs(view: ReportView, found: Sequence[ModePair], metric: str) -> Html:
    margin = view.verdict.margin if metric == "score" and shown(view.verdict.margin) else 0.0
    ends = [abs(end) for pair in found for end in (pair.low, pair.high, pair.difference) if shown(end)]
    reach = max([*ends, margin, 0.01])
    label = view.words("table.pairs", metric=view.words.name("metric", metric))
    columns = ("pair", "difference", "p", "effect", "questions", "needed")
    rows = [_pair(view, pair, reach, margin) for pair in found]
    return _table(label, [view.words(f"column.{name}") for name in columns], rows)


def _pair(view: ReportView, pair: ModePair, reach: float, margin: float) -> Html:
    low, high = number(pair.low, True), number(pair.high, True)
    between = f" ({low} … {high})" if DASH not in (low, high) else ""
    counts = significant(pair)
    cells = [
        tag("td", tag("b" if counts else "span", number(pair.difference, True)), tag("small", between),
            difference_bar(pair, reach, margin)),
        tag("td", probability(_chance(pair)),
            tag("small", " ", view.words("significant")) if counts else None),
        tag("td", number(pair.effect, True)),
        tag("td", rounded(pair.n) if pair.n else DASH),
        tag("td", questions(pair.questions_needed) or DASH),
    ]  # fmt: skip
    return _line(view.words("over", a=view.mode(pair.a), b=view.mode(pair.b)), cells)


def groups(view: ReportView, names: str, found: Mapping[str, Mapping[str, Figure]]) -> Html | None:
    """The score by kind or language. `names`: group of the words for the keys of `found`. One group alone would only
    say the score again."""
    if len(found) < 2 or not view.modes:
        return None
    rows = []
    for key, by_mode in found.items():
        figures = {mode: by_mode.get(mode, Figure()) for mode in view.modes}
        count = view.words("asked", count=rounded(max(figure.n for figure in figures.values())))
        cells = [_figure(view, mode, figure) for mode, figure in figures.items()]
        rows.append(_line([view.words.name(names, key) if key else DASH, tag("small", count)], cells))
    head = [view.words(f"column.{names}"), *map(view.mode, view.modes)]
    return _table(view.words(f"table.by_{names}"), head, rows)


def costs(view: ReportView) -> Html | None:
    """What each mode costs; a row that no mode has is left out."""
    modes = [mode for mode in view.modes if mode in view.result.costs]
    if not modes:
        return None
    found = [view.result.costs[mode] for mode in modes]
    thousand = [each.per_thousand for each in found]
    currency = next((each.currency for each in thousand if each.currency), "")
    lines: list[tuple[str, list[float | None], Callable[[float], str]]] = [
        ("first_token_p50", [each.first_token_p50 for each in found], view.duration),
        ("first_token_p95", [each.first_token_p95 for each in found], view.duration),
        ("total_p50", [each.total_p50 for each in found], view.duration),
        ("total_p95", [each.total_p95 for each in found], view.duration),
        ("prompt_tokens", [each.prompt_tokens for each in found], rounded),
        ("completion_tokens", [each.completion_tokens for each in found], rounded),
        ("peak_memory_mb", [each.peak_memory_mb for each in found], rounded),
        ("seconds", [each.seconds for each in thousand], view.duration),
        ("energy_kwh", [each.energy_kwh for each in thousand], rounded),
        ("money", [each.money for each in thousand], lambda value: f"{rounded(value)} {currency}"),
    ]
    rows = [
        _line(view.words(f"costs.{name}"), [tag("td", told(value) if shown(value) else DASH) for value in values])
        for name, values, told in lines
        if any(map(shown, values))
    ]
    unpriced = not any(shown(each.money) for each in thousand)
    return join([
        _table(view.words("table.costs"), [view.words("column.cost"), *map(view.mode, modes)], rows),
        tag("p", view.words("costs.unpriced")) if unpriced else None,
    ])  # fmt: skip


def failures(view: ReportView) -> Html | None:
    """Per mode the causes, the most frequent first, with what to try and questions to look at."""
    found = view.result.failures
    modes = [mode for mode in view.modes if mode in found]
    if not modes:
        return None
    asked = {row.id: row.question for row in view.result.answers}
    lists = [(tag("h3", view.mode(mode)), _causes(view, found[mode], asked)) for mode in modes]
    return join([tag("p", view.words("failures.explained")), lists])


def _causes(view: ReportView, causes: Sequence[FailureGroup], asked: dict[str, str]) -> Html:
    if not causes:
        return tag("p", view.words("failures.none"))
    items = []
    for each in causes:
        examples = [_example(view, name, asked) for name in each.examples]
        step = view.sentence(each.next_step) if each.next_step else None
        told = [step, tag("ul", examples, class_="examples") if examples else None]
        named = [tag("b", rounded(each.count)), " ", view.words.name("cause", each.cause or DASH)]
        part = tag("small", f" {each.share:.0%}") if shown(each.share) else None
        items.append(tag("li", tag("p", named, part, class_="cause"), tag("div", told)))
    return tag("ol", items, class_="causes")


def _example(view: ReportView, name: str, asked: dict[str, str]) -> Html:
    text = asked.get(name, name)
    told = view.prose(text if len(text) <= _EXAMPLE else f"{text[:_EXAMPLE]}…")
    return tag("li", tag("a", told, href=f"#{view.anchors[name]}") if name in view.anchors else told)


def _figure(view: ReportView, mode: str, figure: Figure, ahead: bool = False) -> Html:
    mark = tag("small", view.words("ahead"), class_="ahead") if ahead else None
    return tag("td", view.interval(figure), bar(mode, figure), mark, class_="best" if ahead else None)


def _line(head: Any, cells: Iterable[Html]) -> Html:
    return tag("tr", tag("th", head, scope="row"), cells)


def _table(label: Html, head: Sequence[Any], rows: Iterable[Html]) -> Html:
    """A table in a box of its own, which scrolls where the screen is too narrow, by keyboard too."""
    columns = tag("thead", tag("tr", [tag("th", each, scope="col") for each in head]))
    table = tag("table", tag("caption", label), columns, tag("tbody", rows))
    return tag("div", table, class_="scroll", tabindex=0, role="region", aria_label=label)


def questions(needed: float | None) -> str | None:
    """How many would decide; the reckoning stops at some thousands."""
    if not shown(needed):
        return None
    return f"≥ {rounded(needed)}" if needed >= MOST_QUESTIONS else rounded(needed)
