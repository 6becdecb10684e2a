"""What stands on a PDF page beside its text: fields of forms with what is filled in, and notes of readers.

Both are read from the file and not from how they are drawn: a form may be saved without drawings, and a tick is a
drawing without text.
"""

from __future__ import annotations

import contextlib
import ctypes
import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from metier.parsing.core.decoding import tidy
from metier.parsing.core.readers import Context
from metier.parsing.pdf.bidi import Box

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument, PdfPage

_HIDDEN, _NO_VIEW = 1 << 1, 1 << 5  # annotation flags of the PDF specification, table 165
_PASSWORD = 1 << 13  # of a text field, table 228
_DRAWS_TEXT = re.compile(r"T[jJ]\b|['\"]\s")
_WORDS = re.compile(r"[^\W\d_]{3,}(?:[ _-][^\W\d_]+)*")
_GIVEN = re.compile(r"(?i)(?:text|check|radio|combo|list|date|drop)[ _-]?(?:field|box|button|down)?|un(?:named|titled)")
_FILE = re.compile(r"\.\w{1,5}$")
_STATE = re.compile(r"(?i)(?:yes|on|off|true|ja|oui|si|x|\d+)?")
_MOST = 5000  # annotations of a page
TICKED, EMPTY = "☑", "☐"


@dataclass(frozen=True, slots=True)
class FormField:
    """A field of a form. `text`: what is filled in, ☑ or ☐ for a box; `label`: what the file calls it, "" for nothing;
    `drawn`: its text is drawn on the page too."""

    text: str
    box: Box
    label: str
    is_box: bool = False
    drawn: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """What a reader of the page wrote on it."""

    text: str
    author: str
    box: Box

    def __str__(self) -> str:
        return f"Note ({self.author}): {self.text}" if self.author else f"Note: {self.text}"


@dataclass(slots=True)
class Annotations:
    """Of one page. `files`: those pinned to it, by name; `struck`: where text is struck out."""

    fields: list[FormField] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    files: list[tuple[str, bytes]] = field(default_factory=list)
    struck: list[Box] = field(default_factory=list)


def take_annotations(document: PdfDocument, page: PdfPage, context: Context | None = None) -> Annotations:
    """Fields and notes of a page, hidden from what is drawn where their drawing is no text or is read as a note.
    Places are those of the file. `context` hears what is left out."""
    return _Page(document, page, context).read()


