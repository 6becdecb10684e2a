"""What a sentence of an answer claims, and whether it claims anything.

Markdown is taken off; a table row is read with the names of its columns; a list item and a short sentence are about
what their lead-in, their heading and the question name.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import regex

from metier.answering.refusal_messages import declines
from metier.answering.support.names import Name, names
from metier.answering.support.sources import PassageReader
from metier.core.documents import CELL
from metier.text.language import Language, in_any_language
from metier.text.phrases import WORD, any_of, compose, fold
from metier.text.quantities import Quantity, quantities
from metier.text.sentences import Unit, is_leadin, is_question, without_marker

_LINK = regex.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_MARKED = regex.compile(
    r"(\*{1,3}|~~|`+)(?=\S)(.+?)(?<=\S)\1|(?<![\p{L}\p{N}_])(_{1,3})(?=\S)(.+?)(?<=\S)\3(?![\p{L}\p{N}_])"
)
_LEADING = regex.compile(r"^(?:\s*(?:>|#{1,6})\s*)+")
_FIRST_WORD = regex.compile(r"[\s*_]*([\p{L}\p{M}]+)[*_]*(?:\s*[,.!;:–—،،。，！]\s*|$)")
_CELLS = regex.compile(r"(?<!\\)\|")
_BOLD_LINE = regex.compile(r"^\s*\*\*[^*]+\*\*:?\s*$")
_LABEL = regex.compile(r"^\s*(?:[-*+•]\s+|\p{N}{1,3}[.)]\s+)?\*\*([^*]{1,80})\*\*\s*:?|^([^:.|]{1,60}):\s")
_LONGEST_EMPTY = 200  # characters of the longest sentence that can be nothing but a phrase
_META_SHARE = 0.5  # of a sentence's words that may be its own where it is made of phrases that state nothing


@dataclass(frozen=True, slots=True)
class Claim:
    """`text`: of the sentence without marks. `about`: texts that say what it is about, nearest first. `words`: see
    `PassageReader.words`. `kind`: as the unit's. `before`, `after`: what the answer has so far on its two sides.
    `decision`: the yes or no that it began with, folded, which is no part of `text`."""

    text: str
    kind: str
    language: str
    quantities: tuple[Quantity, ...]
    names: tuple[Name, ...]
    about: tuple[str, ...]
    before: str
    decision: str = ""
    after: str = ""


@lru_cache(maxsize=1)
def _source_mark() -> regex.Pattern[str]:
    words = any_of(in_any_language("sentences", "source"))
    return regex.compile(
        rf"\[\^?\p{{N}}{{1,3}}(?:\s*[,;–-]\s*\p{{N}}{{1,3}})*\]|【[^】]*】|\((?:{words})[^)]{{0,60}}\)",
        regex.IGNORECASE,
    )


def plain(text: str) -> str:
    """Markdown without its marks, and without marks of sources ("[1]")."""
    text = _source_mark().sub(" ", _LINK.sub(r"\1", text))
    text = _LEADING.sub("", text)
    for _ in range(2):
        text = _MARKED.sub(lambda match: match[2] or match[4], text)
    return text.replace("**", "").strip()


def read(text: str, unit: Unit, cut: list[Unit], language: str, documents: regex.Pattern[str] | None = None) -> Claim:
    """The claim of `unit`, one of `cut`, the units of the answer `text`. `documents`: finds names of documents, which
    say where something stands and not what."""
    raw = text[unit.start : unit.end]
    index = cut.index(unit)
    about = _about(text, cut, index)
    if unit.kind == "row":
        bare = _row(text, cut, index)
    elif unit.kind == "code":
        bare = regex.sub(r"^\s*(`{3,}|~{3,})[^\n]*\n?|\n?\s*(`{3,}|~{3,})\s*$", "", raw)
    else:
        bare = plain(without_marker(raw) if unit.kind == "item" else raw)
    bare = documents.sub(" ", bare) if documents is not None else bare
    decision, bare = _decision(bare, language)
    called = tuple(names(bare, language))
    inside = [name for name in called if name.identifier]
    heads = columns_of(bare) if unit.kind == "row" else []
    found = tuple(
        q
        for q in quantities(bare, language)
        if not any(n.start <= q.start < n.end for n in inside)
        and (_is_year(q) or not any(start <= q.start < end for start, end in heads))
    )
    before, after = text[: unit.start], text[unit.end :]
    return Claim(bare, unit.kind, language, found, called, about, before, decision, after)


def _decision(text: str, language: str) -> tuple[str, str]:
    """The yes, no or maybe that a sentence begins with, folded, and what it says beside that."""
    match = _FIRST_WORD.match(text)
    if match is None:
        return "", text
    word = fold(compose(match[1]))
    for known in map(Language.of, dict.fromkeys((language, "en"))):
        for words in (known.yes, known.no, known.maybe):
            if word and word in {fold(compose(each)) for each in words}:
                return fold(compose(words[0])), text[match.end() :].strip()
    return "", text


def states_nothing(text: str, unit: Unit, cut: list[Unit], claim: Claim, reader: PassageReader, question: str) -> bool:
    """A heading, the head of a table, a lead-in, a question back, a greeting, a decline, a phrase of politeness. What
    repeats a number of the question states none."""
    index = cut.index(unit)
    following = cut[index + 1] if index + 1 < len(cut) else None
    asked = set(WORD.findall(question))
    told = [q for q in claim.quantities if not asked.issuperset(WORD.findall(q.text))]
    measured = any(q.unit is not None or q.dates or not q.word for q in told)
    if unit.kind == "heading" or not any(c.isalnum() for c in claim.text):
        return True
    if unit.kind == "row":
        if following is None:
            return not _is_in_table(cut, index)
        return following.kind == "rule" or not text[following.start : following.end].strip("|:- ")  # as it is written
    if unit.kind == "code":
        return False
    if is_question(claim.text):
        return True
    raw = text[unit.start : unit.end]
    if _BOLD_LINE.match(raw) and following is not None and not measured:
        return True
    if is_leadin(claim.text) and not measured:
        return True
    return _is_phrase(claim, measured, reader)


def _is_phrase(claim: Claim, measured: bool, reader: PassageReader) -> bool:
    if len(claim.text) > _LONGEST_EMPTY or measured or any(name.identifier for name in claim.names):
        return declines(claim.text) and not measured
    if declines(claim.text):
        return True
    for code in dict.fromkeys((claim.language, "en")):
        known = Language.of(code)
        folded = fold(compose(claim.text))
        pattern = known.expression("lead_in", "phrases")
        talk = known.expression("small_talk", "greeting", "thanks", "farewell", "filler")
        rest, taken = pattern.subn(" ", folded)
        rest, more = talk.subn(" ", rest)
        if not taken + more:
            continue
        left, whole = reader.words(rest, code), reader.words(folded, code)
        if not left or (taken and pattern.match(folded) and len(left) <= 1 and len(left) <= _META_SHARE * len(whole)):
            return True
        if taken and any(polite in folded for polite in _POLITE):
            return True
    return False


_POLITE = (
    "let me know", "feel free", "hope this helps", "further questions", "more questions", "other questions",
    "happy to help", "lassen sie es mich wissen", "weitere fragen", "would you like me", "do you want me to",
)  # fmt: skip


def _about(text: str, cut: list[Unit], index: int) -> tuple[str, ...]:
    """The lead-in or label of the list that an item is in, and the headings over it, nearest first."""
    found: list[str] = []
    unit = cut[index]
    seen_lead = unit.kind not in ("item", "row", "code")
    for before in reversed(cut[:index]):
        raw = text[before.start : before.end]
        if before.kind == "heading" or _BOLD_LINE.match(raw):
            found.append(plain(raw))
            break
        if before.kind == "item" and unit.kind == "item":
            same_item = "\n" not in text[before.end : unit.start]
            deeper = _indent(text, unit) > _indent(text, before)
            if (same_item or deeper) and (label := _LABEL.match(raw)):
                found.append(plain(label[1] or label[2] or ""))
        elif before.kind == "sentence" and not seen_lead:
            found.append(plain(raw))
            seen_lead = True
        elif before.kind == "sentence" and unit.kind == "sentence" and not found:
            found.append(plain(raw))
    return tuple(piece for piece in found if piece)


def _indent(text: str, unit: Unit) -> int:
    return unit.start - (text.rfind("\n", 0, unit.start) + 1)


def _row(text: str, cut: list[Unit], index: int) -> str:
    """A row of a Markdown table as "Column: cell | Column: cell"."""
    first = index
    while first > 0 and cut[first - 1].kind in ("row", "rule"):
        first -= 1
    cells = _split(text[cut[index].start : cut[index].end])
    head = _split(text[cut[first].start : cut[first].end])
    headed = first < index and first + 1 < len(cut) and cut[first + 1].kind == "rule"
    if not headed or len(head) < len(cells):
        return " | ".join(plain(cell) for cell in cells)
    pairs = zip(head, cells, strict=False)
    return " | ".join(f"{plain(name)}: {plain(cell)}" if name.strip() else plain(cell) for name, cell in pairs)


def columns_of(row: str) -> list[tuple[int, int]]:
    """Where the names of columns stand in a row as `_row` writes it."""
    found, start = [], 0
    for cell in row.split(CELL):
        name, colon, _ = cell.partition(": ")
        found.append((start, start + (len(name) if colon else 0)))
        start += len(cell) + len(CELL)
    return found


def _is_year(quantity: Quantity) -> bool:
    """A column's number is said of all its rows, which only a year tells apart."""
    return any(year and not month for year, month, _ in quantity.dates)


def _is_in_table(cut: list[Unit], index: int) -> bool:
    """Whether rows stand before it; else it is a head whose line is still to come."""
    return index > 0 and cut[index - 1].kind in ("row", "rule")


def _split(row: str) -> list[str]:
    return [cell.strip() for cell in _CELLS.split(row.strip().strip("|"))]
