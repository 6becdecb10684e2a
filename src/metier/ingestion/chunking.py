"""A document cut into passages along its headings, sentences and table rows.

Lengths are counted in tokens of the embedder. A passage never crosses a heading or a page, so its heading path and
page hold for all of it; short paragraphs of one section share a passage; a paragraph too long is cut between
sentences, a sentence too long between words.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import regex

from metier.core.documents import Block, Document, Passage, passage_id
from metier.core.settings import PassageSettings
from metier.text.sentences import sentence_spans

CountTokens = Callable[[Sequence[str]], list[int]]
_BREAK = regex.compile(r"\s+|(?<=[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}])")


@dataclass(slots=True)
class _Unit:
    """A piece that is not cut further: a paragraph, a sentence, a table row."""

    start: int
    end: int
    page: int | None
    row: str | None
    headings: tuple[str, ...]
    tokens: int = 0


def cut(document: Document, count_tokens: CountTokens, settings: PassageSettings) -> list[Passage]:
    """Passages of `document` in reading order; `document.text[p.start:p.end] == p.text` for each.

    `count_tokens` is the embedder's. No passage is longer than `settings.tokens`, except a single unbreakable word.
    """
    units = _counted(list(_units(document)), document.text, count_tokens)
    units = [piece for unit in units for piece in _split(unit, document, count_tokens, settings.tokens)]
    return [_passage(document, group) for group in _pack(units, settings)]


def _units(document: Document) -> Iterator[_Unit]:
    """Blocks with the heading path they stand under. A heading with nothing under it is a unit of its own."""
    path: list[tuple[int, Block]] = []
    lonely: Block | None = None
    table_header: tuple[int, int] | None = None

    def headings(depth: int | None = None) -> tuple[str, ...]:
        names = [document.text[block.start : block.end] for _, block in path[:depth]]
        title = document.title.strip()
        return tuple(names) if not title or names[:1] == [title] else (title, *names)

    for block, following in zip_longest(document.blocks, document.blocks[1:]):
        if block.kind == "heading":
            if lonely is not None and path[-1][0] >= block.level:
                yield _Unit(lonely.start, lonely.end, lonely.page, None, headings(-1))
            while path and path[-1][0] >= block.level:
                path.pop()
            path.append((block.level, block))
            lonely = block
            continue
        lonely = None
        if block.kind == "table":
            table_header = (block.start, block.end)
            if following is None or following.kind != "row":
                yield _Unit(block.start, block.end, block.page, None, headings())
        elif block.kind == "row" and table_header is not None:
            # The line of column names goes with the first row; every row carries the names anyway.
            yield _Unit(table_header[0], block.end, block.page, block.row, headings())
            table_header = None
        else:
            yield _Unit(block.start, block.end, block.page, block.row, headings())
    if lonely is not None:
        yield _Unit(lonely.start, lonely.end, lonely.page, None, headings(-1))


def _counted(units: list[_Unit], text: str, count_tokens: CountTokens) -> list[_Unit]:
    for unit, tokens in zip(units, count_tokens([text[u.start : u.end] for u in units]), strict=True):
        unit.tokens = tokens
    return units


def _split(unit: _Unit, document: Document, count_tokens: CountTokens, limit: int) -> Iterable[_Unit]:
    if unit.tokens <= limit:
        return [unit]
    text = document.text[unit.start : unit.end]
    spans = sentence_spans(text, document.language or "en")
    if len(spans) < 2:
        spans = _halves(text)
    if len(spans) < 2:
        return [unit]
    pieces = [_Unit(unit.start + a, unit.start + b, unit.page, unit.row, unit.headings) for a, b in spans]
    pieces = _counted(pieces, document.text, count_tokens)
    return [small for piece in pieces for small in _split(piece, document, count_tokens, limit)]


def _halves(text: str) -> list[tuple[int, int]]:
    """Cut near the middle, at white space or, in scripts without spaces, between characters."""
    middle = len(text) // 2
    places = (found for found in _BREAK.finditer(text, 1) if found.end() < len(text))
    best = min(places, key=lambda found: abs(found.start() - middle), default=None)
    if best is not None:
        return [(0, best.start()), (best.end(), len(text))]
    return [(0, middle), (middle, len(text))] if middle else [(0, len(text))]


def _pack(units: list[_Unit], settings: PassageSettings) -> Iterator[list[_Unit]]:
    """Neighbouring units of one section and page, up to the target length."""
    group: list[_Unit] = []
    total = 0
    for unit in units:
        same_place = group and (group[-1].headings, group[-1].page) == (unit.headings, unit.page)
        if group and (not same_place or total + unit.tokens > settings.tokens):
            yield group
            group = _overlap(group, settings.overlap, settings.tokens - unit.tokens) if same_place else []
            total = sum(kept.tokens for kept in group)
        group.append(unit)
        total += unit.tokens
    if group:
        yield group


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
        metadata=document.metadata,
    )
