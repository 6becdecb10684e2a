"""Pages of a PDF that are pictures: found, rendered and read by tesseract."""

from __future__ import annotations

import contextlib
import ctypes
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from metier.core.errors import ParseError
from metier.parsing.core.legibility import illegible
from metier.parsing.core.ocr import OcrResult, Tesseract
from metier.parsing.core.readers import Context
from metier.parsing.pdf.bidi import Box
from metier.parsing.pdf.fragments import Fragment, Turn
from metier.parsing.pdf.pictures import may_hold_text

if TYPE_CHECKING:
    from pypdfium2 import PdfPage

_DPI = 300
_SURE_IN_PICTURE = 70.0  # percent of each word of a line: bars and strokes of charts are taken for letters
_PICTURE_DPI = 200
_PIXELS_AT_ONCE = 16_000_000  # of the pictures that are read together
_SHARE = 0.25  # of the time limit that may go to pictures on pages that have text
_GRID = 100_000  # device units of a page, where its places are turned into shares
_SURE = 55.0  # percent of confidence below which what is read from a part of a page is noise
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
        self._seen: set[int] = set()  # hashes of pictures
        self._taken: list[tuple[np.ndarray, Box, list[Fragment]]] = []  # pictures to be read, and where their lines go
        self._spent = 0.0  # seconds on pictures
        self.unreadable: list[tuple[int, str]] = []
        self.unreadable_parts: list[tuple[int, str]] = []

    def read(self, page: PdfPage, number: int, language: str = "") -> list[str] | None:
        """Paragraphs of a scanned page, None where it cannot be read. `language`: of its text, where that is known."""
        engine = self._engine_for(number, language)
        if engine is None:
            return None
        try:
            reading = engine.best(_renderings(page), self._context)
        except TimeoutError:
            self._late.append(number)
            return None
        text = "\n".join(reading.paragraphs)
        return reading.paragraphs if text and not illegible(text) else None

    def _engine_for(self, number: int, language: str) -> Tesseract | None:
        """Tesseract for a text in `language`, "" where that is not known; None where the page cannot be read by it."""
        engine = self._tesseract()
        if engine is None:
            self._unread.append(number)
            return None
        return engine.reading(language) if language else engine

    def read_box(self, page: PdfPage, number: int, turn: Turn, box: Box, language: str = "") -> list[Fragment] | None:
        """The lines of a part of a page, `box` upright with its text, each at its place; None where it cannot be read.
        `language`: of its text, where that is known."""
        engine = self._engine_for(number, language)
        if engine is None:
            return None
        try:
            pixels = cut_out(page, turn, box, _DPI)
            return _placed(engine.read_all([pixels], self._context)[0], pixels, box)
        except TimeoutError:
            self._late.append(number)
            return None

    def take_picture(self, page: PdfPage, turn: Turn, box: Box) -> list[Fragment]:
        """The lines in a picture of a page, each at its place: filled in by `read_pictures`, which reads many at once.
        nothing where it holds no text, was taken before, or the time for pictures is over."""
        found: list[Fragment] = []
        if self._spent > _SHARE * self._context.limits.timeout_seconds or not self._context.limits.ocr:
            return found
        begin = time.monotonic()
        pixels = cut_out(page, turn, box, _PICTURE_DPI)
        key = hash(pixels.tobytes())
        if key not in self._seen and may_hold_text(pixels):
            self._taken.append((pixels, box, found))
        self._seen.add(key)
        self._spent += time.monotonic() - begin
        if sum(each[0].size for each in self._taken) > _PIXELS_AT_ONCE:
            self.read_pictures()
        return found

    def read_pictures(self) -> None:
        """Read the pictures that were taken."""
        begin = time.monotonic()
        taken, self._taken = self._taken, []
        engine = self._tesseract() if taken else None
        if engine is not None:
            with contextlib.suppress(TimeoutError):
                readings = engine.read_all([pixels for pixels, _box, _found in taken], self._context)
                for reading, (pixels, box, found) in zip(readings, taken, strict=True):
                    found += _placed(reading, pixels, box, _SURE_IN_PICTURE) or []
        self._spent += time.monotonic() - begin

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
        if self._missing is not None and self._unread and not garbled:
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
        if self.unreadable_parts:
            pages = _listed(sorted({number for number, _reason in self.unreadable_parts}))
            reason = self.unreadable_parts[0][1]
            self._context.warn(f"{pages} a part was left out: its text layer cannot be read ({reason})")


