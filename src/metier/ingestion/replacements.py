"""What a document says of other documents that it replaces, or that replace it.

    "This policy replaces the Travel Policy 2023 (HR-012)."     replaces     the Travel Policy 2023 (HR-012)
    "Superseded by: HR-012 rev. 4"                              replaced_by  HR-012 rev. 4

The words go into the document's metadata and so to its passages; which document they name is told where both are found
(`metier.answering.replaced_documents`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from metier.core.documents import Document
from metier.text.language import Language
from metier.text.phrases import compose, has_words, searchable
from metier.text.sentences import sentence_spans

REPLACES, REPLACED_BY = "replaces", "replaced_by"  # keys of metadata
_OPENING, _END = 3000, 1000  # characters at both ends of a document in which it speaks of itself
_LONGEST = 300  # characters that are kept
_SHORTEST = 3  # letters and digits that a name has at least
_MARKS = " :,.;–-。।"


def with_replacements(document: Document) -> Document:
    """The document with what it replaces, and what replaces it, in its metadata; the same where it says neither."""
    found = _replacements(document)
    return replace(document, metadata={**document.metadata, **found}) if found else document


def _replacements(document: Document) -> Mapping[str, str]:
    language = Language.of(document.language)
    found: dict[str, list[str]] = {}
    for sentence in _of_itself(document):
        plain = searchable(sentence)
        for key in (REPLACED_BY, REPLACES):  # "is replaced by" has "replaced" in some languages
            match = language.expression("versions", key).search(plain)
            if match is not None:
                said = _beside(sentence, *match.span(), spaced=language.spaced)
                if _names_something(said):
                    found.setdefault(key, []).append(said)
                break
    return {key: "; ".join(dict.fromkeys(said))[:_LONGEST] for key, said in found.items()}


def _beside(sentence: str, start: int, end: int, *, spaced: bool) -> str:
    """What is named: behind the verb, or before one that stands at the end; where no spaces part words, all of it."""
    if not spaced:
        return sentence.strip(_MARKS)
    behind = sentence[end:].strip(_MARKS)
    return behind if _names_something(behind) else sentence[:start].strip(_MARKS)


def _of_itself(document: Document) -> Iterator[str]:
    text = document.text
    opening = text[:_OPENING]
    ends = [opening] if len(text) <= _OPENING + _END else [opening, text[-_END:]]
    for part in ends:
        part = compose(part)
        yield from (part[start:end] for start, end in sentence_spans(part, document.language or "en"))


def _names_something(text: str) -> bool:
    return has_words(text) and sum(map(str.isalnum, text)) >= _SHORTEST
