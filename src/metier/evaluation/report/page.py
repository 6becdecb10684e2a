"""The page of a comparison, or of the rules' advice before anything was measured."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files

from metier.evaluation.report import charts, findings, tables
from metier.evaluation.report.answers import answers
from metier.evaluation.report.markup import Html, join, tag
from metier.evaluation.report.translations import ReportTranslations
from metier.evaluation.report.view import ReportView
from metier.evaluation.result import ComparisonResult


def html(result: ComparisonResult, language: str = "en") -> str:
    """One HTML file with everything in it.

    `result`: parts that it does not have are left out, and without `modes` only the rules are shown. `language`: of
    the page's own words, English where there are none; what comes from the data stays in its own language. Pages are
    made for up to some thousands of questions."""
    view = ReportView(result, ReportTranslations.of(language))
    style, script = _file("page.css"), _file("page.js")
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy()),
        tag("title", findings.expert(view), ": ", findings.headline(view)),
        tag("style", Html(style)),
    )
    sections = _sections(view)
    body = tag("body", charts.shapes(), _top(view, sections), tag("main", [_section(view, *each) for each in sections]),
               tag("script", Html(script)))  # fmt: skip
    return f"<!doctype html>\n{tag('html', head, body, lang=view.words.language, dir='ltr')}\n"


def _sections(view: ReportView) -> list[tuple[str, Html]]:
    """Id, which is also the key of the title, and content, of those that have any."""
    every = [
        ("modes", charts.four_way(view)),
        ("cost", join(filter(None, [charts.cost_and_quality(view), tables.costs(view)]))),
        ("metrics", tables.metrics(view)),
        ("pairs", tables.pairs(view)),
        ("kinds", tables.groups(view, "kind", view.result.by_kind)),
        ("languages", tables.groups(view, "language", view.result.by_language)),
        ("rules", findings.rules(view)),
        ("failures", tables.failures(view)),
        ("calibration", findings.calibration(view)),
        ("answers", answers(view)),
        ("notes", findings.notes(view)),
        ("method", findings.method(view)),
    ]
    return [(name, content) for name, content in every if content]


def _section(view: ReportView, name: str, content: Html) -> Html:
    return tag("section", tag("h2", view.words(f"title.{name}"), id=f"{name}-title"), content,
               id=name, aria_labelledby=f"{name}-title")  # fmt: skip


def _top(view: ReportView, sections: list[tuple[str, Html]]) -> Html:
    links = [tag("li", tag("a", view.words(f"title.{name}"), href=f"#{name}")) for name, _ in sections]
    return tag(
        "header",
        tag("p", f"Métier {view.result.metier} · ", tag("bdi", findings.expert(view)), class_="eyebrow"),
        tag("h1", findings.headline(view)),
        findings.reasons(view),
        findings.basis(view),
        tag("nav", tag("ul", links), aria_label=view.words("contents")) if len(links) > 1 else None,
    )


def policy() -> str:
    """Its Content-Security-Policy: nothing is loaded, and no script runs but its own, whatever an answer holds."""
    digest = base64.b64encode(hashlib.sha256(_file("page.js").encode()).digest()).decode()
    allowed = f"style-src 'unsafe-inline'; script-src 'sha256-{digest}'"
    return f"default-src 'none'; {allowed}; form-action 'none'; base-uri 'none'"


def _file(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")
