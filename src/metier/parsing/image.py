"""Pictures of text: PNG, JPEG, TIFF, read by tesseract."""

from __future__ import annotations

from metier.errors import ParseError
from metier.parsing.ocr import Tesseract
from metier.parsing.reading import Builder, Context


def read(content: bytes, builder: Builder, context: Context) -> None:
    if not context.limits.ocr:
        raise ParseError("is a picture, and reading pictures is off", hint='Set parsing.ocr = "auto" in metier.toml.')
    engine = Tesseract.find(context.limits)
    context.pages = 1
    engine.read(content, builder, context, page=1)
