"""Lines of plain text to paragraphs: those that were cut to a width are joined; items, quotes and tables stay apart.

A line was cut where the first word of the next one would not have fitted on it any more. Poems, addresses, signatures
and code end their lines early; lines that each begin anew (dates of a log, names and values) are not joined either.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cached_property

import regex

from metier.core.documents import BlockKind

Part = tuple[BlockKind, str]

_GAP = re.compile(r"\n[ \t]*(?:\n[ \t]*)+")
_QUOTED = re.compile(r" ?((?:> ?)+)")
_BULLET = re.compile(r"[-*+•–·▪◦‣][ \t]+(?!\d)")  # "- 5" may be a number
_ITEM = re.compile(r"([ \t]*)(?:[-*+•–·▪◦‣]|\(?(\d{1,3})[.)]|\(?([a-z])[.)])[ \t]+(?=\S)")
_ANEW = re.compile(
    r"\d{4}-\d\d-\d\d|\d\d?[./]\d\d?[./]\d\d|\d\d?:\d\d|\[|#|[A-Z][\w-]{1,20}: |\w{3} +\d+ \d\d:|[-=*_~#.]{4,}"
)
_COLUMNS = re.compile(r"\S(?: {3,}|\t+ *)\S|\S +\| +\S|^[-+=| ]{5,}$")
_CODE = re.compile(
    r"[{};]$|^[{}<]|^\s*(?:def|class|import|return|if|for|while|const|let|var|public|private)\b.*[:;{(]$"
)
_ENDS = re.compile(r"[.!?:;।。！？]['\"”’)\]]*$")
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}]{2}")
_IDEOGRAPH = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}]")
_NARROWEST, _WIDEST = 40, 200  # characters of a line that text is cut to
_HARDLY = 0.85  # of the width: who cuts lines by hand stops early
_PROSE = 0.4  # of the lines that go on begin with a small letter, or in a script without capitals


class WrappedText:
    """A text and the width that its lines were cut to. `wrapped`: False where lines end where an author ended them."""

    def __init__(self, text: str, *, wrapped: bool = True) -> None:
        self._text, self._wrapped = text, wrapped

    def parts(self) -> Iterator[Part]:
        """Its paragraphs, items of lists and quotes, in order."""
        for chunk in _GAP.split(self._text):
            lines = [line.rstrip() for line in chunk.split("\n")]
            for depth, group in _by_quotes(lines):
                for kind, text in self._group(group):
                    yield ("quote" if depth and kind == "paragraph" else kind), text

    @cached_property
    def _width(self) -> int:
        """What most long lines come close to; 0 where nothing was cut."""
        lengths = sorted(
            len(line)
            for chunk in (_GAP.split(self._text) if self._wrapped else ())
            if "\n" in chunk
            for line in chunk.split("\n")[:-1]
            if len(line) >= _NARROWEST and " " in line.strip()
        )
        return lengths[int(0.9 * (len(lengths) - 1))] if lengths else 0

    @cached_property
    def _words(self) -> frozenset[str]:
        return frozenset(regex.findall(r"\p{L}+", self._text.lower()))

    def _group(self, lines: Sequence[str]) -> Iterator[Part]:
        if sum(bool(_COLUMNS.search(line.strip())) for line in lines) * 2 >= max(2, len(lines)):
            yield "paragraph", "\n".join(lines)  # a table or a drawing of characters
            return
        goes_on = self._cut_lines(lines)
        kind: BlockKind = "paragraph"
        text, set_in = "", 0
        for place, line in enumerate(lines):
            item = _ITEM.match(line)
            if item and (not place or _begins_item(lines, place, goes_on[place - 1], kind == "list")):
                yield kind, text
                kind, text, set_in = "list", _without_bullet(line.strip()), len(item[1].expandtabs())
            elif not text:
                text = line
            elif goes_on[place - 1] or (kind == "list" and _indent(line) > set_in):
                text = self._join(text, line.strip())
            elif kind == "list":
                yield kind, text
                kind, text = "paragraph", line
            else:
                text += "\n" + line
        yield kind, text

    def _cut_lines(self, lines: Sequence[str]) -> list[bool]:
        """Of each line, whether it goes on in the next one."""
        longest = max((len(line) for line in lines if " " in line), default=0)
        width = min(self._width, longest) if len(lines) > 2 else self._width
        goes_on = [
            _NARROWEST <= width <= _WIDEST and _is_cut(line, after, width) and _may_go_on(line, after)
            for line, after in zip(lines, [*lines[1:], ""], strict=True)
        ]
        cut = [place for place, on in enumerate(goes_on) if on]
        small = sum(_goes_on_small(lines[place + 1]) for place in cut)
        if len(cut) > 2 and (small < _PROSE * len(cut) or (len(lines) > 4 and len(cut) * 2 < len(lines) - 1)):
            return [False] * len(lines)
        if len(cut) <= 2:
            return [on and (_goes_on_small(lines[n + 1]) or not _ENDS.search(lines[n])) for n, on in enumerate(goes_on)]
        return goes_on

    def _join(self, text: str, line: str) -> str:
        """Two lines as one; a word that was cut is whole again where the text knows it so."""
        if text.endswith("-") and text[-2:-1].isalpha() and line[:1].islower():
            first, rest = regex.findall(r"\p{L}+", text)[-1], regex.match(r"\p{L}+", line)
            known = rest is not None and (first + rest[0]).lower() in self._words
            return text[: -1 if known else None] + line
        unspaced = text[-1:] > "\u0e00" and _UNSPACED.match(text[-1:] + line[:1])
        return text + ("" if unspaced else " ") + line


def unflowed(text: str, *, delete_space: bool = False) -> str:
    """A mail of `format=flowed` (RFC 3676) with each paragraph on a line. `delete_space`: its `DelSp=yes`."""
    found: list[str] = []
    open_depth: int | None = None  # of the quote that the last line, which goes on, stands in
    for raw in text.split("\n"):
        depth = len(raw) - len(raw.lstrip(">"))
        line = raw[depth:]
        line = line.removeprefix(" ")
        soft = line.endswith(" ") and line != "-- "
        shown = line[:-1] if soft and delete_space else line
        if open_depth == depth and line != "-- ":
            found[-1] += shown
        else:
            found.append(f"{'> ' * depth}{shown}" if depth else shown)
        open_depth = depth if soft else None
    return "\n".join(line if line == "-- " else line.rstrip() for line in found)


def _by_quotes(lines: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
    """Lines that are quoted equally deep, without the marks; a line of marks alone parts paragraphs."""
    depth, group = 0, list[str]()
    for line in lines:
        mark = _QUOTED.match(line)
        here, bare = (mark[1].count(">"), line[mark.end() :]) if mark else (0, line)
        if here != depth or not bare.strip():
            if group:
                yield depth, group
            depth, group = here, []
        if bare.strip():
            group.append(bare)
    if group:
        yield depth, group


def _begins_item(lines: Sequence[str], place: int, cut: bool, in_list: bool) -> bool:
    """Whether a line that looks like an item is one, and no number or dash that a line was cut before."""
    if not cut:
        return True
    item = _ITEM.match(lines[place])
    before = [found for line in lines[:place] if (found := _ITEM.match(line))]
    if item is None or not before or not in_list:
        return False
    return item[2] is None or (before[-1][2] is not None and int(item[2]) == int(before[-1][2]) + 1)


def _without_bullet(line: str) -> str:
    bullet = _BULLET.match(line)
    return line[bullet.end() :] if bullet else line


def _is_cut(line: str, after: str, width: int) -> bool:
    """Whether the next line's first word would not have fitted, or hardly and it plainly goes on there."""
    needed = len(line) + 1 + _first_word(after)
    return needed > width or (needed > _HARDLY * width and _goes_on_small(after) and not _ENDS.search(line))


def _may_go_on(line: str, after: str) -> bool:
    """Whether neither line is one of its own: a rule, code, a line of a log, a name and its value."""
    rule = sum(map(str.isalnum, line)) * 2 < len(line.strip())
    return bool(after.strip()) and not (rule or _ANEW.match(after.strip()) or _CODE.search(line))


def _goes_on_small(line: str) -> bool:
    first = next((c for c in line if c.isalnum()), "")
    return not first.isupper() and not first.isdecimal() if first else False


def _first_word(line: str) -> int:
    """How wide the first word of a line is; a character where no spaces part them."""
    words = line.split(None, 1)
    if not words:
        return 0
    return 1 if words[0][0] > "\u3000" and _IDEOGRAPH.match(words[0]) else len(words[0])


def _indent(line: str) -> int:
    expanded = line.expandtabs()
    return len(expanded) - len(expanded.lstrip())
