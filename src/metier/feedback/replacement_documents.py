"""A corrected passage, or a corrected answer, as a small document of its own, which is found and cited like any other.

Its uri is `correction:ID`. A corrected passage has the title, the headings, the page and the groups of the one whose
place it takes, and rows of a table stay rows of one; a corrected answer stands under its question. Where a document
was named, the metadata says which place is corrected: `corrects`, `corrects_page`, `corrects_start`, `corrects_end`;
and always by whom and when. It is made of the log alone, so a store that is thrown away gets it back.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace

from metier.core.documents import CORRECTION, DESCRIBED, Document, Passage, TextBuilder, document_id
from metier.feedback.corrected_tables import add_rows, are_rows
from metier.feedback.records import Correction
from metier.text.detection import detect

_PARAGRAPHS = re.compile(r"\n\s*\n")


def uri(correction: Correction) -> str:
    return f"{CORRECTION}{correction.id}"


def document(correction: Correction, groups: tuple[str, ...], shape: str, language: str) -> Document:
    """The document of a correction that has a text. `groups`: who may read it now. `shape`: changes with whatever else
    decides how it is cut. `language`: of the expert."""
    about, original = correction.about, correction.passage
    if correction.change == "replace" and original is not None:
        builder, text = _written(correction.text, original), correction.text
        title, headings, metadata = original.title, original.headings, original.metadata
    else:
        builder, text = _answered(correction), correction.answer
        title, headings, metadata = correction.question, (), {}
    metadata = {key: value for key, value in metadata.items() if key != DESCRIBED} | pointer(correction, about)
    made = Document(
        id=document_id(uri(correction)),
        uri=uri(correction),
        title=title,
        text=builder.text,
        blocks=tuple(builder.blocks),
        tables=tuple(builder.tables),
        media_type="text/plain",
        language=detect(text, about.language if about is not None and about.language else language),
        groups=groups,
        metadata=metadata,
    )
    said = [made.title, made.text, headings, made.language, groups, metadata, shape]
    return replace(made, content_hash=hashlib.sha256(json.dumps(said, ensure_ascii=False).encode()).hexdigest())


def pointer(correction: Correction, original: Passage | None) -> dict[str, str]:
    """Where that stands which was corrected. A correction of a correction points where that one does."""
    if original is None or original.corrects:
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
    for part in filter(str.strip, _PARAGRAPHS.split(text)):
        if original.row is not None and are_rows(part):
            add_rows(builder, part, page=original.page, key=original.row)
        else:
            builder.add("paragraph", part, page=original.page)
            builder.blocks[-1] = replace(builder.blocks[-1], row=original.row)
    return builder


def _answered(correction: Correction) -> TextBuilder:
    builder = TextBuilder()
    builder.add("heading", correction.question, level=1)
    for paragraph in _PARAGRAPHS.split(correction.answer):
        builder.add("paragraph", paragraph)
    return builder
