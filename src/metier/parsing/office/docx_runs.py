"""The text of a Word paragraph: its runs with what their look says, fields, symbols, formulas and marks of notes."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from metier.parsing.core.decoding import tidy
from metier.parsing.core.readers import Context
from metier.parsing.core.strokes import merged, struck
from metier.parsing.core.superscripts import Piece, joined
from metier.parsing.office.formulas import formula
from metier.parsing.office.numbering import written
from metier.parsing.office.styles import RunStyle, Styles, is_on
from metier.parsing.office.symbols import symbol

# What has no text of the document in it: field codes, properties, the old-Word twin of a drawing, signs above others.
DROPPED = frozenset([
    "w:moveFrom", "w:instrText", "w:rPr", "w:pPr", "w:tblPr", "w:trPr", "w:tcPr", "w:sdtPr", "w:sectPr", "mc:Fallback",
    "w:footnoteRef", "w:annotationRef", "a:blip", "w:fldData", "w:rt",
])  # fmt: skip
_BOXES = {0x2610: "[ ]", 0x2611: "[x]", 0x2612: "[x]"}  # check boxes, as everyone types them
_CHARACTERS = {"w:tab": "\t", "w:br": "\n", "w:cr": "\n", "w:noBreakHyphen": "-", "w:softHyphen": "", "w:ptab": "\t"}
_NOTES = {"w:footnoteReference": "footnote", "w:endnoteReference": "endnote"}


class RunReader:
    """Reads paragraphs in order, and counts the notes that they refer to."""

    def __init__(self, styles: Styles, context: Context, forms: dict[str, str]) -> None:
        self._styles, self._context, self._forms = styles, context, forms
        self._numbers: dict[str, int] = {}
        self._left_out = ""  # what the last run was left out for: runs that follow each other count once
        self._notes: list[tuple[str, str, str]] = []

    def notes(self) -> list[tuple[str, str, str]]:
        """What was referred to since this was last asked: kind, id and mark of each note."""
        found, self._notes = self._notes, []
        return found

    def text(self, paragraph: Element, style: RunStyle) -> str:
        """Text of a paragraph whose runs look like `style`, without that of the text boxes in it."""
        self._left_out = ""
        pieces = self._pieces(paragraph, style)
        return merged(tidy(joined(pieces))).strip()

    def _pieces(self, element: Element, style: RunStyle) -> Iterator[Piece]:
        for child in element:
            tag = child.tag
            if tag == "w:r":
                look = self._styles.run(child.find("w:rPr"), style)
                if (custom := _custom_note(child)) is not None:
                    yield self._note(custom, "".join(text.text or "" for text in child.iter("w:t")))
                else:
                    yield from self._pieces(child, look)
            elif tag in ("w:t", "a:t"):
                yield from self._said((child.text or "").translate(_BOXES), style)
            elif tag in _CHARACTERS:
                yield _CHARACTERS[tag], ""
            elif tag == "w:del":
                yield from self._deleted(child)
            elif tag in ("m:oMath", "m:oMathPara"):
                yield from self._said(f" {formula(child)} ", style)
            elif tag == "w:sym":
                character = symbol(child.get("w:font", ""), child.get("w:char", ""))
                yield from self._said(character.translate(_BOXES), style)
            elif tag in _NOTES:
                yield self._note(child)
            elif tag == "w:fldChar":
                yield _form_field(child), ""
            elif tag == "w:sdt" and is_prompt(child):
                continue
            elif tag not in DROPPED and tag != "w:txbxContent":
                yield from self._pieces(child, style)

    def _said(self, text: str, style: RunStyle) -> Iterator[Piece]:
        """Text of a run, unless it is hidden or struck out."""
        what = "hidden text" if style.hidden else "struck-out text" if style.struck else ""
        if not what:
            self._left_out = "" if text.strip() else self._left_out
            yield text, style.position
        elif self._context.limits.hidden:
            yield (text if style.hidden else struck(text)), style.position
        elif text.strip() and self._left_out != what:
            self._context.leave_out(what)
            self._left_out = what

    def _deleted(self, element: Element) -> Iterator[Piece]:
        """Text that a tracked change took out."""
        text = "".join(part.text or "" for part in element.iter("w:delText"))
        if not text.strip():
            return
        if self._context.limits.hidden:
            yield struck(text), ""
        else:
            self._context.leave_out("tracked deletion")

    def _note(self, reference: Element, mark: str = "") -> Piece:
        """The mark of a note. `mark`: one of its author's own."""
        kind = _NOTES[reference.tag]
        if not mark:
            number = self._numbers[kind] = self._numbers.get(kind, 0) + 1
            mark = written(number, self._forms.get(kind, "lowerRoman" if kind == "endnote" else "decimal"))
        self._notes.append((kind, reference.get("w:id", ""), mark.strip()))
        return mark, "note"


def is_prompt(control: Element) -> bool:
    """Whether a content control shows what to fill in rather than what was."""
    properties = control.find("w:sdtPr")
    return properties is not None and is_on(properties.find("w:showingPlcHdr"))


def _custom_note(run: Element) -> Element | None:
    """The reference to a note whose mark its author wrote, in this run."""
    for child in run:
        if child.tag in _NOTES and child.get("w:customMarkFollows", "0") not in ("0", "false"):
            return child if run.find("w:t") is not None else None
    return None


def _form_field(field: Element) -> str:
    """What a check box or a list of the forms of old shows; text fields show it in runs of their own."""
    data = field.find("w:ffData")
    if data is None:
        return ""
    box, chosen = data.find("w:checkBox"), data.find("w:ddList")
    if box is not None:
        state = box.find("w:checked")
        return f"[{'x' if is_on(state if state is not None else box.find('w:default')) else ' '}]"
    if chosen is not None:
        entries = [entry.get("w:val", "") for entry in chosen.findall("w:listEntry")]
        picked = chosen.find("w:result")
        picked = chosen.find("w:default") if picked is None else picked
        number = picked.get("w:val", "0") if picked is not None else "0"
        return entries[int(number)] if number.isdecimal() and int(number) < len(entries) else ""
    return ""
