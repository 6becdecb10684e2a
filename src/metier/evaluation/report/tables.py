"""The figures in tables: metrics, pairs of modes, kinds and languages, costs; and the failures, counted by cause."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from metier.evaluation.report.charts import bar, difference_bar
from metier.evaluation.report.markup import Html, join, tag
from metier.evaluation.report.view import DASH, ReportView, number, probability, rounded, shown
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
    measured = dict.fromkeys(name for mode in view.modes for name in view.part("modes")[mode] or {})
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
    for pair in view.rows("pairs"):
        if significant(pair) and _metric(pair) != _NO_DIRECTION:
            a, b = (pair["a"], pair["b"]) if pair["difference"] > 0 else (pair["b"], pair["a"])
            better.setdefault((_metric(pair), a), set()).add(b)
    return {metric: mode for (metric, mode), than in better.items() if than >= set(view.modes) - {mode}}


def significant(pair: dict[str, Any]) -> bool:
    p = pair.get("p_adjusted", pair.get("p"))
    return shown(p) and p < ALPHA and bool(pair.get("difference"))


def pairs(view: ReportView) -> Html | None:
    """Every two modes against each other; the metrics beside the score are folded away."""
    found = view.rows("pairs")
    if not found:
        return None
    metrics_of = list(dict.fromkeys(_metric(pair) for pair in found))
    metrics_of.sort(key=lambda metric: metric != "score")
    first, *others = ([pair for pair in found if _metric(pair) == metric] for metric in metrics_of)
    folded = [
        [tag("h3", view.words.name("metric", metric)), _pairs(view, rows, metric)]
        for metric, rows in zip(metrics_of[1:], others, strict=True)
    ]
    return join([
        tag("p", view.words("pairs.explained")),
        _pairs(view, first, metrics_of[0]),
        tag("details", tag("summary", view.words("pairs.others")), folded, class_="more") if folded else None,
    ])  # fmt: skip


def _metric(pair: dict[str, Any]) -> str:
    return str(pair.get("metric") or "score")


def _pairs(view: ReportView, found: Sequence[dict[str, Any]], metric: str) -> Html:
    margin = view.part("verdict").get("margin") if metric == "score" else None
    ends = [abs(pair[key]) for pair in found for key in ("low", "high", "difference") if shown(pair.get(key))]
    reach = max([*ends, margin or 0.0, 0.01])
    label = view.words("table.pairs", metric=view.words.name("metric", metric))
    columns = ("pair", "difference", "p", "effect", "questions", "needed")
    rows = [_pair(view, pair, reach, margin) for pair in found]
    return _table(label, [view.words(f"column.{name}") for name in columns], rows)


def _pair(view: ReportView, pair: dict[str, Any], reach: float, margin: float | None) -> Html:
    low, high = (number(pair.get(end), True) for end in ("low", "high"))
    between = f" ({low} … {high})" if DASH not in (low, high) else ""
    counts = significant(pair)
    cells = [
        tag("td", tag("b" if counts else "span", number(pair.get("difference"), True)), tag("small", between),
            difference_bar(pair, reach, margin)),
        tag("td", probability(pair.get("p_adjusted", pair.get("p"))),
            tag("small", " ", view.words("significant")) if counts else None),
        tag("td", number(pair.get("effect"), True)),
        tag("td", _count(pair.get("n"))),
        tag("td", questions(pair.get("questions_needed")) or DASH),
    ]  # fmt: skip
    return _line(view.words("over", a=view.mode(pair["a"]), b=view.mode(pair["b"])), cells)


def groups(view: ReportView, part: str, names: str) -> Html | None:
    """The score by kind or language. `part`: of the result; `names`: group of the words for its keys. One group alone
    would only say the score again."""
    found = view.part(part)
    if len(found) < 2 or not view.modes:
        return None
    rows = []
    for key, by_mode in found.items():
        figures = {mode: (by_mode or {}).get(mode) or {} for mode in view.modes}
        count = view.words("asked", count=_count(max(figure.get("n") or 0 for figure in figures.values())))
        cells = [_figure(view, mode, figure) for mode, figure in figures.items()]
        rows.append(_line([view.words.name(names, key) if key else DASH, tag("small", count)], cells))
    head = [view.words(f"column.{names}"), *map(view.mode, view.modes)]
    return _table(view.words(f"table.{part}"), head, rows)


def costs(view: ReportView) -> Html | None:
    """What each mode costs; a row that no mode has is left out."""
    found = {mode: each for mode, each in view.part("costs").items() if each}
    modes = [mode for mode in view.modes if mode in found]
    if not modes:
        return None
    thousand = {mode: found[mode].get("per_thousand") or {} for mode in modes}
    currency = next((each["currency"] for each in thousand.values() if each.get("currency")), "")
    lines = [
        *((name, [found[mode].get(name) for mode in modes], view.duration)
          for name in ("first_token_p50", "first_token_p95", "total_p50", "total_p95")),
        *((name, [found[mode].get(name) for mode in modes], rounded)
          for name in ("prompt_tokens", "completion_tokens", "peak_memory_mb")),
        ("seconds", [thousand[mode].get("seconds") for mode in modes], view.duration),
        ("energy_kwh", [thousand[mode].get("energy_kwh") for mode in modes], rounded),
        ("money", [thousand[mode].get("money") for mode in modes], lambda value: f"{rounded(value)} {currency}"),
    ]  # fmt: skip
    rows = [
        _line(view.words(f"costs.{name}"), [tag("td", told(value) if shown(value) else DASH) for value in values])
        for name, values, told in lines
        if any(map(shown, values))
    ]
    unpriced = not any(shown(each.get("money")) for each in thousand.values())
    return join([
        _table(view.words("table.costs"), [view.words("column.cost"), *map(view.mode, modes)], rows),
        tag("p", view.words("costs.unpriced")) if unpriced else None,
    ])  # fmt: skip


def failures(view: ReportView) -> Html | None:
    """Per mode the causes, the most frequent first, with what to try and questions to look at."""
    found = view.part("failures")
    modes = [mode for mode in view.modes if mode in found]
    if not modes:
        return None
    asked = {str(row.get("id")): str(row.get("question", "")) for row in view.rows("answers")}
    lists = [(tag("h3", view.mode(mode)), _causes(view, found[mode] or [], asked)) for mode in modes]
    return join([tag("p", view.words("failures.explained")), lists])


def _causes(view: ReportView, causes: Sequence[dict[str, Any]], asked: dict[str, str]) -> Html:
    if not causes:
        return tag("p", view.words("failures.none"))
    items = []
    for each in causes:
        share, step = each.get("share"), each.get("next_step")
        examples = [_example(view, str(name), asked) for name in each.get("examples") or []]
        told = [view.sentence(step) if step else None, tag("ul", examples, class_="examples") if examples else None]
        named = [tag("b", _count(each.get("count"))), " ", view.words.name("cause", str(each.get("cause", DASH)))]
        part = tag("small", f" {share:.0%}") if shown(share) else None
        items.append(tag("li", tag("p", named, part, class_="cause"), tag("div", told)))
    return tag("ol", items, class_="causes")


def _example(view: ReportView, name: str, asked: dict[str, str]) -> Html:
    text = asked.get(name, name)
    told = view.prose(text if len(text) <= _EXAMPLE else f"{text[:_EXAMPLE]}…")
    return tag("li", tag("a", told, href=f"#{view.anchors[name]}") if name in view.anchors else told)


def _figure(view: ReportView, mode: str, figure: dict[str, Any], ahead: bool = False) -> Html:
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


def _count(value: Any) -> str:
    return rounded(value) if shown(value) else DASH
