"""The report of a run: one HTML page that needs nothing else."""

from __future__ import annotations

from importlib.resources import files

from metier.evaluation.report.markup import Html, tag
from metier.flow.explanation import explanation, headline
from metier.flow.judgement import PARTS, PartResult
from metier.flow.results import EXAM, ExamFound
from metier.state.flow_runs import FlowRun


def html(run: FlowRun, expert: str) -> str:
    """`expert`: its name."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", http_equiv="Content-Security-Policy", content="default-src 'none'; style-src 'unsafe-inline'"),
        tag("title", f"{expert}: {headline(run)}"),
        tag("style", Html(files("metier.evaluation.report").joinpath("page.css").read_text(encoding="utf-8"))),
    )
    top = tag(
        "header",
        tag("p", f"Métier · {expert} · run {run.number} · {run.began[:16].replace('T', ' ')} UTC", class_="eyebrow"),
        tag("h1", headline(run)),
    )
    sections = [
        tag("section", tag("h2", section.title), [tag("p", sentence) for sentence in section.sentences])
        for section in explanation(run)
    ]
    body = tag("body", top, tag("main", _figures(run), sections))
    return f"<!doctype html>\n{tag('html', head, body, lang='en', dir='ltr')}\n"


def _figures(run: FlowRun) -> Html | None:
    exam = ExamFound.of(run, EXAM)
    if exam is None or not exam.parts:
        return None
    names = ("", run.candidate, run.production, "difference", "95% interval", "p", "questions")
    header = tag("thead", tag("tr", [tag("th", name, scope="col") for name in names]))
    rows = [tag("tr", tag("th", PARTS[name], scope="row"), _cells(result)) for name, result in exam.parts.items()]
    return tag("section", tag("h2", "Candidate and production"), tag("table", header, tag("tbody", rows)))


def _cells(result: PartResult) -> list[Html]:
    shown = (
        f"{result.candidate.mean:.2f}", f"{result.production.mean:.2f}", f"{result.difference:+.2f}",
        f"{result.low:+.2f} to {result.high:+.2f}", f"{result.p:.2g}", result.n,
    )  # fmt: skip
    return [tag("td", value) for value in shown]
