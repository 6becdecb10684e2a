"""The numbers that Word shows before headings and list items, which are in no run of the text."""

from __future__ import annotations

import re
from collections import defaultdict
from xml.etree.ElementTree import Element

from metier.parsing.office.styles import ParagraphStyle, numbering_of

_ROMAN = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"),
    (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
)  # fmt: skip


class Numbering:
    """Counts along with the paragraphs, in document order."""

    def __init__(self, tree: Element | None) -> None:
        self._levels: dict[str, dict[int, tuple[str, str, int]]] = {}  # numId -> level -> (format, text, start)
        self._shared: dict[str, str] = {}  # numId -> abstract id: lists of one definition count on
        self._counts: dict[str, dict[int, int]] = defaultdict(dict)
        if tree is None:
            return
        abstract = {element.get("w:abstractNumId", ""): element for element in tree.findall("w:abstractNum")}
        for number in tree.findall("w:num"):
            identifier, link = number.get("w:numId", ""), number.find("w:abstractNumId")
            name = link.get("w:val", "") if link is not None else ""
            levels = _definitions(abstract.get(name))
            overrides = number.findall("w:lvlOverride")
            for override in overrides:
                levels.update(_definitions(override))
            self._levels[identifier] = levels
            self._shared[identifier] = f"num {identifier}" if overrides else name

    def label(self, properties: Element | None, style: ParagraphStyle) -> str | None:
        """What stands before a paragraph (`2.1.`, `a)`, `•`), None where it is in no list."""
        place = (numbering_of(properties) if properties is not None else None) or style.numbering
        if place is None or place[0] == "0":
            return None
        identifier, level = place
        definitions = self._levels.get(identifier)
        if not definitions:
            return "•"
        counts = self._counts[self._shared[identifier]]
        form, pattern, start = definitions.get(level, ("bullet", "", 1))
        counts[level] = counts.get(level, start - 1) + 1
        for deeper in [other for other in counts if other > level]:
            del counts[deeper]
        if form in ("bullet", "none"):
            return "•" if form == "bullet" or not pattern else pattern

        def number(match: re.Match[str]) -> str:
            index = int(match[1]) - 1
            shape, _text, first = definitions.get(index, ("decimal", "", 1))
            return written(counts.setdefault(index, first), shape)

        return re.sub(r"%([1-9])", number, pattern)


def _definitions(parent: Element | None) -> dict[int, tuple[str, str, int]]:
    found = {}
    for level in parent.findall("w:lvl") if parent is not None else ():
        values = {name: _value(level, name) for name in ("w:numFmt", "w:lvlText", "w:start")}
        index = level.get("w:ilvl", "0")
        start = int(values["w:start"]) if values["w:start"].isdigit() else 1
        found[int(index) if index.isdigit() else 0] = (values["w:numFmt"] or "decimal", values["w:lvlText"], start)
    return found


def _value(parent: Element, name: str) -> str:
    element = parent.find(name)
    return element.get("w:val", "") if element is not None else ""


def written(number: int, form: str) -> str:
    """A number as a list shows it: `decimal`, `lowerLetter`, `upperRoman`, …"""
    if form in ("lowerLetter", "upperLetter"):
        letters = chr(ord("a") + (number - 1) % 26) * ((number - 1) // 26 + 1)
        return letters.upper() if form == "upperLetter" else letters
    if form in ("lowerRoman", "upperRoman"):
        left, roman = number, ""
        for value, letters in _ROMAN:
            roman += letters * (left // value)
            left %= value
        return roman.upper() if form == "upperRoman" else roman
    return f"{number:02d}" if form == "decimalZero" else str(number)
