"""What is quoted of a document: a whole sentence or row; a list with its lead-in, where a list is asked for; all rows
of a table that hold what the question asks about, where it asks which they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import regex

from metier.answering.evidence import is_row
from metier.core.documents import CELL, Passage
from metier.text.language import Language
from metier.text.phrases import searchable
from metier.text.sentences import is_leadin, units

_ITEMS = 25  # of a list that is quoted whole
_LONGEST = 2500  # characters
_FEW_STEPS = 3
_MOSTLY = 0.6  # share of the characters
_NUMBERED_LINE = regex.compile(r"\p{N}{1,2}(?:[.)．]\s|、)")
_APART = 3  # characters between two passages that follow each other


@dataclass(frozen=True, slots=True)
class _Piece:
    """One unit of a run of passages. `text[start:end]` of `passage`."""

    passage: Passage
    start: int
    end: int
    kind: str

    @property
    def text(self) -> str:
        return self.passage.text[self.start : self.end]

    @property
    def is_item(self) -> bool:
        return self.kind in ("item", "row")


def asks_for_list(question: str, language: str) -> bool:
    """Whether a question wants steps, rules or a list, as far as its words tell."""
    return bool(Language.of(language).expression("asks", "list").search(searchable(question)))


def holds_steps(text: str) -> bool:
    """Whether a text is numbered steps, three at least, and little else: numbered headings stand between paragraphs."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    steps = [line for line in lines if _NUMBERED_LINE.match(line)]
    return len(steps) >= _FEW_STEPS and sum(map(len, steps)) >= _MOSTLY * sum(map(len, lines))


def asks_which(question: str, language: str) -> bool:
    """Whether a question may ask for several things: which they are, or how many."""
    return bool(Language.of(language).expression("asks", "which").search(searchable(question)))


def rows_alike(chosen: Passage, around: Sequence[Passage], shared: Callable[[str], frozenset[str]]) -> list[Passage]:
    """The rows of the table of `chosen`, one of them, whose cells hold the same words of the question as its cells do,
    it among them; nothing where it is no row or holds none. `shared`: of a text, the words that the question has."""
    pieces, place = _found(chosen, around)
    if place is None or pieces[place].kind != "row":
        return []
    asked = shared(_values(pieces[place].text))
    if not asked:
        return []
    first = last = place
    while first > 0 and pieces[first - 1].kind == "row":
        first -= 1
    while last + 1 < len(pieces) and pieces[last + 1].kind == "row":
        last += 1
    rows = [piece for piece in pieces[first : last + 1] if is_row(piece.text) or not is_row(chosen.text)]
    alike = [piece for piece in rows if asked <= shared(_values(piece.text))]  # no line of column names among them
    return [piece.passage.within(piece.start, piece.end) for piece in alike[:_ITEMS]]


def _values(row: str) -> str:
    """The cells of a row without the names of their columns."""
    cells = (cell.partition(": ") for cell in row.split(CELL))
    return CELL.join(value or name for name, _, value in cells)


def widened(chosen: Passage, around: Sequence[Passage], *, whole_list: bool) -> list[Passage]:
    """What to quote for `chosen`, one sentence, item or row: itself, or the list that it belongs to, as a stretch of
    each passage that holds some of it. A lead-in is quoted with the list it introduces, an item with its whole list
    where `whole_list` says that the question asks for one. `around`: passages of its document in reading order."""
    pieces, place = _found(chosen, around)
    if place is None:
        return [chosen]
    first = last = place
    if is_leadin(pieces[place].text):
        last = _end(pieces, place + 1)
        if last == place and place + 1 < len(pieces):
            last = place + 1  # a lead-in before a paragraph
    elif whole_list and pieces[place].kind == "sentence" and _begins_list(pieces, place):
        last = _end(pieces, place + 1)
    elif whole_list and pieces[place].kind == "item":
        while first > 0 and pieces[first - 1].kind == "item":
            first -= 1
        last = _end(pieces, place)
        if first > 0 and is_leadin(pieces[first - 1].text):
            first -= 1
    if first == last:
        return [chosen]
    return _stretches(pieces[first : last + 1])


def _begins_list(pieces: Sequence[_Piece], place: int) -> bool:
    """Whether a list follows at once: "The customer gets a blue folder with the following." """
    return place + 1 < len(pieces) and pieces[place + 1].kind == "item"


def _found(chosen: Passage, around: Sequence[Passage]) -> tuple[list[_Piece], int | None]:
    """The units around `chosen` and which of them it begins in."""
    pieces = _run(chosen, around)
    return pieces, next((n for n, piece in enumerate(pieces) if _begins_in(chosen, piece)), None)


def _run(chosen: Passage, around: Sequence[Passage]) -> list[_Piece]:
    """The units of the passages that follow each other around `chosen`, under the same headings."""
    same = [p for p in around if p.document_id == chosen.document_id and p.headings == chosen.headings]
    same.sort(key=lambda p: p.start)
    run: list[Passage] = []
    for passage in same:
        if run and passage.start - run[-1].end > _APART:
            if any(p.start <= chosen.start < p.end for p in run):
                break
            run = []
        run.append(passage)
    return [
        _Piece(passage, unit.start, unit.end, unit.kind)
        for passage in run
        for unit in units(passage.text, passage.language or "en")
        if unit.kind != "rule"
    ]


def _begins_in(chosen: Passage, piece: _Piece) -> bool:
    return piece.passage.start + piece.start <= chosen.start < piece.passage.start + piece.end


def _end(pieces: Sequence[_Piece], first: int) -> int:
    """Number of the last item of the list that begins at `first`; the one before it where none begins there."""
    last = first - 1
    for number in range(first, min(len(pieces), first + _ITEMS)):
        if not pieces[number].is_item:
            break
        last = number
    return last


def _stretches(pieces: Sequence[_Piece]) -> list[Passage]:
    """Neighbouring units as one stretch of each passage, up to the longest quote."""
    found: list[Passage] = []
    room = _LONGEST
    for passage in dict.fromkeys((p.passage.id, p.passage.start) for p in pieces):
        own = [p for p in pieces if (p.passage.id, p.passage.start) == passage]
        kept = [p for p in own if p.end - own[0].start <= room]
        if not kept:
            break
        found.append(own[0].passage.within(kept[0].start, kept[-1].end))
        room -= kept[-1].end - kept[0].start
        if len(kept) < len(own):
            break
    return found
