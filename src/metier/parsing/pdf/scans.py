"""Pages of a PDF that are pictures: found, rendered and read by tesseract."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from metier.core.errors import ParseError
from metier.parsing.core.legibility import illegible
from metier.parsing.core.ocr import Tesseract
from metier.parsing.core.readers import Context
from metier.parsing.pdf.fragments import Fragment

if TYPE_CHECKING:
    from pypdfium2 import PdfPage

_DPI = 300
_MAX_PIXELS = 40_000_000  # a sheet of A3 at 400 dpi; larger pages are rendered coarser
_STAMP = 200  # letters that a page may carry over a scan: a stamp, a page number
_DRAWN = 30  # strokes that may be letters


def looks_scanned(page: PdfPage, parts: list[Fragment]) -> bool:
    """Whether a page is a picture with little or no visible text over it."""
    letters = sum(c.isalnum() for part in parts for c in part.text)
    if letters >= _STAMP:
        return False
    covered, strokes = _pictures(page)
    if letters == 0:
        return covered > 0.03 or strokes > _DRAWN
    return covered > 0.5


def _pictures(page: PdfPage) -> tuple[float, int]:
    """Share of the page that pictures cover, and the number of drawn paths."""
    import pypdfium2.raw as raw

    area = max(1.0, page.get_width() * page.get_height())
    covered, strokes = 0.0, 0
    for index, item in enumerate(page.get_objects(max_depth=3)):
        if index > 5000:
            break
        if item.type == raw.FPDF_PAGEOBJ_IMAGE:
            left, bottom, right, top = item.get_bounds()
            covered += max(0.0, right - left) * max(0.0, top - bottom) / area
        elif item.type == raw.FPDF_PAGEOBJ_PATH:
            strokes += 1
    return covered, strokes


class Scanner:
    """Reads scanned pages of one document and remembers which it could not read, and why."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._engine: Tesseract | None = None
        self._missing: ParseError | None = None
        self._late: list[int] = []
        self._unread: list[int] = []
        self.unreadable: list[tuple[int, str]] = []

    def read(self, page: PdfPage, number: int) -> list[str] | None:
        """Paragraphs of a scanned page, None where it cannot be read."""
        engine = self._tesseract()
        if engine is None:
            self._unread.append(number)
            return None
        try:
            reading = engine.best(_renderings(page), self._context)
        except TimeoutError:
            self._late.append(number)
            return None
        text = "\n".join(reading.paragraphs)
        return reading.paragraphs if text and not illegible(text) else None

    def _tesseract(self) -> Tesseract | None:
        """Tesseract, None where it is off or missing."""
        if self._engine is None and self._missing is None:
            if not self._context.limits.ocr:
                self._missing = ParseError("holds scanned pages, and reading them is off", hint=_SWITCH)
                return None
            try:
                self._engine = Tesseract.find(self._context)
            except ParseError as error:
                self._missing = error
        return self._engine

    def report(self, *, read_something: bool) -> None:
        """Put what was not read into the warnings. Raises `ParseError` where that was everything."""
        garbled = self.unreadable and not read_something
        if self._missing is not None and not read_something and not garbled:
            raise self._missing
        if self._missing is not None and not garbled:
            self._context.warn(f"{_listed(self._unread)} {self._missing.what}. {self._missing.hint}")
        if self._late:
            limit = self._context.limits.timeout_seconds
            if not read_something:
                raise ParseError(
                    f"is a scan that tesseract could not read within {limit:g} s",
                    hint="Split it, or raise parsing.timeout_seconds in metier.toml.",
                )
            self._context.warn(f"{_listed(self._late)} not read: the time limit of {limit:g} s was near")
        if self.unreadable:
            reason = self.unreadable[0][1]
            pages = _listed([number for number, _reason in self.unreadable])
            if not read_something:
                raise ParseError(
                    f"has a text layer that cannot be read ({reason})",
                    hint="Print it to a new PDF, or install tesseract so that its pages are read as pictures.",
                )
            self._context.warn(f"{pages} left out: the text layer cannot be read ({reason})")


_SWITCH = 'Set parsing.ocr = "auto" in metier.toml.'


def _listed(pages: list[int]) -> str:
    shown = ", ".join(map(str, pages[:10])) + (", …" if len(pages) > 10 else "")
    return f"page {shown}:" if len(pages) == 1 else f"pages {shown}:"


def _renderings(page: PdfPage) -> Iterator[bytes]:
    """The page as grey PGM pictures: upright, then upside down and on its sides, each made when it is asked for."""
    scale = min(_DPI / 72, (_MAX_PIXELS / max(1.0, page.get_width() * page.get_height())) ** 0.5)
    for turned in (0, 180, 90, 270):
        bitmap = page.render(scale=scale, rotation=turned, grayscale=True)
        view, stride = memoryview(bitmap.buffer).cast("B"), bitmap.stride
        rows = (view[row * stride : row * stride + bitmap.width] for row in range(bitmap.height))
        yield b"P5 %d %d 255\n" % (bitmap.width, bitmap.height) + b"".join(rows)
