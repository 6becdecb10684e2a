"""The text of paragraphs in an ODT or ODP: what their styles say of it, marks of notes, tracked deletions, forms."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from xml.etree.ElementTree import Element

from metier.parsing.core.decoding import tidy
from metier.parsing.core.readers import Context
from metier.parsing.core.strokes import merged, struck
from metier.parsing.core.superscripts import Piece, Position, joined
from metier.parsing.office.ods import count
from metier.parsing.office.package import Package

DROPPED = frozenset([
    "text:tracked-changes", "text:sequence-decls", "office:forms", "text:bookmark-start", "draw:image", "svg:title",
    "office:event-listeners", "text:note-citation", "table:table-source", "presentation:notes", "text:variable-decls",
    "text:table-of-content-source", "text:ruby-text",
])  # fmt: skip
_APART = ("draw:frame", "draw:text-box", "draw:custom-shape", "office:annotation", "draw:g")
_LENGTH = re.compile(r"(-?[\d.]+)(cm|mm|in|pt|px|pc)")
_POINTS = {"cm": 28.35, "mm": 2.835, "in": 72.0, "pt": 1.0, "px": 0.75, "pc": 12.0}
_NO = ("none", "", None)
_MAX_PARENTS = 20


@dataclass(frozen=True, slots=True)
class OdfLook:
    """What a style says of its text. `indent`: of the first line, in points. `skipped`: a slide that is not shown."""

    position: Position = ""
    struck: bool = False
    hidden: bool = False
    indent: float = 0.0
    skipped: bool = False


class OdfText:
    """Reads paragraphs in order. `notes`: mark and element of those that were referred to and not told so far."""

    def __init__(self, package: Package, body: Element | None, context: Context) -> None:
        self._context = context
        self._styles: dict[tuple[str, str], Element] = {}
        self._looks: dict[tuple[str, str], OdfLook] = {}
        for part in ("styles.xml", "content.xml"):
            tree = package.optional_xml(part)
            for style in tree.iter("style:style") if tree is not None else ():
                self._styles[style.get("style:family", ""), style.get("style:name", "")] = style
        self._deleted = dict(_deletions(body))
        self._fields = dict(_fields(body))
        self.notes: list[tuple[str, Element]] = []

    def text(self, paragraph: Element) -> str:
        """Text of a paragraph without that of notes, text boxes and comments in it."""
        look = self.look("paragraph", paragraph.get("text:style-name", ""))
        hidden = next((part for part in paragraph.iter("text:hidden-paragraph")), None)
        if hidden is not None and hidden.get("text:is-hidden") == "true":
            look = replace(look, hidden=True)
        return merged(tidy(joined(self._told(self._pieces(paragraph, look))))).strip()

    def indent(self, cell: Element) -> float:
        """How far the first text of a cell is set in, in points."""
        paragraph = next(iter(cell.findall("text:p")), None)
        if paragraph is None:
            return 0.0
        blank = paragraph.find("text:s") if not (paragraph.text or "").strip() else None
        blanks = count(blank, "text:c") if blank is not None else 0
        return self.look("paragraph", paragraph.get("text:style-name", "")).indent + 3.0 * blanks

    def look(self, family: str, name: str, depth: int = 0) -> OdfLook:
        """What a style says, with what it is based on."""
        style = self._styles.get((family, name))
        if style is None or depth > _MAX_PARENTS:
            return OdfLook()
        if (family, name) not in self._looks:
            self._looks[family, name] = _told_by(
                style, self.look(family, style.get("style:parent-style-name", ""), depth + 1)
            )
        return self._looks[family, name]

    def parent(self, name: str) -> str:
        """The style that a style of paragraphs is based on, "" where there is none."""
        style = self._styles.get(("paragraph", name))
        return style.get("style:parent-style-name", "") if style is not None else ""

    def _pieces(self, element: Element, look: OdfLook) -> Iterator[tuple[str, OdfLook | None]]:
        """Pieces of text with their look; None for the mark of a note."""
        yield element.text or "", look
        for child in element:
            tag = child.tag
            if tag == "text:s":
                yield " " * min(count(child, "text:c"), 100), look
            elif tag in ("text:tab", "text:line-break"):
                yield "\t" if tag == "text:tab" else "\n", look
            elif tag == "text:note":
                yield self._note(child), None
            elif tag == "text:change":
                yield self._deleted.get(child.get("text:change-id", ""), ""), replace(look, struck=True)
            elif tag == "draw:control":
                yield self._fields.get(child.get("draw:control", ""), ""), look
            elif tag == "text:hidden-text" and child.get("text:is-hidden") == "true":
                yield child.get("text:string-value", ""), replace(look, hidden=True)
            elif tag == "text:span":
                own = self.look("text", child.get("text:style-name", ""))
                yield from self._pieces(
                    child,
                    OdfLook(own.position or look.position, own.struck or look.struck, own.hidden or look.hidden),
                )
            elif tag not in DROPPED and tag not in _APART:
                yield from self._pieces(child, look)
            yield child.tail or "", look

    def _told(self, pieces: Iterator[tuple[str, OdfLook | None]]) -> Iterator[Piece]:
        """Pieces without what is hidden or struck out, or with it, where that is asked for."""
        before = ""
        for text, look in pieces:
            if look is None:
                yield text, "note"
                continue
            what = "hidden text" if look.hidden else "struck-out text" if look.struck else ""
            if not what:
                yield text, look.position
                before = "" if text.strip() else before
            elif self._context.limits.hidden:
                yield struck(text) if look.struck else text, look.position
            elif text.strip() and before != what:
                self._context.leave_out(what)
                before = what

    def _note(self, note: Element) -> str:
        citation = note.find("text:note-citation")
        mark = "".join(citation.itertext()).strip() if citation is not None else ""
        mark = mark or str(len(self.notes) + 1)
        self.notes.append((mark, note))
        return mark


def inside(element: Element) -> Iterator[Element]:
    """Text boxes and comments inside a paragraph, outermost first."""
    for child in element:
        if child.tag in _APART:
            yield child
        elif child.tag not in DROPPED and child.tag != "text:note":
            yield from inside(child)


def _told_by(style: Element, inherited: OdfLook) -> OdfLook:
    """`inherited` with what a style sets."""
    look = inherited
    for properties in style:
        if properties.tag == "style:text-properties":
            shift = (properties.get("style:text-position") or "").split(" ")[0]
            lines = properties.get("style:text-line-through-style"), properties.get("style:text-line-through-type")
            look = replace(
                look,
                position=_position(shift) if shift else look.position,
                struck=any(line not in _NO for line in lines)
                if any(line is not None for line in lines)
                else look.struck,
                hidden=properties.get("text:display", "none" if look.hidden else "true") == "none",
            )
        elif properties.tag == "style:paragraph-properties":
            sizes = [properties.get(name) for name in ("margin-left", "text-indent")]
            if any(sizes):
                look = replace(look, indent=sum(map(_points, sizes)))
        elif properties.tag == "style:drawing-page-properties":
            look = replace(look, skipped=properties.get("presentation:visibility") == "hidden")
    return look


def _position(shift: str) -> Position:
    if shift in ("super", "sub"):
        return "raised" if shift == "super" else "lowered"
    return "" if not shift.strip("-0%.") else "lowered" if shift.startswith("-") else "raised"


def _points(length: str | None) -> float:
    found = _LENGTH.fullmatch(length or "")
    return float(found[1]) * _POINTS[found[2]] if found else 0.0


def _deletions(body: Element | None) -> Iterator[tuple[str, str]]:
    """Ids of tracked changes that took text out -> that text."""
    for region in body.iter("text:changed-region") if body is not None else ():
        deletion = region.find("text:deletion")
        if deletion is not None:
            texts = ("".join(p.itertext()) for p in deletion if p.tag in ("text:p", "text:h"))
            yield region.get("text:id") or region.get("id") or "", " ".join(texts)


def _fields(body: Element | None) -> Iterator[tuple[str, str]]:
    """Ids of the controls of forms -> what they show."""
    for forms in body.iter("office:forms") if body is not None else ():
        for control in forms.iter():
            identifier, label = control.get("id", ""), control.get("label", "")
            if control.tag in ("checkbox", "radio"):
                state = control.get("current-state") or control.get("state") or control.get("current-selected")
                yield identifier, f"{'☑' if state in ('checked', 'true') else '☐'} {label}".strip()
            elif control.tag == "listbox":
                options = control.findall("option")
                chosen = [o for o in options if (o.get("current-selected") or o.get("selected")) == "true"]
                yield identifier, ", ".join(option.get("label", "") for option in chosen)
            elif control.tag in ("text", "textarea", "combobox", "formatted-text", "number", "date", "time"):
                yield identifier, control.get("current-value") or control.get("value") or ""
