"""What was decided, what it rests on, what the rules say, and what one should know about how it was measured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from metier.core.groups import in_words
from metier.core.modes import MODES
from metier.evaluation.report.markup import Html, join, tag
from metier.evaluation.report.tables import questions
from metier.evaluation.report.view import DASH, ReportView, number, rounded, shown
from metier.evaluation.result import Rule
from metier.evaluation.verdict import UNDECIDED

_METHOD = ("asked", "score", "verdict", "interval", "pairs", "effect", "needed", "machine")


def headline(view: ReportView) -> Html:
    """The verdict in one sentence."""
    choice, between, words = view.verdict.choice, view.verdict.between, view.words
    if not view.modes:
        return words("headline.advice", expert=expert(view))
    if len(view.modes) == 1:
        return words("headline.single", mode=view.modes[0])
    if choice in MODES:
        return words(f"headline.{choice}")
    if choice and choice != UNDECIDED:
        return words("headline.use", mode=choice)
    if choice and len(between) > 1:
        return words("headline.between", modes=words.listed(between))
    return words("headline.undecided") if choice else words("headline.compared", modes=words.listed(view.modes))


def expert(view: ReportView) -> str:
    return view.result.expert or "Métier"


def reasons(view: ReportView) -> Html:
    """The sentences beneath the verdict: its reason, and whether the rules agree."""
    reason, said = view.verdict.reason, []
    if not view.modes:
        said.append(tag("p", view.words("advice.explained"), class_="reason"))
    if reason:
        said.append(view.sentence(_beyond(headline(view), reason), class_="reason"))
    if view.result.agreement:
        said.append(view.sentence(view.result.agreement))
    return join(said)


def _beyond(head: str, reason: str) -> str:
    """The reason without the verdict before its colon, where the headline has said that already."""
    verdict, _, rest = reason.partition(": ")
    if not rest or not head.startswith(verdict):
        return reason
    return rest if rest.startswith(MODES) else rest[0].upper() + rest[1:]


def basis(view: ReportView) -> Html:
    """What the verdict rests on, as a list of terms."""
    result, verdict, words = view.result, view.verdict, view.words
    best = verdict.best if verdict.best != verdict.choice else None
    lines = [
        ("questions", _questions(view)),
        ("model", result.model),
        ("adapter", result.adapter or (words("adapter.none") if view.modes else None)),
        ("embedder", result.embedder),
        ("measured" if view.modes else "dated", _date(result.created)),
        ("readers", _readers(view)),
        ("margin", number(verdict.margin) if shown(verdict.margin) else None),
        ("best", view.mode(best) if best else None),
        ("needed", questions(verdict.questions_needed)),
        ("constraints", [view.prose(each, name="li") for each in verdict.constraints]),
        ("excluded", [tag("li", view.mode(mode), ": ", view.prose(why)) for mode, why in verdict.excluded.items()]),
    ]
    rows = [
        tag("div", tag("dt", words(f"basis.{name}")), tag("dd", tag("ul", value) if isinstance(value, list) else value))
        for name, value in lines
        if value
    ]
    return tag("dl", rows, class_="basis")


def _readers(view: ReportView) -> Html | None:
    if view.result.groups:
        return view.words("readers", groups=tag("bdi", in_words(view.result.groups)))
    return view.words("everybody") if view.modes else None


def _questions(view: ReportView) -> str | None:
    count = view.result.questions
    if not count:
        return None
    kinds = [f"{rounded(of)} {view.words.name('kind', kind)}" for kind, of in view.result.kinds.items()]
    return f"{rounded(count)} ({', '.join(kinds)})" if kinds else rounded(count)


def _date(created: str) -> Html | None:
    """`2026-11-25 05:00 UTC`, in every language the same."""
    if not created:
        return None
    text = created[:16].replace("T", " ")
    return tag("time", f"{text} UTC" if created.endswith(("+00:00", "Z")) else text, datetime=created)


def rules(view: ReportView) -> Html | None:
    """What an experienced eye would say before measuring, with the figures read off this expert."""
    found = view.result.rules
    return (
        join(
            [tag("p", view.words("rules.explained")), tag("ul", [_rule(view, each) for each in found], class_="rules")]
        )
        if found
        else None
    )


def _rule(view: ReportView, rule: Rule) -> Html:
    points_to, name = rule.points_to, rule.name or DASH
    figures = {figure: value for figure, value in rule.figures.items() if value is not None}
    return tag(
        "li",
        tag("h3", view.prose(name[:1].upper() + name[1:])),
        tag("p", [view.words("rules.points"), " ", view.mode(points_to)] if points_to else view.words("rules.open"),
            class_="towards"),
        view.prose(rule.asks, name="p", class_="asks") if rule.asks else None,
        view.sentence(rule.evidence) if rule.evidence else None,
        facts(view, figures) if figures else None,
    )  # fmt: skip


def calibration(view: ReportView) -> Html | None:
    found = view.result.calibration.model_dump(exclude_none=True)
    if not found:
        return None
    return join([tag("p", view.words("calibration.explained")), facts(view, found)])


def facts(view: ReportView, value: Any) -> Html:
    """Values of any shape: a mapping as terms, a list as one line, figures rounded."""
    if isinstance(value, Mapping):
        rows = [
            tag("div", tag("dt", str(name).replace("_", " ")), tag("dd", facts(view, each)))
            for name, each in value.items()
        ]
        return tag("dl", rows, class_="facts")
    if isinstance(value, bool):
        return view.words("yes" if value else "no")
    if isinstance(value, int | float):
        return tag("span", rounded(value).replace("-", "−"))
    if isinstance(value, Iterable) and not isinstance(value, str):
        items = [facts(view, each) for each in value]
        return join([items[0], *([", ", each] for each in items[1:])]) if items else tag("span", DASH)
    return view.prose(DASH if value in (None, "") else str(value))


def notes(view: ReportView) -> Html | None:
    found = view.result.notes
    return tag("ul", [view.sentence(each, name="li") for each in found]) if found else None


def method(view: ReportView) -> Html | None:
    """How it was measured and how to read it."""
    if not view.modes:
        return None
    ways = [
        tag("div", tag("dt", view.mode(mode)), tag("dd", view.words(f"way.{mode}")))
        for mode in MODES
        if mode in view.modes
    ]
    said = [tag("p", view.words(f"method.{name}")) for name in _METHOD]
    return join([tag("dl", ways, class_="facts"), said])
