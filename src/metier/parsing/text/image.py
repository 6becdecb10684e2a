"""Pictures of text: PNG, JPEG, TIFF, read by tesseract."""

from __future__ import annotations

from metier.core.errors import ParseError
from metier.parsing.core.legibility import illegible
from metier.parsing.core.ocr import Tesseract
from metier.parsing.core.readers import Builder, Context, took_too_long


def read(content: bytes, builder: Builder, context: Context) -> None:
    if not context.limits.ocr:
        raise ParseError("is a picture, and reading pictures is off", hint='Set parsing.ocr = "auto" in metier.toml.')
    engine = Tesseract.find(context)
    try:
        reading = engine.read(content, context)
    except TimeoutError:
        raise took_too_long(context.limits) from None
    context.pages = 1
    if not reading.paragraphs or illegible("\n".join(reading.paragraphs)):
        context.warn("tesseract found no text in the picture")
        return
    for paragraph in reading.paragraphs:
        builder.add("paragraph", paragraph, page=1)
