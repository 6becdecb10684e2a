"""Styles of a DOCX: which paragraphs are headings, at what level, lists, quotes or captions, and how far they are set
in; which runs are raised, struck out or hidden."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from xml.etree.ElementTree import Element

from metier.core.documents import BlockKind
from metier.parsing.core.superscripts import Position
from metier.text.language import in_any_language

_MAX_PARENTS = 20
_POSITIONS: dict[str, Position] = {"superscript": "raised", "subscript": "lowered"}
_NUMBERED = re.compile(r"(.*\S)\s*([1-9])")


@dataclass(frozen=True, slots=True)
class RunStyle:
    """What the look of a run says of its text."""

    position: Position = ""
    struck: bool = False
    hidden: bool = False


@dataclass(frozen=True, slots=True)
class ParagraphStyle:
    """`level`: 1 to 6 for a heading. `numbering`: (numId, level) that the style brings along. `indent`: of the first
    line, in twentieths of a point. `run`: of its runs."""

    level: int = 0
    title: bool = False
    kind: BlockKind = "paragraph"
    numbering: tuple[str, int] | None = None
    indent: int = 0
    run: RunStyle = RunStyle()


class Styles:
    """Looks styles up by id and follows what they are based on."""

    def __init__(self, tree: Element | None) -> None:
        elements = tree.findall("w:style") if tree is not None else ()
        self._elements = {element.get("w:styleId", ""): element for element in elements}
        self._known: dict[str, ParagraphStyle] = {}
        self._runs: dict[str, RunStyle] = {}

    def of(self, properties: Element | None) -> ParagraphStyle:
        """The style of a paragraph, with what the paragraph itself sets."""
        if properties is None:
            return ParagraphStyle()
        named = properties.find("w:pStyle")
        style = self._style(named.get("w:val", "")) if named is not None else ParagraphStyle()
        level, indent = _outline(properties), _indent(properties)
        if level is not None or indent is not None:
            style = replace(
                style,
                level=style.level if level is None else level,
                indent=style.indent if indent is None else indent,
            )
        return style

    def run(self, properties: Element | None, inherited: RunStyle) -> RunStyle:
        """The look of a run with these properties in a paragraph whose runs look like `inherited`."""
        if properties is None:
            return inherited
        named = properties.find("w:rStyle")
        if named is not None:
            inherited = self._run(named.get("w:val", ""), inherited)
        return _look(properties, inherited)

    def _run(self, name: str, inherited: RunStyle, depth: int = 0) -> RunStyle:
        """A style of characters, on what it is based on."""
        element = self._elements.get(name)
        if element is None or depth > _MAX_PARENTS:
            return inherited
        if name not in self._runs:
            parent = element.find("w:basedOn")
            based = RunStyle()
            if parent is not None:
                based = self._run(parent.get("w:val", ""), based, depth + 1)
            self._runs[name] = _look(element.find("w:rPr"), based)
        own = self._runs[name]
        return RunStyle(
            own.position or inherited.position, own.struck or inherited.struck, own.hidden or inherited.hidden
        )

    def _style(self, name: str, depth: int = 0) -> ParagraphStyle:
        if name in self._known:
            return self._known[name]
        element = self._elements.get(name)
        if element is None:
            found = _by_name(name, ParagraphStyle())
        else:
            parent = element.find("w:basedOn")
            inherited = ParagraphStyle()
            if parent is not None and depth < _MAX_PARENTS:
                inherited = self._style(parent.get("w:val", ""), depth + 1)
            label = element.find("w:name")
            found = _by_name(label.get("w:val", "") if label is not None else name, inherited)
            found = replace(found, run=_look(element.find("w:rPr"), found.run))
            properties = element.find("w:pPr")
            if properties is not None:
                level, indent = _outline(properties), _indent(properties)
                found = replace(
                    found,
                    level=found.level if level is None else level,
                    indent=found.indent if indent is None else indent,
                    numbering=numbering_of(properties) or found.numbering,
                )
        self._known[name] = found
        return found


def _by_name(name: str, inherited: ParagraphStyle) -> ParagraphStyle:
    folded = name.lower().strip()
    if (match := _NUMBERED.fullmatch(folded)) and match[1] in in_any_language("files", "heading"):
        return replace(inherited, level=min(6, int(match[2])))
    if folded == "title":
        return replace(inherited, level=1, title=True)
    if folded in ("quote", "intense quote", "block text"):
        return replace(inherited, kind="quote")
    if folded == "caption":
        return replace(inherited, kind="caption")
    if folded.startswith(("toc ", "toc heading")):  # a table of contents repeats headings: it must not look like them
        return replace(inherited, level=0, title=False)
    return inherited


def _look(properties: Element | None, inherited: RunStyle) -> RunStyle:
    """`inherited` with what run properties set."""
    if properties is None or not len(properties):
        return inherited
    align, vanish = properties.find("w:vertAlign"), properties.find("w:vanish")
    strokes = [is_on(element) for element in properties if element.tag in ("w:strike", "w:dstrike")]
    return RunStyle(
        inherited.position if align is None else _POSITIONS.get(align.get("w:val", ""), ""),
        any(strokes) if strokes else inherited.struck,
        inherited.hidden if vanish is None else is_on(vanish),
    )


def is_on(element: Element | None) -> bool:
    """Whether a property that is there or not, or says so, holds."""
    return element is not None and element.get("w:val", "true") not in ("0", "false", "off", "none")


def _indent(properties: Element) -> int | None:
    """How far the first line is set in, in twentieths of a point; None where that is not said."""
    element = properties.find("w:ind")
    if element is None:
        return None
    left, first, hanging = (
        next((int(value) for name in names if (value := element.get(name, "")).lstrip("-").isdecimal()), 0)
        for names in (("w:left", "w:start"), ("w:firstLine",), ("w:hanging",))
    )
    return left - hanging if hanging else left + first


def _outline(properties: Element) -> int | None:
    element = properties.find("w:outlineLvl")
    value = element.get("w:val", "") if element is not None else ""
    if not value.isdigit():
        return None
    return min(6, int(value) + 1) if int(value) < 9 else 0


def numbering_of(properties: Element) -> tuple[str, int] | None:
    """(numId, level) of a paragraph or style, None where it sets none; numId `0` takes numbering away."""
    element = properties.find("w:numPr")
    if element is None:
        return None
    number, level = element.find("w:numId"), element.find("w:ilvl")
    depth = level.get("w:val", "0") if level is not None else "0"
    identifier = number.get("w:val", "") if number is not None else ""
    return (identifier, min(8, int(depth)) if depth.isdigit() else 0) if identifier else None
