"""Every question and what each mode said to it, side by side, folded until it is opened."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from metier.evaluation.report.markup import Html, join, tag
from metier.evaluation.report.view import ReportView, anchor, class_of, number, rounded, shape, shown

_RIGHT = 0.5  # score from which an answer counts as right where no cause of failure was looked for
_READ_UP_TO = 2_000  # questions; above it what the model read is left out, or the file would not open any more


def answers(view: ReportView) -> Html | None:
    rows = view.rows("answers")
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


def right(answer: dict[str, Any]) -> bool:
    """Whether an answer counts as right: nothing was found to have failed."""
    if answer.get("error"):
        return False
    if "cause" in answer:
        return not answer["cause"]
    return ((answer.get("grades") or {}).get("score") or 0.0) >= _RIGHT


def refused(answer: dict[str, Any]) -> bool:
    """By decision, or in the model's own words, which only the grades know."""
    return bool((answer.get("grades") or {}).get("refused", answer.get("abstained")))


def _filters(view: ReportView, rows: Sequence[dict[str, Any]]) -> Html:
    """Shown by the script, which alone can use it."""
    words = view.words
    kinds = dict.fromkeys(str(row["kind"]) for row in rows if row.get("kind"))
    languages = dict.fromkeys(str(row["language"]) for row in rows if row.get("language"))
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


def _question(view: ReportView, row: dict[str, Any], place: int, whole: bool) -> Html:
    given = row.get("modes") or {}
    modes = [mode for mode in view.modes if given.get(mode)]
    verdicts = {mode: "right" if right(given[mode]) else "wrong" for mode in modes}
    kind, language = str(row.get("kind") or ""), str(row.get("language") or "")
    marks = [_mark(view, mode, verdicts[mode], given[mode]) for mode in modes]
    asked = view.prose(str(row.get("question") or ""), language, class_="asked")
    labels = tag("span", view.words.name("kind", kind), class_="kind") if kind else None
    return tag(
        "details",
        tag("summary", asked, tag("span", labels, marks, class_="marks")),
        _accepted(view, row, language),
        tag("div", [_answer(view, mode, given[mode], language) for mode in modes], class_="side"),
        _read(view, {mode: given[mode].get("shown") or [] for mode in modes}) if whole else None,
        id=anchor(place),
        data_kind=kind,
        data_language=language,
        data_right=_those(modes, verdicts, "right"),
        data_wrong=_those(modes, verdicts, "wrong"),
        data_refused=" ".join(mode for mode in modes if refused(given[mode])),
    )


def _those(modes: Sequence[str], verdicts: dict[str, str], wanted: str) -> str:
    return " ".join(mode for mode in modes if verdicts[mode] == wanted)


def _mark(view: ReportView, mode: str, verdict: str, answer: dict[str, Any]) -> Html:
    """The mode's shape, and a tick or a cross; a score in between is written out."""
    score = (answer.get("grades") or {}).get("score")
    between = f" {number(score)}" if shown(score) and 0 < score < 1 else None
    sign = tag("span", "✓" if verdict == "right" else "✗", aria_hidden="true")
    told = tag("span", f" {mode}: ", view.words(f"result.{verdict}"), class_="told")
    return tag("span", shape(mode), sign, told, between, class_=f"result {verdict}", title=mode)


def _accepted(view: ReportView, row: dict[str, Any], language: str) -> Html:
    wordings = [view.prose(str(each), language, name="bdi") for each in row.get("answers") or []]
    documents = [tag("bdi", str(each)) for each in row.get("documents") or []]
    unanswerable = view.words("answers.unanswerable") if row.get("kind") == "unanswerable" else None
    page = view.words("page", page=row["page"]) if row.get("page") is not None else None
    places = join([_in_line(documents), [", ", page] if page else None])
    lines = [
        ("id", tag("bdi", str(row.get("id")))),
        ("accepted", _in_line(wordings) if wordings else unanswerable),
        ("stands", places if documents else None),
    ]
    terms = [tag("div", tag("dt", view.words(f"answers.{name}")), tag("dd", value)) for name, value in lines if value]
    return tag("dl", terms, class_="facts")


