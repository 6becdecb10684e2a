"""Pictures of text: PNG, JPEG, TIFF, read by tesseract; those that are more than text are described."""

from __future__ import annotations

from metier.core.errors import ParseError
from metier.parsing.core.legibility import illegible
from metier.parsing.core.ocr import Tesseract
from metier.parsing.core.pictures import FEW_LETTERS
from metier.parsing.core.readers import Builder, Context, took_too_long


def read(content: bytes, builder: Builder, context: Context) -> None:
    context.pages = 1
    try:
        paragraphs = _paragraphs(content, context)
    except ParseError as error:
        _show(content, builder, context)
        if not context.pictures.found:
            raise
        context.warn(error.what)
        return
    if not paragraphs:
        context.warn("tesseract found no text in the picture")
    for paragraph in paragraphs:
        builder.add("paragraph", paragraph, page=1)
    if sum(c.isalnum() for text in paragraphs for c in text) < FEW_LETTERS:
        _show(content, builder, context)


def _show(content: bytes, builder: Builder, context: Context) -> None:
    context.pictures.add(lambda: content, builder.length, page=1)


def _paragraphs(content: bytes, context: Context) -> list[str]:
    """What tesseract reads. Raises `ParseError`."""
    if not context.limits.ocr:
        raise ParseError("is a picture, and reading pictures is off", hint='Set parsing.ocr = "auto" in metier.toml.')
    engine = Tesseract.find(context)
    try:
        reading = engine.read(content, context)
    except TimeoutError:
        raise took_too_long(context.limits) from None
    return [] if illegible("\n".join(reading.paragraphs)) else reading.paragraphs
