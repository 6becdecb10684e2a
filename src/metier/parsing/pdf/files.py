"""Files inside a PDF: those embedded in it, and those pinned to a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from metier.parsing.core.attachments import read_attached
from metier.parsing.core.decoding import tidy
from metier.parsing.core.readers import Builder, Context

if TYPE_CHECKING:
    from pypdfium2 import PdfDocument

_MOST = 100


def read_files(document: PdfDocument, pinned: Sequence[tuple[str, bytes]], builder: Builder, context: Context) -> None:
    """Read the files inside a PDF, each under its name, once; `pinned`: those of its pages. Raises `ParseError`."""
    seen: set[tuple[str, bytes]] = set()
    for name, content in (*_embedded(document, context), *pinned):
        name = tidy(name).strip() or "attachment"
        if (name, content) in seen or not content:
            continue
        seen.add((name, content))
        if len(content) > context.limits.file:
            context.warn(f"attachment {name} is too large and was left out")
        elif not read_attached(name, content, builder, context, level=1):
            context.warn(f"attachment {name} was left out: it is in a format that is not read, or lies too deep")
    if seen:
        context.describe(attachments=", ".join(dict.fromkeys(name for name, _content in seen)))


def _embedded(document: PdfDocument, context: Context) -> Iterator[tuple[str, bytes]]:
    from pypdfium2 import PdfiumError

    count = document.count_attachments()
    if count > _MOST:
        context.warn(f"has more than {_MOST} attachments; the rest was left out")
    for index in range(min(count, _MOST)):
        try:
            attached = document.get_attachment(index)
            yield attached.get_name(), bytes(attached.get_data())
        except PdfiumError as error:
            context.warn(f"attachment {index + 1} is damaged and was left out ({error})")