def _answer(view: ReportView, mode: str, answer: dict[str, Any], language: str) -> Html:
    """One mode's answer: what it said, why it failed, what it cites, how it was graded, how long it took."""
    text = str(answer.get("text") or "")
    if answer.get("error"):
        said = tag("p", tag("b", view.words("answers.error")), " ", view.prose(str(answer["error"])), class_="wrong")
    else:
        said = tag("p", *_marked(view, answer), lang=view.foreign(text, language), dir="auto", class_="said")
    cause = answer.get("cause")
    failed = tag("p", view.words.name("cause", cause), class_="wrong") if cause else None
    declined = tag("p", view.words("result.refused"), class_="refused") if refused(answer) else None
    cited = [_citation(view, each, language) for each in answer.get("citations") or []]
    return tag(
        "div",
        tag("p", view.mode(mode), class_="who"),
        said,
        declined,
        failed,
        tag("ol", cited, class_="cited") if cited else None,
        [view.prose(str(note), name="p", class_="note") for note in answer.get("notes") or []],
        tag("p", _measured(view, answer), class_="measured"),
        class_=f"answer {class_of(mode)}",
    )


def _marked(view: ReportView, answer: dict[str, Any]) -> Iterator[Any]:
    """The text, with each sentence that nothing supports underlined and followed by words that say so."""
    text, at = str(answer.get("text") or ""), 0
    for start, end in sorted(map(tuple, answer.get("unsupported") or [])):
        start, end = max(at, start), min(end, len(text))
        if start < end:
            yield text[at:start]
            yield tag("span", text[start:end], class_="unsupported")
            yield tag("small", " [", view.words("answers.unsupported"), "]", lang=view.words.language, class_="flag")
            at = end
    yield text[at:]


def _citation(view: ReportView, cited: dict[str, Any], language: str) -> Html:
    headings = " › ".join(map(str, cited.get("headings") or []))
    place = join([_place(view, cited), [" · ", tag("bdi", headings)] if headings else None])
    return tag("li", place, " ", view.prose(str(cited.get("quote") or ""), language, name="q"))


def _measured(view: ReportView, answer: dict[str, Any]) -> Html:
    words, grades = view.words, answer.get("grades") or {}
    told = [name for name in grades if shown(grades[name]) and name != "refused"]  # which is said in words
    parts: list[Any] = [f"{words.name('metric', name)} {number(grades[name])}" for name in told]
    if shown(answer.get("confidence")):
        parts.append(words("answers.confidence", value=number(answer["confidence"])))
    if shown(answer.get("total")):
        parts.append(words("answers.took", time=view.duration(answer["total"])))
    if answer.get("prompt_tokens") or answer.get("completion_tokens"):
        tokens = [rounded(answer.get(name) or 0) for name in ("prompt_tokens", "completion_tokens")]
        parts.append(words("answers.tokens", prompt=tokens[0], completion=tokens[1]))
    return _in_line(parts, " · ")


def _read(view: ReportView, shown_to: dict[str, Sequence[dict[str, Any]]]) -> Html | None:
    """Every passage once, with the modes that read it: the modes with documents mostly read the same."""
    readers: dict[tuple[Html, str], list[str]] = {}
    for mode, passages in shown_to.items():
        for passage in passages:
            modes = readers.setdefault((_place(view, passage), str(passage.get("text") or "")), [])
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


def _place(view: ReportView, source: dict[str, Any]) -> Html:
    page = view.words("page", page=source["page"]) if source.get("page") is not None else None
    return join([tag("bdi", str(source.get("document") or ""), class_="document"), [", ", page] if page else None])


def _in_line(items: Sequence[Any], between: str = ", ") -> Html:
    return join([item if place == 0 else [between, item] for place, item in enumerate(items)])