_SWITCH = 'Set parsing.ocr = "auto" in metier.toml.'


def _listed(pages: list[int]) -> str:
    shown = ", ".join(map(str, pages[:10])) + (", …" if len(pages) > 10 else "")
    return f"page {shown}:" if len(pages) == 1 else f"pages {shown}:"


def on_canvas(page: PdfPage, x: float, y: float) -> tuple[float, float]:
    """A place of the file as shares of the width and height of the page as it is drawn, from its upper left."""
    import pypdfium2.raw as raw

    across, down = ctypes.c_int(), ctypes.c_int()
    raw.FPDF_PageToDevice(page, 0, 0, _GRID, _GRID, 0, x, y, across, down)
    return min(1.0, max(0.0, across.value / _GRID)), min(1.0, max(0.0, down.value / _GRID))


def cut_out(page: PdfPage, turn: Turn, box: Box, dpi: int, *, in_colour: bool = False) -> np.ndarray:
    """A part of a page, upright with its text. Shape: (height, width), uint8, grey; in colour (height, width, 3), red
    first."""
    box = max(0.0, box[0]), max(0.0, box[1]), min(box[2], turn.page_width), min(box[3], turn.page_height)
    left, bottom, right, top = turn.as_in_file(box)
    corners = [on_canvas(page, left, top), on_canvas(page, right, bottom)]
    (x0, x1), (y0, y1) = (sorted(side) for side in zip(*corners, strict=True))
    width, height = page.get_width(), page.get_height()
    scale = min(dpi / 72, (_MAX_PIXELS / max(1.0, (x1 - x0) * width * (y1 - y0) * height)) ** 0.5)
    margins = x0 * width, (1 - y1) * height, (1 - x1) * width, y0 * height
    pixels = page.render(scale=scale, crop=margins, grayscale=not in_colour, rev_byteorder=in_colour).to_numpy()
    begin = turn.as_in_file((box[0], box[1], box[0], box[1]))
    end = turn.as_in_file((box[2], box[1], box[2], box[1]))
    (ax, ay), (bx, by) = on_canvas(page, begin[0], begin[1]), on_canvas(page, end[0], end[1])
    across, down = (bx - ax) * width, (by - ay) * height
    turns = (0 if across > 0 else 2) if abs(across) > abs(down) else (1 if down > 0 else 3)
    return np.ascontiguousarray(np.rot90(pixels if in_colour else pixels.reshape(pixels.shape[:2]), turns))


def _placed(reading: OcrResult, pixels: np.ndarray, box: Box, sure: float = 0.0) -> list[Fragment] | None:
    """The lines read from what stands in `box`, of which every word is `sure`, in percent; None where it is noise."""
    if reading.confidence < _SURE or illegible("\n".join(reading.paragraphs)):
        return None
    height, width = pixels.shape
    across, down = (box[2] - box[0]) / width, (box[3] - box[1]) / height
    return [
        Fragment(
            line.text,
            box[0] + left * across,
            box[3] - bottom * down,
            box[0] + right * across,
            box[3] - top * down,
            size=max(1.0, (bottom - top) * down),
        )
        for line in reading.lines
        if line.confidence >= sure
        for left, top, right, bottom in (line.box,)
    ]


def _renderings(page: PdfPage) -> Iterator[bytes]:
    """The page as grey PGM pictures: upright, then upside down and on its sides, each made when it is asked for."""
    scale = min(_DPI / 72, (_MAX_PIXELS / max(1.0, page.get_width() * page.get_height())) ** 0.5)
    for turned in (0, 180, 90, 270):
        bitmap = page.render(scale=scale, rotation=turned, grayscale=True)
        view, stride = memoryview(bitmap.buffer).cast("B"), bitmap.stride
        rows = (view[row * stride : row * stride + bitmap.width] for row in range(bitmap.height))
        yield b"P5 %d %d 255\n" % (bitmap.width, bitmap.height) + b"".join(rows)
