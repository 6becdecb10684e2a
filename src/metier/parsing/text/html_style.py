"""What the style of an HTML element says that changes the text: hidden, struck out, raised or lowered, set in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from metier.parsing.core.superscripts import Position

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser

_SHOWN = re.compile(r"(?<![\w-])(display|visibility)\s*:\s*([\w-]+)", re.IGNORECASE)
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
_BY_NAME = re.compile(r"(?:[a-z]+[1-6]?)?([.#][\w-]+)")
_NAME = re.compile(r"[.#][\w-]+")
_AT_RULE = re.compile(
    r"@(?!media\s+(?:all|screen)\s*\{)[\w-]+[^{};@]{0,500}+(?:;|\{(?:[^{}]*\{[^{}]*\})*[^{}]*\})", re.IGNORECASE
)
_TOLD = re.compile(r"line-through|vertical-align|padding|margin-left|text-indent|display|visibility", re.IGNORECASE)
_COMMENT = re.compile(r"/\*.*?\*/|<!--|-->", re.DOTALL)
_INLINE = frozenset(["span", "font", "small", "a", "b", "i", "em", "strong", "big"])
_BLANKS = {"\u00a0": 4.0, "\u2002": 8.0, "\u2003": 16.0, "\u2007": 8.0, "\u3000": 16.0}  # width in pixels


class StyleSheet:
    """The rules of a page's own style sheet for a class or an id, and the style that an element itself has. What a rule
    hides and another rule or a script can show again (the answer below a question) is not hidden: readers open it."""

    def __init__(self, tree: LexborHTMLParser) -> None:
        self._rules: dict[str, str] = {}
        shown: set[str] = set()
        for sheet in tree.css("style"):
            for rule in _RULE.finditer(_AT_RULE.sub("", _COMMENT.sub("", sheet.text()))):
                if not _TOLD.search(rule[2]):
                    continue
                for selector in map(str.strip, rule[1].split(",")):
                    if named := _BY_NAME.fullmatch(selector):
                        self._rules[named[1]] = f"{self._rules.get(named[1], '')};{rule[2]}"
                    elif _SHOWN.search(rule[2]) and not _hides(rule[2]):
                        shown.update(_NAME.findall(selector))
        hidden = {name for name, rule in self._rules.items() if _hides(rule)}
        if hidden - shown:
            scripts = " ".join(script.text() for script in tree.css("script"))
            shown.update(name for name in hidden if re.search(rf"[\"'.#]{re.escape(name[1:])}\b", scripts))
        for name in hidden & shown:
            self._rules[name] = _SHOWN.sub("", self._rules[name])

    def of(self, attributes: dict[str, str | None]) -> str:
        """The declarations that hold for an element, its own last."""
        own = attributes.get("style") or ""
        if not self._rules:
            return own
        names = [f".{name}" for name in (attributes.get("class") or "").split()]
        names += [f"#{attributes['id']}"] if attributes.get("id") else []
        found = [self._rules[name] for name in names if name in self._rules]
        return ";".join([*found, own]) if found else own


def is_hidden(attributes: dict[str, str | None], style: str) -> bool:
    """Whether an element is not shown. `style`: the declarations that hold for it."""
    if "hidden" in attributes and attributes["hidden"] != "until-found":
        return True
    return bool(style) and _hides(style)


def _hides(style: str) -> bool:
    """Whether declarations hide what they hold for; of several the last one does."""
    told = {found[1].lower(): found[2].lower() for found in _SHOWN.finditer(style)}
    return told.get("display") == "none" or told.get("visibility") == "hidden"


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
