"""Every question and what each mode said to it, side by side, folded until it is opened."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from metier.evaluation.records import Cited, ShownText
from metier.evaluation.report.markup import Html, join, tag
from metier.evaluation.report.view import ReportView, anchor, class_of, number, rounded, shape, shown
from metier.evaluation.result import ExaminedQuestion, ModeAnswer
from metier.parsing.core.locators import Locator, locator_in

_RIGHT = 0.5  # score from which an answer counts as right where no cause of failure was looked for
_READ_UP_TO = 2_000  # questions; above it what the model read is left out, or the file would not open any more


def answers(view: ReportView) -> Html | None:
    rows = view.result.answers
    if not rows:
        return None
    whole = len(rows) <= _READ_UP_TO
    return join([
        tag("p", view.words("answers.explained")),
        None if whole else tag("p", view.words("answers.shortened")),
        _filters(view, rows),
        tag("div", [_question(view, row, place, whole) for place, row in enumerate(rows)], id="questions"),
        tag("p", tag("button", view.words("answers.more"), type="button", id="more"), class_="controls", hidden=True),
    ])  # fmt: skip


def right(answer: ModeAnswer) -> bool:
    """Whether an answer counts as right: nothing was found to have failed."""
    if answer.error:
        return False
    if answer.cause is not None:
        return not answer.cause
    return answer.grades.get("score", 0.0) >= _RIGHT


def refused(answer: ModeAnswer) -> bool:
    """By decision, or in the model's own words, which only the grades know."""
    return bool(answer.grades.get("refused", answer.abstained))


def _filters(view: ReportView, rows: Sequence[ExaminedQuestion]) -> Html:
    """Shown by the script, which alone can use it."""
    words = view.words
    kinds = dict.fromkeys(row.kind for row in rows if row.kind)
    languages = dict.fromkeys(row.language for row in rows if row.language)
    results = [(name, words(f"result.{name}")) for name in ("right", "wrong", "refused")]
    choices: list[tuple[str, Sequence[tuple[str, str]]]] = [
        ("kind", [(kind, words.name("kind", kind)) for kind in kinds]),
        ("language", [(code, words.name("language", code)) for code in languages]),
        ("mode", [(mode, mode) for mode in view.modes]),
        ("result", results),
    ]
    fields = [_choice(view, name, options) for name, options in choices if len(options) > 1]
    search = tag("label", words("filter.text"), " ", tag("input", type="search", name="text"))
    count = tag("output", None, id="count", data_pattern=words("filter.count"))
    return tag(
        "form", fields, search, count, id="filters", class_="controls", hidden=True, aria_label=words("filter.name")
    )


def _choice(view: ReportView, name: str, options: Sequence[tuple[str, str]]) -> Html:
    chosen = [
        tag("option", view.words("filter.any"), value=""),
        *(tag("option", text, value=value) for value, text in options),
    ]
    return tag("label", view.words(f"filter.{name}"), " ", tag("select", chosen, name=name))


def _question(view: ReportView, row: ExaminedQuestion, place: int, whole: bool) -> Html:
    given, kind, language = row.modes, row.kind, row.language
    modes = [mode for mode in view.modes if mode in given]
    verdicts = {mode: "right" if right(given[mode]) else "wrong" for mode in modes}
    marks = [_mark(view, mode, verdicts[mode], given[mode]) for mode in modes]
    asked = view.prose(row.question, language, class_="asked")
    labels = tag("span", view.words.name("kind", kind), class_="kind") if kind else None
    return tag(
        "details",
        tag("summary", asked, tag("span", labels, marks, class_="marks")),
        _accepted(view, row, language),
        tag("div", [_answer(view, mode, given[mode], language) for mode in modes], class_="side"),
        _read(view, {mode: given[mode].shown for mode in modes}) if whole else None,
        id=anchor(place),
        data_kind=kind,
        data_language=language,
        data_right=_those(modes, verdicts, "right"),
        data_wrong=_those(modes, verdicts, "wrong"),
        data_refused=" ".join(mode for mode in modes if refused(given[mode])),
    )


def _those(modes: Sequence[str], verdicts: dict[str, str], wanted: str) -> str:
    return " ".join(mode for mode in modes if verdicts[mode] == wanted)


def _mark(view: ReportView, mode: str, verdict: str, answer: ModeAnswer) -> Html:
    """The mode's shape, and a tick or a cross; a score in between is written out."""
    score = answer.grades.get("score")
    between = f" {number(score)}" if shown(score) and 0 < score < 1 else None
    sign = tag("span", "✓" if verdict == "right" else "✗", aria_hidden="true")
    told = tag("span", f" {mode}: ", view.words(f"result.{verdict}"), class_="told")
    return tag("span", shape(mode), sign, told, between, class_=f"result {verdict}", title=mode)