class _Page:
    def __init__(self, document: PdfDocument, page: PdfPage, context: Context | None) -> None:
        import pypdfium2.raw as raw

        self._raw, self._document, self._page, self._form = raw, document, page, document.formenv
        self._context = context
        self._hidden = context is not None and context.limits.hidden
        self._found = Annotations()
        self._notes = {
            raw.FPDF_ANNOT_TEXT, raw.FPDF_ANNOT_FREETEXT, raw.FPDF_ANNOT_LINE, raw.FPDF_ANNOT_SQUARE,
            raw.FPDF_ANNOT_CIRCLE, raw.FPDF_ANNOT_POLYGON, raw.FPDF_ANNOT_POLYLINE, raw.FPDF_ANNOT_HIGHLIGHT,
            raw.FPDF_ANNOT_UNDERLINE, raw.FPDF_ANNOT_SQUIGGLY, raw.FPDF_ANNOT_STRIKEOUT, raw.FPDF_ANNOT_STAMP,
            raw.FPDF_ANNOT_CARET, raw.FPDF_ANNOT_INK, raw.FPDF_ANNOT_FILEATTACHMENT, raw.FPDF_ANNOT_REDACT,
        }  # fmt: skip

    def read(self) -> Annotations:
        for annotation in self._all():
            kind = self._raw.FPDFAnnot_GetSubtype(annotation)
            if kind == self._raw.FPDF_ANNOT_WIDGET:
                self._field(annotation)
            elif kind in self._notes:
                self._note(annotation, kind)
            if kind == self._raw.FPDF_ANNOT_STRIKEOUT and self._is_seen(annotation):
                self._found.struck += self._marked(annotation)
                self._hide(annotation)  # a line that is drawn may be taken for one of a table
            if kind == self._raw.FPDF_ANNOT_FILEATTACHMENT:
                self._file(annotation)
        return self._found

    def _all(self) -> Iterator[Any]:
        for index in range(min(_MOST, self._raw.FPDFPage_GetAnnotCount(self._page))):
            annotation = self._raw.FPDFPage_GetAnnot(self._page, index)
            if annotation:
                try:
                    yield annotation
                finally:
                    self._raw.FPDFPage_CloseAnnot(annotation)

    def _field(self, annotation: Any) -> None:
        raw, form = self._raw, self._form
        kind = raw.FPDFAnnot_GetFormFieldType(form, annotation) if form else raw.FPDF_FORMFIELD_UNKNOWN
        if kind == raw.FPDF_FORMFIELD_PUSHBUTTON:
            self._hide(annotation)
        elif kind in (raw.FPDF_FORMFIELD_CHECKBOX, raw.FPDF_FORMFIELD_RADIOBUTTON):
            self._box(annotation)
            self._hide(annotation)
        elif kind in (raw.FPDF_FORMFIELD_TEXTFIELD, raw.FPDF_FORMFIELD_COMBOBOX, raw.FPDF_FORMFIELD_LISTBOX):
            self._text(annotation, kind)

    def _box(self, annotation: Any) -> None:
        form, raw = self._form, self._raw
        state = _words(raw.FPDFAnnot_GetStringValue, annotation, b"AS")
        ticked = bool(raw.FPDFAnnot_IsChecked(form, annotation)) or state not in ("", "Off")
        name = self._name(annotation)
        value = _words(raw.FPDFAnnot_GetFormFieldExportValue, form, annotation)
        label = ": ".join(part for part in (name, "" if _STATE.fullmatch(value) else value) if part)
        self._add(annotation, FormField(TICKED if ticked else EMPTY, self._place(annotation), label, is_box=True))

    def _text(self, annotation: Any, kind: int) -> None:
        raw, form = self._raw, self._form
        if kind == raw.FPDF_FORMFIELD_TEXTFIELD and raw.FPDFAnnot_GetFormFieldFlags(form, annotation) & _PASSWORD:
            return
        text = ", ".join(self._chosen(annotation)) if kind != raw.FPDF_FORMFIELD_TEXTFIELD else ""
        text = text or _words(raw.FPDFAnnot_GetFormFieldValue, form, annotation)
        if text:
            drawing = _words(raw.FPDFAnnot_GetAP, annotation, raw.FPDF_ANNOT_APPEARANCEMODE_NORMAL)
            drawn = _DRAWS_TEXT.search(drawing) is not None
            self._add(annotation, FormField(text, self._place(annotation), self._name(annotation), drawn=drawn))

    def _chosen(self, annotation: Any) -> list[str]:
        """What is chosen from a list, as it is shown."""
        raw, form = self._raw, self._form
        return [
            _words(raw.FPDFAnnot_GetOptionLabel, form, annotation, index)
            for index in range(min(_MOST, raw.FPDFAnnot_GetOptionCount(form, annotation)))
            if raw.FPDFAnnot_IsOptionSelected(form, annotation, index)
        ]

    def _name(self, annotation: Any) -> str:
        """What a form calls a field: the text shown beside the pointer, else its name where that is a word."""
        told = _words(self._raw.FPDFAnnot_GetFormFieldAlternateName, self._form, annotation)
        name = _words(self._raw.FPDFAnnot_GetFormFieldName, self._form, annotation)
        return told or (name.replace("_", " ") if _WORDS.fullmatch(name) and not _GIVEN.fullmatch(name) else "")

    def _add(self, annotation: Any, found: FormField) -> None:
        if not self._is_seen(annotation) and not self._hidden:
            if self._context and found.text != EMPTY:
                self._context.leave_out("hidden form field")
            return
        self._found.fields.append(found)

    def _note(self, annotation: Any, kind: int) -> None:
        raw = self._raw
        text = _words(raw.FPDFAnnot_GetStringValue, annotation, b"Contents")
        text = text or _plain(_words(raw.FPDFAnnot_GetStringValue, annotation, b"RC"))
        is_review = _words(raw.FPDFAnnot_GetStringValue, annotation, b"StateModel")  # "Accepted set by Anna"
        is_name = kind == raw.FPDF_ANNOT_FILEATTACHMENT and _FILE.search(text)
        if not text or is_review or is_name or not self._is_seen(annotation):
            return
        box = self._place(annotation)
        if kind == raw.FPDF_ANNOT_FREETEXT:
            if _words(raw.FPDFAnnot_GetStringValue, annotation, b"IT") == "FreeTextTypeWriter":  # fills in a paper form
                drawing = _words(raw.FPDFAnnot_GetAP, annotation, raw.FPDF_ANNOT_APPEARANCEMODE_NORMAL)
                self._found.fields.append(FormField(text, box, "", drawn=_DRAWS_TEXT.search(drawing) is not None))
                return
            self._hide(annotation)
        author = _words(raw.FPDFAnnot_GetStringValue, annotation, b"T")
        self._found.notes.append(Note(text, "" if author.strip("() ") == "anonymous" else author, box))

    def _file(self, annotation: Any) -> None:
        from pypdfium2 import PdfAttachment, PdfiumError

        attached = self._raw.FPDFAnnot_GetFileAttachment(annotation)
        if attached:
            pinned = PdfAttachment(attached, self._document)
            with contextlib.suppress(PdfiumError):
                self._found.files.append((pinned.get_name(), bytes(pinned.get_data())))

    def _marked(self, annotation: Any) -> Iterator[Box]:
        """The boxes of lines of text that an annotation marks."""
        quad = self._raw.FS_QUADPOINTSF()
        for index in range(min(_MOST, self._raw.FPDFAnnot_CountAttachmentPoints(annotation))):
            if self._raw.FPDFAnnot_GetAttachmentPoints(annotation, index, quad):
                across, up = (quad.x1, quad.x2, quad.x3, quad.x4), (quad.y1, quad.y2, quad.y3, quad.y4)
                yield min(across), min(up), max(across), max(up)

    def _is_seen(self, annotation: Any) -> bool:
        return not self._raw.FPDFAnnot_GetFlags(annotation) & (_HIDDEN | _NO_VIEW)

    def _hide(self, annotation: Any) -> None:
        self._raw.FPDFAnnot_SetFlags(annotation, self._raw.FPDFAnnot_GetFlags(annotation) | _HIDDEN)

    def _place(self, annotation: Any) -> Box:
        place = self._raw.FS_RECTF()
        self._raw.FPDFAnnot_GetRect(annotation, place)
        left, right = sorted((place.left, place.right))
        bottom, top = sorted((place.bottom, place.top))
        return left, bottom, right, top


def _words(get: Callable[..., int], *arguments: Any) -> str:
    """What one of pdfium's functions writes as UTF-16, on one line."""
    import pypdfium2.raw as raw

    length = get(*arguments, None, 0)
    if not 2 < length <= 1 << 22:
        return ""
    buffer = ctypes.create_string_buffer(length)
    get(*arguments, ctypes.cast(buffer, ctypes.POINTER(raw.FPDF_WCHAR)), length)
    return " ".join(tidy(buffer.raw[: length - 2].decode("utf-16-le", "replace")).split())


def _plain(markup: str) -> str:
    return " ".join(html.unescape(re.sub(r"<[^>]*>", " ", markup)).split())
