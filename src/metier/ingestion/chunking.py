"""A document cut into passages along its headings, sentences and table rows.

Lengths are counted in tokens of the embedder. A passage never crosses a section or a page, so its heading path and
page hold for all of it; short paragraphs of one section share a passage; a paragraph too long is cut between
sentences, a sentence too long between words, a word too long between characters. A list that fits into a passage
stays whole, with its lead-in. The rows of a table have its caption as their last heading, so that every group of them
repeats it; where names with their values are among its lines, it is one line, and all are a passage of their own. The
names of columns and the unit stand in the rows. Each row of a database is a passage: it changes alone. A heading with
nothing under it goes with what follows. What a model says of a picture shares no passage with text.

What a document can cost is bounded, whatever stands in it: a passage has so many characters as well as tokens, its
heading path so many names of so many characters, a document so many passages; and text is counted and cut a stretch at
a time.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

import regex

from metier.core.documents import Block, BlockKind, Document, Passage, described, passage_id
from metier.core.errors import ParseError
from metier.core.settings import PassageSettings
from metier.core.tables import LINES
from metier.text.sentences import sentence_spans

CountTokens = Callable[[Sequence[str]], list[int]]
_LONGEST_CAPTION = 200  # characters
_LONGEST_HEADING = 300  # characters; a longer one is text: in the path it would be repeated with every passage under it
_DEEPEST = 8  # names of a heading path: the outermost, and those nearest to the passage
_CHARACTERS = (
    20  # of a passage for each token of the target: a tokenizer gives one token, or none, for what it does not know
)
_WINDOW = 50_000  # characters of a paragraph that are cut at once
_AT_ONCE = 250_000  # characters that are counted at once, up to the end of the section
_UNIT_COST = 20  # characters that an empty unit counts for
_MOST_PASSAGES = 50_000  # of one document, at the target of 200 tokens
_NEAR = 200  # characters around the middle in which a place to cut is looked for first
_LEAD_IN = (":", "：")
_BREAK = regex.compile(r"\s+|(?<=[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}])")
_CHARACTER = regex.compile(r"\X")
_LONGEST_CHARACTER = 64  # code points; a longer one is taken apart


@dataclass(slots=True)
class _Unit:
    """A piece that is not cut further: a paragraph, a sentence, a table row. `picture`: where the description of one
    begins, that it is of; -1 else. `alone`: shares no passage with its neighbours."""

    start: int
    end: int
    page: int | None
    row: str | None
    headings: tuple[str, ...]
    kind: BlockKind
    tokens: int = 0
    picture: int = -1
    alone: bool = False


def cut(
    document: Document, count_tokens: CountTokens, settings: PassageSettings, *, seconds: float = math.inf
) -> list[Passage]:
    """Passages of `document` in reading order; `document.text[p.start:p.end] == p.text` for each.

    `count_tokens` is the embedder's. No passage is longer than `settings.tokens`, or than 20 characters a token. Raises
    `ParseError` where there would be too many passages, or it takes longer than `seconds`.
    """
    until = time.monotonic() + seconds
    most = _MOST_PASSAGES * max(200, settings.tokens) // settings.tokens
    passages: list[Passage] = []
    for batch in _batches(_units(document), document.text):
        if time.monotonic() > until:
            raise ParseError(
                f"took longer than {seconds:g} s to cut into passages and was given up",
                where=document.uri,
                hint="Split it, or raise parsing.timeout_seconds in metier.toml.",
            )
        counted = _counted(batch, document.text, count_tokens, settings.tokens)
        units = [piece for unit in counted for piece in _split(unit, document, count_tokens, settings.tokens)]
        for group in _pack(units, settings, document.text):
            if len(passages) == most:
                raise ParseError(
                    f"would be more than {most:,} passages",
                    where=document.uri,
                    hint="Split it, or leave it out with `exclude`.",
                )
            passages.append(_passage(document, group))
    return passages


def _batches(units: Iterator[_Unit], text: str) -> Iterator[list[_Unit]]:
    """Units that are counted and packed together: those of all sections but in a long document, and whole sections but
    in one that is longer by far."""
    batch: list[_Unit] = []
    cost = 0
    for unit in (window for whole in units for window in _windows(whole, text)):
        if cost > _AT_ONCE and (cost > 4 * _AT_ONCE or _place(unit) != _place(batch[-1])):
            yield batch
            batch, cost = [], 0
        batch.append(unit)
        cost += unit.end - unit.start + _UNIT_COST
    yield batch


def _windows(unit: _Unit, text: str) -> Iterator[_Unit]:
    """`unit` in pieces that take little to cut: at the ends of lines, else at white space, else between characters."""
    start = unit.start
    while unit.end - start > _WINDOW:
        limit = start + _WINDOW
        at = max(text.rfind("\n", limit - _WINDOW // 2, limit), text.rfind(" ", limit - _NEAR, limit))
        at = at if at > start else _between_characters(text, limit)
        yield replace(unit, start=start, end=at)
        start = min(_past_space(text, at), unit.end)
    if start < unit.end:
        yield replace(unit, start=start)


def _units(document: Document) -> Iterator[_Unit]:
    """Blocks with the heading path they stand under."""
    title = document.title.strip()
    path: list[Block] = []
    lonely: Block | None = None  # a heading with nothing under it so far
    waiting: Block | None = None  # the first of what goes with the next block
    caption = before = ""  # of the table whose rows follow; what stands right over it
    captions = {table.start: table.caption for table in document.tables}
    of_databases = {table.start for table in document.tables if table.declared}
    alone = False
    row = ""  # the last one, which may be a name with its value that is a line of a caption, too
    joined: set[str] = set()  # captions of several such lines

    def headings(*more: str) -> tuple[str, ...]:
        names = (*(document.text[block.start : block.end] for block in path), *more)
        names = names if not title or names[:1] == (title,) else (title, *names)
        return names if len(names) <= _DEEPEST else (names[0], *names[1 - _DEEPEST :])

    for block, following in zip_longest(document.blocks, document.blocks[1:]):
        if block.kind == "heading" and block.end - block.start <= _LONGEST_HEADING:
            while path and path[-1].level >= block.level:
                waiting = waiting or (path[-1] if path[-1] is lonely else None)
                path.pop()
            path.append(block)
            lonely = block
            continue
        lonely = None
        if waiting is not None and (waiting.page != block.page or block.kind == "description"):
            yield _Unit(waiting.start, waiting.end, waiting.page, None, headings()[:1], waiting.kind)
            waiting = None
        follows = following.kind if following is not None else ""
        if block.kind == "table" and follows == "row":
            alone = block.start in of_databases
            # The line of column names goes with the first row; every row carries the names anyway.
            waiting = waiting or block
            caption, before = before or captions.get(block.start, ""), ""
            continue
        if block.kind == "caption" and follows == "table":
            before = document.text[block.start : block.end]
            if row not in before.split(LINES):
                waiting = waiting or block
                continue
            joined.add(before)
        row = document.text[block.start : block.end] if block.kind == "row" else ""
        caption = caption if block.kind == "row" else ""
        start = waiting.start if waiting is not None else block.start
        picture = block.start if block.kind == "description" else -1
        names = headings(*_heading(caption, title, caption in joined))
        alone = alone and block.kind == "row"
        yield _Unit(start, block.end, block.page, block.row, names, block.kind, picture=picture, alone=alone)
        waiting = None
    if lonely is not None:
        waiting = waiting or lonely
        path.pop()
        yield _Unit(waiting.start, lonely.end, waiting.page, None, headings(), "heading")


def _heading(caption: str, title: str, joined: bool) -> tuple[str, ...]:
    """A caption as a heading, none where it is blank. `joined`: of several lines, of which the first is taken that is
    neither a name with its value nor the title of the document."""
    lines = " ".join(caption.split()).split(LINES) if joined else [" ".join(caption.split())]
    texts = [line for line in lines if ": " not in line]
    line = next((line for line in texts if line != title), (texts or lines)[0])
    return (line[:_LONGEST_CAPTION],) if line else ()


def _counted(units: list[_Unit], text: str, count_tokens: CountTokens, limit: int) -> list[_Unit]:
    """What is too long by its characters is too long, and not counted."""
    short = [unit for unit in units if unit.end - unit.start <= limit * _CHARACTERS]
    for unit in units:
        unit.tokens = limit + 1
    for unit, tokens in zip(short, count_tokens([text[u.start : u.end] for u in short]), strict=True):
        unit.tokens = tokens
    return units


def _split(
    unit: _Unit, document: Document, count_tokens: CountTokens, limit: int, *, sentence: bool = False
) -> Iterable[_Unit]:
    """`sentence`: of one sentence, or of a part of it, which is cut between words alone."""
    if unit.tokens <= limit:
        return [unit]
    text = document.text[unit.start : unit.end]
    spans = [] if sentence else sentence_spans(text, document.language or "en")
    if sentence := len(spans) < 2:
        spans = _halves(text, limit * _CHARACTERS)
    if len(spans) < 2:
        return [unit]
    pieces = [replace(unit, start=unit.start + a, end=unit.start + b) for a, b in spans]
    pieces = _counted(pieces, document.text, count_tokens, limit)
    return [small for piece in pieces for small in _split(piece, document, count_tokens, limit, sentence=sentence)]


def _halves(text: str, far: int) -> list[tuple[int, int]]:
    """Cut near the middle, at white space or, in scripts without spaces, between characters."""
    middle = len(text) // 2
    best = _break(text, middle, max(1, middle - _NEAR), middle + _NEAR) or _break(
        text, middle, max(1, middle - far), middle + far
    )
    if best is not None:
        return [(0, best[0]), (best[1], len(text))]
    middle = _between_characters(text, middle)
    return [(0, middle), (middle, len(text))] if middle else [(0, len(text))]


def _break(text: str, middle: int, low: int, high: int) -> tuple[int, int] | None:
    """Start and end of the place between words nearest to `middle`, of those that begin in `low`..`high`; not one that
    may have begun before, or that the text ends with."""
    starts = (found.start() for found in _BREAK.finditer(text, low, high + 1))
    places = [(at, _past_space(text, at)) for at in starts if at <= high and (at > low or low == 1)]
    return min((p for p in places if p[1] < len(text)), key=lambda place: abs(place[0] - middle), default=None)


def _past_space(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _between_characters(text: str, at: int) -> int:
    """`at`, or the place a little before it where no character is taken apart: a letter with its marks, an emoji."""
    low = max(0, at - _LONGEST_CHARACTER)
    start = max((found.start() for found in _CHARACTER.finditer(text, low, at + 1)), default=at)
    return start if start > low else at


def _pack(units: list[_Unit], settings: PassageSettings, text: str) -> Iterator[list[_Unit]]:
    """Neighbouring units of one section and page, up to the target length. A list begins a passage where it fits into
    one and not into what is left; a lead-in never ends one."""
    group: list[_Unit] = []
    total = 0
    for place, unit in enumerate(units):
        same_place = group and _place(group[-1]) == _place(unit)
        ahead = _list_tokens(units, place, text)
        whole = ahead if ahead <= settings.tokens else unit.tokens
        too_long = group and unit.end - group[0].start > settings.tokens * _CHARACTERS
        if group and (not same_place or too_long or total + whole > settings.tokens):
            yield group
            group = _overlap(group, settings.overlap, settings.tokens - unit.tokens) if same_place else []
            total = sum(kept.tokens for kept in group)
        group.append(unit)
        total += unit.tokens
    if group:
        yield group


def _place(unit: _Unit) -> tuple[tuple[str, ...], int | None, int, str | None]:
    return unit.headings, unit.page, unit.picture, unit.row if unit.alone else None


def _list_tokens(units: list[_Unit], place: int, text: str) -> int:
    """Tokens from here to the end of the list that begins at `place`, with its lead-in; of the unit alone where none
    begins. Within a list they are those of the item: it has begun."""
    unit = units[place]
    begins = unit.kind != "list" and text[unit.start : unit.end].rstrip().endswith(_LEAD_IN)
    if not begins and (unit.kind != "list" or (place and units[place - 1].kind == "list")):
        return unit.tokens
    total, last = unit.tokens, unit
    for following in units[place + 1 :]:
        if following.kind != "list" or _place(following) != _place(last):
            break
        total, last = total + following.tokens, following
    return total


def _overlap(group: list[_Unit], tokens: int, room: int) -> list[_Unit]:
    kept: list[_Unit] = []
    for unit in reversed(group):
        if sum(u.tokens for u in kept) + unit.tokens > min(tokens, room):
            break
        kept.insert(0, unit)
    return kept


def _passage(document: Document, group: list[_Unit]) -> Passage:
    first, start, end = group[0], group[0].start, group[-1].end
    text = document.text[start:end]
    return Passage(
        id=passage_id(document.id, start, end, text),
        document_id=document.id,
        text=text,
        start=start,
        end=end,
        headings=first.headings,
        page=first.page,
        row=first.row,
        uri=document.uri,
        title=document.title,
        language=document.language,
        groups=document.groups,
        metadata=document.metadata if first.picture < 0 else described(document.metadata),
    )