def _accepted(view: ReportView, row: ExaminedQuestion, language: str) -> Html:
    wordings = [view.prose(each, language, name="bdi") for each in row.answers]
    documents = [tag("bdi", each) for each in row.documents]
    unanswerable = view.words("answers.unanswerable") if row.kind == "unanswerable" else None
    places = join([_in_line(documents), _behind(view, locator_in(row.documents[0], row.page) if documents else None)])
    lines = [
        ("id", tag("bdi", row.id)),
        ("accepted", _in_line(wordings) if wordings else unanswerable),
        ("stands", places if documents else None),
    ]
    terms = [tag("div", tag("dt", view.words(f"answers.{name}")), tag("dd", value)) for name, value in lines if value]
    return tag("dl", terms, class_="facts")


def _answer(view: ReportView, mode: str, answer: ModeAnswer, language: str) -> Html:
    """One mode's answer: what it said, why it failed, what it cites, how it was graded, how long it took."""
    if answer.error:
        said = tag("p", tag("b", view.words("answers.error")), " ", view.prose(answer.error), class_="wrong")
    else:
        said = tag("p", *_marked(view, answer), lang=view.foreign(answer.text, language), dir="auto", class_="said")
    failed = tag("p", view.words.name("cause", answer.cause), class_="wrong") if answer.cause else None
    declined = tag("p", view.words("result.refused"), class_="refused") if refused(answer) else None
    cited = [_citation(view, each, language) for each in answer.citations]
    return tag(
        "div",
        tag("p", view.mode(mode), class_="who"),
        said,
        declined,
        failed,
        tag("ol", cited, class_="cited") if cited else None,
        [view.prose(note, name="p", class_="note") for note in answer.notes],
        tag("p", _measured(view, answer), class_="measured"),
        class_=f"answer {class_of(mode)}",
    )


def _marked(view: ReportView, answer: ModeAnswer) -> Iterator[Any]:
    """The text, with each sentence that nothing supports underlined and followed by words that say so."""
    text, at = answer.text, 0
    for start, end in sorted(answer.unsupported):
        start, end = max(at, start), min(end, len(text))
        if start < end:
            yield text[at:start]
            yield tag("span", text[start:end], class_="unsupported")
            yield tag("small", " [", view.words("answers.unsupported"), "]", lang=view.words.language, class_="flag")
            at = end
    yield text[at:]


def _citation(view: ReportView, cited: Cited, language: str) -> Html:
    headings = " › ".join(cited.headings)
    place = join([_place(view, cited), [" · ", tag("bdi", headings)] if headings else None])
    return tag("li", place, " ", view.prose(cited.quote, language, name="q"))


def _measured(view: ReportView, answer: ModeAnswer) -> Html:
    words, grades = view.words, answer.grades
    told = [name for name in grades if shown(grades[name]) and name != "refused"]  # which is said in words
    parts: list[Any] = [f"{words.name('metric', name)} {number(grades[name])}" for name in told]
    if shown(answer.confidence):
        parts.append(words("answers.confidence", value=number(answer.confidence)))
    if shown(answer.total):
        parts.append(words("answers.took", time=view.duration(answer.total)))
    if answer.prompt_tokens or answer.completion_tokens:
        prompt, completion = rounded(answer.prompt_tokens), rounded(answer.completion_tokens)
        parts.append(words("answers.tokens", prompt=prompt, completion=completion))
    return _in_line(parts, " · ")


def _read(view: ReportView, shown_to: dict[str, Sequence[ShownText]]) -> Html | None:
    """Every passage once, with the modes that read it: the modes with documents mostly read the same."""
    readers: dict[tuple[Html, str], list[str]] = {}
    for mode, passages in shown_to.items():
        for passage in passages:
            modes = readers.setdefault((_place(view, passage), passage.text), [])
            modes.extend([mode] if mode not in modes else [])
    if not readers:
        return None
    items = [
        tag(
            "li",
            tag("p", place, [[" ", view.mode(mode)] for mode in modes]),
            view.prose(text, name="p", class_="passage"),
        )
        for (place, text), modes in readers.items()
    ]
    return tag("details", tag("summary", view.words("answers.read", count=len(items))), tag("ol", items), class_="read")


def _place(view: ReportView, source: Cited | ShownText) -> Html:
    place = locator_in(source.document, source.page, source.sheet)
    return join([tag("bdi", source.document, class_="document"), _behind(view, place)])


def _behind(view: ReportView, place: Locator | None) -> Html | None:
    """What stands behind the name of a document: its page, slide or sheet."""
    if place is None:
        return None
    return join([", ", view.words(f"place.{place.wording}", number=place.number, name=place.name)])


def _in_line(items: Sequence[Any], between: str = ", ") -> Html:
    return join([item if place == 0 else [between, item] for place, item in enumerate(items)])
