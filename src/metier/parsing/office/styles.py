"""Paragraph styles of a DOCX: which are headings, at what level, and which are lists, quotes or captions."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from xml.etree.ElementTree import Element

from metier.core.documents import BlockKind
from metier.text.language import in_any_language

_MAX_PARENTS = 20
_NUMBERED = re.compile(r"(.*\S)\s*([1-9])")


@dataclass(frozen=True, slots=True)
class ParagraphStyle:
    """`level`: 1 to 6 for a heading. `numbering`: (numId, level) that the style brings along."""

    level: int = 0
    title: bool = False
    kind: BlockKind = "paragraph"
    numbering: tuple[str, int] | None = None


class Styles:
    """Looks styles up by id and follows what they are based on."""

    def __init__(self, tree: Element | None) -> None:
        elements = tree.findall("w:style") if tree is not None else ()
        self._elements = {element.get("w:styleId", ""): element for element in elements}
        self._known: dict[str, ParagraphStyle] = {}

    def of(self, properties: Element | None) -> ParagraphStyle:
        """The style of a paragraph, with what the paragraph itself sets."""
        if properties is None:
            return ParagraphStyle()
        named = properties.find("w:pStyle")
        style = self._style(named.get("w:val", "")) if named is not None else ParagraphStyle()
        level = _outline(properties)
        return replace(style, level=level) if level is not None else style

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
            properties = element.find("w:pPr")
            if properties is not None:
                level = _outline(properties)
                found = replace(
                    found,
                    level=found.level if level is None else level,
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
