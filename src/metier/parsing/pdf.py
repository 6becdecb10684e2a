"""PDF by pdfium (first version: text in the order of the file, paragraphs page by page)."""

from __future__ import annotations

import re

from metier.errors import ParseError
from metier.parsing.decoding import tidy
from metier.parsing.package import locked
from metier.parsing.reading import Builder, Context


def read(content: bytes, builder: Builder, context: Context) -> None:
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(content)
        context.pages = len(document)
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise locked() from None
        raise ParseError(f"is damaged ({error})", hint="Open it in a PDF viewer and save it again.") from None
    for number in range(len(document)):
        try:
            text = document[number].get_textpage().get_text_range()
        except pypdfium2.PdfiumError as error:
            context.warn(f"page {number + 1} could not be read ({error})")
            continue
        text = text.replace("\ufffe", "").replace("\r\n", "\n")
        for paragraph in re.split(r"(?<=[.!?:])\n|\n\s*\n", text):
            builder.add("paragraph", tidy(" ".join(paragraph.split())), page=number + 1)
