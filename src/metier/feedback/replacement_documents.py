"""A corrected passage as a small document of its own, which is found and cited like any other.

Its uri is `correction:ID`. It has the title, the headings, the page and the groups of the passage whose place it takes,
and says in its metadata where that stands: `corrects`, `corrects_page`, `corrects_start`, `corrects_end`, and by whom
and when. It is made of the log alone, so a store that is thrown away gets it back.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace

from metier.core.documents import CORRECTION, Document, Passage, TextBuilder, document_id
from metier.feedback.records import Correction
from metier.text.detection import detect

_PARAGRAPHS = re.compile(r"\n\s*\n")


def uri(correction: Correction) -> str:
    return f"{CORRECTION}{correction.id}"


def document(correction: Correction, groups: tuple[str, ...], shape: str, language: str) -> Document:
    """The document of a correction that replaces a passage. `groups`: who may read the original now. `shape`: changes
    with whatever else decides how it is cut. `language`: of the expert. Raises `ValueError` for a correction without a
    passage."""
    original = correction.passage
    if original is None:
        raise ValueError(f"correction {correction.id} replaces no passage")
    builder = _written(correction.text, original)
    metadata = dict(original.metadata) | pointer(correction, original)
    made = Document(
        id=document_id(uri(correction)),
        uri=uri(correction),
        title=original.title,
        text=builder.text,
        blocks=tuple(builder.blocks),
        media_type="text/plain",
        language=detect(correction.text, original.language or language),
        groups=groups,
        metadata=metadata,
    )
    said = [made.title, made.text, original.headings, made.language, groups, metadata, shape]
    return replace(made, content_hash=hashlib.sha256(json.dumps(said, ensure_ascii=False).encode()).hexdigest())


def pointer(correction: Correction, original: Passage) -> dict[str, str]:
    """Where that stands which was corrected. A correction of a correction points where that one does."""
    if original.corrects:
        return {"corrected_by": correction.who, "corrected_at": correction.at}
    place = {"corrects": original.uri, "corrects_start": str(original.start), "corrects_end": str(original.end)}
    if original.page is not None:
        place["corrects_page"] = str(original.page)
    return place | {"corrected_by": correction.who, "corrected_at": correction.at}


def _written(text: str, original: Passage) -> TextBuilder:
    builder = TextBuilder()
    path = original.headings[1:] if original.headings[:1] == (original.title.strip(),) else original.headings
    for level, heading in enumerate(path, start=1):
        builder.add("heading", heading, page=original.page, level=level)
    for paragraph in _PARAGRAPHS.split(text):
        builder.add("paragraph", paragraph, page=original.page)
    builder.blocks = [
        replace(block, row=original.row) if block.kind != "heading" else block for block in builder.blocks
    ]
    return builder
