"""Questions about the collection, answered from what is known of its documents: which there are, by whom, of when,
about what, and what came or changed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

import regex
from rapidfuzz import fuzz

from metier.answering.document_info import DeletedDocument, DocumentInfo, document_infos
from metier.answering.document_matching import alike, match_documents
from metier.answering.intent import CollectionQuery, Intent
from metier.text.analyzer import Analyser
from metier.text.dates import Period
from metier.text.language import Language, words_of

__all__ = ["CollectionAnswer", "DocumentInfo", "answer_collection", "document_infos", "match_documents"]

_SHOWN = 20  # documents in a list
_LATEST = 5
_ABOUT = 8  # documents listed for a topic
_NEWS_DAYS = 7  # "what is new" without a time: this long before the last change
_ALIKE = 84  # similarity (0..100) of two spellings or forms of a name
_EXTENSIONS = {
    "pdf": ("pdf",), "word": ("docx", "doc", "odt", "rtf", "dotx"), "sheet": ("xlsx", "xls", "ods"),
    "csv": ("csv", "tsv"),
    "slides": ("pptx", "ppt", "odp"), "mail": ("eml", "msg", "mbox"), "web": ("html", "htm"),
    "text": ("txt", "md", "rst", "markdown"), "picture": ("png", "jpg", "jpeg", "tif", "tiff", "bmp", "gif", "webp"),
}  # fmt: skip
Search = Callable[[str], Sequence[str]]
"""Ids of the documents that hold most about a topic, best first."""


@dataclass(frozen=True, slots=True)
class CollectionAnswer:
    """`text`: what the user reads. `documents`: those that are listed, `lines` the place (start, end) of each in the
    text. `total`: of all that match."""

    text: str
    documents: tuple[DocumentInfo, ...]
    lines: tuple[tuple[int, int], ...]
    total: int


def answer_collection(
    question: str,
    intent: Intent,
    documents: Sequence[DocumentInfo],
    now: datetime,
    search: Search | None = None,
    deleted: Sequence[DeletedDocument] = (),
) -> CollectionAnswer | None:
    """Answer a question about the collection. `documents`: all that the asker may see. `search`: for "about …"; without
    it titles alone are compared. `deleted`: what was there, which is told where changes are asked for. None where the
    question seems to be another after all (nobody of that name wrote anything, no document is of that sort): it is then
    looked up."""
    query = intent.collection
    if query is None:
        return None
    language = Language.of(intent.language or "en")
    today = now.date()
    selection = _Selection(list(documents), query, language, today)
    first = max((info.added for info in documents if info.from_start and info.added), default=None)
    if not selection.of_people() or not selection.of_sort():
        return None
    selection.of_form()
    selection.of_time()
    selection.of_change()
    selection.of_topic(search)
    if query.latest:
        selection.found = sorted(selection.found, key=lambda info: info.latest_day, reverse=True)[:_LATEST]
    said = _said(selection, query, language)
    return said if query.count else replace(said, text=said.text + _told_of_changes(selection, first, deleted))


# --- choosing ------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Selection:
    """What is left of the documents, one condition after the other; `period`: the days that were asked for."""

    found: list[DocumentInfo]
    query: CollectionQuery
    language: Language
    today: date
    period: Period | None = None

    def of_people(self) -> bool:
        for asked, of in ((self.query.author, "authors"), (self.query.recipient, "recipients")):
            if asked:
                self.found = [info for info in self.found if _names(asked, getattr(info, of), self.language)]
                if not self.found:
                    return False
        return True

    def of_sort(self) -> bool:
        """Sort and folder: words of title, name or path."""
        for asked in (self.query.sort, self.query.folder):
            if asked:
                stems = _stems(asked, self.language)
                self.found = [info for info in self.found if _all_in(stems, f"{info.title} {info.uri}", self.language)]
                if not self.found:
                    return False
        return True

    def of_form(self) -> None:
        if self.query.format:
            endings = _EXTENSIONS.get(self.query.format, ())
            self.found = [info for info in self.found if info.name.rpartition(".")[2].lower() in endings]
        if self.query.language:
            self.found = [info for info in self.found if info.record.language.split("-")[0] == self.query.language]

    def of_time(self) -> None:
        """The days of the documents themselves."""
        if self.query.times:
            self.period = _intersection([mention.period(self.today) for mention in self.query.times])
            if not self.query.change:
                self.found = [info for info in self.found if info.is_of(self.period)]

    def of_change(self) -> None:
        """The days at which they came or changed."""
        change = self.query.change
        if not change:
            return
        if self.period is None:
            last = max(filter(None, (day for info in self.found for day in (info.added, info.changed))), default=None)
            self.period = Period(None if last is None else date.fromordinal(last.toordinal() - _NEWS_DAYS), self.today)
        self.found = [info for info in self.found if any(_changes(info, change, self.period))]
        self.found.sort(key=lambda info: info.latest_sync, reverse=True)

    def of_topic(self, search: Search | None) -> None:
        topic = self.query.topic
        if not topic:
            return
        titled = {info.id for info in self.found if _all_in(_content(topic, self.language), info.title, self.language)}
        ranked = list(search(topic)) if search is not None else []
        order = {name: place for place, name in enumerate(ranked)}
        found = [info for info in self.found if info.id in titled or info.id in order]
        found.sort(key=lambda info: (order.get(info.id, len(order)), info.uri))
        self.found = found[:_ABOUT]


def _changes(info: DocumentInfo, change: str, period: Period) -> tuple[bool, bool]:
    """Whether it came, and whether it changed, in these days."""
    came = None if info.from_start else info.added
    added = change in ("added", "any") and came is not None and period.holds(came)
    changed = change in ("changed", "any") and info.changed is not None and period.holds(info.changed)
    return added, changed


def _names(asked: str, people: str, language: Language) -> bool:
    """Whether all words of a name are among those of `people`, in one spelling or form or another."""
    have = words_of(people)
    wanted = [word for word in words_of(asked) if word not in language.function_words] or words_of(asked)
    return bool(wanted) and all(any(_same_name(word, other) for other in have) for word in wanted)


def _same_name(first: str, second: str) -> bool:
    if min(len(first), len(second)) < 4:
        return first == second
    return fuzz.ratio(first, second) >= _ALIKE or (first.startswith(second[:4]) and first.startswith(second))


def _all_in(wanted: Sequence[str], text: str, language: Language) -> bool:
    have = _stems(text, language)
    return bool(wanted) and all(any(alike(word, other) for other in have) for word in wanted)


def _stems(text: str, language: Language) -> list[str]:
    return Analyser(language.code).tokens(text.replace("_", " ").replace("/", " / "))


def _content(text: str, language: Language) -> list[str]:
    """Stems of the words that are no function words."""
    words = [word for word in words_of(text) if word not in language.function_words] if language.spaced else [text]
    return _stems(" ".join(words), language)


def _intersection(periods: Sequence[Period]) -> Period:
    starts = [period.start for period in periods if period.start is not None]
    ends = [period.end for period in periods if period.end is not None]
    return Period(max(starts, default=None), min(ends, default=None))


# --- saying --------------------------------------------------------------------------------------------------


def _said(selection: _Selection, query: CollectionQuery, language: Language) -> CollectionAnswer:
    found, total = selection.found, len(selection.found)
    period = _period_text(selection.period, language)
    if not total:
        if query.change:
            text = language.text("catalog", "no_changes").format(period=period)
        else:
            text = language.text("catalog", "none_matching" if _narrowed(query) else "none")
        return CollectionAnswer(text, (), (), 0)
    name = ("count" if query.count else "found") + ("_one" if total == 1 else "")
    head = language.text("catalog", name).format(count=total, filter=_filter_text(query, period, language))
    if query.count:
        return CollectionAnswer(head, (), (), total)
    text, lines = head + "\n", []
    shown = found[:_SHOWN]
    for info in shown:
        text += "\n"
        line = _line(info, query, selection.period, language)
        lines.append((len(text), len(text) + len(line)))
        text += line
    if total > len(shown):
        text += "\n\n" + language.text("catalog", "more").format(count=total - len(shown))
    return CollectionAnswer(text, tuple(shown), tuple(lines), total)


def _told_of_changes(selection: _Selection, first: date | None, deleted: Sequence[DeletedDocument]) -> str:
    """Behind the list of what came or changed: what was deleted, and that the first sync is no news."""
    query, language, period = selection.query, selection.language, selection.period
    if not query.change or period is None:
        return ""
    text = ""
    if query.change != "added" and not _narrowed(replace(query, change="", times=())):
        mark = language.text("catalog", "deleted_mark")
        gone = [each for each in deleted if period.holds(each.day)]
        lines = [f"- **{_plain(each.uri)}** ({mark}: {_written(each.day, language)})" for each in gone]
        text = "".join(f"\n{line}" for line in lines[:_SHOWN])
        if len(lines) > _SHOWN:
            text += "\n\n" + language.text("catalog", "more").format(count=len(lines) - _SHOWN)
    text = "\n" + text if text and not selection.found else text
    if first is not None and period.holds(first) and query.change != "changed":
        text += "\n\n" + language.text("catalog", "first_sync").format(date=_written(first, language))
    return text


def _narrowed(query: CollectionQuery) -> bool:
    return query != CollectionQuery(count=query.count)


def _filter_text(query: CollectionQuery, period: str, language: Language) -> str:
    parts = []
    if query.author:
        parts.append(language.text("catalog", "by").format(author=query.author))
    if query.topic:
        parts.append(language.text("catalog", "about").format(topic=query.topic))
    if query.change == "added":
        parts.append(language.text("catalog", "added").format(period=period))
    elif query.change:
        parts.append(language.text("catalog", "changed").format(period=period))
    elif query.times:
        parts.append(language.text("catalog", "when").format(period=period))
    return "".join(parts)


def _line(info: DocumentInfo, query: CollectionQuery, period: Period | None, language: Language) -> str:
    """`- **Title** (file, date, new)`"""
    facts = [] if info.title == info.uri else [info.uri]
    if query.change and period is not None:
        added, changed = _changes(info, query.change, period)
        mark = language.text("catalog", "added_mark" if added else "changed_mark")
        day = info.added if added else info.changed if changed else None
        facts.append(f"{mark}: {_written(day, language)}" if day else mark)
    elif info.dated is not None:
        first, last = info.dated
        facts.append(
            _written(first, language) if first == last else first.isoformat()[: 7 if first.month == last.month else 4]
        )
    if info.authors and not query.author:
        facts.append(regex.sub(r"\s*<[^>]*>", "", info.authors))
    return f"- **{_plain(info.title)}**" + (f" ({', '.join(map(_plain, facts))})" if facts else "")


def _plain(text: str) -> str:
    """On one line, and without what would be read as markup."""
    return regex.sub(r"([*`\[\]])", r"\\\1", " ".join(text.split()))[:200]


def _period_text(period: Period | None, language: Language) -> str:
    if period is None:
        return ""
    days = [_written(day, language) if day else "…" for day in (period.start, period.end)]
    return days[0] if days[0] == days[1] else language.text("catalog", "until").format(start=days[0], end=days[1])


def _written(day: date, language: Language) -> str:
    return language.text("catalog", "dates").format(year=day.year, month=f"{day.month:02}", day=f"{day.day:02}")
