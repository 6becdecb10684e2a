"""What the style of an HTML element says that changes the text: hidden, struck out, raised or lowered, set in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from metier.parsing.core.superscripts import Position

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser

_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_PREVIEW = re.compile(
    r"mso-hide\s*:\s*all|max-height\s*:\s*0|font-size\s*:\s*[01]px|opacity\s*:\s*0(?![.\d])", re.IGNORECASE
)
_STRUCK = re.compile(r"text-decoration(?:-line)?\s*:[^;]*line-through", re.IGNORECASE)
_POSITION = re.compile(r"vertical-align\s*:\s*(super|sub)\b", re.IGNORECASE)
_LIFTED = re.compile(
    r"position\s*:\s*relative\s*;\s*(?:[^;]*;\s*){0,3}top\s*:\s*-\s*\d|vertical-align\s*:\s*(?:text-)?top\b",
    re.IGNORECASE,
)
_LEFT = re.compile(
    r"(?<![\w-])(?:padding-left|margin-left|text-indent|padding-inline-start)\s*:\s*(-?[\d.]+)\s*(px|pt|em|rem|in|cm|mm|%)?"
    r"|(?<![\w-])padding\s*:\s*(?:[\d.]+\w*\s+){3}([\d.]+)(px|pt|em|rem|in|cm|mm)?",
    re.IGNORECASE,
)
_PIXELS = {"pt": 1.33, "em": 16.0, "rem": 16.0, "in": 96.0, "cm": 37.8, "mm": 3.78}
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_BY_CLASS = re.compile(r"(?:[a-z]+[1-6]?)?\.([\w-]+)")
_TOLD = re.compile(r"line-through|vertical-align|padding|margin-left|text-indent")
_COMMENT = re.compile(r"/\*.*?\*/|<!--|-->", re.DOTALL)
_INLINE = frozenset(["span", "font", "small", "a", "b", "i", "em", "strong", "big"])
_BLANKS = {"\u00a0": 4.0, "\u2002": 8.0, "\u2003": 16.0, "\u2007": 8.0, "\u3000": 16.0}  # width in pixels


class StyleSheet:
    """The rules of a page's own style sheet for a class, and the style that an element itself has."""

    def __init__(self, tree: LexborHTMLParser) -> None:
        self._rules: dict[str, str] = {}
        for sheet in tree.css("style"):
            for rule in _RULE.finditer(_COMMENT.sub("", sheet.text())):
                if _TOLD.search(rule[2]):
                    for selector in rule[1].split(","):
                        if named := _BY_CLASS.fullmatch(selector.strip()):
                            self._rules[named[1]] = f"{self._rules.get(named[1], '')};{rule[2]}"

    def of(self, attributes: dict[str, str | None]) -> str:
        """The declarations that hold for an element, its own last."""
        own = attributes.get("style") or ""
        if self._rules and (classes := attributes.get("class")):
            found = [self._rules[name] for name in classes.split() if name in self._rules]
            return ";".join([*found, own])
        return own


def is_hidden(attributes: dict[str, str | None]) -> bool:
    if "hidden" in attributes and attributes["hidden"] != "until-found":
        return True
    return bool(_HIDDEN.search(attributes.get("style") or ""))


def is_preview(attributes: dict[str, str | None]) -> bool:
    """What mail programs show in lists of mails: a hidden copy of the first words."""
    return bool(_PREVIEW.search(attributes.get("style") or ""))


def is_struck(style: str) -> bool:
    return bool(style) and bool(_STRUCK.search(style))


def position_of(tag: str, style: str) -> Position:
    """Where the text of an inline element stands, as far as its style says."""
    if not style or tag not in _INLINE:
        return ""
    if found := _POSITION.search(style):
        return "raised" if found[1].lower() == "super" else "lowered"
    return "raised" if "font-size" in style and _LIFTED.search(style) else ""


def left_of(style: str) -> float:
    """How far an element is set in, in pixels."""
    total = 0.0
    for number, unit, fourth, its_unit in _LEFT.findall(style) if style else ():
        total += _pixels(number or fourth, (unit or its_unit).lower())
    return total


def _pixels(number: str, unit: str) -> float:
    try:
        return float(number) * _PIXELS.get(unit, 1.0)
    except ValueError:  # several points
        return 0.0


def left_blanks(text: str) -> float:
    """Width of the hard blanks at the beginning of a text, in pixels."""
    width = 0.0
    for character in text:
        if character not in _BLANKS:
            if not character.isspace():
                break
            continue
        width += _BLANKS[character]
    return width
